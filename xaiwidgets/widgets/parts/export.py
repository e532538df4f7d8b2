"""A widget's answer as files: the picture as PNG, and the whole as one page that needs nothing else."""

from base64 import b64encode
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from bokeh.embed import components
from bokeh.models import LayoutDOM
from bokeh.resources import INLINE

from xaiwidgets.widgets.parts.part import source
from xaiwidgets.widgets.parts.sprite import encode

if TYPE_CHECKING:
    from xaiwidgets.widgets.parts.teller import Teller


class File(NamedTuple):
    """One file of an export: what it holds in words, its type, and how it is made."""

    what: str
    mime: str
    made: Callable[[], bytes]


def picture(widget: "Teller") -> bytes:
    """The pictures as one lossless PNG, in the order in which they are shown."""
    return encode(widget.pixels(widget.shown), lossless=True, columns=widget.frame.columns or None).data


def page(widget: "Teller") -> str:
    """Picture, captions, plot, settings and code as one page, without a request to anywhere."""
    figure = widget.plot_of(widget.shown)
    script, plot = components(figure) if isinstance(figure, LayoutDOM) else ("", "")
    library = INLINE.render() if plot else ""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in _settings(widget).items()
    )
    return "\n".join(
        [
            "<!doctype html>",
            "<html lang='en'>",
            "<head><meta charset='utf-8'>",
            f"<title>{escape(widget.bar.title)} · {escape(widget.bar.subject)}</title>",
            f"<style>{source('export.css')}</style>",
            library,
            "</head>",
            "<body>",
            f"<h1>{escape(widget.bar.title)}</h1><p>{escape(widget.bar.subject)}</p>",
            f"<main{_rows(widget)}>{_figures(widget)}</main>",
            plot,
            script,
            _evidence(widget),
            f"<h2>Settings</h2><table>{rows}</table>",
            f"<h2>The code that makes this result</h2><pre><code>{escape(widget.as_code())}</code></pre>",
            "</body></html>",
        ]
    )


def still(widget: "Teller") -> str:
    """The picture as a piece of HTML, for a saved notebook that is read without a kernel."""
    data = b64encode(encode(widget.pixels(widget.shown), columns=widget.frame.columns or None).data).decode()
    alt = escape("; ".join(cell["alt"] for cell in widget.frame.cells), quote=True)
    return f"<img src='data:image/jpeg;base64,{data}' alt=\"{alt}\" style='max-width:100%'>"


def _rows(widget: "Teller") -> str:
    """As many pictures in a row as on the screen."""
    columns = widget.frame.columns
    return f" style='grid-template-columns: repeat({columns}, minmax(0, 1fr))'" if columns else ""


def _evidence(widget: "Teller") -> str:
    """What stands beside the claim; our own HTML, in which what came from elsewhere is escaped."""
    said = getattr(getattr(widget, "evidence", None), "value", "")
    return f"<h2>Evidence</h2>{said}" if said else ""


def _figures(widget: "Teller") -> str:
    parts = []
    for pixels, cell in zip(widget.pixels(widget.shown), widget.frame.cells, strict=True):
        data = b64encode(encode(pixels[None], lossless=True).data).decode()
        parts.append(
            f"<figure><img src='data:image/png;base64,{data}' alt=\"{escape(cell['alt'], quote=True)}\">"
            f"<figcaption><b>{escape(cell['label'])}</b> <span>{escape(cell['note'])}</span></figcaption></figure>"
        )
    return "".join(parts)


def _settings(widget: "Teller") -> dict[str, object]:
    settings = widget.shown.settings
    shown = {spec.label: getattr(settings, name) for name, spec in settings.specs().items() if spec.type != "tensor"}
    return {"Steps done": widget.shown.job.latest.done, **{name: v for name, v in shown.items() if v is not None}}
