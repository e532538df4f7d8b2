import subprocess
import sys

import pytest
import torch

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models import MicroBatches
from xaiwidgets.models.memory import is_out_of_memory


def short_of_memory(most):
    """A function that runs out of memory for slices longer than ``most``."""

    def run(rows):
        if rows.stop - rows.start > most:
            raise torch.OutOfMemoryError("no memory")
        return list(range(rows.start, rows.stop))

    return run


def test_slices_halve_until_they_fit_and_none_is_lost():
    batches, got, start, sizes = MicroBatches(8), [], 0, []
    while start < 10:
        part, start = batches.run(short_of_memory(3), start, 10)
        sizes.append(len(part))
        got += part
    assert got == list(range(10))
    assert sizes == [2, 2, 2, 2, 2]


def test_a_single_image_that_does_not_fit_is_an_error_in_words():
    with pytest.raises(XaiwidgetsError, match="with a single image in work; lower the image size"):
        MicroBatches(4).run(short_of_memory(0), 0, 4)


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError):
        MicroBatches(4).run(lambda _rows: 1 / 0, 0, 4)


def test_a_cpu_without_memory_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


@pytest.mark.parametrize(("setting", "kept"), [("1", sys.platform.startswith("linux")), ("0", False)])
def test_freed_memory_is_kept_unless_told_otherwise(setting, kept):
    code = "from xaiwidgets.models.memory import keep_freed_memory; print(keep_freed_memory())"
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={"XAIWIDGETS_KEEP_MEMORY": setting},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == str(kept)
