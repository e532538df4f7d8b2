"""Images to explain with."""

from xaiwidgets.data.photographs import photographs

__all__ = ["photographs"]
