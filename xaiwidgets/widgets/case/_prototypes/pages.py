"""Pages of one widget that are widgets of their own: each is made when it is opened."""

from collections.abc import Callable, Mapping

import ipywidgets as widgets

from xaiwidgets import catalogue


class Pages(widgets.ToggleButtons):
    """Buttons, one for each page; the first page is the widget's ``own`` parts.

    ``others`` are the names of the other pages with their widgets' names; those that the package does not have are left
    out; ``bar`` holds the buttons. ``make`` makes the widget of a class when its page is opened first.
    """

    def __init__(
        self, own: str, others: Mapping[str, str], make: Callable[[type[widgets.Widget]], widgets.Widget]
    ) -> None:
        known = {entry.widget for entry in catalogue.entries()}
        self._kinds = {page: name for page, name in others.items() if name in known}
        self._own, self._make = own, make
        names = (own, *self._kinds)
        super().__init__(options=names, tooltips=[""] * len(names))
        self.add_class("xw-toggle")
        self.bar, self.room = widgets.VBox([self], layout={"padding": "8px 12px"}), widgets.VBox([])
        self._made: dict[str, widgets.Widget] = {}

    def turn_to(self, page: str) -> bool:
        """Show a page in ``room``; whether it is the widget's own, which stand elsewhere."""
        if page != self._own and page not in self._made:
            self._made[page] = self._make(catalogue.load_widget(self._kinds[page]))
            self.room.children = tuple(self._made.values())
        for name, made in self._made.items():
            made.layout.display = "" if name == page else "none"
        return page == self._own

    def dispose_pages(self) -> None:
        """Free the widgets that were made."""
        made, self._made, self.room.children = self._made, {}, ()
        for widget in made.values():
            widget.dispose()
