"""Canvassers in a real browser: a shift at a market, the app on a home screen, and a line that
breaks where a test wants it to.

A page counts as installed when Chromium itself says so: `--app=` opens it in a window of its own,
as an icon on a home screen does.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Browser, BrowserType, Page, expect

from backend.campaigns import receipts
from backend.staff.tables import digest
from tests.browser.bad_line import Line
from tests.browser.install import FLAGS, find
from tests.databases import copied
from tests.serving import HOUSE, Served, serving

SLUG = "end-ice-holds-and-transfers"
PIN = "258036"


@dataclass
class Market:
    """A shift of one campaign, on the site's own database, and somebody who works there."""

    site: Served
    shift: int
    other_shift: int
    campaign: int
    canvasser: int

    @classmethod
    async def open(cls, site: Served, event: str = "Sunday market") -> "Market":
        [row] = await ask(site, "SELECT id FROM campaign WHERE slug = $1", SLUG)
        shifts = [
            (
                await ask(
                    site,
                    "INSERT INTO shift (code, event, place, campaigns, languages, starts_at,"
                    " ends_at) VALUES ($1, $2, 'Quetzal Street', $3, '{en,es}', now(),"
                    " now() + interval '4 hours') RETURNING id",
                    receipts.new(),
                    name,
                    [row["id"]],
                )
            )[0]["id"]
            for name in (event, "Somebody else’s fair")
        ]
        [who] = await ask(site, "INSERT INTO canvasser DEFAULT VALUES RETURNING id")
        return cls(site, *shifts, row["id"], who["id"])

    async def invite(self, shift: int | None = None) -> str:
        """A code as the lead's QR holds it."""
        code = "".join(secrets.choice(receipts.ALPHABET) for _ in range(10))
        await self.ask(
            "INSERT INTO canvass_invitation (shift, canvasser, code_hash, ends_at)"
            " VALUES ($1, $2, $3, now() + interval '10 minutes')",
            shift or self.shift,
            self.canvasser,
            digest(code),
        )
        return code

    def command(self, *words: str) -> None:
        """`python -m backend …` beside the site, with its keys."""
        folder = self.site.log.parent
        subprocess.run(
            [sys.executable, "-m", "backend", *words],
            cwd=HOUSE,
            env={**os.environ, "DATABASE_URL": self.site.database, **where(folder)},
            check=True,
            capture_output=True,
        )

    async def ask(self, query: str, *values: Any) -> list[Any]:
        return await ask(self.site, query, *values)

    async def number(self, table: str) -> int:
        [row] = await self.ask(f"SELECT count(*) AS number FROM {table}")
        return int(row["number"])

    async def until(self, query: str, *values: Any) -> Any:
        for _ in range(300):
            if found := await self.ask(query, *values):
                return found[0]
            await asyncio.sleep(0.1)
        raise AssertionError(f"never came true: {query}\n{self.site.written()[-3000:]}")


async def ask(site: Served, query: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(site.database)
    try:
        return list(await connection.fetch(query, *values))
    finally:
        await connection.close()


@contextlib.contextmanager
def open_site(
    database: str, folder: Path, port: int | None = None, **environment: str
) -> Iterator[Served]:
    log = folder / "log"
    with serving(log, port=port, DATABASE_URL=database, **where(folder), **environment) as site:
        yield site


def where(folder: Path) -> dict[str, str]:
    """A site's own keys and letters."""
    return {"KEYS": str(folder / "keys.json"), "VAR": str(folder / "var")}


@contextlib.asynccontextmanager
async def on_the_home_screen(
    chromium: BrowserType, address: str, profile: Path, **options: Any
) -> AsyncIterator[Page]:
    """The app in its own window, with all it keeps in `profile`: close it, open it again, and it
    is the same phone. Fails for any script error."""
    mistakes: list[str] = []
    context = await chromium.launch_persistent_context(
        profile,
        executable_path=find(),
        args=[*FLAGS, f"--app={address}"],
        viewport={"width": 360, "height": 740},
        **{"locale": "en-US", **options},
    )
    context.on("weberror", lambda error: mistakes.append(str(error.error)))
    try:
        page = context.pages[0]
        await page.wait_for_url(re.compile("/canvass"))
        yield page
    finally:
        await context.close()
    assert mistakes == []


async def set_up(page: Page, code: str = "", label: str = "the tangerine one") -> None:
    """Fill in what a new phone asks."""
    if code:
        await page.locator("#code").fill(code)
    await page.locator("#label").fill(label)
    await page.locator("#pin").fill(PIN)
    await page.locator("#again").fill(PIN)
    await page.locator("#enrol-form [type=submit]").click()
    await expect(page.locator("#home")).to_be_visible()


async def unlock(page: Page, pin: str = PIN) -> None:
    if await page.locator("#canvasser").get_attribute("open") is None:
        await page.locator("#canvasser summary").click()
    await page.locator("#pin-typed").fill(pin)
    await page.locator("#pin-form [type=submit]").click()


async def is_ready(page: Page) -> None:
    """Wait until the phone needs no signal any more."""
    await page.evaluate(
        """async () => {
            await navigator.serviceWorker.ready;
            if (!navigator.serviceWorker.controller)
                await new Promise(r => navigator.serviceWorker.oncontrollerchange = r);
            for (let n = 0; n < 200; n++) {
                const kept = await caches.open("canvass");
                const pages = (await kept.keys()).filter(({url}) => url.includes("/canvass?lang="));
                if (pages.length > 1) return;
                await new Promise(r => setTimeout(r, 100));
            }
            throw new Error("nothing was kept");
        }"""
    )


@dataclass
class Person:
    """What somebody at the table says."""

    name: str
    contact: str
    zip: str = "95404"
    county: str = ""
    language: str = "en"
    news: bool = False
    aloud: bool = False


async def fill_in(page: Page, person: Person) -> None:
    await page.locator(f".start-in[lang={person.language}]").click()
    signing = page.locator("#signing")
    await signing.locator("#name").fill(person.name)
    await signing.locator("#contact").fill(person.contact)
    await signing.locator("#zip").fill(person.zip)
    if person.county:
        await signing.locator(f"input[value={person.county}]").check()
    await signing.locator("#agree_pledge").check()
    if person.news:
        await signing.locator("#agree_news").check()
    if person.aloud:
        await signing.locator("[name=aloud]").check()


async def sign(page: Page, person: Person) -> str:
    """From the start to the next signer's start, by hand; the receipt's code as it was shown."""
    await fill_in(page, person)
    await page.locator("#signing [type=submit]").click()
    await expect(page.locator("#signing .receipt")).to_be_visible()
    shown = await page.locator("#signing .code").inner_text()
    await page.locator("#signing .receipt .leave").click()
    await expect(page.locator("#locked")).to_be_visible()
    return shown.replace("-", "")


async def seal_many(page: Page, people: list[Person], shift: int) -> list[float]:
    """As `sign`, through the app's own hand and without the form. Milliseconds for each."""
    said = [
        {"name": each.name, "contact": each.contact, "zip": each.zip, "county": each.county,
         "language": each.language, "purposes": ["pledge"], "how": "shown", "campaign": SLUG}
        for each in people
    ]  # fmt: skip
    took: list[float] = await page.evaluate(
        """async ([people, shift]) => {
            const { save } = await import(document.querySelector('script[src*="canvass.js"]').src);
            const kit = await (await caches.match("/canvass/kit.json")).json();
            const open = indexedDB.open("canvass");
            await new Promise((r) => { open.onsuccess = r; });
            const asked = open.result.transaction("facts").objectStore("facts").get("device");
            await new Promise((r) => { asked.onsuccess = r; });
            open.result.close();
            const took = [];
            for (const said of people) {
                const begun = performance.now();
                await save(said, { device: asked.result.id, shift }, kit);
                took.push(performance.now() - begun);
            }
            return took;
        }""",
        [said, shift],
    )
    return took


async def unsent(page: Page) -> int:
    return len(await records(page))


async def until(condition: Any) -> None:
    for _ in range(1200):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to that")


async def until_unsent(page: Page, number: int) -> None:
    for _ in range(600):
        if await unsent(page) == number:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{await unsent(page)} still wait")


async def records(page: Page) -> list[dict[str, Any]]:
    """What waits in the page's own database."""
    found: list[dict[str, Any]] = await page.evaluate(DUMP + "dump().then(all => all.records)")
    return found


async def everything_kept(page: Page) -> str:
    """All that a script can find on the phone: every database, cache and storage, as text."""
    whole = await page.evaluate(
        DUMP
        + """(async () => {
            const found = { databases: await dump(), local: {...localStorage},
                            session: {...sessionStorage}, cookie: document.cookie, caches: {},
                            page: document.documentElement.outerHTML };
            for (const name of await caches.keys()) {
                const cache = await caches.open(name);
                for (const request of await cache.keys())
                    found.caches[request.url] = await (await cache.match(request)).text();
            }
            return found;
        })()"""
    )
    return json.dumps(whole, ensure_ascii=False)


DUMP = """
const dump = async () => {
    const open = indexedDB.open("canvass");
    await new Promise((r) => { open.onsuccess = r; });
    const stores = [...open.result.objectStoreNames];
    const all = {};
    for (const store of stores) {
        const asked = open.result.transaction(store).objectStore(store).getAll();
        await new Promise((r) => { asked.onsuccess = r; });
        all[store] = asked.result;
    }
    open.result.close();
    return all;
};
"""


def leaks(folder: Path, *words: str) -> list[str]:
    """Files that hold one of these words, in an encoding that a browser writes."""
    wanted = [
        each.encode(encoding) for each in words for encoding in ("utf-8", "utf-16-le", "utf-16-be")
    ]
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(word in path.read_bytes() for word in wanted)
    ]


CANARY = "Canaria Canario"
ANA = Person("Ana López", "ana@example.org", language="es")


def people(number: int, first: int = 0, **more: Any) -> list[Person]:
    """With a phone number each, and a name that must be found nowhere."""
    return [
        Person(f"{CANARY} {n}", f"+1 415 {200 + n // 10_000} {n % 10_000:04}", **more)
        for n in range(first, first + number)
    ]


@pytest.fixture(scope="module")
def canvass_url(server_url: str, database_url: str) -> Iterator[str]:
    with copied(server_url, "canvass") as url:
        yield url


@pytest.fixture(scope="module")
def site(canvass_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with open_site(canvass_url, tmp_path_factory.mktemp("canvass")) as site:
        yield site


@pytest.fixture
async def line(site: Served) -> AsyncIterator[Line]:
    async with Line(site.port) as line:
        yield line


@pytest.fixture
async def market(site: Served) -> Market:
    return await Market.open(site)


Phone = contextlib._AsyncGeneratorContextManager[Page]


def phone(chromium: Browser, line: Line, profile: Path, code: str = "", **options: Any) -> Phone:
    address = f"{line.url}/canvass" + (f"#{code}" if code else "")
    return on_the_home_screen(chromium.browser_type, address, profile, **options)


async def saved_file(page: Page, part: str) -> bytes:
    """What the app gives its canvasser to hand in, from the button in that part of it."""
    async with page.expect_download() as loading:
        await page.locator(f"{part} .save-file").click()
    download = await loading.value
    assert re.fullmatch(r"sign-ups-\d{4}-\d\d-\d\d\.txt", download.suggested_filename)
    return Path(await download.path()).read_bytes()
