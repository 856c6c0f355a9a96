"""Hearings on a phone: read, narrowed, printed, taken along, and shown where the county is read."""

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from icalendar import Calendar
from playwright.async_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.test_accessibility import violations
from tests.serving import HOUSE

# In a process of its own, since the served site's database is not this one's.
ANNOUNCE = """
import asyncio, datetime
from backend import database, settings
from backend.hearings import changes, entry
from backend.web.clock import CALIFORNIA, today
from tests.hearings.saying import forum, in_days

async def work():
    hearing = await changes.announce(forum(**FIELDS), None)
    THEN
    print(hearing.id)

settings.remember_database(URL)
database.use(URL)
asyncio.run(work())
"""

Announce = Callable[..., int]


@pytest.fixture
def announce(served_url: str) -> Announce:
    def work(fields: str = "{}", then: str = "pass") -> int:
        code = ANNOUNCE.replace("FIELDS", fields).replace("THEN", then)
        code = code.replace("URL", repr(served_url))
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=HOUSE,
            env={**os.environ, "PYTHONPATH": str(HOUSE), "PYTHONWARNINGS": "default"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split()[-1])

    return work


async def soon(page: Page, address: str, words: str) -> None:
    """Until the site has heard of it."""
    for _time in range(50):
        await page.goto(address)
        if words in await page.locator("main").inner_text():
            return
        await page.wait_for_timeout(100)
    raise AssertionError(f"{words!r} never came on {address}")


async def test_a_forum_is_read_narrowed_and_taken_along(visit: Open, announce: Announce) -> None:
    id = announce()
    page = await visit("/hearings", service_workers="block")
    await soon(page, "/hearings", "Forum on the sheriff & ICE")
    await expect(page.locator("html")).to_have_attribute("data-ready", "yes")
    await page.get_by_text("Show only some").click()
    await page.get_by_label("Where").select_option("alpine")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("#coming")).to_contain_text("No hearing is announced in Alpine.")
    assert page.url.endswith("/hearings?county=alpine&kind=&topic=")
    await expect(page.locator("#coming [data-focus]")).to_be_focused()
    await page.get_by_role("link", name="Show all", exact=True).click()
    await page.get_by_role("link", name="Forum on the sheriff & ICE").first.click()
    assert page.url.endswith(f"/hearings/{id}")
    link = page.get_by_role("link", name="Add to calendar")
    answer = await page.request.get(str(await link.get_attribute("href")))
    [event] = Calendar.from_ical(await answer.body()).walk("VEVENT")
    assert event["SUMMARY"] == "Forum on the sheriff & ICE"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_moved_and_what_was_cancelled_can_be_seen_without_color(
    visit: Open, announce: Announce, scheme: str
) -> None:
    announce(then="await changes.change(hearing.id, forum(starts_at=in_days(50)), None)")
    gone = announce(then='await changes.change(hearing.id, forum(status="cancelled"), None)')
    page = await visit("/hearings", service_workers="block", color_scheme=scheme)
    await soon(page, "/hearings", "Cancelled: do not go.")
    for words in ("Moved: the new time and place stand here.", "Cancelled: do not go."):
        news = page.locator(".news", has_text=words).first
        await expect(news.locator("svg")).to_be_visible()
        await expect(news).to_be_visible()
    assert await violations(page) == []
    await page.goto(f"/hearings/{gone}")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.screenshot(path=HOUSE / "var" / "screenshots" / f"hearing-cancelled-{scheme}.png")


async def test_a_hearing_prints_on_one_sheet_with_its_way_back(
    visit: Open, announce: Announce
) -> None:
    id = announce(
        '{"decides": entry.Said(en="Nothing is decided. The sheriff answers. " * 6),'
        ' "how_to_speak": entry.Said(en="Fill in a card at the door. " * 6),'
        ' "remote_url": "https://meet.test/" + "x" * 100, "time_text": "9:30 A.M. or soon after"}'
    )
    page = await visit("/hearings", service_workers="block")
    await soon(page, f"/hearings/{id}", "How to speak there")
    await page.emulate_media(media="print")
    await expect(page.locator(".scan .qr")).to_be_visible()
    await expect(page.locator(".sources")).to_be_visible()
    await expect(page.locator("#share")).to_be_hidden()
    await expect(page.locator(".places").first).to_be_hidden()
    await page.screenshot(path=HOUSE / "var" / "screenshots" / "hearing-print.png", full_page=True)
    sheet = await page.pdf(format="Letter", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page[\n/]", sheet)) == 1


async def test_a_countys_page_shows_what_comes_without_saying_which_county(
    visit: Open, announce: Announce
) -> None:
    id = announce('{"county": "sierra"}')
    page = await visit("/hearings", service_workers="block")
    await soon(page, "/counties/sierra/hearings", "Forum on the sheriff & ICE")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto("/counties/sierra")
    await expect(page.locator(f'.what-comes a[href="/hearings/{id}"]')).to_be_visible()
    assert any(each.endswith("/hearings/next") for each in asked)
    assert not any("sierra/hearings" in each for each in asked)
    assert await violations(page) == []
    await page.evaluate("localStorage.setItem('county', 'sierra')")
    await page.goto("/")
    await expect(page.locator(f'#my-county a[href="/hearings/{id}"]')).to_be_visible()


@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_hearings_page_holds_on_a_small_screen_and_at_twice_the_size(
    visit: Open, announce: Announce, language: str
) -> None:
    id = announce(
        '{"title": entry.Said(en="Un"+"believable" * 12), "body": "B" * 80, "place": "P" * 80,'
        ' "agenda_url": "https://county.test/" + "a" * 200, "noticed_on": today()}'
    )
    page = await visit("/hearings", width=320, service_workers="block")
    await soon(page, f"/hearings/{id}", "believable")
    await page.goto(f"/hearings/{id}?lang={language}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    assert await violations(page) == []
    await page.set_viewport_size({"width": 640, "height": 740})
    await page.evaluate("document.documentElement.style.fontSize = '212.5%'")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 640
    await page.evaluate("document.documentElement.dir = 'rtl'")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 640


async def test_my_countys_calendar_is_made_on_the_phone(visit: Open) -> None:
    page = await visit("/hearings", service_workers="block")
    await expect(page.locator(".my-county-calendar")).to_be_hidden()
    await page.evaluate("localStorage.setItem('county', 'sierra')")
    await page.reload()
    mine = page.get_by_role("link", name="Follow my county alone")
    await expect(mine).to_be_visible()
    address = str(await mine.get_attribute("href"))
    assert re.fullmatch(r"webcal://[\w.:]+/counties/sierra/hearings.ics\?lang=en", address)
    answer = await page.request.get(address.replace("webcal:", "http:"))
    assert answer.headers["content-type"].startswith("text/calendar")


async def test_everything_can_be_read_and_narrowed_without_scripts(
    visit: Open, announce: Announce
) -> None:
    page = await visit("/hearings/past", java_script_enabled=False)
    await page.get_by_text("Show only some").click()
    await page.get_by_label("County").select_option("san-diego")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("main")).to_contain_text("Board Policy L-2")
    await page.goto("/counties/modoc")
    await page.get_by_role("link", name="All hearings and votes").click()
    assert page.url.endswith("/counties/modoc/hearings")


async def test_pictures_to_look_at(visit: Open, announce: Announce) -> None:
    id = announce(
        '{"decides": entry.Said(en="Nothing is decided. The sheriff tells what he did for ICE."),'
        ' "how_to_speak": entry.Said(en="Fill in a card at the door, or call the clerk."),'
        ' "speak_by": in_days(39, 17), "agenda_item": "7", "file_number": "26-100"}'
    )
    folder = HOUSE / "var" / "screenshots"
    page = await visit("/hearings", service_workers="block", color_scheme="light")
    await soon(page, f"/hearings/{id}", "How to speak there")
    for name, address in {
        "hearing": f"/hearings/{id}",
        "hearings": "/hearings",
        "hearings-past": "/hearings/past",
        "hearings-county": "/counties/tulare/hearings",
        "hearings-empty": "/hearings?county=alpine&kind=rally",
        "county-with-hearings": "/counties/tulare",
    }.items():
        await page.goto(address)
        await page.wait_for_load_state("networkidle")
        picture = await page.screenshot(path=folder / f"{name}.png", full_page=True, scale="css")
        assert len(picture) > 5000
