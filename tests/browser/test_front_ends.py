"""The front ends that the other tests stand on: a plain button works, and what goes wrong is noticed."""

import pytest

BUTTON = [
    "import ipywidgets",
    "button = ipywidgets.Button(description='Press')",
    "button.on_click(lambda _: setattr(button, 'description', 'Pressed'))\nbutton",
]


def test_a_button_reaches_python_and_its_answer_the_page(open_page):
    page = open_page(BUTTON)
    page.get_by_role("button", name="Press").click()
    page.get_by_role("button", name="Pressed").wait_for()
    open_page.screenshot(page, "button")


def test_a_page_is_reloaded(open_page):
    page = open_page(BUTTON)
    page.get_by_role("button", name="Press").wait_for()
    open_page.reload(page)
    page.get_by_role("button", name="Press").wait_for()


def test_a_dark_page_is_dark(open_page):
    page = open_page(BUTTON, dark=True)
    page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")


def test_a_failing_cell_is_noticed(open_page):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        open_page(["1 / 0"])


def test_a_cell_that_warns_is_noticed(open_page):
    with pytest.raises(AssertionError, match="out of date"):
        open_page(["import warnings\nwarnings.warn('out of date')"])


def test_an_error_on_the_console_is_noticed(open_voila):
    page = open_voila(BUTTON)
    page.evaluate("console.error('out of cheese')")
    page.evaluate("fetch('/nothing')")
    heard = "\n".join(open_voila.noise.heard())
    assert "out of cheese" in heard
    assert "answered 404" in heard
    open_voila.allow("cheese|nothing", "made above")


def test_a_question_to_another_host_is_noticed(open_voila):
    page = open_voila(BUTTON)
    page.evaluate("fetch('https://example.org').catch(() => null)")
    assert any(error.startswith("outside") for error in open_voila.noise.heard())
    open_voila.allow("example.org", "made above")


def test_a_kernel_ends_as_its_page_is_left(open_voila):
    page = open_voila(BUTTON)
    kernels = open_voila.server.kernels()
    assert len(kernels) == 1
    page.goto("about:blank")
    kernels[0].wait(timeout=20)
