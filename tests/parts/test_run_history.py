import pytest

from tests.parts.wire import Wire
from xaiwidgets.widgets.parts.run_history import LARGEST_PICTURE, MOST_ENTRIES, RunHistory

PNG = b"\x89PNG\r\n\x1a\n and so on"


def history(count=2):
    widget = RunHistory()
    for number in range(count):
        widget.add(f"run {number}", PNG, "2.6×")
    return widget


def test_the_newest_is_first_and_shown():
    widget = history()
    assert widget.ids == [1, 0]
    assert widget.chosen == 1
    assert widget.entries[0] == {"id": 1, "label": "run 1", "note": "2.6×", "picture": PNG}


def test_a_user_brings_one_back_again_and_again():
    widget, seen = history(), []
    widget.on_choose(seen.append)
    wire = Wire(widget)
    wire.write(chosen=0)
    wire.write(chosen=0)
    widget.chosen = 1  # what Python sets tells nobody
    assert seen == [0, 0]


def test_a_user_compares_and_stops_comparing():
    widget, seen = history(), []
    widget.on_compare(seen.append)
    wire = Wire(widget)
    wire.write(compared=0)
    wire.write(compared=-1)
    assert seen == [0, -1]


@pytest.mark.parametrize(
    "state",
    [
        {"chosen": 7},
        {"chosen": -1},
        {"chosen": "0"},
        {"chosen": True},
        {"compared": 7},
        {"entries": []},
    ],
)
def test_what_is_not_there_is_refused(state):
    widget, seen = history(), []
    widget.on_choose(seen.append)
    widget.on_compare(seen.append)
    Wire(widget).write(**state)
    assert (widget.ids, widget.chosen, widget.compared, seen) == ([1, 0], 1, -1, [])


def test_the_oldest_go_but_not_the_compared_one():
    widget = history()
    widget.compared = 0
    for _ in range(MOST_ENTRIES):
        widget.add("more", PNG)
    assert len(widget.ids) == MOST_ENTRIES
    assert widget.ids[-1] == 0


def test_a_removed_entry_is_neither_shown_nor_compared():
    widget = history()
    widget.compared = 0
    widget.remove(0)
    widget.remove(1)
    widget.remove(9)
    assert (widget.ids, widget.chosen, widget.compared) == ([], -1, -1)


def test_only_small_pictures_are_taken():
    with pytest.raises(ValueError, match="neither PNG nor JPEG"):
        RunHistory().add("a", b"GIF89a")
    with pytest.raises(ValueError, match="give a thumbnail"):
        RunHistory().add("a", PNG + bytes(LARGEST_PICTURE))
