"""The site with its worker, and the push services of two browsers: what tests of alerts share."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from backend import database
from tests.browser.firefox import Firefox, PushServer
from tests.databases import copied
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


@pytest.fixture(scope="session")
def alerts_url(server_url: str, database_url: str) -> Iterator[str]:
    """A database whose queue no other site's worker reads."""
    with copied(server_url, "alerts") as url:
        yield url


@dataclass
class Ringing:
    """The site with its worker, and the push services of two browsers."""

    site: Served
    chromes: PushService
    firefoxes: PushServer
    key_file: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.site.port}"

    async def ask(self, query: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.site.database)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def forget_everybody(self) -> None:
        """Nobody has turned alerts on yet."""
        await self.ask("DELETE FROM subscription")
        self.chromes.messages.clear()
        self.firefoxes.messages.clear()
        self.firefoxes.channels.clear()

    def keys(self, *words: str) -> None:
        """`python -m backend keys …` for this site."""
        command = [sys.executable, "-m", "backend", "keys", *words]
        environment = {**os.environ, "KEYS": str(self.key_file), "DATABASE_URL": self.site.database}
        subprocess.run(command, cwd=HOUSE, env=environment, check=True, capture_output=True)

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


@pytest.fixture(scope="session")
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
            yield Ringing(site, chromes, firefoxes, folder / "keys.json")


@contextlib.asynccontextmanager
async def phone(
    chromium: Browser, ringing: Ringing, name: str, endpoint: str = "", **options: Any
) -> AsyncIterator[BrowserContext]:
    """A phone that may be rung, at `endpoint` or else at our own push service."""
    from tests.browser.conftest import watch

    complaints: list[str] = []
    context = await chromium.new_context(
        base_url=ringing.url,
        viewport={"width": 360, "height": 740},
        **{"locale": "en-US", "permissions": ["notifications"], **options},
    )
    watch(context, Served(ringing.url, ringing.site.port, ringing.site.process, ringing.site.log),
          complaints)  # fmt: skip
    keys = ringing.chromes.phone(name)
    line = {
        "endpoint": endpoint or ringing.chromes.endpoint(name),
        "keys": {"p256dh": base64url(keys.p256dh), "auth": base64url(keys.auth)},
    }
    await context.add_init_script(LINE % json.dumps(line))
    try:
        yield context
    finally:
        await context.close()
    # The worker itself asks for Chromium's own line, of which there is none here; and what a test
    # cuts off, Chromium reports.
    expected = ("push service", "ERR_INTERNET_DISCONNECTED")
    assert [each for each in complaints if not any(word in each for word in expected)] == []


class Deliverer:
    """What Chromium's push service is for one page: it hands data to its worker, each once."""

    def __init__(self, page: Page, ringing: Ringing) -> None:
        self.page, self.url = page, ringing.url

    async def __aenter__(self) -> "Deliverer":
        self.cdp = await self.page.context.new_cdp_session(self.page)
        scopes: dict[str, str] = {}
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def note_scopes(event: dict[str, Any]) -> None:
            for each in event["registrations"]:
                scopes[each["registrationId"]] = each["scopeURL"]

        def note_versions(event: dict[str, Any]) -> None:
            for each in event["versions"]:
                ours = scopes.get(each["registrationId"], "").startswith(self.url)
                if ours and each["status"] == "activated" and not ready.done():
                    ready.set_result(each["registrationId"])

        self.cdp.on("ServiceWorker.workerRegistrationUpdated", note_scopes)
        self.cdp.on("ServiceWorker.workerVersionUpdated", note_versions)
        await self.cdp.send("ServiceWorker.enable")
        self.registration = await asyncio.wait_for(ready, 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cdp.detach()

    async def deliver(self, data: str, title: str) -> dict[str, Any]:
        """Returns the notification with that title."""
        where = {"origin": self.url, "registrationId": self.registration}
        await self.cdp.send("ServiceWorker.deliverPushMessage", {**where, "data": data})
        return await until_shown(self.page, title)


async def shown(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate(
        """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(
            ({title, body, lang, tag, data}) => ({title, body, lang, tag, data}))"""
    )
    return found


async def close_all(page: Page) -> None:
    """As somebody who wipes them away."""
    while await shown(page):
        await page.evaluate(
            """async () => {
                const worker = await navigator.serviceWorker.ready;
                for (const each of await worker.getNotifications()) each.close();
            }"""
        )


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


SHOWN = """navigator.serviceWorker.ready.then((r) => r.getNotifications()).then((all) => all.map(
    ({title, body, lang, data}) => ({title, body, lang, data})))"""


async def turn_on_in(firefox: Firefox, *clicks: str) -> None:
    """Turn alerts on in a page that is open, after these were tapped."""
    await firefox.until("navigator.serviceWorker.ready.then(() => true)")
    await firefox.until("!document.querySelector('.ring').hidden")
    for selector in (*clicks, "button.on"):
        await firefox.evaluate(f"document.querySelector({json.dumps(selector)}).click()")
    await firefox.until("!document.getElementById('alive').hidden")
    await firefox.until("document.querySelector('#alive .standing').textContent != ''")
    assert await firefox.evaluate("document.querySelector('#alive').className") == "alive"


async def of_firefox(ringing: Ringing) -> list[Any]:
    return await ringing.ask("SELECT * FROM subscription WHERE host LIKE 'localhost%'")
