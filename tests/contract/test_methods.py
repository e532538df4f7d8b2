"""What every explanation keeps to, asked of each one that the catalogue knows; nobody keeps a list."""

import dataclasses
import importlib
import inspect
import threading

import pytest
import torch

from xaiwidgets import catalogue, methods
from xaiwidgets.compute import Worker
from xaiwidgets.core import MISSING, InvalidSettingError, Method, last
from xaiwidgets.models import ImageModel

ENTRIES = [entry for entry in catalogue.entries() if entry.method]
VOCABULARY = {"model", "images", "train", "test", "query", "concepts", "calibration", "start"}


def example(entry):
    """The tiny call that the method's own test file provides."""
    return importlib.import_module(f"tests.{entry.family}.test_{entry.stem}").example()


@pytest.fixture(params=ENTRIES, ids=lambda entry: entry.stem)
def entry(request):
    return request.param


def values_of(step):
    """Every tensor of an answer, by name."""
    return {
        field.name: getattr(step.value, field.name)
        for field in dataclasses.fields(step.value)
        if isinstance(getattr(step.value, field.name), torch.Tensor)
    }


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def state_of(arguments):
    """All that a user could notice of the modules that were handed in."""
    modules = [argument.module for argument in arguments if isinstance(argument, ImageModel)]
    return [
        [
            (
                name,
                child.training,
                len(child._forward_hooks),
                len(child._forward_pre_hooks),
                len(child._backward_hooks),
                getattr(child, "inplace", None),
                [(p.requires_grad, p.grad is None) for p in child.parameters(recurse=False)],
                [tuple(b.flatten().tolist()[:9]) for b in child.buffers(recurse=False)],
            )
            for name, child in module.named_modules()
        ]
        for module in modules
    ]


def test_it_is_a_frozen_method_with_settings_that_explain_themselves(entry):
    kind = getattr(methods, entry.method)
    assert issubclass(kind, Method)
    assert kind.__dataclass_params__.frozen
    assert not kind.__dataclass_params__.eq
    for spec in kind.specs().values():
        assert spec.help, f"{entry.method}.{spec.name} has no help"
        assert spec.type in {"int", "float", "bool", "choice", "text", "texts", "tuple", "tensor"}
    parameters = list(inspect.signature(kind.__call__).parameters)[1:]
    assert set(parameters) <= VOCABULARY


def test_its_docstring_names_the_paper_and_what_it_raises(entry):
    text = inspect.getdoc(getattr(methods, entry.method))
    assert "et al." in text or "(19" in text or "(20" in text
    assert "Raises" in text


def test_progress_never_falls_and_ends_at_one(entry):
    method, arguments = example(entry)
    shares = [step.progress for step in method(*arguments)]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_same_settings_give_the_same_answer_to_the_bit(entry):
    method, arguments = example(entry)
    first, second = (list(method(*arguments))[-1] for _ in range(2))
    assert same(values_of(first), values_of(second))


def test_an_earlier_answer_is_not_written_over(entry):
    method, arguments = example(entry)
    steps = method(*arguments)
    first = next(steps)
    kept = {name: tensor.clone() for name, tensor in values_of(first).items()}
    for _ in steps:
        pass
    assert all(torch.equal(kept[name], tensor) or tensor.isnan().any() for name, tensor in values_of(first).items())


def test_values_carry_no_gradient(entry):
    method, arguments = example(entry)
    assert not any(tensor.requires_grad for tensor in values_of(list(method(*arguments))[-1]).values())


def test_the_users_module_is_left_as_found_wherever_it_is_stopped(entry):
    method, arguments = example(entry)
    before = state_of(arguments)
    count = sum(1 for _ in method(*arguments))
    assert state_of(arguments) == before
    for stop in range(count):
        steps = method(*arguments)
        for _ in range(stop):
            next(steps, None)  # what is kept by content may take fewer steps the second time
        assert state_of(arguments) == before
        steps.close()
        assert state_of(arguments) == before


def test_nothing_survives_a_yield_but_tensors(entry):
    method, arguments = example(entry)
    dtype, threads = torch.get_default_dtype(), threading.active_count()
    state = torch.get_rng_state()
    for _ in method(*arguments):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert torch.get_default_dtype() == dtype
        assert torch.equal(torch.get_rng_state(), state), "it drew from the user's random numbers"
        assert threading.active_count() == threads
        for argument in arguments:
            if isinstance(argument, ImageModel):
                assert not any(child._forward_hooks for child in argument.twin.modules())


def test_two_on_one_worker_give_the_same_as_alone(entry):
    method, arguments = example(entry)
    alone = values_of(list(method(*arguments))[-1])
    worker = Worker("cpu")
    jobs = [worker.submit(method(*arguments)) for _ in range(2)]
    together = [values_of(job.wait(60)) for job in jobs]
    worker.close()
    assert all(alone[name].shape == values[name].shape for values in together for name in alone)
    # The same thread count, another thread: equal to the bit on the CPU.
    assert all(same(alone, values) for values in together)


def test_each_live_setting_steers_and_replays(entry):
    method, arguments = example(entry)
    for spec in (spec for spec in method.specs().values() if spec.live):
        value = {
            "int": lambda spec: int(spec.high),
            "float": lambda spec: (spec.low + spec.high) / 2,
            "choice": lambda spec: spec.choices[-1],
        }[spec.type](spec)
        steps = method(*arguments)
        end = next(steps)
        end = steps.send({spec.name: value})
        for step in steps:
            end = step
        assert steps.steering[0][1] == {spec.name: value}, spec.name
        assert same(
            values_of(end),
            {name: getattr(last(method(*arguments), steering=steps.steering), name) for name in values_of(end)},
        )


def test_every_setting_out_of_range_is_refused(entry):
    method, _ = example(entry)
    for spec in method.specs().values():
        wrong = {
            "int": [0.5, "x"],
            "float": ["x", float("nan")],
            "bool": ["x"],
            "choice": ["no such"],
            "text": [3],
            "texts": [3, [3]],
            "tuple": [3.5],
            "tensor": ["x"],
        }[spec.type]
        wrong += [spec.low - 1] if spec.low is not None and spec.type in {"int", "float"} else []
        wrong += [spec.high + 1] if spec.high is not None and spec.type in {"int", "float"} else []
        for value in wrong:
            with pytest.raises(InvalidSettingError, match=spec.name):
                method.replace(**{spec.name: value})


def test_its_code_makes_it_again(entry):
    method, _ = example(entry)
    again = eval(method.as_code(), {entry.method: getattr(methods, entry.method), "torch": torch})  # noqa: S307 - our own
    assert method.difference(again) == {}
    assert all(spec.default is not MISSING or name in method.as_code() for name, spec in method.specs().items())
