"""The explanations: pure torch, one file each, by family. Each class is fetched at its first use."""


def __getattr__(name: str) -> object:
    """Fetch a method's class, such as ``ActivationMaximization``."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from xaiwidgets.catalogue import load_method

    value = load_method(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Every method's class name, for completion."""
    from xaiwidgets.catalogue import entries

    return sorted({*globals(), *(entry.method for entry in entries() if entry.method)})
