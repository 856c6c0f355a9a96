"""People look their county up, with and without JavaScript."""

import re

import pytest
from playwright.async_api import Page, expect

from backend.counties import gazetteer
from tests.browser.conftest import Open

BEFORE = "Yes. A law limited only part of this on that day."
ANSWER = "Not without a judge’s warrant."


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_a_zip_leads_to_the_answer(visit: Open, scripts: bool) -> None:
    page = await visit("/", java_script_enabled=scripts)
    await page.get_by_label("ZIP code, city or county").fill("90012")
    await page.get_by_role("button", name="Find").click()
    await expect(page).to_have_url(re.compile("/counties/los-angeles$"))
    await expect(page.locator(".verdict")).to_have_text(ANSWER)
    await expect(page.locator(".verdict")).to_be_in_viewport()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_a_zip_in_two_counties_asks_which(visit: Open, scripts: bool) -> None:
    shared = next(z for z in gazetteer.zips().values() if len(z.counties) == 2)
    page = await visit("/", java_script_enabled=scripts)
    await page.get_by_label("ZIP code, city or county").fill(shared.zip)
    await page.get_by_label("ZIP code, city or county").press("Enter")
    await expect(page.get_by_role("heading", name="Which county?")).to_be_visible()
    name = f"{shared.counties[1].name} County"
    await page.get_by_role("link", name=name).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)


async def test_what_was_typed_stays_in_the_box_with_the_reason(visit: Open) -> None:
    page = await visit("/")
    await page.get_by_label("ZIP code, city or county").fill("10001")
    await page.get_by_role("button", name="Find").click()
    box = page.get_by_label("ZIP code, city or county")
    await expect(box).to_have_value("10001")
    await expect(page.get_by_text("That ZIP code is not in California.")).to_be_visible()
    await box.fill("Fresno")
    await box.press("Enter")
    await expect(page).to_have_url(re.compile("/counties/fresno$"))


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_a_person_goes_back_in_time_and_returns(visit: Open, scripts: bool) -> None:
    page = await visit("/counties/los-angeles", java_script_enabled=scripts)
    await page.get_by_text("What changed over time").click()
    await page.get_by_label("Show what held on a day").fill("2014-03-01")
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page).to_have_url(re.compile(r"on=2014-03-01"))
    await expect(page.locator(".verdict")).to_have_text(BEFORE)
    await expect(page.get_by_text("This held on March 1, 2014.")).to_be_visible()
    await page.get_by_role("link", name="Show today").click()
    await expect(page.locator(".verdict")).to_have_text(ANSWER)
    await page.go_back()
    await expect(page.locator(".verdict")).to_have_text(BEFORE)


async def test_htmx_swaps_the_record_without_loading_the_page_anew(visit: Open) -> None:
    page = await visit("/counties/san-diego")
    await expect(page.locator("html[data-ready=yes]")).to_be_attached()
    await page.evaluate("window.stayed = true")
    await page.get_by_text("What changed over time").click()
    await page.get_by_role("link", name="December 10, 2024").first.click()
    await expect(page.get_by_text("This held on December 10, 2024.")).to_be_visible()
    assert await page.evaluate("window.stayed") is True
    assert await page.evaluate("document.activeElement.className") == "verdict"
    assert await page.locator("h1").count() == 1


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_the_list_changes_with_the_question(visit: Open, scripts: bool) -> None:
    page = await visit("/counties", width=1100, java_script_enabled=scripts)
    await page.get_by_role("link", name="Telling ICE").click()
    heading = "Does the jail tell ICE when someone will get out?"
    await expect(page.get_by_role("heading", name=heading)).to_be_visible()
    await expect(page.locator(".county-answers li")).to_have_count(58)
    await page.get_by_label("Go to another day").fill("2015-06-01")
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.get_by_text("This held on June 1, 2015.")).to_be_visible()
    await expect(page.get_by_role("heading", name=heading)).to_be_visible()


async def test_the_map_can_be_used_by_keyboard(visit: Open) -> None:
    page = await visit("/counties", width=1100)
    link = page.locator(".map a[href='/counties/inyo']")
    await link.focus()
    assert "Inyo County" in str(await link.get_attribute("aria-label"))
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/counties/inyo$"))


async def test_without_scripts_a_law_is_read_and_the_language_changed(visit: Open) -> None:
    page = await visit("/laws", java_script_enabled=False)
    await page.get_by_role("link", name="California Values Act").first.click()
    await expect(page.locator("h1")).to_have_text("California Values Act")
    await page.get_by_role("link", name="Español").click()
    await expect(page.locator("h1")).to_have_text("Ley de Valores de California")
    await expect(page).to_have_url(re.compile("/laws/values-act"))


async def test_the_language_changes_in_place_and_stays(visit: Open) -> None:
    page = await visit("/counties/alameda")
    await page.get_by_role("link", name="Español").click()
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await expect(page.locator("h1")).to_have_text("Condado de Alameda")
    await page.get_by_role("link", name="Más", exact=True).click()
    await expect(page.locator("html")).to_have_attribute("lang", "es")


async def test_a_phone_set_to_spanish_reads_spanish(visit: Open) -> None:
    page = await visit("/", locale="es-MX")
    await expect(page.locator("html")).to_have_attribute("lang", "es")


class TestLocation:
    """The county is worked out on the phone; the place itself goes nowhere."""

    HERE = "Use my location"

    async def locate(
        self, visit: Open, longitude: float, latitude: float
    ) -> tuple[Page, list[str]]:
        page = await visit(
            "/",
            geolocation={"longitude": longitude, "latitude": latitude},
            permissions=["geolocation"],
        )
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.get_by_role("button", name=self.HERE).click()
        return page, asked

    async def test_a_place_in_one_county_opens_it_and_sends_no_place(self, visit: Open) -> None:
        page, asked = await self.locate(visit, -118.2427, 34.0537)
        await expect(page).to_have_url(re.compile("/counties/los-angeles$"))
        assert any("/static/vendor/outlines.json" in address for address in asked)
        assert not any(re.search(r"118\.|34\.0|lat|lon=", address) for address in asked)

    async def test_a_place_near_a_county_line_asks_which(self, visit: Open) -> None:
        page, _asked = await self.locate(visit, -122.2478, 37.9010)
        await expect(page.locator("#location-answer")).to_contain_text("Which county?")
        await expect(page.locator("#location-answer a")).to_have_count(2)

    async def test_a_place_elsewhere_says_so(self, visit: Open) -> None:
        page, _asked = await self.locate(visit, -119.8138, 39.5296)
        await expect(page.locator("#location-answer")).to_contain_text("not in California")

    async def test_a_no_is_taken_kindly(self, visit: Open) -> None:
        page = await visit("/", permissions=[])
        await page.get_by_role("button", name=self.HERE).click()
        await expect(page.locator("#location-answer")).to_contain_text(
            "Type your ZIP code instead."
        )

    async def test_without_scripts_there_is_no_such_button(self, visit: Open) -> None:
        page = await visit("/", java_script_enabled=False)
        await expect(page.get_by_role("button", name=self.HERE)).to_have_count(0)
