"""All that counts stands on a phone's first screen, in every county."""

import pytest
from playwright.async_api import expect

from backend.counties import gazetteer
from backend.web.language import LANGUAGES
from tests.browser.conftest import Open

# Pixels, on a phone of 360: what is folded away is not read by who is in a hurry.
LONGEST = 3500
# What is hidden behind the bar of places, or past it, is not on the screen.
SEEN = """() => {
  const end = document.querySelector(".places").getBoundingClientRect().top;
  const parts = ["h1", ".verdict", ".first-rows li:last-child", ".urgent .button"];
  return parts.filter((part) => {
    const found = document.querySelector("#record .answer " + part);
    return !found || found.getBoundingClientRect().bottom > end || window.scrollY;
  });
}"""


@pytest.mark.parametrize("code", LANGUAGES)
async def test_headline_rows_and_button_need_no_scrolling(visit: Open, code: str) -> None:
    # What comes from the phone says so in a line more.
    page = await visit("/", width=360, height=640, service_workers="block")
    cut, long = {}, {}
    for county in gazetteer.counties():
        await page.goto(f"/counties/{county.slug}?lang={code}")
        assert await page.locator("html").get_attribute("lang") == code
        if missing := await page.evaluate(SEEN):
            cut[county.slug] = missing
        # While nothing is unfolded, and all is there.
        await page.locator(".what-comes").scroll_into_view_if_needed()
        await page.locator(".what-comes div p").first.wait_for()
        if (height := await page.evaluate("document.documentElement.scrollHeight")) > LONGEST:
            long[county.slug] = height
    assert cut == {}
    assert long == {}


async def test_what_is_folded_opens_for_a_link_and_for_paper(visit: Open) -> None:
    page = await visit("/counties/fresno", width=360, height=640)
    await page.click(".first-rows a[href$='#transfer']")
    await expect(page.locator("#transfer")).to_have_attribute("open", "")
    first = page.locator("#transfer .cites a").first
    source = await first.get_attribute("href")
    assert source
    await expect(page.locator("#sources")).not_to_have_attribute("open", "")
    await first.click()
    await expect(page.locator(source)).to_be_in_viewport()
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert await page.locator("#record details:not([open])").count() == 0
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert await page.locator("#record details:not([open])").count() > 5


async def test_the_numbers_are_drawn_with_their_table_behind(visit: Open) -> None:
    page = await visit("/counties/fresno")
    told = await page.locator(".plot svg").first.get_attribute("aria-label")
    assert told
    assert "2024: 102" in told
    await page.click("text=numbers, with what they count")
    await expect(page.locator(".figures")).to_be_visible()
