"""The first explanation, as its users meet it: in Voilà and in JupyterLab, in a real browser."""

CELLS = [
    "import xaiwidgets as xw\nmodel = xw.load_model('efficientnet_lite0')\nimages = xw.data.photographs()",
    "view = xw.FeatureVisualizer(model, layer='_blocks.8', units=[1, 5, 9, 20, 33, 47], steps={steps}, images=images)\nview",
]


def cells(steps: int) -> list[str]:
    return [text.replace("{steps}", str(steps)) for text in CELLS]


def test_run(open_page):
    page = open_page(cells(64))
    root = page.locator("[data-xw=FeatureVisualizer]")
    root.wait_for()
    open_page.screenshot(page, "idle")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_selector("[data-xw=FeatureVisualizer][data-status=running]")
    page.wait_for_timeout(3000)
    open_page.screenshot(page, "running")
    page.wait_for_selector("[data-xw=FeatureVisualizer][data-status=done]")
    page.wait_for_timeout(1500)
    open_page.screenshot(page, "done")
