"""An editor on a small phone calls a line, and people see that it was called."""

from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Open
from tests.browser.staff import joined
from tests.browser.test_accessibility import violations
from tests.browser.test_the_desk import until_it_says
from tests.serving import HOUSE, Served

VENTURA = "/counties/ventura/detained"
PICTURES = HOUSE / "var" / "screenshots"


async def look(page: Page, name: str) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360, name
    await page.screenshot(path=PICTURES / f"desk-{name}.png", full_page=True)


async def test_a_line_is_called_and_a_mistake_taken_back(
    chromium: Browser, served: Served, visit: Open
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with joined(chromium, served, "Cal of the calls", "editor") as cal:
        page = cal.page
        await page.goto("/desk/detained")
        await page.get_by_role("link", name="Numbers to call").click()
        card = page.locator("li[id^='line-']", has_text="805 UndocuFund")
        await card.get_by_role("button", name="I am calling").click()
        await expect(card.get_by_text("Hello. I am calling from Confianza.")).to_be_visible()
        await expect(card.get_by_role("link", name="805-870-8855")).to_have_attribute(
            "href", "tel:+18058708855"
        )
        await look(page, "numbers-to-call")
        assert await violations(page) == []
        await card.get_by_label("Spanish").check()
        await card.get_by_role("button", name="they speak these").click()
        await expect(card.get_by_text("We called on")).to_be_visible()
        await until_it_says(served, VENTURA, "We called on")
        public = await visit(VENTURA, service_workers="block")
        first = public.locator(".line").first
        await expect(first).to_contain_text("We called on")
        await expect(first).to_contain_text("Languages: Spanish.")
        text = first.get_by_role("link", name="Text 805-870-8855")
        await expect(text).to_have_attribute("href", "sms:+18058708855")
        box = await text.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44
        await look(public, "called-line")
        await page.get_by_role("button", name="take it back").click()
        await expect(page.get_by_role("button", name="take it back")).to_have_count(0)
        await until_it_says(served, VENTURA, "Ask if someone speaks your language.")
        # The key that sends the reason says that the number is wrong, and nothing else.
        await card.get_by_role("button", name="I am calling").click()
        await card.get_by_label("What is wrong with it").fill("It is a shop.")
        await card.get_by_label("What is wrong with it").press("Enter")
        await expect(page.get_by_text("found the number wrong")).to_be_visible()
        await page.get_by_role("button", name="take it back").click()
        await until_it_says(served, VENTURA, "805-870-8855")
