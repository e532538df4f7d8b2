import pytest

from tests.parts.wire import Wire
from xaiwidgets.widgets.parts.foot import LARGEST_EXPORT, Foot


def test_export_is_answered_to_the_view_that_asked():
    foot = Foot()
    wire = Wire(foot)
    foot.on_export(lambda: foot.send_files([("a.png", "image/png", b"png"), ("b.html", "text/html", b"<p>")]))
    wire.press({"type": "export", "view": "xw-foot-1-ab"})
    files = [{"name": "a.png", "mime": "image/png"}, {"name": "b.html", "mime": "text/html"}]
    assert wire.custom == [{"type": "files", "view": "xw-foot-1-ab", "files": files}]
    assert wire.buffers[-1] == [b"png", b"<p>"]


def test_a_sentence_goes_to_the_view_that_asked():
    foot = Foot()
    wire = Wire(foot)
    foot.on_export(lambda: foot.say("Nothing to export yet."))
    wire.press({"type": "export", "view": "<img>"})  # no id of ours: every view is answered
    assert wire.custom == [{"type": "say", "view": "", "text": "Nothing to export yet."}]


@pytest.mark.parametrize("content", [None, {}, {"type": "save"}, "export", 1])
def test_other_messages_are_ignored(content):
    foot, seen = Foot(), []
    foot.on_export(lambda: seen.append(1))
    Wire(foot).press(content)
    assert seen == []


def test_a_browser_cannot_write_the_code():
    foot = Foot(code="print(1)")
    Wire(foot).write(code="print(2)", sentence="x")
    assert (foot.code, foot.sentence) == ("print(1)", "")


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\\b.png", "b.png"),
        ("unit 9: best?.png", "unit-9-best-.png"),
        ("..", "export"),
    ],
)
def test_file_names_have_no_folders(name, saved):
    foot = Foot()
    wire = Wire(foot)
    foot.send_files([(name, "image/png", b"")])
    assert wire.custom[0]["files"][0]["name"] == saved


def test_what_cannot_be_sent_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="give a mime type"):
        Foot().send_files([("a.png", "a png", b"")])
    with pytest.raises(ValueError, match="Export smaller images"):
        Foot().send_files([("a.png", "image/png", bytes(LARGEST_EXPORT + 1))])
