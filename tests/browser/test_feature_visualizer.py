"""The first explanation as its users meet it: in Voilà and in JupyterLab, in a real browser."""

import re

import pytest

from tests.browser.acts import Acts

MODEL = "import xaiwidgets as xw\nmodel = xw.load_model('efficientnet_lite0')"
SMALL = "view = xw.FeatureVisualizer(model, layer='_blocks.4', units=[3, 7, 11], size=96, steps={steps})\nview"
ACTS = Acts("FeatureVisualizer")
ROOT, PICTURE = ACTS.root, ACTS.picture
button, status, frames, drawn, look, said, slide = (
    getattr(ACTS, name) for name in ("button", "status", "frames", "drawn", "look", "said", "slide")
)


def small(steps=4000):
    return [MODEL, SMALL.replace("{steps}", str(steps))]


def test_run_pause_steer_stop_and_run_again(open_page):
    page = open_page(small())
    page.wait_for_selector(PICTURE, state="attached")
    status(page, "idle")
    assert frames(page) == 0
    open_page.screenshot(page, "idle")
    button(page, "Run").click()
    status(page, "running")
    drawn(page, 3)
    open_page.screenshot(page, "running")

    button(page, "Pause").click()
    status(page, "paused")
    page.wait_for_timeout(700)
    held = look(page)
    page.wait_for_timeout(700)
    assert look(page) == held != 0
    open_page.screenshot(page, "paused")
    button(page, "Resume").click()
    status(page, "running")
    count = frames(page)
    drawn(page, count + 2)
    assert look(page) != held

    before = re.search(r"step (\d+) of", said(page))
    slide(page, "Smoothness", 6)
    status(page, "running")
    count = frames(page)
    drawn(page, count + 3)
    after = re.search(r"step (\d+) of", said(page))
    assert int(after[1]) >= int(before[1]), "a live setting must not restart the run"

    button(page, "Stop").click()
    status(page, "cancelled")
    page.wait_for_timeout(700)
    still = look(page)
    page.wait_for_timeout(500)
    assert look(page) == still
    assert "Stopped at step" in said(page)
    open_page.screenshot(page, "stopped")
    button(page, "Copy as code").click()
    page.wait_for_function(
        """(root) => {
        const area = document.querySelector(root + " textarea");
        const said = document.querySelector(root).innerText;
        return /copied/i.test(said) || area?.value.includes("ActivationMaximization(");
    }""",
        arg=ROOT,
    )
    open_page.screenshot(page, "copied")

    button(page, "Run").click()
    status(page, "running")
    drawn(page, frames(page) + 2)
    button(page, "Stop").click()
    status(page, "cancelled")


def test_a_finished_run_is_sharp_and_can_be_brought_back_and_exported(open_page):
    page = open_page(small(12))
    button(page, "Run").click()
    status(page, "done")
    page.wait_for_timeout(1200)
    first = look(page)
    assert "12 steps in" in said(page)
    assert page.locator(f"{ROOT} .xw-plot canvas, {ROOT} .xw-plot .bk-Figure").count() > 0
    page.locator(f"{ROOT} .xw-frame-button").nth(1).click()
    page.wait_for_function(f"() => document.querySelector('{ROOT}').innerText.includes('unit 7 · channel')")

    seed = page.locator(ROOT).get_by_label("Seed")
    seed.fill("5")
    seed.press("Enter")
    button(page, "Run").click()
    page.wait_for_function(f"() => document.querySelectorAll('{ROOT} .xw-result').length >= 2")
    status(page, "done")
    page.wait_for_timeout(800)
    assert look(page) != first
    open_page.screenshot(page, "two-runs")
    page.locator(ROOT).get_by_role("button", name="Show result 1", exact=True).click()
    ACTS.becomes(page, first)
    assert seed.input_value() == "0"

    names = []
    page.on("download", lambda download: names.append(download.suggested_filename))
    button(page, "Export").click()
    page.wait_for_timeout(2500)
    assert sorted(names) == ["feature-visualizer.html", "feature-visualizer.png"]


def test_two_widgets_share_the_device_and_refine_side_by_side(open_page):
    second = "other = xw.FeatureVisualizer(model, layer='_blocks.5', units=[2], size=96, steps=4000)\nother"
    page = open_page([*small(), second])
    for index in (0, 1):
        page.locator(ROOT).nth(index).get_by_role("button", name="Run", exact=True).click()
    both = f"[...document.querySelectorAll('{PICTURE}')].filter((picture) => Number(picture.dataset.frame) > 4)"
    page.wait_for_function(f"() => {both}.length >= 2")
    open_page.screenshot(page, "two")
    for index in (0, 1):
        page.locator(ROOT).nth(index).get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_function(f"() => document.querySelectorAll('{ROOT}[data-status=cancelled]').length === 2")


def test_a_second_view_of_the_same_widget_shows_the_same(open_page):
    page = open_page([*small(20), "view"])
    page.locator(ROOT).nth(1).wait_for()
    button(page, "Run").click()
    page.wait_for_function(f"() => document.querySelectorAll('{ROOT}[data-status=done]').length === 2")
    page.wait_for_timeout(1500)
    looks = [look(page, index) for index in (0, 1)]
    assert looks[0] == looks[1]


def test_a_reload_in_lab_shows_the_current_picture_and_curve(open_lab):
    page = open_lab(small(30))
    button(page, "Run").click()
    status(page, "done")
    page.wait_for_timeout(1500)
    before = look(page)
    open_lab.reload(page)
    status(page, "done")
    drawn(page, 1)
    ACTS.becomes(page, before)
    page.wait_for_selector(f"{ROOT} .xw-plot[data-plot]:not([data-plot='0'])", state="attached")
    open_lab.screenshot(page, "reloaded")


def test_a_reload_in_voila_starts_afresh(open_voila):
    page = open_voila(small(30))
    button(page, "Run").click()
    status(page, "done")
    open_voila.reload(page)
    status(page, "idle")
    assert frames(page) == 0
    button(page, "Run").click()
    status(page, "done")


def test_a_run_that_was_started_in_the_cell_is_there_when_the_page_comes(open_page):
    page = open_page([MODEL, SMALL.replace("{steps}", "15") + ".run()\nview.wait()\nview"])
    status(page, "done")
    drawn(page, 1)
    assert look(page) != 0


def test_a_kernel_that_no_longer_answers_is_named_and_may_come_back(open_voila):
    page = open_voila(small())
    button(page, "Run").click()
    drawn(page, 2)
    (kernel,) = open_voila.server.kernels()
    kernel.suspend()
    try:
        status(page, "disconnected")
        page.get_by_text("Restart it and run the notebook again, or reload the page").first.wait_for()
        open_voila.screenshot(page, "disconnected")
    finally:
        kernel.resume()
    status(page, "running")
    button(page, "Stop").click()
    status(page, "cancelled")


BROKEN = """
class Net(torch.nn.Sequential):
    def forward(self, x):
        if x.requires_grad:
            raise RuntimeError("the pump is dry")
        return super().forward(x)
net = Net(torch.nn.Conv2d(3, 4, 3))
"""


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (BROKEN, "the pump is dry"),
        (
            "net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))\n_ = net[0].weight.data.fill_(float('nan'))",
            "not a finite number",
        ),
        (
            "net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))\n_ = net[0].weight.data.zero_()",
            "answers every image alike",
        ),
    ],
)
def test_what_goes_wrong_is_said_in_the_widget_which_lives_on(open_voila, cell, words):
    page = open_voila(
        [
            f"import torch\nimport xaiwidgets as xw\n{cell}",
            "xw.FeatureVisualizer(xw.ImageModel(net, (3, 8, 8)), layer='0', units=[0, 1], steps=20)",
        ]
    )
    for _ in range(2):
        button(page, "Run").click()
        page.wait_for_timeout(600)  # what the run before has said is gone
        page.wait_for_function(
            f"(words) => document.querySelector('{ROOT} [role=alert]')?.innerText.includes(words)", arg=words
        )
        status(page, "failed")
        assert words in said(page)
    open_voila.screenshot(page, f"failed-{words[:8].strip().replace(' ', '-')}")


def test_it_has_no_serious_accessibility_violation(open_voila):
    from axe_playwright_python.sync_playwright import Axe

    page = open_voila(small(8))
    button(page, "Run").click()
    status(page, "done")
    page.wait_for_timeout(1000)
    found = [
        violation
        for violation in Axe().run(page, context=ROOT).response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
    assert found == [], [(violation["id"], [node["html"] for node in violation["nodes"]]) for violation in found]


def test_it_is_readable_in_the_dark_and_narrow(open_voila):
    page = open_voila(small(30), size=(600, 900))
    button(page, "Run").click()
    status(page, "done")
    open_voila.screenshot(page, "narrow")
    boxes = {name: page.locator(f"{ROOT} .{name}").bounding_box() for name in ("xw-picture", "xw-what", "xw-how")}
    assert boxes["xw-picture"]["y"] < boxes["xw-what"]["y"] < boxes["xw-how"]["y"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
