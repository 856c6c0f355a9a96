"""An editor on a small phone announces a forum, moves it and cancels it."""

import datetime
import re

from playwright.async_api import Browser, Page, expect

from backend.database import use
from backend.hearings import proposals
from backend.hearings.entry import Entry, Said
from backend.hearings.kinds import Kind
from backend.hearings.relevance import Match
from backend.hearings.tables import HearingSource, SourceEvent
from backend.web.clock import CALIFORNIA, today
from tests.browser.staff import joined
from tests.browser.test_accessibility import violations
from tests.serving import HOUSE, Served

PICTURES = HOUSE / "var" / "screenshots"
TITLE = "Forum of the test at the desk"


async def look(page: Page, name: str) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360, name
    await page.screenshot(path=PICTURES / f"desk-{name}.png", full_page=True)


def day(days: int) -> str:
    return (today() + datetime.timedelta(days=days)).isoformat()


async def propose() -> None:
    """As an importer would."""
    source = HearingSource(name="Agendas of this test", kind="legistar", place="modoc")
    await source.save()
    event = SourceEvent(source=source.id, key="1", hash="x")
    await event.save()
    when = datetime.datetime.combine(
        today() + datetime.timedelta(days=9), datetime.time(13, 30), CALIFORNIA
    )
    said = Entry(
        kind=Kind.HEARING,
        title=Said(en="Board of Supervisors, regular meeting"),
        starts_at=when,
        county="modoc",
        place="Board chambers",
        agenda_url="https://example.org/agenda",
    )
    found = "Receive the Sheriff’s report under the TRUTH Act (Government Code 7283.1) for 2025"
    matches = [Match(word, "item", found) for word in ("TRUTH Act", "7283.1")]
    doubts = [("time_unclear", {"said": "1:30 P.M. or soon after"})]
    assert await proposals.offer(source, event, said, matches, doubts) == "proposed"


async def test_a_forum_is_announced_moved_and_cancelled(
    chromium: Browser, served: Served, served_url: str, database_url: str
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    # Into the site's own database, which no other test reads.
    use(served_url)
    try:
        await propose()
    finally:
        use(database_url)
    async with joined(chromium, served, "Ana of the forum", "editor") as ana:
        page = ana.page
        await page.get_by_role("link", name="Hearings", exact=True).click()
        await look(page, "hearings-empty")
        await page.get_by_role("link", name="Add a hearing").click()
        await page.locator("#kind").select_option("forum")
        await page.locator("#county").select_option("modoc")
        await page.locator("#starts_on").fill(day(45))
        await page.locator("#place").fill("Board chambers, Alturas")
        await page.get_by_role("button", name="Announce it").click()
        # Everything is told at once, and nothing typed is lost.
        await expect(page.get_by_text("There is a problem")).to_be_visible()
        await look(page, "hearing-mistakes")
        await expect(page.locator("#place")).to_have_value("Board chambers, Alturas")
        await page.locator("#title_en").fill(TITLE)
        await page.locator("#title_es").fill("Foro de la prueba")
        await page.locator("#starts_time").fill("17:30")
        await page.locator("#agenda_url").fill("https://example.org/agenda")
        await look(page, "hearing-new")
        assert await violations(page) == []
        await page.get_by_role("button", name="See how it reads").click()
        await expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
        await page.get_by_role("button", name="Announce it").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
        await expect(page.locator("dl.lines")).to_contain_text("5:30\u202fp.m. (Pacific)")
        await look(page, "hearing")
        assert await violations(page) == []

        await page.get_by_role("link", name="Move it").click()
        await page.locator("#starts_on").fill(day(52))
        await page.locator("#why").fill("The board has no quorum")
        await look(page, "hearing-move")
        assert await violations(page) == []
        await page.get_by_role("button", name="Move it").click()
        await expect(page.locator("main .status").first).to_have_text("Moved")
        await page.get_by_role("link", name="Cancel it").click()
        await page.get_by_role("button", name="Cancel it").click()
        await expect(page.locator("#why-mistake")).to_be_visible()
        await page.locator("#why").fill("The sheriff will not come")
        await page.get_by_role("button", name="Cancel it").click()
        await expect(page.locator("main .status").first).to_have_text("Cancelled")

        history = page.locator(".changes > li")
        await expect(history).to_have_count(3)
        await expect(history.nth(0)).to_contain_text("Cancelled: The sheriff will not come")
        await expect(history.nth(1)).to_contain_text("Moved: The board has no quorum")
        await expect(history.nth(1)).to_contain_text("Ana of the forum")
        await history.nth(1).locator("summary").click()
        await expect(history.nth(1).locator("ins").first).to_be_visible()
        await look(page, "hearing-history")
        assert await violations(page) == []

        here = page.url
        for address, name in (
            ("/desk/hearings", "hearings"),
            ("/desk/hearings/proposals", "proposals"),
            ("/desk/hearings/sources", "sources"),
            ("/desk/hearings/sources/new", "source-new"),
            ("/desk/hearings/sources/files", "hearing-files"),
            ("/desk/hearings?lang=es", "hearings-es"),
            (f"{here}/edit", "hearing-edit-es"),
            ("/desk/hearings?lang=en", "hearings-en"),
        ):
            await page.goto(address)
            await look(page, name)
            assert await violations(page) == [], address
        await page.goto("/desk/hearings/proposals")
        await page.get_by_role("link", name="Board of Supervisors, regular meeting").click()
        await expect(page.locator("mark")).to_have_count(2)
        await look(page, "proposal")
        assert await violations(page) == []
        await page.get_by_role("link", name="Mend it first").click()
        await page.locator("#title_en").fill("The sheriff’s report to the board")
        await page.get_by_role("button", name="Accept it so").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "The sheriff’s report to the board"
        )

        await page.goto(here)
        await page.get_by_role("link", name="Its public page").click()
        await expect(page).to_have_url(re.compile(r"/hearings/\d+$"))
        await expect(page.get_by_role("heading", level=1)).to_contain_text(TITLE)
        await expect(page.locator("main")).to_contain_text(re.compile("cancelled", re.I))
        await look(page, "hearing-public")
