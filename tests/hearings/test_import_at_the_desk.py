"""A table handed in at the desk, and a reading that somebody asks for, done by a real worker."""

import asyncio
import html
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from backend import database
from backend.hearings import proposals
from tests.conftest import Colleague
from tests.databases import command, empty_database
from tests.hearings import agenda_server
from tests.hearings.agenda_server import FORUM, event, item
from tests.serving import HOUSE

AtTheDesk = Callable[..., Awaitable[Colleague]]
FILES = "/desk/hearings/sources/files"
TABLE = (
    "title,kind,date,source_url,county,time\n"
    "A forum,forum,2027-01-05,https://example.org/a,sonoma,9:00 AM\n"
)


async def hand_in(who: Colleague, table: bytes) -> httpx.Response:
    return await who.browser.post(
        FILES,
        data={"form_token": who.form_token, "do": "look"},
        files={"list": ("hearings.csv", table, "text/csv")},
        headers={"Sec-Fetch-Site": "same-origin"},
    )


async def test_a_table_is_looked_at_first_and_then_taken(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    looked = await hand_in(ana, TABLE.encode())
    assert looked.status_code == 200
    assert "Nothing is saved yet." in looked.text
    assert await proposals.how_many() == 0
    kept = re.search(r'name="kept" value="([^"]*)"', looked.text)
    assert kept is not None
    for told in ("1 proposal", "0 proposals"):
        taken = await ana.post(FILES, kept=html.unescape(kept[1]), do="take")
        assert f"1 hearing, {told}" in taken.text
    [told] = await proposals.waiting()
    assert (told.after.title.en, told.after.county) == ("A forum", "sonoma")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (TABLE.replace("9:00 AM", "9 o’clock").encode(), "Line 2, time: give a time, like 9:00 AM"),
        (TABLE.replace("sonoma", "atlantis").encode(), "Line 2, county: no county is called that"),
        (TABLE.replace("2027-01-05", "10000-01-05").encode(), "Line 2, date: give a day"),
        (TABLE.replace("county", "shire").encode(), "We know no column shire."),
        (b"PK\x03\x04\0\0" * 100, "The column title is missing."),
        (b"\xff\xfe\0", "The column title is missing."),
        (TABLE.replace("A forum", '"A forum').encode(), "a quotation mark is not closed"),
        (b"", "Choose a file with hearings."),
    ],
)
async def test_a_table_with_a_mistake_is_refused_with_its_place(
    at_the_desk: AtTheDesk, table: bytes, words: str
) -> None:
    ana = await at_the_desk("editor")
    answer = await hand_in(ana, table)
    assert answer.status_code == 422
    assert words in html.unescape(answer.text)
    assert await proposals.how_many() == 0


@pytest.fixture
def loaded(server_url: str) -> Iterator[str]:
    """A database of its own: a worker sees only what is committed."""
    with empty_database(server_url, "import_worker") as url:
        done = command("load", DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        yield url


async def test_a_worker_reads_a_source_that_is_asked_for(loaded: str) -> None:
    async with agenda_server.agendas() as there, asyncio.timeout(60):
        there.events = [event(1, 9)]
        there.items = {1: [item(2, FORUM)]}
        connection = await asyncpg.connect(loaded)
        id = await connection.fetchval(
            "SELECT id FROM hearing_source WHERE place = 'sonoma-county'"
        )
        # As `sources.look_now` does.
        job = b'{"source": %d}' % id
        await database.queue(connection).enqueue("import_hearings", job)
        async with working(DATABASE_URL=loaded, IMPORTS_FROM=there.url, DEVELOPMENT="1"):
            read = "SELECT good_at FROM hearing_source WHERE id = $1"
            while not await connection.fetchval(read, id):
                await asyncio.sleep(0.05)
        assert await connection.fetchval("SELECT count(*) FROM proposal") == 1
        await connection.close()


@asynccontextmanager
async def working(**environment: str) -> AsyncIterator[None]:
    """A worker of its own, which ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backend", "worker", cwd=HOUSE, env={**os.environ, **environment}
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
