"""Someone was detained: two taps to a number without a network, and nothing leaves the phone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Open, watch
from tests.browser.test_on_the_phone import asked_besides, first_visit, until
from tests.serving import Recorder, Served

FIND = "/detained/find"
# Five counties; the fourth has no line of its own, of the fifth only its name is known.
COUNTIES = {
    "Fresno": "559-206-0151",
    "Contra Costa": "925-900-5151",
    "San Diego": "619-536-0823",
    "Modoc": "888-624-4752",
    "Orange": "888-624-4752",
}
SHEET = {
    "sheet-name": "Maria Canary",
    "sheet-born": "May 1, 1990",
    "sheet-country": "Canaryland",
    "sheet-a": "A012345678",
    "sheet-where": "Fresno, 8 in the morning",
    "sheet-who": "ICE, a white van",
    "sheet-calls": "the hotline",
}


@pytest.fixture
async def wire(served: Served) -> AsyncIterator[Recorder]:
    async with Recorder(served.port) as recorder:
        yield recorder


@pytest.fixture
async def phone(
    chromium: Browser, wire: Recorder, request: pytest.FixtureRequest
) -> AsyncIterator[BrowserContext]:
    """A small phone whose every request is on record."""
    complaints: list[str] = []
    context = await chromium.new_context(
        base_url=wire.url,
        viewport={"width": 360, "height": 740},
        locale=getattr(request, "param", "en-US"),
    )
    watch(context, Served(wire.url, wire.port, None, Path()), complaints)  # type: ignore[arg-type]
    yield context
    await context.close()
    assert [each for each in complaints if "ERR_" not in each and "fetch" not in each] == []


async def cut_off(phone: BrowserContext, wire: Recorder) -> None:
    wire.connected = False
    await phone.set_offline(True)


async def cold_start(phone: BrowserContext) -> Page:
    """The icon on the home screen: a new page at the start address, nothing open before it."""
    for open_page in phone.pages:
        await open_page.close()
    page = await phone.new_page()
    await page.goto("/")
    return page


async def in_sight(page: Page, number: str) -> None:
    """The number can be tapped without scrolling, and is the largest words on the page."""
    link = page.locator(".line.first .phone").first
    await expect(link).to_have_text(number)
    await expect(link).to_have_attribute("href", f"tel:+1{number.replace('-', '')}")
    box = await link.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 740 - 60
    size, largest = await page.evaluate(
        """() => {
            const sizeOf = (e) => parseFloat(getComputedStyle(e).fontSize);
            return [sizeOf(document.querySelector(".line.first .phone")),
                Math.max(...[...document.querySelectorAll("main *")].map(sizeOf))];
        }"""
    )
    assert size == largest


@pytest.mark.parametrize("phone", ["en-US", "es-US"], indirect=True)
async def test_from_a_cold_start_without_a_network_two_taps_reach_a_number(
    phone: BrowserContext, wire: Recorder
) -> None:
    await first_visit(phone)
    await cut_off(phone, wire)
    for county, number in COUNTIES.items():
        page = await cold_start(phone)
        await page.locator("main a[href='/detained']").click()  # the first tap
        await in_sight(page, "888-624-4752")  # somebody to call is there already
        await page.locator(".county-list").get_by_role("link", name=county, exact=True).click()
        await expect(page).to_have_url(re.compile(r"/counties/[a-z-]+/detained$"))
        await in_sight(page, number)
        await expect(page.locator(".as-of")).to_be_visible()
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_contain_text(county)
        spanish = await page.evaluate("document.documentElement.lang") == "es"
        await expect(page.locator("#lines-title")).to_have_text(
            "Llame ahora" if spanish else "Call now"
        )
        await expect(page.locator("main .notice")).to_have_count(1 if spanish else 0)


async def test_the_other_way_leads_over_the_countys_own_page(
    phone: BrowserContext, wire: Recorder
) -> None:
    await first_visit(phone)
    await cut_off(phone, wire)
    page = await cold_start(phone)
    await page.locator(".county-list").get_by_role("link", name="Kern", exact=True).click()
    await page.get_by_role("link", name="Someone was detained", exact=True).click()
    await in_sight(page, "559-206-0151")


async def test_a_kept_county_sees_its_own_line_after_one_tap(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone, "/counties/san-diego")
    await page.get_by_role("button", name="This is my county").click()
    await cut_off(phone, wire)
    page = await cold_start(phone)
    await page.locator(".urgent a[href='/detained']").click()
    await expect(page.locator("#mine .phone").first).to_have_text("619-536-0823")
    await in_sight(page, "619-536-0823")


async def test_every_page_of_it_opens_without_a_network(
    phone: BrowserContext, wire: Recorder
) -> None:
    await first_visit(phone)
    await cut_off(phone, wire)
    page = await cold_start(phone)
    for address, words in (
        (FIND, "Look in the county jail"),
        ("/detained/places", "California City Immigration Processing Center"),
        ("/detained/calls", "San Francisco county jails"),
        ("/detained/family", "Caregiver’s Authorization Affidavit"),
        ("/detained/card", "I do not consent to you coming in"),
    ):
        await page.goto(address)
        await expect(page.locator("main")).to_contain_text(words)
        await expect(page.locator(".as-of")).to_be_visible()


async def fill(page: Page) -> None:
    for id, words in SHEET.items():
        await page.locator(f"#{id}").fill(words)


async def stored(page: Page) -> str:
    found: str = await page.evaluate(
        """async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie,
            location.href, history.state, await caches.keys(), await indexedDB.databases()])"""
    )
    return found


async def test_nothing_typed_on_the_sheet_leaves_the_phone_or_stays_unasked(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone, FIND)
    await expect(page.locator("html[data-ready=yes]")).to_be_attached()
    await page.wait_for_load_state("networkidle")
    wire.lines.clear()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await fill(page)
    await page.locator("#sheet-name").press("Enter")
    assert "Canary" not in await stored(page)
    await page.get_by_role("button", name="Keep on this phone").click()
    await expect(page.locator("#sheet .keeping .said")).to_have_text("Kept on this phone.")
    assert "Maria Canary" in await stored(page)
    assert asked == []
    assert await asked_besides(page, wire) == []
    assert page.url.endswith(FIND)

    await page.reload()
    for id, words in SHEET.items():
        await expect(page.locator(f"#{id}")).to_have_value(words)
    await page.locator("#sheet .keeping .erase").click()
    await expect(page.locator("#sheet-a")).to_have_value("")
    assert "Canary" not in await stored(page)
    await page.reload()
    await expect(page.locator("#sheet-name")).to_have_value("")
    assert not [line for line in wire.lines if "anary" in line or "012345678" in line]


async def test_unless_it_is_kept_the_sheet_is_gone_with_the_page(visit: Open) -> None:
    page = await visit(FIND)
    await fill(page)
    await page.reload()
    await expect(page.locator("#sheet-name")).to_have_value("")


DAY = 24 * 3600


async def test_the_sheet_is_kept_for_seven_days_unless_it_is_asked_for(visit: Open) -> None:
    page = await visit(FIND, locale="en-US", timezone_id="America/Los_Angeles")
    await page.clock.install()
    await fill(page)
    await page.get_by_role("button", name="Keep on this phone").click()
    # Until when is said, and again whenever it is opened.
    now = await page.evaluate("Date.now()")
    day = await page.evaluate(
        "new Date(Date.now() + 7 * 86400000).toLocaleDateString('en', {dateStyle: 'long'})"
    )
    await expect(page.locator("#sheet .keeping .until")).to_contain_text(f"until {day}")
    await page.clock.set_system_time((now + 6.9 * DAY * 1000) / 1000)
    await page.reload()
    await expect(page.locator("#sheet-a")).to_have_value(SHEET["sheet-a"])
    await expect(page.locator("#sheet .keeping .until")).to_contain_text(day)
    await page.clock.set_system_time((now + 7.1 * DAY * 1000) / 1000)
    await page.goto("/laws")  # whichever page is opened then
    await until(page, "localStorage.getItem('detained-sheet') === null")
    await page.goto(FIND)
    await expect(page.locator("#sheet-a")).to_have_value("")

    await fill(page)
    await page.get_by_label("Keep it until I erase it").check()
    await page.get_by_role("button", name="Keep on this phone").click()
    await page.clock.set_system_time((now + 400 * DAY * 1000) / 1000)
    await page.reload()
    await expect(page.locator("#sheet-a")).to_have_value(SHEET["sheet-a"])
    await expect(page.locator("#sheet .keeping .until")).to_have_text(
        "It is kept until you erase it."
    )


async def test_a_sheet_from_before_gets_its_seven_days_now(visit: Open) -> None:
    page = await visit(FIND)
    await page.evaluate(
        "(words) => localStorage.setItem('detained-sheet', JSON.stringify(words))", SHEET
    )
    await page.reload()
    await expect(page.locator("#sheet-a")).to_have_value(SHEET["sheet-a"])
    left = await page.evaluate(
        "JSON.parse(localStorage.getItem('detained-sheet')).until - Date.now()"
    )
    assert 6.9 * DAY * 1000 < left <= 7 * DAY * 1000


async def test_a_pin_seals_the_sheet_and_ten_wrong_ones_delete_it(
    phone: BrowserContext, wire: Recorder
) -> None:
    page = await first_visit(phone, FIND)
    await expect(page.locator("html[data-ready=yes]")).to_be_attached()
    await page.wait_for_load_state("networkidle")
    wire.lines.clear()
    await fill(page)
    await page.locator("#sheet-pin").fill("12345")
    await page.get_by_role("button", name="Keep on this phone").click()
    await expect(page.locator(".keeping .said")).to_have_text("Use six numbers or letters or more.")
    assert "sealed" not in await stored(page)
    await page.locator("#sheet-pin").fill("829301")
    await page.get_by_role("button", name="Keep on this phone").click()
    await expect(page.locator(".keeping .said")).to_have_text(
        "Kept on this phone, locked with your PIN."
    )
    kept = await stored(page)
    for word in ("Canary", "012345678", "829301", "Fresno"):
        assert word not in kept

    await page.reload()
    await expect(page.get_by_text("A sheet is locked on this phone.")).to_be_visible()
    await expect(page.locator("#sheet-name")).to_be_hidden()
    await page.locator("#sheet-open").fill("829300")
    await page.get_by_role("button", name="Open it").click()
    await expect(page.locator(".locked .said")).to_contain_text("That is not the PIN.")
    await expect(page.locator(".locked .said")).to_contain_text("9.")
    await page.locator("#sheet-open").fill("829301")
    await page.locator("#sheet-open").press("Enter")
    for id, words in SHEET.items():
        await expect(page.locator(f"#{id}")).to_have_value(words)
    # Kept again it stays locked, under the same PIN.
    await page.locator("#sheet-who").fill("Canary in a van")
    await page.get_by_role("button", name="Keep on this phone").click()
    await expect(page.locator(".keeping .said")).to_contain_text("locked with your PIN")
    assert "Canary" not in await stored(page)

    # Closing the page between two tries does not help.
    for left in range(9, 0, -1):
        if left % 3 == 0:
            await page.reload()
            await expect(page.locator("#sheet-open")).to_be_visible()
        if await page.locator("#sheet-open").is_hidden():
            await page.reload()
        await page.locator("#sheet-open").fill("000000")
        await page.get_by_role("button", name="Open it").click()
        await expect(page.locator(".locked .said")).to_contain_text(f" {left}.")
    await page.locator("#sheet-open").fill("000000")
    await page.get_by_role("button", name="Open it").click()
    await expect(page.locator(".keeping .said")).to_contain_text("The sheet is deleted.")
    assert "detained-sheet" not in await stored(page)
    await page.reload()
    await expect(page.locator("#sheet-name")).to_have_value("")
    assert wire.lines == [] or all("anary" not in line for line in wire.lines)


@pytest.mark.parametrize("width", [360, 320])
@pytest.mark.parametrize("code", ["en", "es"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_sheet_fits_a_small_phone(
    visit: Open, code: str, width: int, scheme: str
) -> None:
    page = await visit(f"{FIND}?lang={code}", width=width, color_scheme=scheme)
    pictures = Path(__file__).resolve().parents[2] / "var" / "screenshots"
    pictures.mkdir(parents=True, exist_ok=True)
    await fill(page)
    await page.locator("#sheet-pin").fill("829301")
    await page.locator("#sheet .keep").click()
    await expect(page.locator(".keeping .until")).not_to_be_empty()
    name = f"sheet-{code}-{width}-{scheme}"
    await page.locator("#sheet").screenshot(path=pictures / f"{name}.png")
    await page.reload()
    await expect(page.locator("#sheet-open")).to_be_visible()
    await page.locator("#sheet-open").fill("1")
    await page.locator("#sheet .open").click()
    await expect(page.locator(".locked .said")).to_contain_text("9")
    await page.locator("#sheet").screenshot(path=pictures / f"{name}-locked.png")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_forget_this_phone_erases_the_sheet(phone: BrowserContext) -> None:
    page = await first_visit(phone, FIND)
    await fill(page)
    await page.get_by_role("button", name="Keep on this phone").click()
    await page.goto("/privacy")
    await page.locator("form.forget button").click()
    await until(page, "location.pathname === '/forgotten'")
    assert "Canary" not in await stored(page)


async def test_a_page_kept_for_months_says_which_numbers_nobody_checked(visit: Open) -> None:
    page = await visit("/counties/fresno/detained")
    await expect(page.locator(".stale:visible")).to_have_count(0)
    await page.clock.set_fixed_time("2027-06-01T12:00:00-07:00")
    await page.reload()
    await expect(page.locator(".stale:visible").first).to_have_text(
        "Not checked lately, try this too."
    )


@pytest.mark.parametrize("size", ["Letter", "A4"])
@pytest.mark.parametrize("language", ["en", "es"])
async def test_the_card_prints_on_one_sheet(visit: Open, language: str, size: str) -> None:
    page = await visit(f"/detained/card?lang={language}")
    await page.emulate_media(media="print")
    for part in (".show", ".brief .phone", ".back .qr", ".sources"):
        assert await page.locator(part).first.is_visible(), part
    for part in (".places", ".steps-on", ".print-now", ".top"):
        assert not await page.locator(part).first.is_visible(), part
    sheet = await page.pdf(format=size, prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page[\n/ ]", sheet)) == 1


async def test_the_sheet_prints_with_what_was_typed(visit: Open) -> None:
    page = await visit(FIND)
    await fill(page)
    await page.emulate_media(media="print")
    assert await page.locator("#sheet-a").is_visible()
    assert not await page.locator("#sheet .keep").is_visible()
    assert await page.locator("#sheet-a").input_value() == SHEET["sheet-a"]


async def test_without_scripts_the_numbers_and_the_counties_are_all_there(visit: Open) -> None:
    page = await visit("/detained", java_script_enabled=False)
    await in_numbers(page, "888-624-4752", "559-206-0151", "619-536-0823")
    await page.locator(".county-list").get_by_role("link", name="Fresno", exact=True).click()
    await expect(page.locator(".line.first .phone")).to_have_text("559-206-0151")
    await page.goto(FIND)
    await expect(page.locator("#sheet .keep")).to_be_hidden()


async def in_numbers(page: Page, *numbers: str) -> None:
    for number in numbers:
        await expect(page.locator(".phone", has_text=number)).to_be_visible()
