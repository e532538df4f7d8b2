"""Explanations of neural networks, live in the notebook.

    import xaiwidgets as xw
    model = xw.load_model("efficientnet_lite0")
    xw.FeatureVisualizer(model, layer="_blocks.8", units=[3, 20, 41])

Importing this loads neither torch nor a plotting library: each name is fetched at its first use, and the catalogue
knows them all by where their files stand.
"""

_FLOORS = ("core", "models", "data", "methods", "compute", "widgets", "apps", "catalogue")
_NAMES = {"ImageModel": "models", "load_model": "models", "ImageSet": "data", "ConceptSet": "data"}


def __getattr__(name: str) -> object:
    """Fetch a floor, a model name or a widget at its first use."""
    if name.startswith("_") and name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = _find(name)
    globals()[name] = value
    return value


def _find(name: str) -> object:
    from importlib import import_module

    if name == "__version__":
        return _version()
    if name in _FLOORS:
        return import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    from .catalogue import load_widget

    return load_widget(name)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(__name__)
    except PackageNotFoundError:  # a tree that was put on the path, and never installed
        return "0.0.0"


def __dir__() -> list[str]:
    """Every name that can be fetched, for completion."""
    from .catalogue import entries

    widgets = [entry.widget for entry in entries() if entry.widget]
    return sorted({*globals(), *_FLOORS, *_NAMES, *widgets, "__version__"})
