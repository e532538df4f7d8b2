import threading
import time

from xaiwidgets.compute import Mailbox


def test_the_newest_wins():
    box = Mailbox()
    for item in range(5):
        box.put(item)
    assert (box.take(), box.take(), box.replaced) == (4, None, 4)


def test_a_reader_waits_for_a_writer_and_no_longer_than_told():
    box = Mailbox()
    threading.Timer(0.05, box.put, ["late"]).start()
    assert box.take(5) == "late"
    begun = time.monotonic()
    assert box.take(0.05) is None
    assert time.monotonic() - begun < 2
