"""The server's defaults are safe to leave running, whatever configuration the machine has for others."""

import json
import signal
import sys
from collections.abc import Iterator

import nbformat
import pytest
from jupyter_server.base.websocket import WebSocketMixin

from xaiwidgets.apps import server
from xaiwidgets.apps.server import GalleryServer, OwnPython


@pytest.fixture
def app(tmp_path, monkeypatch) -> Iterator[GalleryServer]:
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "a.ipynb")
    elsewhere = {"VoilaConfiguration": {"strip_sources": False}, "Voila": {"ip": "0.0.0.0"}}  # noqa: S104 - to be ignored
    (tmp_path / "voila.json").write_text(json.dumps(elsewhere))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUPYTER_PATH", "")
    ends = signal.getsignal(signal.SIGTERM)  # Voilà sets its own
    server._offer_templates()
    app = GalleryServer(config=server._settings(tmp_path, 9000, show_errors=False))
    app.initialize([])
    app.connection_dir = str(tmp_path)
    yield app
    signal.signal(signal.SIGTERM, ends)


def test_what_pages_show_and_who_may_ask(app):
    configuration = app.voila_configuration
    assert configuration.strip_sources
    assert not configuration.show_tracebacks
    assert configuration.allow_template_override == configuration.allow_theme_override == "NOTEBOOK"
    assert app.ip == "127.0.0.1"
    assert app.tornado_settings["allow_remote_access"] is False


def test_kernels_whose_page_is_gone_are_ended(app):
    manager = app.init_settings()["kernel_manager"]
    assert 0 < manager.cull_interval <= 60
    assert 0 < manager.cull_idle_timeout <= 600
    assert not manager.cull_connected
    assert "execute_request" not in manager.allowed_message_types


def test_a_ping_that_leaves_late_costs_no_page_its_kernel(app):
    class Socket(WebSocketMixin):
        settings = app.init_settings()

    assert Socket().ping_timeout >= 2 * Socket().ping_interval


def test_notebooks_are_run_by_this_very_python():
    kernels = OwnPython()
    assert list(kernels.find_kernel_specs()) == ["python3"]
    assert kernels.get_kernel_spec("python3").argv[0] == sys.executable
