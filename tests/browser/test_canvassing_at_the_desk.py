"""A lead on a small phone plans a shift, invites a phone, and types a sheet in by keyboard."""

import re
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Open
from tests.browser.staff import command, joined
from tests.browser.test_accessibility import violations
from tests.serving import HOUSE, Served

PICTURES = HOUSE / "var" / "screenshots"
CAMPAIGN = "health-for-all"
# A color on its way to another one is neither.
STILL = {"reduced_motion": "reduce"}
EVENT = "Market of the test at the desk"


async def look(page: Page, name: str) -> None:
    """Small enough for a phone, nothing for axe to find, in light and dark."""
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360, name
    await page.screenshot(path=PICTURES / f"desk-{name}.png", full_page=True)
    assert await violations(page) == [], name
    await page.emulate_media(color_scheme="dark")
    assert await violations(page, "color-contrast") == [], name
    await page.screenshot(path=PICTURES / f"desk-{name}-dark.png", full_page=True)
    await page.emulate_media(color_scheme="light")
    # axe leaves them where it measured, and htmx would hand them on, which our policy forbids.
    await page.evaluate(
        """document.querySelectorAll('[style=""]').forEach(e => e.removeAttribute("style"))"""
    )


async def type_line(page: Page, number: int, *lines: str) -> None:
    """With nothing but the keyboard: the name has the focus, Tab goes on, Enter saves."""
    await expect(page.get_by_role("heading", name=f"Line {number}", exact=True)).to_be_visible()
    await expect(page.locator("#name")).to_be_focused()
    for part, said in enumerate(lines):
        if part:
            await page.keyboard.press("Tab")
        await page.keyboard.type(said)
    await page.keyboard.press("Enter")


async def test_a_shift_from_its_plan_to_a_sheet_that_is_typed_in(
    chromium: Browser, served: Served
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with (
        joined(chromium, served, "Lola of the market", "canvass_lead", **STILL) as lola,
        joined(chromium, served, "Ada of the market", "admin", **STILL) as ada,
    ):
        command(served, "staff", "vouch", "Ada of the market")
        page = lola.page
        await page.get_by_role("link", name="Canvassing", exact=True).click()
        await look(page, "canvass-empty")
        await page.get_by_role("link", name="Plan a shift").click()
        await page.locator("#event").fill(EVENT)
        await page.locator("#names").fill("Rosa\nBeto")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("There is a problem")).to_be_visible()
        await expect(page.locator("#event")).to_have_value(EVENT)
        await look(page, "canvass-edit")
        await page.locator("#first").select_option(label="Health for all")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(EVENT)
        await look(page, "canvass-shift")
        shift = page.url

        await page.get_by_role("button", name="Show a code for Rosa").click()
        letters = page.locator(".code-in-letters")
        await expect(letters).to_have_text(re.compile("^[0-9A-Z]{5}-[0-9A-Z]{5}$"))
        await expect(page.locator(".countdown")).to_have_text(re.compile(r"^9:\d\d left$"))
        assert await letters.inner_text() not in page.url
        await look(page, "canvass-invitation")
        first = await letters.inner_text()
        await page.get_by_role("button", name="Show a new code").click()
        await expect(letters).not_to_have_text(first)

        for address, name in (
            ("/totals", "canvass-totals"),
            ("/sheets", "canvass-sheets"),
            ("/edit?lang=es", "canvass-edit-es"),
            ("?lang=es", "canvass-shift-es"),
            ("/sheets?lang=en", "canvass-sheets-again"),
        ):
            await page.goto(shift + address)
            await look(page, name)
        await page.locator("#number").fill("2")
        await page.get_by_role("button", name="Make them").click()
        await expect(page.locator("article.sheet")).to_have_count(2)
        await look(page, "canvass-print")
        await page.emulate_media(media="print")
        sizes = await page.locator(".print-sheets > div").evaluate_all(
            "all => all.map(each => getComputedStyle(each).breakBefore)"
        )
        assert sizes == ["auto", "page"]
        printed = PICTURES / "desk-canvass-print.pdf"
        await page.pdf(path=printed, format="Letter")
        assert pages_of(printed) == 2
        await page.emulate_media(media="screen")
        said = await page.locator(".sheet-number bdi").first.inner_text()
        await page.goto("/desk/canvass/sheets")
        await look(page, "canvass-find")
        await page.locator("#code").fill(said.lower())
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text(said)
        await look(page, "canvass-count")
        await page.locator("#filled").fill("3")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("0 of 3 lines are typed in.")).to_be_visible()
        await look(page, "canvass-line")
        await type_line(page, 1, "Ana López", "ana.of.the.market@example.org", "95404")
        await expect(page.get_by_text("1 of 3 lines are typed in.")).to_be_visible()
        await type_line(page, 2, "Beto", "555", "95404")
        await expect(page.locator("#contact-mistake")).to_be_visible()
        await look(page, "canvass-line-mistake")
        await page.locator("#contact").fill("707 555 0142")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("2 of 3 lines are typed in.")).to_be_visible()
        await page.get_by_role("button", name="Take the last line back").click()
        await expect(page.get_by_text("1 of 3 lines are typed in.")).to_be_visible()
        await type_line(page, 2, "Beto Díaz", "707 555 0142", "95404")
        await type_line(page, 3, "Luz", "luz.of.the.market@example.org", "95033")
        await expect(page.locator("#county-mistake")).to_be_visible()
        await page.get_by_label("Santa Clara County").check()
        await page.get_by_role("button", name="Save the line").click()
        await expect(page.get_by_text("3 of 3 lines are typed in.")).to_be_visible()
        await expect(page.get_by_role("button", name="The sheet is done")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("You typed it yourself")).to_be_visible()
        await look(page, "canvass-checking")
        sheet = page.url

        other = ada.page
        await other.goto(sheet)
        await other.get_by_role("link", name=re.compile(r"Type line \d again")).click()
        await expect(other.locator("#name")).to_have_value("")
        await look(other, "canvass-again")
        await other.locator("#name").fill("Somebody Else")
        await other.locator("#contact").fill("else@example.org")
        await other.locator("#zip").fill("94601")
        await other.get_by_role("button", name="Save the line").click()
        await expect(other.locator("mark").first).to_be_visible()
        await look(other, "canvass-settle")
        await other.get_by_role("button", name="It was right the first time").click()
        await expect(other.get_by_text("This sheet is done.")).to_be_visible()
        await look(other, "canvass-done")

        await page.goto(f"{shift}/totals")
        await expect(page.get_by_role("row", name=re.compile("paper 3"))).to_be_visible()
        await look(page, "canvass-totals-full")
        await page.goto(shift)
        await page.get_by_role("link", name=re.compile("Card for the table")).click()
        await look(page, "canvass-card")
        await page.emulate_media(media="print")
        await page.pdf(path=PICTURES / "desk-canvass-card.pdf", format="Letter")
        assert pages_of(PICTURES / "desk-canvass-card.pdf") == 1
        for address, name in (
            ("/desk/canvass/files", "canvass-files"),
            ("/desk/canvass/review", "canvass-review"),
        ):
            await other.goto(address)
            await look(other, name)


def pages_of(file: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", file.read_bytes()))


async def test_who_scans_the_card_signs_for_the_shift_without_a_script_too(
    visit: Open, limits_are_new: None
) -> None:
    page = await visit(f"/campaigns/{CAMPAIGN}?via=K7QMX9RT", java_script_enabled=False)
    await page.locator("#name").fill("Sol of the card")
    await page.get_by_role("button", name="Sign", exact=True).click()
    # The browser itself minds what is missing; what is wrong is told by us.
    await page.locator("#contact").fill("sol.of.the.card@")
    await page.locator("#zip").fill("95404")
    await page.locator("#agree_pledge").check()
    await page.get_by_role("button", name="Sign", exact=True).click()
    await expect(page.locator("#contact-error")).to_be_visible()
    assert await page.locator('input[name="via"]').get_attribute("value") == "K7QMX9RT"
    await page.locator("#contact").fill("sol.of.the.card@example.org")
    await page.get_by_role("button", name="Sign", exact=True).click()
    await expect(page.locator(".receipt .code")).to_be_visible()
