"""Finished runs, small: to bring one back, or to set one beside what is shown."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from traitlets import Bool, Dict, Int, List

from xaiwidgets.widgets.parts.part import Part, source

MOST_ENTRIES = 12
LARGEST_PICTURE = 200_000  # bytes; all pictures travel together whenever the list changes
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


class RunHistory(Part):
    """A row of thumbnails, newest first, with at most `MOST_ENTRIES`.

    ``chosen`` is the id of the entry that is shown, ``compared`` of the one set beside it; -1 for none. Both follow a
    press at once; `on_choose` and `on_compare` tell of presses only, not of what Python sets.
    Without ``comparable`` there is no press for the second.
    """

    _esm = source("dom.js", "run_history.js")
    from_browser: ClassVar[frozenset[str]] = frozenset({"chosen", "compared"})

    entries = List(Dict()).tag(sync=True)
    chosen = Int(-1).tag(sync=True)
    compared = Int(-1).tag(sync=True)
    comparable = Bool(default_value=True).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._callbacks: dict[str, list[Callable[[int], None]]] = {"chosen": [], "compared": []}
        self._next = 0

    def add(self, label: str, picture: bytes, note: str = "", *, choose: bool = True) -> int:
        """Put a finished run in front, marked as shown if ``choose``; returns its id.

        ``picture`` is a small PNG or JPEG.
        """
        if not picture.startswith(_SIGNATURES):
            raise ValueError("The picture is neither PNG nor JPEG; give the bytes of one, about 96 pixels wide.")
        if len(picture) > LARGEST_PICTURE:
            size = f"{len(picture):,} bytes"
            raise ValueError(f"The picture has {size}; give a thumbnail of at most {LARGEST_PICTURE:,}.")
        entry = {"id": self._next, "label": label, "note": note, "picture": bytes(picture)}
        self._next += 1
        with self.hold_sync():
            self.entries = self._kept([entry, *self.entries])
            self.chosen = entry["id"] if choose else self.chosen
        return entry["id"]

    def remove(self, entry: int) -> None:
        """Forget one; an id that is not there is no error."""
        with self.hold_sync():
            self.entries = [known for known in self.entries if known["id"] != entry]
            self.chosen = -1 if self.chosen == entry else self.chosen
            self.compared = -1 if self.compared == entry else self.compared

    @property
    def ids(self) -> list[int]:
        """The ids of the entries, newest first: what is not here any more can be forgotten elsewhere too."""
        return [entry["id"] for entry in self.entries]

    def on_choose(self, callback: Callable[[int], None]) -> None:
        """Call ``callback(id)`` when a user brings a run back."""
        self._callbacks["chosen"].append(callback)

    def on_compare(self, callback: Callable[[int], None]) -> None:
        """Call ``callback(id)`` when a user sets a run beside the shown one, with -1 when it is taken away."""
        self._callbacks["compared"].append(callback)

    def acceptable(self, name: str, value: Any) -> bool:
        """Whether a browser means an entry that is there, or none to compare with."""
        return type(value) is int and (value in self.ids or (name == "compared" and value == -1))

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take a press and tell of it, also where the same entry is chosen again."""
        super().set_state(sync_data)
        for name, callbacks in self._callbacks.items():
            if name in sync_data and self.acceptable(name, sync_data[name]):
                for callback in tuple(callbacks):
                    callback(getattr(self, name))

    def _kept(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The newest, and the one that is compared with however old it is."""
        held = [entry for entry in entries[MOST_ENTRIES:] if entry["id"] == self.compared]
        return entries[: MOST_ENTRIES - len(held)] + held
