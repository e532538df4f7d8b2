"""The Voilà server of the gallery, with defaults that are safe to leave running.

It listens on this machine only, shows no source and no traceback, serves the notebooks of one folder and nothing else,
runs them with this very Python, reads no configuration of other Voilà servers, and ends kernels whose page is gone.
"""

import logging
import os
import threading
import webbrowser
from pathlib import Path
from urllib.parse import quote

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from traitlets.config import Config
from voila.app import Voila
from voila.handler import BaseVoilaHandler
from voila.static_file_handler import AllowListFileHandler
from voila.tornado.contentshandler import VoilaContentsHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.treehandler import TornadoVoilaTreeHandler

from .pages import by_family, own_notebooks, pages

_TEMPLATES = Path(__file__).parent / "jupyter"
_CULL_EVERY, _CULL_AFTER = 60, 600  # seconds
# Listings of files, and files, that Voilà would serve beside the pages.
_DROPPED = (TornadoVoilaTreeHandler, VoilaContentsHandler, AllowListFileHandler)


def serve(folder: Path | None = None, *, port: int = 8866, browser: bool = True, show_errors: bool = False) -> None:
    """Serve the gallery until it is interrupted; ``folder`` is served instead of the package's own notebooks."""
    folder = (folder or own_notebooks()).resolve()
    config = _settings(folder, port, show_errors=show_errors)
    _offer_templates()
    GalleryServer.with_browser = browser
    GalleryServer.launch_instance(argv=[], config=config)


class OwnPython(KernelSpecManager):
    """Offers this very Python as the only kernel, whatever kernels the machine has."""

    def _kernel_dirs_default(self) -> list[str]:
        return []

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Start this Python, and let it report errors only."""
        spec = super().get_kernel_spec(kernel_name)
        spec.argv = [*spec.argv, "--log-level=ERROR"]
        return spec


class GalleryServer(Voila):
    """Voilà with the gallery in the place of its list of files."""

    with_browser = True

    def initialize(self, argv: list[str] | None = None) -> None:
        """Have Tornado log no more than this server does, as Jupyter's own server has it.

        It complains of every page that Jupyter waits longer for an answer to its ping than until the next one. With
        a shorter time a page loses its kernel as soon as one ping leaves a moment late.
        """
        super().initialize(argv)
        logging.getLogger("tornado").setLevel(self.log_level)

    def init_handlers(self) -> list[tuple]:
        """Voilà's pages and kernels, and ours."""
        kept = [_ours(*handler) for handler in super().init_handlers() if not issubclass(handler[1], _DROPPED)]
        settings = {"voila_configuration": self.voila_configuration}
        return [*kept, ("/", FirstPage, settings), ("/gallery", GalleryPage, settings)]

    def launch_browser(self) -> None:
        """Say where the gallery is, now that its port is known, and open it if that is wanted."""
        print(f"The gallery is at {self.connection_url} (Ctrl+C ends it)", flush=True)
        if self.with_browser:
            threading.Thread(target=webbrowser.open, args=(self.connection_url,), daemon=True).start()


def _ours(address: str, handler: type, *settings: dict) -> tuple:
    return address, ExplanationPage if handler is TornadoVoilaHandler else handler, *settings


class ExplanationPage(TornadoVoilaHandler):
    """One notebook as a page."""

    async def get(self, path: str | None = None) -> None:
        """Run it and send it, with the cookie that lets the page end its kernel when it is left."""
        _ = self.xsrf_token  # reading it sets the cookie
        await super().get(path)


class FirstPage(BaseVoilaHandler):
    """``/`` is the first explanation."""

    def get(self) -> None:
        """Go there."""
        first = self.voila_configuration.resources["xaiwidgets"]["pages"][0]
        self.redirect(f"{self.base_url}voila/render/{quote(first['path'])}")


class GalleryPage(BaseVoilaHandler):
    """``/gallery`` lists every explanation by family."""

    def get(self) -> None:
        """Draw the list."""
        folder = Path(self.settings["voila"].root_dir)
        self.finish(self.render_template("gallery.html", families=by_family(pages(folder))))


def _offer_templates() -> None:
    """Add our template to the places where Voilà and nbconvert look."""
    known = os.environ.get("JUPYTER_PATH", "")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(_TEMPLATES), known]))


def _settings(folder: Path, port: int, *, show_errors: bool) -> Config:
    listed = [page._asdict() for page in pages(folder)]
    return Config(
        Voila={
            "root_dir": str(folder),
            "ip": "127.0.0.1",
            "port": port,
            "open_browser": True,  # calls launch_browser above
            "config_file_paths": [],
            "log_level": "ERROR",
            # Only pages that came from this address may speak to it, whatever name another site gives to it.
            "tornado_settings": {"allow_remote_access": False},
        },
        VoilaConfiguration={
            "template": "xaiwidgets",
            "resources": {"xaiwidgets": {"pages": listed}},
            "strip_sources": True,
            "show_tracebacks": show_errors,
            "allow_template_override": "NOTEBOOK",
            "allow_theme_override": "NOTEBOOK",
            "kernel_spec_manager_class": OwnPython,
            # Editors' extensions only delay a page.
            "extension_denylist": ["jupyterlab-jupytext"],
        },
        MappingKernelManager={"cull_interval": _CULL_EVERY, "cull_idle_timeout": _CULL_AFTER},
    )
