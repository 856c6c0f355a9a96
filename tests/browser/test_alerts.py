"""An alert from the desk to a lock screen: in a real Chromium, and all the way in a Firefox."""

import asyncio
import contextlib
import datetime
import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from backend import database
from backend.web.clock import today
from tests.browser.conftest import watch
from tests.browser.firefox import Firefox, PushServer
from tests.browser.staff import joined
from tests.browser.test_accessibility import violations
from tests.browser.test_on_the_phone import first_visit
from tests.conftest import _end_connections, _with_database
from tests.push.service import PushService, base64url
from tests.serving import HOUSE, Served, serving

PICTURES = HOUSE / "var" / "screenshots"

# No push service can be reached from here, so Chromium's own line is put in place of: everything
# else of the page is as people have it.
LINE = """
const line = %s;
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")),
                                        (sign) => sign.charCodeAt(0));
let key = location.protocol === "http:" ? sessionStorage.getItem("line") : null;
const standing = () => key && {
  endpoint: line.endpoint,
  options: { applicationServerKey: bytes(key).buffer },
  toJSON: () => line,
  unsubscribe: async () => { key = null; sessionStorage.removeItem("line"); return true; },
};
PushManager.prototype.getSubscription = async () => standing();
PushManager.prototype.subscribe = async (options) => {
  key = options.applicationServerKey;
  sessionStorage.setItem("line", key);
  return standing();
};
"""


@pytest.fixture(scope="module")
def alerts_url(server_url: str, database_url: str) -> Iterator[str]:
    """A database whose queue no other site's worker reads."""
    name = f"confianza_alerts_{os.getpid()}"

    async def run(statement: str) -> None:
        server = await asyncpg.connect(server_url)
        await server.execute(statement)
        await server.close()

    template = f"confianza_test_{os.getpid()}"
    asyncio.run(_end_connections(server_url, template))
    asyncio.run(run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    yield _with_database(server_url, name)
    asyncio.run(run(f'DROP DATABASE "{name}" WITH (FORCE)'))


@dataclass
class Ringing:
    """The site with its worker, and the push services of two browsers."""

    site: Served
    chromes: PushService
    firefoxes: PushServer

    @property
    def url(self) -> str:
        return f"http://localhost:{self.site.port}"

    async def ask(self, query: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.site.database)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def look_for_news(self) -> None:
        """As the schedule does each minute; what happened just now happened a while ago."""
        connection = await asyncpg.connect(self.site.database)
        try:
            await connection.execute(
                "UPDATE hearing_change SET made_at = made_at - interval '11 minutes'"
            )
            await database.queue(connection).enqueue("look_for_news", b"{}", 1)
        finally:
            await connection.close()

    async def until(self, query: str, *values: Any) -> Any:
        for _ in range(600):
            if found := await self.ask(query, *values):
                return found[0]
            await asyncio.sleep(0.1)
        raise AssertionError(f"never came true: {query}\n{self.site.written()[-3000:]}")


@pytest.fixture(scope="module")
async def ringing(
    alerts_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ringing]:
    folder = tmp_path_factory.mktemp("alerts")
    async with PushService() as chromes, PushServer() as firefoxes:
        with serving(
            folder / "log",
            DATABASE_URL=alerts_url,
            DEVELOPMENT="1",
            KEYS=str(folder / "keys.json"),
            PUSH_TEST_HOSTS=f"{chromes.host} {firefoxes.host}",
        ) as site:
            yield Ringing(site, chromes, firefoxes)


@contextlib.asynccontextmanager
async def phone(
    chromium: Browser, ringing: Ringing, name: str, **options: Any
) -> AsyncIterator[BrowserContext]:
    """A phone that may be rung."""
    complaints: list[str] = []
    context = await chromium.new_context(
        base_url=ringing.url,
        viewport={"width": 360, "height": 740},
        permissions=["notifications"],
        **{"locale": "en-US", **options},
    )
    watch(context, Served(ringing.url, ringing.site.port, ringing.site.process, ringing.site.log),
          complaints)  # fmt: skip
    keys = ringing.chromes.phone(name)
    line = {
        "endpoint": ringing.chromes.endpoint(name),
        "keys": {"p256dh": base64url(keys.p256dh), "auth": base64url(keys.auth)},
    }
    await context.add_init_script(LINE % json.dumps(line))
    try:
        yield context
    finally:
        await context.close()
    # The worker itself asks for Chromium's own line, of which there is none here.
    assert [each for each in complaints if "push service" not in each] == []


class Deliverer:
    """What Chromium's push service is for one page: it hands data to its worker, over one line that
    stays open."""

    def __init__(self, page: Page, ringing: Ringing) -> None:
        self.page, self.url = page, ringing.url

    async def __aenter__(self) -> "Deliverer":
        self.cdp = await self.page.context.new_cdp_session(self.page)
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def note(event: dict[str, Any]) -> None:
            for each in event["registrations"]:
                if each["scopeURL"].startswith(self.url) and not found.done():
                    found.set_result(each["registrationId"])

        self.cdp.on("ServiceWorker.workerRegistrationUpdated", note)
        await self.cdp.send("ServiceWorker.enable")
        self.registration = await asyncio.wait_for(found, 20)
        await self._find_the_worker()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cdp.detach()

    async def _find_the_worker(self) -> None:
        """Chromium answers before it has found the worker, and on a busy machine now and then finds
        none. So one that nobody waits for goes ahead; what counts is then handed over once."""
        for _ in range(5):
            await self._hand_over('{"notification": {"title": "ahead", "tag": "ahead"}}')
            with contextlib.suppress(AssertionError):
                await until_shown(self.page, "ahead", 8)
                return
        raise AssertionError("the worker shows nothing")

    async def deliver(self, data: str, title: str) -> dict[str, Any]:
        """Returns the notification with that title."""
        await self._hand_over(data)
        return await until_shown(self.page, title)

    async def _hand_over(self, data: str) -> None:
        where = {"origin": self.url, "registrationId": self.registration}
        await self.cdp.send("ServiceWorker.deliverPushMessage", {**where, "data": data})


async def shown(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate(
        """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(
            ({title, body, lang, tag, data}) => ({title, body, lang, tag, data}))"""
    )
    return found


async def until_shown(page: Page, title: str, seconds: int = 20) -> dict[str, Any]:
    for _ in range(seconds * 10):
        for each in await shown(page):
            if each["title"] == title:
                return each
        await asyncio.sleep(0.1)
    raise AssertionError(f"{title!r} is not among {await shown(page)}")


async def turn_on(page: Page, county: str) -> None:
    await page.locator(".county-picker summary").click()
    await page.locator(f'input[name="county"][value="{county}"]').check()
    await page.locator("button.on").click()
    await expect(page.locator("#alive")).to_be_visible()
    await expect(page.locator("#alive")).not_to_have_class("alive ill")


async def look_at_the_desk(desk: Page) -> None:
    """Write an alert from the hearing, and look at every page on the way."""
    await desk.get_by_role("link", name="Write an alert").click()
    await expect(desk.locator("#estimate")).to_contain_text("1 phone would ring")
    await desk.locator('input[value="all"]').check()
    await desk.locator("#title_en").fill("Come on Tuesday")
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


def day(days: int) -> str:
    return (today() + datetime.timedelta(days=days)).isoformat()


async def test_an_event_moved_at_the_desk_reaches_a_lock_screen_in_its_language(
    chromium: Browser, ringing: Ringing
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with phone(chromium, ringing, "rosario", locale="es-MX") as context:
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
        async with joined(chromium, site, "Ana of the alert", "editor", "campaigner") as ana:
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
            await ringing.until("SELECT 1 FROM alert_news WHERE kind = 'announced'")
            await desk.get_by_role("link", name="Move it").click()
            await desk.locator("#starts_on").fill(day(31))
            await desk.get_by_role("button", name="Move it").click()
            await expect(desk.locator("main .status").first).to_have_text("Moved")
            await ringing.look_for_news()
            await ringing.until("SELECT 1 FROM ring WHERE what LIKE 'moved%' AND accepted = 1")
            await look_at_the_desk(desk)
        message = ringing.chromes.got("rosario")[-1]
        assert len(message.body) > 1024
        assert message.headers["urgency"] == "high"
        received = "SELECT 1 FROM subscription WHERE received_at IS NOT NULL"
        async with Deliverer(page, ringing) as service:
            await ringing.until(received)
            await ringing.ask("UPDATE subscription SET received_at = NULL")
            seen = await service.deliver(
                message.plain.decode(), "Cambió de hora o lugar: Foro sobre el alguacil"
            )
        assert seen["lang"] == "es"
        assert "Board chambers" in seen["body"]
        assert seen["data"]["navigate"].startswith(f"{ringing.url}/hearings/")
        await ringing.until(received)
        await page.reload()
        await expect(page.locator("#alive .received")).to_contain_text("La última alerta llegó")


@pytest.mark.parametrize(
    "data",
    ["", "{", "null", "[]", "5", '{"notification": 5}', '{"notification": {"title": {}}}',
     '{"web_push": 8030}', "\x00\xff", "x" * 3900],
)  # fmt: skip
async def test_what_cannot_be_read_shows_something_all_the_same(
    chromium: Browser, ringing: Ringing, data: str
) -> None:
    async with phone(chromium, ringing, "odd") as context:
        page = await first_visit(context, "/about")
        async with Deliverer(page, ringing) as service:
            seen = await service.deliver(data, "New update")
        assert seen["body"] == "Open the app to read it."
        assert seen["data"]["navigate"] == f"{ringing.url}/"


async def test_it_opens_no_page_of_anybody_else(chromium: Browser, ringing: Ringing) -> None:
    async with phone(chromium, ringing, "odd") as context:
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


async def test_choices_are_changed_where_they_were_made_and_alerts_turned_off(
    chromium: Browser, ringing: Ringing
) -> None:
    async with phone(chromium, ringing, "chooser") as context:
        page = await first_visit(context, "/counties/kern")
        await page.locator(".keep-county").click()
        await page.goto("/alerts")
        # The county this phone keeps is chosen already.
        await expect(page.locator('input[value="kern"]')).to_be_checked()
        await page.locator("button.on").click()
        await expect(page.locator("#alive")).to_be_visible()
        await page.locator('input[value="jails"]').uncheck()
        await page.locator("button.save").click()
        await expect(page.locator("#turned")).to_have_text("Saved.")
        await page.reload()
        await expect(page.locator('input[value="jails"]')).not_to_be_checked()
        await expect(page.locator('input[value="holds"]')).to_be_checked()
        await page.locator("#alive details summary").click()
        await page.locator("#alive button.code").click()
        await expect(page.locator("#alive .said")).to_contain_text("The code is ")
        before = len(await ringing.ask("SELECT id FROM subscription"))
        await page.locator("#alive button.off").click()
        await expect(page.locator("#alive .said")).to_contain_text("Alerts are off")
        assert len(await ringing.ask("SELECT id FROM subscription")) == before - 1
        await expect(page.locator("button.on")).to_be_visible()


async def test_forgetting_the_phone_ends_its_alerts(chromium: Browser, ringing: Ringing) -> None:
    async with phone(chromium, ringing, "forgetful") as context:
        page = await first_visit(context, "/alerts")
        await turn_on(page, "kern")
        before = len(await ringing.ask("SELECT id FROM subscription"))
        await page.goto("/privacy")
        await page.locator("form.forget button").click()
        await page.wait_for_url("**/forgotten")
        assert len(await ringing.ask("SELECT id FROM subscription")) == before - 1
        assert await page.evaluate("caches.keys()") == []


async def test_a_line_that_changed_is_found_when_the_app_is_opened(
    chromium: Browser, ringing: Ringing
) -> None:
    async with phone(chromium, ringing, "changed") as context:
        page = await first_visit(context, "/alerts")
        await turn_on(page, "kern")
        # As if the browser had dropped it, and asked nobody.
        await page.evaluate("sessionStorage.removeItem('line')")
        await page.reload()
        await expect(page.locator("#alive")).to_have_class("alive ill")
        await expect(page.locator('[data-cure="ended"]')).to_be_visible()
        await page.locator("button.on").click()
        await expect(page.locator("#alive")).to_have_class("alive")
        # And as if we held nothing of it any more.
        await ringing.ask("DELETE FROM subscription")
        await page.reload()
        await expect(page.locator('[data-cure="unknown"]')).to_be_visible()
        await expect(page.locator("button.on")).to_be_visible()


async def test_an_iphones_browser_is_told_to_install_first(
    chromium: Browser, ringing: Ringing
) -> None:
    agent = ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 "
             "(KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1")  # fmt: skip
    async with phone(chromium, ringing, "iphone", user_agent=agent) as context:
        page = await context.new_page()
        await page.goto("/alerts")
        await expect(page.locator('[data-unable="ios"]')).to_be_visible()
        await expect(page.locator("button.on")).to_be_hidden()


async def test_without_scripts_the_page_says_so_and_offers_the_other_ways(
    chromium: Browser, ringing: Ringing
) -> None:
    async with phone(chromium, ringing, "plain", java_script_enabled=False) as context:
        page = await context.new_page()
        await page.goto("/alerts")
        await expect(page.locator("noscript p")).to_be_visible()
        await expect(page.locator("button.on")).to_be_hidden()
        await page.locator(".county-picker summary").click()
        await page.locator('input[value="modoc"]').check()
        await page.get_by_role("button", name="Make my calendar").click()
        value = await page.locator("#feed").input_value()
        assert "/hearings.ics?county=modoc&county=state" in value
        assert "county" not in value.partition("county=state")[2]


async def test_a_whole_alert_in_firefox(ringing: Ringing) -> None:
    service = ringing.firefoxes
    async with Firefox(service.address) as firefox:
        await firefox.open(f"{ringing.url}/alerts?lang=en")
        await firefox.until("navigator.serviceWorker.ready.then(() => true)")
        await firefox.until("!document.querySelector('.ring').hidden")
        await firefox.evaluate("document.querySelector('input[value=kern]').click()")
        await firefox.evaluate("document.querySelector('button.on').click()")
        await firefox.until("!document.getElementById('alive').hidden")
        row = await ringing.until("SELECT * FROM subscription WHERE host LIKE 'localhost%'")
        assert row["language"] == "en"
        await firefox.until("document.querySelector('#alive .standing').textContent != ''")
        assert await firefox.evaluate("document.querySelector('#alive').className") == "alive"
        # Send me a test: over our worker, its push service and its own worker.
        await firefox.evaluate("document.querySelector('#alive button.test').click()")
        await firefox.until("document.querySelector('#alive .said').textContent == 'It arrived.'")
        told = json.loads(
            await firefox.evaluate(
                "navigator.serviceWorker.ready.then((r) => r.getNotifications())"
                ".then((all) => JSON.stringify(all.map(({title, lang}) => [title, lang])))"
            )
        )
        assert told == [["New update", "en"]]
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
        assert await ringing.ask("SELECT 1 FROM subscription WHERE host LIKE 'localhost%'") == []
        assert await firefox.evaluate(
            "navigator.serviceWorker.ready.then((r) => r.pushManager.getSubscription())"
            ".then((line) => line === null)"
        )
        assert service.channels == {}
