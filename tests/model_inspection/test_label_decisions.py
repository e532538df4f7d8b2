import csv
import io
import json

import pytest
import torch

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._label_errors.decisions import DROP, FLIP, KEEP, Decision, Decisions

NAMES = ("cat", "dog", "owl")


def images(count=6):
    pixels = torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    return ImageSet(pixels, torch.arange(count) % 3, NAMES)


def some():
    record = Decisions(images().labels, class_names=NAMES)
    record.decide(4, FLIP, 0, score=0.5, ranking="loss")
    record.decide(2, DROP)
    record.decide(0, KEEP, score=float("nan"))
    return record


def test_a_record_holds_what_was_decided():
    record = some()
    assert list(record.current.values()) == [
        Decision(4, FLIP, 1, 0, 0.5, "loss"),
        Decision(2, DROP, 2, None),
        Decision(0, KEEP, 0, 0),
    ]
    assert len(record) == 3
    assert [record.count(what) for what in (KEEP, FLIP, DROP)] == [1, 1, 1]
    assert record.labels.tolist() == [0, 1, 2, 0, 0, 2]
    assert record.dropped == [2]


def test_the_newest_about_an_image_counts_and_an_undo_brings_the_one_before_back():
    record = some()
    record.decide(4, DROP)
    assert record.current[4].decision == DROP
    assert list(record.current) == [2, 0, 4]
    assert len(record) == 3
    assert record.undo() == Decision(4, DROP, 1, None)
    assert record.current[4].new == 0
    assert record.redo().decision == DROP
    assert record.dropped == [2, 4]


def test_all_can_be_undone_and_redone_to_the_same():
    record = some()
    before = record.to_json()
    for _ in range(3):
        assert record.can_undo
        record.undo()
    assert not record.can_undo
    assert record.labels.tolist() == images().labels.tolist()
    with pytest.raises(XaiwidgetsError, match="There is nothing to undo"):
        record.undo()
    for _ in range(3):
        assert record.can_redo
        record.redo()
    assert record.to_json() == before
    with pytest.raises(XaiwidgetsError, match="There is nothing to redo"):
        record.redo()


def test_a_new_decision_ends_what_could_be_redone():
    record = some()
    record.undo()
    record.decide(5, DROP)
    assert not record.can_redo


def test_it_is_applied_to_the_images():
    given = images()
    cleaned = some().applied_to(given)
    assert cleaned.labels.tolist() == [0, 1, 0, 0, 2]
    assert cleaned.class_names == NAMES
    assert torch.equal(cleaned.batch(slice(None)), given.batch([0, 1, 3, 4, 5]))
    assert given.labels.tolist() == [0, 1, 2, 0, 1, 2]
    nothing = Decisions(given.labels, class_names=NAMES).applied_to(given)
    assert torch.equal(nothing.labels, given.labels)
    assert nothing.key == given.key


def test_other_labels_keep_the_key_of_the_images():
    given = images()
    changed = given.with_labels(torch.zeros(6, dtype=torch.int64))
    assert changed.key == given.key
    assert changed.labels.tolist() == [0] * 6


def test_it_is_written_as_a_table_and_read_back_from_json():
    record = some()
    rows = list(csv.DictReader(io.StringIO(record.to_csv())))
    assert [(row["index"], row["decision"], row["old_name"], row["new_name"]) for row in rows] == [
        ("4", "flip", "dog", "cat"),
        ("2", "drop", "owl", ""),
        ("0", "keep", "cat", "cat"),
    ]
    assert [(row["score"], row["ranking"]) for row in rows] == [("0.5", "loss"), ("", ""), ("", "")]
    assert json.loads(record.to_json())["decisions"][1] == {
        "index": 2,
        "decision": "drop",
        "old": 2,
        "new": None,
        "score": None,
        "ranking": "",
    }
    again = Decisions.from_json(record.to_json(), images().labels, class_names=NAMES)
    assert again.current == record.current
    assert again.to_csv() == record.to_csv()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda record: record.decide(6, KEEP), "Image 6 was decided about; there are 6, 0 to 5"),
        (lambda record: record.decide(-1, KEEP), "Image -1 was decided about"),
        (lambda record: record.decide(1, FLIP, 3), "flipped to class 3; there are 3, 0 to 2"),
        (lambda record: record.decide(1, FLIP, -1), "flipped to class -1; there are 3"),
        (lambda record: record.decide(1, FLIP), "to no other class than 1; name another"),
        (lambda record: record.decide(1, FLIP, 1), "to no other class than 1; name another"),
        (lambda record: record.decide(1, "drp"), "decision 'drp' was given; nearest: 'drop'"),
        (lambda record: record.applied_to(images(9)), "9 images were given to decisions about 6; give the same set"),
        (lambda _record: Decisions.from_json("no json", [0, 1]), "no record of decisions; give what to_json"),
        (lambda record: Decisions.from_json(record.to_json(), [0, 0, 0, 0, 2, 1]), "label 2, but the record says 1"),
        (lambda record: Decisions.from_json(record.to_json(), [0, 1]), "Image 4 was decided about; there are 2"),
    ],
)
def test_what_does_not_fit_is_refused_in_words_and_changes_nothing(call, words):
    record = some()
    before = record.to_json()
    with pytest.raises(XaiwidgetsError, match=words):
        call(record)
    assert record.to_json() == before


def test_at_least_one_image_is_kept():
    record = Decisions(images().labels)
    for place in range(6):
        record.decide(place, DROP)
    with pytest.raises(XaiwidgetsError, match="Every image is dropped; keep at least one"):
        record.applied_to(images())
