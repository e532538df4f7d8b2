import threading
import time
from dataclasses import dataclass

import pytest
import torch

from xaiwidgets.compute import Worker, worker_for
from xaiwidgets.core import InvalidSettingError, Method, Step, XaiwidgetsError, last, setting


@dataclass(frozen=True, kw_only=True, eq=False)
class Count(Method):
    """Counts, sleeping ``seconds`` at each step: a stand-in for device time that the tests can choose."""

    steps: int = setting(10, low=0, help="steps")
    seconds: float = setting(0.0, low=0, help="seconds a step")
    weight: float = setting(1.0, live=True, low=0, help="weight")

    def __call__(self, log=None, closed=None):
        settings, total = self, 0.0
        try:
            for i in range(self.steps):
                time.sleep(self.seconds)
                total += settings.weight
                if log is not None:
                    log.append((id(self), threading.current_thread().name))
                settings = (yield Step(total, done=i + 1, total=self.steps)) or settings
        finally:
            if closed is not None:
                closed.append(threading.current_thread().name)


@pytest.fixture
def worker():
    worker = Worker("cpu")
    yield worker
    worker.close()


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def test_a_job_runs_to_its_end_on_the_workers_thread(worker):
    log = []
    job = worker.submit(Count()(log))
    assert job.wait(10).value == 10
    assert (job.status, job.progress, job.finished) == ("done", 1.0, True)
    assert {name for _, name in log} == {"xaiwidgets-cpu"}
    until(lambda: worker.jobs == [])


def test_turns_are_fair_in_device_time_not_in_steps(worker):
    log = []
    slow, fast = Count(steps=1000, seconds=0.02), Count(steps=1000, seconds=0.005)
    jobs = [worker.submit(slow(log)), worker.submit(fast(log))]
    time.sleep(1.0)
    [job.cancel() for job in jobs]
    steps = {which: sum(1 for known, _ in log if known == id(which)) for which in (slow, fast)}
    assert 2.5 < steps[fast] / steps[slow] < 6
    assert worker.submit(Count()()).wait(10).value == 10


def test_a_newcomer_and_a_resumed_job_claim_no_missed_turns(worker):
    log = []
    old, paused, new = (Count(steps=4000, seconds=0.005) for _ in range(3))
    first, second = worker.submit(old(log)), worker.submit(paused(log))
    until(lambda: second.latest is not None)
    second.pause()
    time.sleep(0.5)
    log.clear()
    second.resume()
    third = worker.submit(new(log))
    until(lambda: len(log) >= 60)
    counts = [sum(1 for known, _ in log[:60] if known == id(which)) for which in (old, paused, new)]
    assert min(counts) >= 15, counts
    [job.cancel() for job in (first, second, third)]


def test_pause_holds_and_resume_goes_on(worker):
    job = worker.submit(Count(steps=4000, seconds=0.002)())
    until(lambda: job.latest is not None)
    job.pause()
    assert job.status == "paused"
    time.sleep(0.05)
    held = job.latest.done
    time.sleep(0.1)
    assert job.latest.done == held
    job.resume()
    until(lambda: job.latest.done > held)
    job.cancel()


def test_cancel_closes_the_generator_on_the_workers_thread_and_keeps_the_answer(worker):
    closed = []
    job = worker.submit(Count(steps=100000, seconds=0.002)(closed=closed))
    until(lambda: job.latest is not None)
    job.cancel()
    assert job.wait(10).value >= 1
    assert (job.status, closed) == ("cancelled", ["xaiwidgets-cpu"])


@pytest.mark.parametrize("prepare", ["paused", "queued"])
def test_a_job_that_does_not_run_can_be_cancelled(worker, prepare):
    blocker = worker.submit(Count(steps=3, seconds=0.1)())
    job = worker.submit(Count(steps=100000)())
    if prepare == "paused":
        job.pause()
    job.cancel()
    assert job.wait(10) is None
    assert job.status == "cancelled"
    blocker.wait(10)


def test_a_newer_job_in_a_slot_replaces_the_older(worker):
    older = worker.submit(Count(steps=100000, seconds=0.002)(), slot="view")
    until(lambda: older.latest is not None)
    newer = worker.submit(Count()(), slot="view")
    assert newer.wait(10).value == 10
    older.wait(10)
    assert older.status == "cancelled"


def test_steering_reaches_the_run_and_replays_to_the_same_answer(worker):
    method = Count(steps=60, seconds=0.005)
    job = worker.submit(method())
    until(lambda: job.latest is not None and job.latest.done >= 5)
    job.send({"weight": 3.0})
    job.send(method.replace(weight=7.0))  # the newest wins
    value = job.wait(10).value
    (change,) = job.steering
    assert change[1] == {"weight": 7.0}
    assert value == change[0] + 7 * (60 - change[0]) == last(method(), steering=job.steering)


def test_two_changes_before_the_first_step_wait_for_it(worker):
    job = worker.submit(Count(steps=5, seconds=0.05)())
    job.send({"weight": 2.0})
    assert job.wait(10).value == 1 + 2 * 4
    assert job.steering == [(1, {"weight": 2.0})]


def test_a_change_that_no_run_takes_is_refused_in_the_callers_face(worker):
    job = worker.submit(Count(steps=1000, seconds=0.002)())
    with pytest.raises(InvalidSettingError, match="steps cannot be changed"):
        job.send({"steps": 3})
    assert job.status in {"queued", "running"}
    job.cancel()


def test_an_error_fails_its_job_and_the_worker_lives_on(worker):
    def broken():
        yield Step("answer so far", done=1, total=2)
        raise ZeroDivisionError("in the middle")

    job = worker.submit(broken())
    with pytest.raises(ZeroDivisionError, match="in the middle"):
        job.wait(10)
    assert (job.status, job.latest.value) == ("failed", "answer so far")
    assert worker.submit(Count()()).wait(10).value == 10


def test_running_out_of_memory_says_what_to_lower(worker):
    def greedy():
        yield Step(0, done=0, total=1)
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(XaiwidgetsError, match="lower the image size or the number of units"):
        worker.submit(greedy()).wait(10)
    assert worker.submit(Count()()).wait(10).value == 10


def test_what_a_step_leaves_behind_is_named_and_put_right(worker):
    def careless():
        torch.set_grad_enabled(False)
        yield Step(0, done=1, total=1)

    with pytest.raises(XaiwidgetsError, match="left gradients switched off"):
        worker.submit(careless()).wait(10)

    def asks():
        yield Step(torch.is_grad_enabled(), done=1, total=1)

    assert worker.submit(asks()).wait(10).value is True


def test_a_default_dtype_that_changes_in_a_step_fails_the_job(worker):
    def careless():
        torch.set_default_dtype(torch.float64)
        yield Step(0, done=1, total=1)

    try:
        with pytest.raises(XaiwidgetsError, match=r"default dtype changed from torch\.float32 to torch\.float64"):
            worker.submit(careless()).wait(10)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_resting_job_is_not_advanced_unless_somebody_waits(worker):
    job = worker.submit(Count()(), rest=lambda: True)
    time.sleep(0.1)
    assert job.latest is None
    assert job.wait(10).value == 10


def test_waiting_in_vain_says_how_far_it_is(worker):
    job = worker.submit(Count(steps=1000, seconds=0.01)())
    with pytest.raises(TimeoutError, match="The run is running at"):
        job.wait(0.1)
    job.cancel()


def test_a_run_that_waits_for_itself_is_refused(worker):
    caught = []

    def listener(job):
        try:
            job.wait(1)
        except XaiwidgetsError as error:
            caught.append(str(error))

    job = worker.submit(Count(steps=1, seconds=0.05)())
    job.subscribe(listener)
    job.wait(10)
    assert "from inside a run of the same worker" in caught[0]


def test_a_listener_that_raises_ends_neither_the_run_nor_the_worker(worker):
    job = worker.submit(Count(steps=3)())
    job.subscribe(lambda _job: 1 / 0)
    assert job.wait(10).value == 3
    assert isinstance(job.listener_error, ZeroDivisionError)
    assert worker.submit(Count()(), rest=lambda: 1 / 0).wait(10).value == 10


def test_two_changes_in_a_row_are_both_kept(worker):
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Two(Method):
        a: float = setting(0.0, live=True, help="a")
        b: float = setting(0.0, live=True, help="b")

        def __call__(self):
            settings = self
            for i in range(40):
                time.sleep(0.005)
                settings = (yield Step((settings.a, settings.b), done=i + 1, total=40)) or settings

    job = worker.submit(Two()())
    until(lambda: job.latest is not None)
    for i in range(1, 9):
        job.send({"a": float(i)})
        job.send({"b": float(i)})
        time.sleep(0.004)
    assert job.wait(10).value == (8.0, 8.0)
    assert last(Two()(), steering=job.steering) == (8.0, 8.0)


def test_a_change_for_a_run_that_is_over_is_refused(worker):
    job = worker.submit(Count(steps=1)())
    job.wait(10)
    with pytest.raises(XaiwidgetsError, match="The run is over"):
        job.send({"weight": 2.0})


def test_listeners_hear_every_step_and_the_end(worker):
    heard = []
    job = worker.submit(Count(steps=3, seconds=0.05)())
    job.subscribe(lambda job: heard.append((job.status, job.latest and job.latest.done)))
    job.wait(10)
    until(lambda: heard and heard[-1] == ("done", 3))
    assert [entry for entry in heard if entry[0] == "running"][-3:] == [("running", 1), ("running", 2), ("running", 3)]


def test_closing_the_worker_cancels_its_jobs_and_a_later_one_starts_anew(worker):
    job = worker.submit(Count(steps=100000, seconds=0.002)())
    until(lambda: job.latest is not None)
    worker.close()
    assert job.status == "cancelled"
    assert worker.submit(Count()()).wait(10).value == 10


def test_a_device_has_one_worker():
    assert worker_for("cpu") is worker_for(torch.device("cpu"))
