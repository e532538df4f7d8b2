from dataclasses import dataclass

import pytest

from xaiwidgets.core import InvalidSettingError, Method, Step, XaiwidgetsError, last, setting


@dataclass(frozen=True, kw_only=True, eq=False)
class Sum(Method):
    """Adds ``weight`` at every step: the answer tells when a change took effect."""

    steps: int = setting(6, low=0, help="steps")
    weight: float = setting(1.0, low=0, high=100, live=True, help="weight")

    def __call__(self):
        settings, total = self, 0.0
        for i in range(self.steps):
            total += settings.weight
            settings = (yield Step(total, done=i + 1, total=self.steps)) or settings


def test_last_gives_the_final_value():
    assert last(Sum()()) == 6


def test_progress_is_done_over_total():
    assert [step.progress for step in Sum(steps=4)()] == [0.25, 0.5, 0.75, 1]
    assert Step(None, done=3, total=0).progress == 1


def test_steering_takes_effect_after_the_step_it_names():
    assert last(Sum()(), steering=[(2, {"weight": 10.0})]) == 2 + 4 * 10
    assert last(Sum()(), steering=[(2, Sum(weight=10.0))]) == 2 + 4 * 10
    assert last(Sum()(), steering=[(4, {"weight": 0.0}), (2, {"weight": 10.0})]) == 2 + 2 * 10


def test_what_was_sent_is_recorded_and_replays_to_the_same_answer():
    steps = Sum()()
    value = next(steps).value
    value = steps.send({"weight": 5.0}).value
    for step in steps:
        value = step.value
    assert steps.steering == [(1, {"weight": 5.0})]
    assert last(Sum()(), steering=steps.steering) == value


def test_stop_ends_where_a_user_stopped():
    assert last(Sum()(), stop=3) == 3
    assert last(Sum()(), steering=[(1, {"weight": 5.0})], stop=2) == 6


def test_a_refused_change_leaves_the_run_as_it_was():
    steps = Sum()()
    next(steps)
    with pytest.raises(InvalidSettingError, match="steps cannot be changed"):
        steps.send({"steps": 3})
    assert next(steps).value == 2
    assert steps.steering == []


def test_a_change_before_the_first_step_is_refused():
    with pytest.raises(XaiwidgetsError, match="after its first step"):
        Sum()().send({"weight": 2.0})


def test_settings_of_another_method_are_refused():
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Other(Method):
        weight: float = setting(1.0, live=True, help="weight")

    steps = Sum()()
    next(steps)
    with pytest.raises(InvalidSettingError, match="Other settings were given to a run of Sum"):
        steps.send(Other())


def test_no_step_is_an_error_in_words():
    with pytest.raises(XaiwidgetsError, match="yielded no step"):
        last(Sum(steps=0)())
