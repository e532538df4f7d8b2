from dataclasses import FrozenInstanceError, dataclass

import pytest
import torch

from xaiwidgets.core import InvalidSettingError, Method, Step, setting


@dataclass(frozen=True, kw_only=True, eq=False)
class Example(Method):
    units: tuple[int, ...] = setting((1, 2), low=0, help="units")
    weight: float = setting(0.5, low=0, high=1, live=True, help="weight")
    size: int | None = setting(None, low=8, help="size")
    names: tuple[str, ...] = setting(("a",), help="names")
    kind: str = setting("one", choices=("one", "two"), help="kind")
    on: bool = setting(default=False, help="on")
    directions: torch.Tensor | None = setting(None, help="directions")  # noqa: RUF009 - it makes a field
    seed: int = setting(0, low=0, help="seed")

    def __call__(self):
        yield Step(self.weight, done=1, total=1)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("weight", 2, "weight=2 was given; give a number from 0 to 1"),
        ("weight", float("nan"), "weight=nan was given"),
        ("weight", True, "weight=True was given"),
        ("weight", "much", "weight='much' was given"),
        ("size", 4, "give a whole number of at least 8 or None"),
        ("size", 8.5, "size=8.5 was given"),
        ("kind", "tow", r"one of 'one', 'two' \(nearest: 'two'\)"),
        ("units", 3, "give a sequence of whole numbers"),
        ("units", (3, -1), "units="),
        ("units", "12", "units='12' was given"),
        ("names", ("a", 3), "give a sequence of texts"),
        ("on", 1, "give True or False"),
        ("directions", [1.0], "give a tensor"),
    ],
)
def test_a_wrong_value_is_refused_with_what_came_and_what_was_wanted(name, value, words):
    with pytest.raises(InvalidSettingError, match=words):
        Example(**{name: value})


def test_values_are_stored_in_their_proper_type():
    example = Example(units=[3, torch.tensor(4).item()], weight=1)
    assert example.units == (3, 4)
    assert isinstance(example.weight, float)
    assert Example(units=torch.tensor([5, 6])).units == (5, 6)
    assert Example(names=["b", "c"]).names == ("b", "c")
    assert Example(names="whole").names == ("whole",)


def test_settings_are_frozen_and_tensors_are_copied():
    directions = torch.ones(2)
    example = Example(directions=directions)
    directions.zero_()
    assert example.directions.tolist() == [1, 1]
    with pytest.raises(FrozenInstanceError):
        example.weight = 0.1


def test_replace_names_the_nearest_setting():
    with pytest.raises(InvalidSettingError, match="no setting 'wieght'; nearest: 'weight'"):
        Example().replace(wieght=0.1)


def test_only_live_settings_can_be_steered():
    assert Example().steered({"weight": 0.1}).weight == 0.1
    with pytest.raises(InvalidSettingError, match="size cannot be changed while Example runs"):
        Example().steered({"size": 16})
    with pytest.raises(InvalidSettingError, match="weight=7 was given"):
        Example().steered({"weight": 7})


def test_the_code_makes_the_same_settings_again():
    example = Example(units=(7,), weight=0.25, kind="two", directions=torch.eye(2), seed=3)
    again = eval(example.as_code(), {"Example": Example, "torch": torch})  # noqa: S307 - our own code
    assert example.difference(again) == {}
    assert "seed=0" in Example().as_code()


def test_a_plain_field_is_refused_loudly():
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Careless(Method):
        steps: int = 3

    with pytest.raises(TypeError, match="declare it with setting"):
        Careless()
