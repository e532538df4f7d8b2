import threading
import time

import pytest

from xaiwidgets.widgets.parts.publisher import Publisher, get_publisher


def wait_for(condition, seconds=3.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


class Task:
    """Publishes once for each time it is asked to."""

    def __init__(self, publisher, broken=False):
        self.publisher, self.broken = publisher, broken
        self.at = None
        self.published = []

    def due(self):
        return self.at

    def publish(self):
        self.at = None
        if self.broken:
            raise RuntimeError("broken")
        self.published.append((time.monotonic(), threading.current_thread()))

    def ask(self, delay=0.0):
        self.at = time.monotonic() + delay
        self.publisher.wake()


@pytest.fixture
def publisher():
    publisher = Publisher()
    yield publisher
    for task in list(publisher._tasks):
        publisher.remove(task)


def test_one_thread_publishes_for_all_tasks(publisher):
    tasks = [Task(publisher) for _ in range(3)]
    for task in tasks:
        publisher.add(task)
        task.ask()
    wait_for(lambda: all(task.published for task in tasks))
    assert len({thread for task in tasks for _, thread in task.published}) == 1
    assert tasks[0].published[0][1] is not threading.current_thread()


def test_a_task_is_published_when_it_is_due_and_not_before(publisher):
    task = Task(publisher)
    publisher.add(task)
    asked = time.monotonic()
    task.ask(delay=0.15)
    wait_for(lambda: task.published)
    assert 0.15 <= task.published[0][0] - asked < 1.0


def test_an_error_is_kept_and_stops_neither_the_thread_nor_other_tasks(publisher):
    broken, sound = Task(publisher, broken=True), Task(publisher)
    publisher.add(broken)
    publisher.add(sound)
    broken.ask()
    wait_for(lambda: publisher.errors)
    sound.ask()
    wait_for(lambda: sound.published)
    task, error = publisher.errors[0]
    assert task is broken
    assert str(error) == "broken"


def test_a_task_that_always_fails_does_not_spin(publisher):
    class Failing:
        def due(self):
            raise RuntimeError("always")

        def publish(self):
            """Never reached."""

    publisher.add(Failing())
    time.sleep(0.3)
    assert len(publisher.errors) == 1


def test_waking_does_not_wait_for_a_publication(publisher):
    started, go_on = threading.Event(), threading.Event()

    class Slow(Task):
        def publish(self):
            started.set()
            go_on.wait(3)
            super().publish()

    task = Slow(publisher)
    publisher.add(task)
    task.ask()
    assert started.wait(3)
    before = time.monotonic()
    publisher.wake()
    assert time.monotonic() - before < 0.5
    assert not publisher.lock.acquire(blocking=False), "the lock is held while a task publishes"
    go_on.set()
    wait_for(lambda: task.published)


def test_a_removed_task_is_served_no_longer_and_the_thread_ends(publisher):
    task = Task(publisher)
    publisher.add(task)
    thread = publisher._thread
    publisher.remove(task)
    task.ask()
    wait_for(lambda: not thread.is_alive())
    assert task.published == []


def test_the_thread_starts_again_for_a_new_task(publisher):
    first = Task(publisher)
    publisher.add(first)
    publisher.remove(first)
    second = Task(publisher)
    publisher.add(second)
    second.ask()
    wait_for(lambda: second.published)


def test_there_is_one_publisher_a_process():
    assert get_publisher() is get_publisher()
