"""What the widgets of prototypes share."""
