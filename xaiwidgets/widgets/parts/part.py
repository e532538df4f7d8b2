"""What the small browser parts share: their files, a cheap repr, and a guard on what a browser may write."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import anywidget

_FOLDER = Path(__file__).parent


def source(*names: str) -> str:
    """The text of the files beside this one, one after the other: a part's JavaScript or the look's CSS."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


class Part(anywidget.AnyWidget):
    """An anywidget; a browser may write only the traits named in ``from_browser``, and only acceptable values."""

    from_browser: ClassVar[frozenset[str]] = frozenset()

    def acceptable(self, name: str, value: Any) -> bool:
        """Whether a browser's ``value`` may become the trait ``name``; parts with writable traits refine this."""
        del name, value
        return True

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take the browser's changes; what is refused is sent back as it stands here, so that both sides agree."""
        accepted = {
            name: value
            for name, value in sync_data.items()
            if name in self.from_browser and self.acceptable(name, value)
        }
        if accepted:
            super().set_state(accepted)
        refused = [name for name in sync_data if name not in accepted and name in self.keys]
        if refused:
            self.send_state(refused)

    def __repr__(self) -> str:
        """The class alone: listing every trait would copy pictures into an error message."""
        return f"<{type(self).__name__}>"
