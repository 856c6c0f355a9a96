"""The cast and the stage: a database with the whole record, the app, and browsers.

Everything is real: PostgreSQL (embedded, or TEST_DATABASE_URL's), the served site, Chromium.
Each test runs in a transaction that is rolled back.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

HOUSE = Path(__file__).resolve().parent.parent
SHARED = HOUSE.parent / "shared"


from backend import database, settings  # noqa: E402


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL that answers."""
    given = os.environ.get("TEST_DATABASE_URL", "")
    if given:
        yield given
        return
    os.environ.pop("DATABASE_URL", None)
    with database.running(HOUSE / "var" / "test-postgres") as url:
        yield url


@pytest.fixture(scope="session")
def database_url(server_url: str) -> Iterator[str]:
    """A database of this run's own, migrated and loaded with the record."""
    from backend.policies import loading

    name = f"confianza_test_{os.getpid()}"

    async def make() -> str:
        server = await asyncpg.connect(server_url)
        await server.execute(f'CREATE DATABASE "{name}"')
        await server.close()
        url = _with_database(server_url, name)
        settings.remember_database(url)
        database.use(url)
        await database.migrate()
        await loading.load()
        return url

    async def drop() -> None:
        server = await asyncpg.connect(server_url)
        await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await server.close()

    yield asyncio.run(make())
    asyncio.run(drop())


@pytest.fixture
async def record(database_url: str) -> AsyncIterator[None]:
    """The whole record, in a transaction that is rolled back."""
    from backend.policies import reading

    reading.forget()
    async with database.DB.transaction() as transaction:
        yield
        await transaction.rollback()
    reading.forget()


@pytest.fixture
async def client(record: None) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor without a language of their own, who follows no redirect unasked."""
    from backend.app import app

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://confianza.test") as visitor:
        yield visitor


def _with_database(url: str, name: str) -> str:
    before, _, query = url.partition("?")
    return f"{before.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
