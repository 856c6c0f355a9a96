"""An alert from the desk to a lock screen: in a real Chromium, and all the way in a Firefox."""

import asyncio
import datetime
import json
from typing import Any

from playwright.async_api import Browser, Page, expect

from backend.web.clock import today
from tests.browser.firefox import Firefox
from tests.browser.ringing import (
    PICTURES,
    SHOWN,
    Deliverer,
    Ringing,
    close_all,
    of_firefox,
    phone,
    turn_on,
    turn_on_in,
)
from tests.browser.staff import joined
from tests.browser.test_accessibility import violations
from tests.browser.test_on_the_phone import first_visit
from tests.serving import Served


async def look_at_the_desk(desk: Page) -> None:
    """Write an alert from the hearing, and look at every page on the way."""
    await desk.get_by_role("link", name="Write an alert").click()
    await expect(desk.locator("#estimate")).to_contain_text("2 phones would ring")
    await desk.locator('input[value="modoc"]').uncheck()
    await expect(desk.locator("#estimate")).to_contain_text("0 phones would ring")
    await desk.locator('input[value="all"]').check()
    await expect(desk.locator("#estimate")).to_contain_text("2 phones would ring")
    await desk.locator("#title_en").fill("Come on Tuesday")
    await expect(desk.locator("#preview strong").filter(has_text="Come on Tues")).to_be_visible()
    await expect(desk.locator("#preview")).to_contain_text("Title: 15 of 80 letters.")
    await expect(desk.locator("#title_en")).to_be_focused()
    pages = [("new", None), ("preview", "See how it looks"), ("one", "Save the draft"),
             ("asked", "Ask that it be sent")]  # fmt: skip
    for name, button in pages:
        if button:
            await desk.get_by_role("button", name=button).click()
            await expect(desk.get_by_role("button", name=button)).to_have_count(
                1 if name == "preview" else 0
            )
        await look(desk, name)
    await desk.goto("/desk/alerts")
    await expect(desk.get_by_text("What rang by itself")).to_be_visible()
    await look(desk, "list")


async def look(desk: Page, name: str) -> None:
    await desk.screenshot(path=PICTURES / f"desk-alerts-{name}.png", full_page=True)
    assert await desk.evaluate("document.documentElement.scrollWidth") <= 360, name
    assert await violations(desk) == [], name
    await desk.set_viewport_size({"width": 1200, "height": 800})
    await desk.screenshot(path=PICTURES / f"desk-alerts-{name}-wide.png", full_page=True)
    await desk.set_viewport_size({"width": 360, "height": 740})


def day(days: int) -> str:
    return (today() + datetime.timedelta(days=days)).isoformat()


async def test_an_event_moved_at_the_desk_reaches_a_lock_screen_in_its_language(
    whole_chromium: Browser, ringing: Ringing
) -> None:
    """All the way in a Firefox, by the worker and its push service; and in Chromium, to which what
    came for it is handed."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await ringing.forget_everybody()
    async with (
        Firefox(ringing.firefoxes.address) as firefox,
        phone(whole_chromium, ringing, "rosario", locale="es-MX") as context,
    ):
        await firefox.open(f"{ringing.url}/alerts?lang=es")
        await turn_on_in(firefox, "input[value=modoc]", "input[value=full]", "input[name=quiet]")
        page = await first_visit(context, "/alerts")
        await page.screenshot(path=PICTURES / "alerts-es.png", full_page=True)
        await page.locator(".more-choices summary").click()
        await page.locator('input[value="full"]').check()
        await page.locator('input[name="quiet"]').uncheck()
        await page.screenshot(path=PICTURES / "alerts-es-open.png", full_page=True)
        await turn_on(page, "modoc")
        await expect(page.locator(".standing")).to_have_text("Sus alertas están activadas.")
        await page.screenshot(path=PICTURES / "alerts-es-on.png", full_page=True)
        site = Served(ringing.url, ringing.site.port, ringing.site.process, ringing.site.log,
                      ringing.site.database)  # fmt: skip
        async with joined(whole_chromium, site, "Ana of the alert", "editor", "campaigner") as ana:
            desk = ana.page
            await desk.goto("/desk/hearings/new")
            await desk.locator("#kind").select_option("forum")
            await desk.locator("#county").select_option("modoc")
            await desk.locator("#title_en").fill("Forum on the sheriff")
            await desk.locator("#title_es").fill("Foro sobre el alguacil")
            await desk.locator("#starts_on").fill(day(30))
            await desk.locator("#starts_time").fill("09:30")
            await desk.locator("#place").fill("Board chambers")
            await desk.locator("#agenda_url").fill("https://example.org/agenda")
            await desk.get_by_role("button", name="Announce it").click()
            await expect(desk.locator("main .status").first).to_have_text("Scheduled")
            await ringing.look_for_news()
            await ringing.until("SELECT 1 FROM ring WHERE what LIKE 'announced%' AND accepted = 2")
            await desk.get_by_role("link", name="Move it").click()
            await desk.locator("#starts_on").fill(day(31))
            await desk.get_by_role("button", name="Move it").click()
            await expect(desk.locator("main .status").first).to_have_text("Moved")
            await ringing.look_for_news()
            await ringing.until("SELECT 1 FROM ring WHERE what LIKE 'moved%' AND accepted = 2")
            await look_at_the_desk(desk)
        moved = "Cambió de hora o lugar: Foro sobre el alguacil"
        # The newer took the place of the older: Firefox shows one.
        await firefox.until(f"{SHOWN}.then((all) => all[0]?.title === {json.dumps(moved)})")
        [notification] = json.loads(await firefox.evaluate(f"{SHOWN}.then(JSON.stringify)"))
        assert notification["lang"] == "es"
        assert "Board chambers" in notification["body"]
        assert notification["data"]["navigate"].startswith(f"{ringing.url}/hearings/")
        message = ringing.chromes.got("rosario")[-1]
        assert len(message.body) > 1024
        assert message.headers["urgency"] == "high"
        async with Deliverer(page, ringing) as service:
            seen = await service.deliver(message.plain.decode(), moved)
        assert seen["lang"] == "es"
        assert "Board chambers" in seen["body"]
        assert seen["data"]["navigate"].startswith(f"{ringing.url}/hearings/")
        await page.reload()
        await expect(page.locator("#alive .received")).to_contain_text("La última alerta llegó")
        # The phone knows when. We were not told: nobody had asked for a test.
        received = "SELECT 1 FROM subscription WHERE received_at IS NOT NULL AND host = $1"
        assert not await ringing.ask(received, ringing.chromes.host)


ODD = ["", "{", "null", "[]", "5", '{"notification": 5}', '{"notification": {"title": {}}}',
       '{"web_push": 8030}', "\x00\xff", "x" * 3900]  # fmt: skip


async def test_what_cannot_be_read_shows_something_all_the_same(
    whole_chromium: Browser, ringing: Ringing
) -> None:
    # In one window: Chromium takes notifications of the same tag in two private windows for one,
    # and closes the other's with the first window.
    async with phone(whole_chromium, ringing, "odd") as context:
        page = await first_visit(context, "/about")
        async with Deliverer(page, ringing) as service:
            for data in ODD:
                seen = await service.deliver(data, "New update")
                assert seen["body"] == "Open the app to read it.", data
                assert seen["data"]["navigate"] == f"{ringing.url}/"
                await close_all(page)


async def test_it_opens_no_page_of_anybody_else(whole_chromium: Browser, ringing: Ringing) -> None:
    async with phone(whole_chromium, ringing, "odd") as context:
        page = await first_visit(context, "/about")
        async with Deliverer(page, ringing) as service:
            for address, opened in (
                ("https://example.org/hearings", "/"),
                ("javascript:alert(1)", "/"),
                ("//example.org", "/"),
                ("http://[", "/"),
                ("/hearings/5?lang=es", "/hearings/5?lang=es"),
            ):
                said = {"title": address, "body": "x", "navigate": address, "tag": address}
                seen = await service.deliver(
                    json.dumps({"web_push": 8030, "notification": said}), address
                )
                assert seen["data"]["navigate"] == ringing.url + opened


async def test_a_whole_alert_in_firefox(ringing: Ringing) -> None:
    service = ringing.firefoxes
    await ringing.forget_everybody()
    async with Firefox(service.address) as firefox:
        await firefox.open(f"{ringing.url}/alerts?lang=en")
        await turn_on_in(firefox, "input[value=kern]")
        [row] = await of_firefox(ringing)
        assert row["language"] == "en"
        # Send me a test: over our worker, its push service and its own worker.
        await firefox.evaluate("document.querySelector('#alive button.test').click()")
        await firefox.until("document.querySelector('#alive .said').textContent == 'It arrived.'")
        [told] = json.loads(await firefox.evaluate(f"{SHOWN}.then(JSON.stringify)"))
        assert (told["title"], told["lang"]) == ("New update", "en")
        [message] = service.messages
        assert message["urgency"] == "high"
        assert message["content-encoding"] == "aes128gcm"
        assert len(message["topic"]) == 32
        assert 0 < int(message["ttl"]) <= 600
        await ringing.until("SELECT 1 FROM subscription WHERE host LIKE 'localhost%'"
                            " AND received_at IS NOT NULL")  # fmt: skip
        # And off: neither Firefox nor we hold anything of it.
        await firefox.evaluate("document.querySelector('#alive button.off').click()")
        await firefox.until("document.querySelector('#alive .said').textContent.length > 12")
        assert await of_firefox(ringing) == []
        assert await firefox.evaluate(
            "navigator.serviceWorker.ready.then((r) => r.pushManager.getSubscription())"
            ".then((line) => line === null)"
        )
        assert service.channels == {}


LINE_OF_IT = "navigator.serviceWorker.ready.then((r) => r.pushManager.getSubscription())"


async def test_a_line_that_does_not_fit_is_mended_by_the_worker_when_a_page_opens(
    ringing: Ringing,
) -> None:
    """Nobody tells a phone that its line ended: it looks by itself, on whatever page is opened."""
    # The worker ends as soon as it has nothing to do, as it does on phones.
    soon_over = {"dom.serviceWorkers.idle_timeout": 300}
    await ringing.forget_everybody()
    async with Firefox(ringing.firefoxes.address, **soon_over) as firefox:
        await firefox.open(f"{ringing.url}/alerts?lang=en")
        await turn_on_in(firefox, "input[value=kern]")
        [first] = await of_firefox(ringing)

        async def opened_until(query: str, *values: Any) -> Any:
            """Page after page, until one is opened by a worker that has just awoken."""
            for _page in range(30):
                await asyncio.sleep(1)
                await firefox.open(f"{ringing.url}/about")
                if found := await ringing.ask(query, *values):
                    return found[0]
            raise AssertionError(f"never came true: {query}")

        # The browser dropped it.
        assert await firefox.evaluate(f"{LINE_OF_IT}.then((line) => line.unsubscribe())")
        where = "SELECT * FROM subscription WHERE host LIKE 'localhost%' AND "
        second = await opened_until(f"{where} place <> $1", first["place"])
        assert second["id"] == first["id"]
        assert second["topics"] == first["topics"]
        # Our key is a new one.
        ringing.keys("rotate", "vapid")
        third = await opened_until(f"{where} vapid_key <> $1", first["vapid_key"])
        assert third["id"] == first["id"]
        await firefox.open(f"{ringing.url}/alerts")
        await firefox.until("document.querySelector('#alive .standing')?.textContent != ''")
        assert await firefox.evaluate("document.querySelector('#alive').className") == "alive"
        await firefox.evaluate("document.querySelector('#alive button.test').click()")
        await firefox.until("document.querySelector('#alive .said').textContent == 'It arrived.'")
        # We hold nothing of it any more: then the browser shall not either.
        await ringing.ask("DELETE FROM subscription WHERE id = $1", first["id"])
        for _page in range(30):
            await asyncio.sleep(1)
            await firefox.open(f"{ringing.url}/about")
            if await firefox.evaluate(f"{LINE_OF_IT}.then((line) => line === null)"):
                break
        assert ringing.firefoxes.channels == {}
