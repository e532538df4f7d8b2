"""The far end of a widget's comm: speaks as a browser does, and hears what a browser would."""

from typing import Any


class Wire:
    """Attach to a widget in the place of a kernel's comm."""

    comm_id = "wire"

    def __init__(self, widget: Any) -> None:
        self.heard: list[dict[str, Any]] = []
        self.buffers: list[Any] = []
        self._widget = widget
        widget.comm = self

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        self.heard.append(data)
        self.buffers.append(buffers or [])

    def on_msg(self, callback: Any) -> None:
        """A widget registers here; this end calls it directly."""

    def close(self, *arguments: Any, **options: Any) -> None:
        """Nothing is open."""

    def write(self, **state: Any) -> None:
        """What a browser does when its side changed traits."""
        self._receive({"method": "update", "state": state, "buffer_paths": []})

    def press(self, content: Any) -> None:
        """What a browser does when a button was pressed."""
        self._receive({"method": "custom", "content": content})

    @property
    def custom(self) -> list[Any]:
        """The contents of the custom messages so far."""
        return [data["content"] for data in self.heard if data.get("method") == "custom"]

    @property
    def states(self) -> list[dict[str, Any]]:
        """The states that were sent so far."""
        return [data["state"] for data in self.heard if data.get("method") == "update"]

    def _receive(self, data: dict[str, Any]) -> None:
        self._widget._handle_msg({"content": {"data": data}, "buffers": []})
