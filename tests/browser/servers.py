"""A real Voilà and a real JupyterLab, each over a folder where a test puts notebooks."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil

ROOT = Path(__file__).parents[2]
START_SECONDS, END_SECONDS = 60, 10


class Server(ABC):
    """A server process, its folder of notebooks, and the kernels that it runs."""

    name = ""
    ready = ""  # an address that answers once the server is up

    def __init__(self, home: Path) -> None:
        self.home, self.folder, self.count = home, home / "notebooks", 0
        self.leaving: set[psutil.Process] = set()
        self.folder.mkdir(parents=True)
        self.write([])
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.log = home / "server.log"
        with self.log.open("w") as log:
            command = [sys.executable, "-m", *self.command()]
            self.process = subprocess.Popen(command, cwd=home, env=self.environment(), stdout=log, stderr=log)
        self._wait()

    @abstractmethod
    def command(self) -> list[str]:
        """The module to run, and its arguments."""

    def environment(self) -> dict[str, str]:
        """Nothing of the user's own Jupyter is read or written."""
        own = {f"JUPYTER_{what}_DIR": str(self.home / what.lower()) for what in ("CONFIG", "DATA", "RUNTIME")}
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, **own, "IPYTHONDIR": str(self.home / "ipython"), "PYTHONPATH": path}

    def write(self, cells: list[str]) -> str:
        """A new notebook with these code cells; its path below the folder."""
        self.count += 1
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        code = [nbformat.v4.new_code_cell(cell) for cell in cells]
        notebook = nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": kernel})
        path = f"test_{self.count}.ipynb"
        nbformat.write(notebook, self.folder / path)
        return path

    def kernels(self) -> list[psutil.Process]:
        """The processes of the kernels that are in use, for tests that look at their memory or end one."""
        children = set(psutil.Process(self.process.pid).children(recursive=True)) - self.leaving
        return [child for child in children if "ipykernel_launcher" in " ".join(_command_line(child))]

    def end_kernels(self) -> None:
        """Let the kernels of pages that were left end while the next page opens, once those before are gone.

        They end by themselves: a killed one would be started again.
        """
        psutil.wait_procs(self.leaving, timeout=END_SECONDS)
        self.leaving = set(self.kernels())

    def stop(self) -> None:
        left = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for child in left:
            if child.is_running():
                child.kill()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.url + self.ready, timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"{self.name} did not start in {START_SECONDS} s:\n{self.log.read_text()[-3000:]}")


class VoilaServer(Server):
    """The product's own server, over the test's folder, with tracebacks shown."""

    name, ready = "voila", "gallery"

    def command(self) -> list[str]:
        options = ["--no-browser", "--show-errors", "--port", str(self.port), "--folder", str(self.folder)]
        return ["xaiwidgets", "app", *options]

    def address(self, path: str) -> str:
        return f"{self.url}voila/render/{path}"


class LabServer(Server):
    """JupyterLab without news, extension lists, looks at its own build, or any other question to the outside."""

    name, ready = "lab", "api/status"

    def __init__(self, home: Path) -> None:
        self.pool, self.asked = ThreadPoolExecutor(), []
        super().__init__(home)

    def command(self) -> list[str]:
        config = self.home / "config" / "labconfig"
        config.mkdir(parents=True)
        silent = {"@jupyterlab/apputils-extension:announcements": True, "@jupyterlab/extensionmanager-extension": True}
        (config / "page_config.json").write_text(json.dumps({"disabledExtensions": silent, "buildCheck": False}))
        themes = {"@jupyterlab/apputils-extension:themes": {"adaptive-theme": True}}  # as the browser says
        (config / "default_setting_overrides.json").write_text(json.dumps(themes))
        return [
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            f"--port={self.port}",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.folder}",
            "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            f"--LabApp.user_settings_dir={self.home / 'settings'}",
            f"--LabApp.workspaces_dir={self.home / 'workspaces'}",
        ]

    def address(self, path: str) -> str:
        return f"{self.url}doc/tree/{path}"

    def end_kernels(self) -> None:
        """JupyterLab keeps kernels until it is asked to end them, and answers once it has."""
        for ended in self.asked:
            ended.result(START_SECONDS)
        super().end_kernels()
        with urllib.request.urlopen(self.url + "api/kernels") as answer:
            kernels = json.load(answer)
        self.asked = [self.pool.submit(self._end, kernel["id"]) for kernel in kernels]

    def stop(self) -> None:
        self.pool.shutdown()
        super().stop()

    def _end(self, kernel: str) -> None:
        request = urllib.request.Request(f"{self.url}api/kernels/{kernel}", method="DELETE")
        urllib.request.urlopen(request).close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
