"""Shapes in signatures are checked while the tests run, and the check can fail."""

import pytest
import torch
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor

from tests.shapes import checked
from xaiwidgets.catalogue import entries


@jaxtyped(typechecker=checked)
def double(x: Float[Tensor, "row column"], *, row: bool = True) -> Float[Tensor, "row column"]:
    return 2 * x if row else x[:1]


@jaxtyped(typechecker=checked)
def by_name(x: Float[Tensor, " n"] | None, other: str = "") -> dict[str, Float[Tensor, " n"]]:
    return {} if x is None else {"a": x, "b": x[1:] if other else x}


def test_what_fits_is_let_pass():
    assert double(torch.ones(2, 3)).shape == (2, 3)
    assert by_name(None) == {}
    assert by_name(torch.ones(2)).keys() == {"a", "b"}


@pytest.mark.parametrize(
    "call",
    [
        lambda: double(torch.ones(3)),
        lambda: double(torch.ones(2, 3, dtype=torch.int64)),
        lambda: double(torch.ones(2, 3), row=False),
        lambda: by_name(torch.ones(2, 2)),
        lambda: by_name(torch.ones(2), "shorter"),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(TypeCheckError):
        call()


def test_a_value_of_another_type_is_the_codes_own_business():
    assert double(torch.ones(2, 3), row="yes").shape == (2, 3)


def test_the_package_is_under_watch():
    import importlib

    for entry in entries():
        module = importlib.import_module(f"xaiwidgets.methods.{entry.family}.{entry.stem}")
        assert "jaxtyping" in type(module.__loader__).__module__
