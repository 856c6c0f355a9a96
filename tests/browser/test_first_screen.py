"""All that counts stands on a phone's first screen, in every county."""

import pytest

from backend.counties import gazetteer
from backend.web.language import LANGUAGES
from tests.browser.conftest import Open

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
    cut = {}
    for county in gazetteer.counties():
        await page.goto(f"/counties/{county.slug}?lang={code}")
        assert await page.locator("html").get_attribute("lang") == code
        if missing := await page.evaluate(SEEN):
            cut[county.slug] = missing
    assert cut == {}
