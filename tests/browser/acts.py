"""What a user does with a widget in a page, and what there is to see of it."""

import re

# What the pictures of a widget show, as one number, to see that they change or stay.
LOOK = """([root, index]) => {
    const picture = document.querySelectorAll(root)[index].querySelector(".xw-picture [role=img][data-frame]");
    return [...picture.querySelectorAll("canvas")].reduce((total, canvas) => {
        if (!canvas.width) return total;
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.reduce((sum, value, i) => (sum * 31 + value * (i % 7)) % 1000003, total + 7);
    }, 0);
}"""


class Acts:
    """Acts on the first widget of one class in a page, or on the one that a selector names."""

    def __init__(self, widget: str, within: str = "") -> None:
        self.root = f"{within}[data-xw={widget}]"
        self.picture = f"{self.root} .xw-picture [role=img][data-frame]"

    def button(self, page, name):
        return page.locator(self.root).first.get_by_role("button", name=name, exact=True)

    def status(self, page, *wanted):
        page.wait_for_selector(", ".join(f"{self.root}[data-status={word}]" for word in wanted))

    def frames(self, page):
        return int(page.locator(self.picture).first.get_attribute("data-frame"))

    def drawn(self, page, count):
        page.wait_for_function(f"() => Number(document.querySelector('{self.picture}').dataset.frame) >= {count}")

    def look(self, page, index=0):
        return page.evaluate(LOOK, [self.root, index])

    def settled(self, page, within=10):
        """What the pictures show once they are sharp and have been still for 0.8 s: a step under way may end first."""
        page.wait_for_selector(f"{self.picture}[data-lossless=true]")
        looks = [self.look(page)]
        for _ in range(within):
            page.wait_for_timeout(800)
            looks.append(self.look(page))
            if looks[-1] == looks[-2]:
                break
        return looks[-1]

    def becomes(self, page, look):
        """Wait until the pictures look like that again."""
        page.wait_for_function(f"(wanted) => ({LOOK})(['{self.root}', 0]) === wanted", arg=look)

    def said(self, page):
        return page.locator(self.root).first.inner_text()

    def says(self, page, words):
        page.wait_for_function(f"(words) => document.querySelector('{self.root}').innerText.includes(words)", arg=words)

    def slide(self, page, label, keys):
        slider = page.locator(self.root).first.get_by_role("slider", name=re.compile(re.escape(label))).first
        slider.focus()
        for _ in range(keys):
            page.keyboard.press("ArrowRight")
        return slider
