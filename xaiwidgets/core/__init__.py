"""The contract every explanation keeps: steps, settings, and errors with words. No torch, no widget."""

from xaiwidgets.core.errors import InvalidSettingError, XaiwidgetsError, nearest
from xaiwidgets.core.method import Method
from xaiwidgets.core.settings import MISSING, Spec, setting
from xaiwidgets.core.step import Step
from xaiwidgets.core.steps import Steps, last

__all__ = [
    "MISSING",
    "InvalidSettingError",
    "Method",
    "Spec",
    "Step",
    "Steps",
    "XaiwidgetsError",
    "last",
    "nearest",
    "setting",
]
