"""Background work and the first page in a real browser, on a small phone."""

import asyncpg
from playwright.async_api import Browser, ViewportSize, expect

from backend.database import use
from backend.staff.auth import COOKIE
from backend.staff.tables import Account, Session
from tests.browser.conftest import watch
from tests.browser.staff import at_localhost
from tests.serving import HOUSE, Served

PHONE: ViewportSize = {"width": 360, "height": 740}
PICTURES = HOUSE / "var" / "screenshots"


async def test_an_admin_watches_the_work_and_drops_what_failed(
    chromium: Browser, served: Served, served_url: str, database_url: str
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    # Into the site's own database, so that the site knows this colleague and no other test does.
    use(served_url)
    try:
        ada = await Account.open_for("Ada of the work", ["admin"])
        _session, token = await Session.begin(ada, fresh=True)
    finally:
        use(database_url)
    complaints: list[str] = []
    site = at_localhost(served)
    async with (
        asyncpg.create_pool(served_url, min_size=1, max_size=1) as database,
        await chromium.new_context(base_url=site.url, viewport=PHONE) as context,
    ):
        watch(context, site, complaints)
        cookie = {"name": COOKIE, "value": token, "url": site.url.replace("http:", "https:")}
        await context.add_cookies([cookie])
        page = await context.new_page()
        await page.goto("/desk/work")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Background work")
        await expect(page.get_by_text("Running since").first).to_be_visible(timeout=30_000)
        await expect(page.get_by_text("a_letter_to_nobody")).to_have_count(0)
        await database.execute(
            "INSERT INTO pgqueuer (priority, status, entrypoint, attempts)"
            " VALUES (0, 'failed', 'a_letter_to_nobody', 6)"
        )
        await database.execute(
            "INSERT INTO alarm (name, standing, words, to_do, details, times, raised_at, last_at)"
            " VALUES ('job x', 'job x', 'A background job failed for good: %(job)s (%(kind)s).',"
            " 'Find the cause. Then, under Background work, let it try again or drop it.',"
            """ '{"job": "a_letter_to_nobody", "kind": "OSError"}', 3, now(), now())"""
        )
        # Nobody reloads the page.
        row = page.get_by_text("a_letter_to_nobody").first
        await expect(row).to_be_visible(timeout=30_000)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.screenshot(path=PICTURES / "desk-work.png", full_page=True)
        await page.goto("/desk")
        await expect(
            page.get_by_role("link", name="background job failed for good")
        ).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.screenshot(path=PICTURES / "desk-home.png", full_page=True)
        alarm = page.get_by_role("listitem").filter(has_text="(OSError)")
        await alarm.get_by_role("button", name="That is taken care of").click()
        await expect(page.get_by_text("(OSError)")).to_have_count(0)
        await page.goto("/desk/work")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Background work")
        await page.get_by_role("button", name="Drop it").click()
        await expect(page.get_by_text("a_letter_to_nobody")).to_have_count(0)
        await page.goto("/desk/retention")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.get_by_label("Why must nothing be deleted?").fill("Order 26-cv-1")
        await page.screenshot(path=PICTURES / "desk-retention.png", full_page=True)
        await page.get_by_role("button", name="Stop all removal").click()
        await expect(page.get_by_text("Order 26-cv-1")).to_be_visible()
        await page.screenshot(path=PICTURES / "desk-held.png", full_page=True)
        await page.get_by_role("button", name="Lift the hold").click()
        await expect(page.get_by_role("heading", name="Earlier holds")).to_be_visible()
    assert complaints == []
