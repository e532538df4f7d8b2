"""A place to drop a picture, or to choose one from a file."""

from collections.abc import Callable
from typing import Any

from xaiwidgets.widgets.parts.part import Part, source

LARGEST_FILE = 32 * 2**20  # bytes that a page sends at most; a server may cut off more
MOST_FILES = 8


class ImageDrop(Part):
    """A button that opens a file, and takes what is dropped on it; `say` shows what was wrong with it.

    Nothing that a browser sends is trusted: `on_files` hands the bytes on to who looks at them.
    """

    _esm = source("dom.js", "image_drop.js")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._callbacks: list[Callable[[list[tuple[str, bytes]]], None]] = []
        self.on_msg(self._receive)

    def on_files(self, callback: Callable[[list[tuple[str, bytes]]], None]) -> None:
        """Call ``callback([(name, content), ...])`` for the files that a user gave."""
        self._callbacks.append(callback)

    def say(self, text: str) -> None:
        """Show a sentence until another file comes."""
        self.send({"type": "say", "text": text})

    def _receive(self, _widget: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("type") != "files":
            return
        names = content.get("names")
        contents = [bytes(buffer) for buffer in buffers or ()][:MOST_FILES]
        if not isinstance(names, list) or not contents:
            return
        given = [(_plain(name), data) for name, data in zip(names, contents, strict=False)]
        large = [name for name, data in given if len(data) > LARGEST_FILE]  # a page of ours does not send them
        self.say(f"{large[0]} has more than {LARGEST_FILE // 2**20} MB; give a smaller picture." if large else "")
        files = [(name, data) for name, data in given if len(data) <= LARGEST_FILE]
        for callback in tuple(self._callbacks):
            callback(files)


def _plain(name: Any) -> str:
    """A name that can be sent on: halves of characters, which some systems have in theirs, cannot."""
    return str(name).encode("utf-8", "replace").decode()
