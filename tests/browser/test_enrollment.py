"""Help with health coverage in a person's browser: found, called, kept on the phone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Open, watch
from tests.browser.test_on_the_phone import first_visit, until
from tests.serving import Recorder, Served

SPANISH_LINE = "(800) 300-0213"
FRESNO_PHONE = "(877) 600-1377"


@pytest.fixture
async def wire(served: Served) -> AsyncIterator[Recorder]:
    async with Recorder(served.port) as recorder:
        yield recorder


@pytest.fixture
async def phone(chromium: Browser, wire: Recorder) -> AsyncIterator[BrowserContext]:
    """A Spanish speaker's phone, whose every request is on record."""
    complaints: list[str] = []
    context = await chromium.new_context(
        base_url=wire.url,
        viewport={"width": 360, "height": 740},
        locale="es-US",
        permissions=["geolocation"],
        geolocation={"latitude": 36.7378, "longitude": -119.7871},
    )
    watch(context, Served(wire.url, wire.port, None, Path()), complaints)  # type: ignore[arg-type]
    yield context
    await context.close()
    assert [each for each in complaints if "ERR_" not in each and "fetch" not in each] == []


async def kept(page: Page, slug: str) -> None:
    """Wait until the phone holds the county's list and the page that shows it."""
    await until(
        page,
        f"""(async () => {{
            const help = await caches.open("help");
            return Boolean(await help.match("/offline/counties/{slug}/help.json"))
                && Boolean(await help.match("/enrollment/places?lang=es"));
        }})()""",
    )


async def cut(phone: BrowserContext, wire: Recorder) -> None:
    wire.connected = False
    await phone.set_offline(True)


async def test_a_spanish_speaker_in_93721_finds_help_without_a_network(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone, "/enrollment/places?zip=93721")
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await kept(page, "fresno")
    await cut(phone, wire)

    await page.goto("/enrollment/places")
    await page.get_by_label("Código postal, ciudad o condado").fill("93721")
    await page.get_by_label("Código postal, ciudad o condado").press("Enter")
    await expect(page).to_have_url(re.compile("zip=93721"))
    await expect(page.locator("#saved")).to_contain_text("Guardado en este teléfono")
    office = page.locator(".help-card").first
    await expect(office).to_contain_text("Oficina del condado")
    await expect(office.get_by_role("link", name=FRESNO_PHONE)).to_have_attribute(
        "href", "tel:+18776001377"
    )
    line = page.locator(".help-card", has_text="Covered California").first
    await expect(line.locator(".phone").first).to_have_text(SPANISH_LINE)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360

    # A county that is not on this phone: the lines for everyone are.
    await page.goto("/enrollment/places?county=modoc")
    await expect(page.locator("#help-answer")).to_contain_text("no está en este teléfono")
    await expect(page.locator(".help-card", has_text="Covered California")).to_be_visible()


async def test_keeping_a_county_as_mine_asks_nobody_for_its_help(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone, "/counties/fresno")
    wire.lines.clear()
    await page.locator(".keep-county").first.click()
    await expect(page.locator(".keep-county").first).to_have_attribute("aria-pressed", "true")
    await page.goto("/")
    assert not any("fresno" in path for path in wire.paths())


async def test_my_place_is_used_on_the_phone_and_sent_to_nobody(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone, "/enrollment/places")
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(f"{request.url} {request.post_data or ''}"))
    await page.locator("#help-here").click()
    await expect(page.locator(".help-card").first).to_contain_text("Oficina del condado")
    assert any("/offline/counties/fresno/help.json" in each for each in asked)
    assert [each for each in asked if re.search(r"36[.,]7|119[.,]7|93721", each)] == []


async def test_a_list_is_found_called_and_handed_over_without_scripts(visit: Open) -> None:
    page = await visit("/enrollment/places", java_script_enabled=False)
    await page.get_by_label("ZIP code, city or county").fill("Fresno")
    await page.get_by_role("button", name="Find").click()
    card = page.locator(".help-card").first
    await expect(card.get_by_role("link", name=FRESNO_PHONE)).to_be_visible()
    await card.locator("h3 a").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Fresno County")
    await page.get_by_text("Tell us").click()
    await page.get_by_label("What is wrong?").select_option("hours")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("status")).to_contain_text("We do not know who you are")


async def test_a_list_prints_as_a_card(visit: Open) -> None:
    page = await visit("/enrollment/places?zip=93721")
    await page.emulate_media(media="print")
    assert await page.locator(".on-paper .qr").is_visible()
    assert await page.locator(".help-card .phone").first.is_visible()
    for away in (".help-finder", ".places", ".pass-on", ".or-location"):
        assert not await page.locator(away).is_visible(), away


async def test_what_can_be_tapped_on_a_card_is_large_enough(visit: Open) -> None:
    page = await visit("/enrollment/places?zip=93721")
    small = await page.evaluate(
        """() => [...document.querySelectorAll("main button, main input, main select, .phone,"
            + " main summary, .where a")]
            .filter(e => e.checkVisibility() && !["hidden", "checkbox"].includes(e.type)
                && e.getBoundingClientRect().height < 44)
            .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert small == []
