"""The ``xaiwidgets`` command."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import xaiwidgets


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    options = _parser().parse_args(arguments)
    from .pages import GalleryError

    try:
        return _app(options)
    except GalleryError as error:
        print(f"xaiwidgets: {error}", file=sys.stderr)
        return 2


def _app(options: argparse.Namespace) -> int:
    from .server import serve

    serve(options.folder, port=options.port, browser=not options.no_browser, show_errors=options.show_errors)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="xaiwidgets", description="Explanations of neural networks, live.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {xaiwidgets.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    app = commands.add_parser("app", help="open the gallery in a browser", description="Open the gallery in a browser.")
    app.add_argument("--port", type=_port, default=8866, help="where to serve (%(default)s, or the next that is free)")
    app.add_argument("--no-browser", action="store_true", help="only serve, and open no browser")
    app.add_argument("--folder", type=Path, help="serve the notebooks of this folder instead of the package's own")
    app.add_argument("--show-errors", action="store_true", help="show tracebacks in the pages, for developing")
    return parser


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 1 << 16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
