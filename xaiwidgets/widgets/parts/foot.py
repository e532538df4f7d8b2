"""The foot: the selection in a sentence, Copy as code, Export."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from traitlets import Unicode

from xaiwidgets.widgets.parts.part import Part, source

LARGEST_EXPORT = 64 * 2**20  # bytes; a comm message beyond it would be dropped by most servers
_VIEW = re.compile(r"[a-z0-9-]{1,40}")
_MIME = re.compile(r"[a-z]+/[a-z0-9.+-]+")


class Foot(Part):
    """A sentence about what is selected, and two buttons.

    ``code`` is what "Copy as code" copies; keep it current, for a browser may copy only in the moment of the press.
    "Export" calls `on_export`; its callback answers with `send_files`, and with `say` where it cannot.
    """

    _esm = source("dom.js", "foot.js")

    sentence = Unicode().tag(sync=True)
    code = Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._callbacks: list[Callable[[], None]] = []
        self._asked = ""
        self.on_msg(self._receive)

    def on_export(self, callback: Callable[[], None], remove: bool = False) -> None:
        """Call ``callback()`` when Export is pressed."""
        (self._callbacks.remove if remove else self._callbacks.append)(callback)

    def send_files(self, files: Iterable[tuple[str, str, bytes]]) -> None:
        """Let the view that asked for an export save ``(name, mime type, bytes)``; with none asked, every open view."""
        files = [(_file_name(name), mime, bytes(content)) for name, mime, content in files]
        size = sum(len(content) for _, _, content in files)
        if size > LARGEST_EXPORT:
            raise ValueError(
                f"The export has {size:,} bytes; at most {LARGEST_EXPORT:,} reach a browser. "
                "Export smaller images, or save them from Python."
            )
        for _, mime, _ in files:
            if not _MIME.fullmatch(mime):
                raise ValueError(f"{mime!r} was given; give a mime type such as 'image/png'.")
        described = [{"name": name, "mime": mime} for name, mime, _ in files]
        contents = [content for _, _, content in files]
        self.send({"type": "files", "view": self._asked, "files": described}, buffers=contents)

    def say(self, text: str) -> None:
        """Show a short sentence beside the buttons, for a few seconds."""
        self.send({"type": "say", "view": self._asked, "text": text})

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("type") != "export":
            return
        view = content.get("view")
        self._asked = view if isinstance(view, str) and _VIEW.fullmatch(view) else ""
        for callback in tuple(self._callbacks):
            callback()


def _file_name(name: str) -> str:
    """A name without folders and without signs that some system refuses."""
    return re.sub(r"[^\w.+-]+", "-", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(".-") or "export"
