"""Errors that say what came, what was wanted, and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class XaiwidgetsError(Exception):
    """Base of the errors that xaiwidgets raises on purpose; its text is fit to be shown to a user as it is."""


class InvalidSettingError(XaiwidgetsError, ValueError):
    """A setting has a value that its method cannot use."""


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> str:
    """A clause with the known names closest to ``name``, such as ``"nearest: '_blocks.8', '_blocks.9'"``.

    Falls back to the first names when nothing is close, so that an error never leaves the reader without an example.
    """
    names = list(dict.fromkeys(known))
    close = get_close_matches(name, names, n=count, cutoff=0.4)
    word = "nearest" if close else "known"
    return f"{word}: " + ", ".join(repr(entry) for entry in close or names[:count])
