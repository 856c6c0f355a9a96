"""The cast and the stage: a database with the whole record, the app, and browsers.

Everything is real: PostgreSQL (embedded, or TEST_DATABASE_URL's), the served site, Chromium.
Each test runs in a transaction that is rolled back.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from argon2 import PasswordHasher

from backend import database, settings
from backend.staff import recovery
from backend.staff.tables import now
from tests import reaper
from tests.databases import copied, empty_database, make_record, with_the_record
from tests.serving import HOUSE, Served, serving

if TYPE_CHECKING:
    from playwright.async_api import Browser

# The network is off: no county's server is asked for its agendas, not even by schedule.
os.environ.setdefault("IMPORTS_FROM", settings.NOWHERE)
# What tests start need not compile our modules each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Runs beside each other are one run.
REAPER = None if "PYTEST_XDIST_WORKER" in os.environ else reaper.begin()
# Keys of this run's own: what is noted beside them belongs to its databases.
os.environ.setdefault("KEYS", f"{os.environ[reaper.RUN]}/keys/keys.json")


# What has one of these, in its module or as a fixture, starts programs.
STARTING = {"serving", "serving_apart", "command", "subprocess", "served", "own_url", "chromium"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as `slow` what starts programs, and lets the files of that go first: of runs beside
    each other none shall end with one of them alone."""
    long = set()
    for item in items:
        assert isinstance(item, pytest.Function)
        folder = item.path.relative_to(HOUSE / "tests").parts[0]
        if folder in ("bench", "browser") or STARTING & {*vars(item.module), *item.fixturenames}:
            item.add_marker("slow")
            long.add(item.path)
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """What all tests are made of stays: it need not be looked through for what may go."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if REAPER and session.testsfailed:
        reaper.keep(REAPER)


def pytest_unconfigure() -> None:
    if REAPER:
        reaper.wait(REAPER)


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL that answers."""
    given = os.environ.get("TEST_DATABASE_URL", "")
    if given:
        make_record(given)
        yield given
        return
    os.environ.pop("DATABASE_URL", None)
    # Runs beside each other have a server of their own each.
    beside = os.environ.get("PYTEST_XDIST_WORKER", "one")
    with with_the_record(Path(os.environ[reaper.RUN]) / beside / "postgres") as url:
        yield url


@pytest.fixture(scope="session")
def database_url(server_url: str) -> Iterator[str]:
    """A database of this run's own, migrated and loaded with the record."""
    with copied(server_url, "test") as url:
        settings.remember_database(url)
        database.use(url)
        yield url


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten recovery codes take a second to hash, and each account gets some: only tests of the site
    itself, in its own process, wait for that."""
    monkeypatch.setattr(recovery, "HASHER", PasswordHasher(1, 8, 1))


@pytest.fixture
async def record(database_url: str) -> AsyncIterator[None]:
    """The whole record, in a transaction that is rolled back."""
    from backend.policies import queries
    from backend.web import rate_limits

    queries.forget()
    async with database.DB.transaction() as transaction:
        # What loading the record left to be done later is no test's business.
        await database.DB.run_ddl("DELETE FROM pgqueuer")
        yield
        await transaction.rollback()
    queries.forget()
    # A try stays a try when the transaction is rolled back.
    if rate_limits.in_use():
        await rate_limits.forget_all()
        await rate_limits.close()


@pytest.fixture(autouse=True)
async def counting_ends() -> AsyncIterator[None]:
    """The connection that counts tries is the test's own, to whichever database."""
    yield
    from backend.web import rate_limits

    if rate_limits.in_use():
        await rate_limits.close()


@pytest.fixture
async def client(record: None) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor without a language of their own, who follows no redirect unasked."""
    from backend.app import app

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://confianza.test") as visitor:
        yield visitor


async def aged(account: Any) -> Any:
    """The account of somebody who has been here long enough to be a second person."""
    account.counts_from = account.made_at = now() - timedelta(days=30)
    await account.save()
    return account


@dataclass
class Colleague:
    """Someone of the staff at the desk, in a browser of their own. `post` sends a form as the
    page would: with the form token, from our own site."""

    name: str
    browser: httpx.AsyncClient
    form_token: str

    async def get(self, address: str, **options: Any) -> httpx.Response:
        return await self.browser.get(address, **options)

    async def post(self, address: str, /, **fields: Any) -> httpx.Response:
        return await self.browser.post(
            address,
            data={"form_token": self.form_token, **fields},
            headers={"Sec-Fetch-Site": "same-origin"},
        )


@pytest.fixture
async def at_the_desk(record: None) -> AsyncIterator[Callable[..., Awaitable[Colleague]]]:
    """`await at_the_desk("editor", name="Ana")`: a colleague with that role (several, divided by
    spaces), signed in; `fresh=True` when they have just shown their passkey, `new=True` when they
    have been here for less than seven days."""
    from backend.app import app
    from backend.staff.auth import COOKIE
    from backend.staff.tables import Account, Session, form_token

    async with AsyncExitStack() as stack:

        async def sign_in(
            roles: str, name: str = "", fresh: bool = False, new: bool = False
        ) -> Colleague:
            account = await Account.open_for(name or f"the {roles}", roles.split())
            if not new:
                await aged(account)
            _session, token = await Session.begin(account, fresh=fresh)
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
            browser = await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=transport,
                    base_url="https://confianza.test",
                    cookies={COOKIE: token},
                )
            )
            return Colleague(account.name, browser, form_token(account))

        yield sign_in


@pytest.fixture(scope="session")
def push_database(server_url: str, database_url: str) -> Iterator[str]:
    """A house of its own for whom what others commit would disturb: counties, and nobody yet."""

    async def make() -> None:
        await database.migrate()
        async with database.connection() as connection:
            await connection.executemany(
                "INSERT INTO county (id, slug, name, fips, ocd_id) VALUES ($1, $2, $2, $3, $2)",
                [(id, f"county-{id}", f"{id:05}") for id in range(1, 59)],
            )

    with empty_database(server_url, "push") as url:
        database.use(url)
        try:
            asyncio.run(make())
        finally:
            database.use(database_url)
        yield url


@pytest.fixture(scope="session")
def served_url(server_url: str, database_url: str) -> Iterator[str]:
    """The served site's own copy of the database: what people do in browsers stays in it, and no
    other test shall meet that."""
    with copied(server_url, "served") as url:
        yield url


@pytest.fixture
def own_url(server_url: str, database_url: str) -> Iterator[str]:
    """A copy for one test alone, with its own site, worker or command."""
    with copied(server_url, "own") as url:
        yield url


@pytest.fixture(scope="session")
def served(served_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The site, served by its own command on loopback, with what it writes."""
    log = tmp_path_factory.mktemp("served") / "log"
    with serving(log, DATABASE_URL=served_url) as site:
        yield site


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator["Browser"]:
    """A real Chromium's pages. There is no test without one: `make browser` installs it."""
    from tests.browser.install import find_shell

    async with _launched(find_shell()) as browser:
        yield browser


@pytest.fixture(scope="session")
async def whole_chromium() -> AsyncIterator["Browser"]:
    """A real Chromium with all it has beside pages: push, and the alerts it shows."""
    from tests.browser.install import find

    async with _launched(find()) as browser:
        yield browser


@asynccontextmanager
async def _launched(program: str) -> AsyncIterator["Browser"]:
    from playwright.async_api import async_playwright

    from tests.browser.install import FLAGS

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()
