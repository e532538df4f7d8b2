"""What can be checked, in words beside the claim."""

import ipywidgets as widgets


class Evidence(widgets.HTML):
    """A paragraph of HTML; whoever writes it escapes what comes from elsewhere."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.add_class("xw-evidence")
        self.say(text)

    def say(self, text: str) -> None:
        """Show this, and send nothing where it stands there already."""
        text = f"<div class='xw-evidence-text'>{text}</div>"
        if self.value != text:
            self.value = text
