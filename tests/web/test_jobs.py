"""Background work, done by real worker processes: nothing is lost, nothing hangs, nothing tells."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend import database, settings
from backend.database import DB
from backend.web import jobs, queue_status
from tests.databases import empty_database
from tests.serving import HOUSE
from tests.web.working import CANARY, PACE, TABLE

Row = dict[str, Any]


class Crew:
    """A database of its own, and workers on it that a test starts, kills and ends."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.web.working", *words],
                cwd=HOUSE,
                env={**os.environ, "DATABASE_URL": self.url},
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    async def ask(self, query: str, *values: Any) -> list[Row]:
        async with database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *values)]

    async def value(self, query: str, *values: Any) -> Any:
        async with database.connection() as connection:
            return await connection.fetchval(query, *values)

    async def done(self, job: str) -> int:
        return int(await self.value("SELECT count(*) FROM done WHERE job = $1", job))

    def end_all(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
            assert process.stdin is not None
            process.stdin.close()


async def until(holds: Callable[[], Awaitable[bool]], wait: float = 30) -> None:
    end = time.monotonic() + wait
    while not await holds():
        assert time.monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.05)


async def ended(process: subprocess.Popen[bytes], wait: float = 20) -> int:
    async def has() -> bool:
        return process.poll() is not None

    await until(has, wait)
    assert process.returncode is not None
    return process.returncode


@pytest.fixture(scope="module")
def own_database(server_url: str, database_url: str) -> Iterator[str]:
    """An empty house of its own: workers commit what they do."""

    async def make() -> None:
        await database.migrate()
        async with database.connection() as connection:
            await connection.execute(TABLE)

    with empty_database(server_url, "work") as url:
        with own(url, database_url):
            asyncio.run(make())
        yield url


@contextlib.contextmanager
def own(url: str, other: str) -> Iterator[None]:
    settings.remember_database(url)
    database.use(url)
    try:
        yield
    finally:
        settings.remember_database(other)
        database.use(other)


@pytest.fixture
async def crew(own_database: str, database_url: str, tmp_path: Path) -> AsyncIterator[Crew]:
    with own(own_database, database_url):
        crew = Crew(own_database, tmp_path / "log")
        await crew.ask("TRUNCATE done, pgqueuer, pgqueuer_log, pgqueuer_schedules, alarm")
        try:
            yield crew
        finally:
            crew.end_all()
            written = crew.log.read_text("utf-8") if crew.log.exists() else ""
            assert CANARY not in written
            assert "Traceback" not in written


async def queued(crew: Crew) -> int:
    return int(await crew.value("SELECT count(*) FROM pgqueuer"))


async def test_a_worker_that_is_killed_loses_none_of_a_thousand_jobs(crew: Crew) -> None:
    async with DB.transaction():
        for number in range(1000):
            await jobs.enqueue("count", {"number": number, "seconds": 0.02})
    first = crew.start()

    async def some() -> bool:
        return await crew.done("count") >= 200

    await until(some)
    first.kill()
    assert await ended(first) == -signal.SIGKILL
    assert 0 < await queued(crew) < 1000
    in_hand = await crew.value("SELECT count(*) FROM pgqueuer WHERE status = 'picked'")
    assert 0 < in_hand <= jobs.IN_HAND
    crew.start()

    async def all_done() -> bool:
        return await queued(crew) == 0

    await until(all_done, 30)
    assert await crew.value("SELECT count(DISTINCT number) FROM done") == 1000
    assert 1000 <= await crew.done("count") <= 1000 + in_hand


async def test_a_job_exists_exactly_if_what_needs_it_is_saved(crew: Crew) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with DB.transaction():
            await jobs.enqueue("count", {})
            raise ZeroDivisionError
    assert await queued(crew) == 0
    async with DB.transaction():
        await jobs.enqueue("count", {})
    assert await queued(crew) == 1


async def test_a_failing_job_is_tried_again_later_and_then_stands_as_failed(crew: Crew) -> None:
    await jobs.enqueue("fail", {"name": CANARY})
    await jobs.enqueue("fail_in_sql", {})
    crew.start()

    async def both_failed() -> bool:
        return len((await queue_status.look()).failures) == 2

    await until(both_failed)
    failures = {row["name"]: row for row in (await queue_status.look()).failures}
    assert failures["fail"]["kind"] == "ValueError"
    assert failures["fail"]["tries"] == len(PACE.waits) + 1 == 3
    assert failures["fail_in_sql"]["kind"] == "InvalidTextRepresentationError"
    times = [row["at"] for row in await crew.ask("SELECT at FROM done WHERE job = 'fail'")]
    waited = [(late - soon).total_seconds() for soon, late in pairwise(times)]
    assert len(waited) == 2
    for wait, meant in zip(waited, PACE.waits, strict=True):
        assert wait >= meant.total_seconds() * 0.8
    kept = await crew.value("SELECT string_agg(traceback::text, ' ') FROM pgqueuer_log")
    assert "ValueError" in kept
    assert CANARY not in kept
    alarms = await crew.ask("SELECT * FROM alarm ORDER BY name")
    assert [(row["name"], row["times"]) for row in alarms] == [("job fail", 1),
                                                                ("job fail_in_sql", 1)]  # fmt: skip
    assert CANARY not in str(alarms)

    assert await queue_status.try_again(failures["fail"]["id"]) == "fail"
    assert await queue_status.try_again(failures["fail"]["id"]) is None

    async def failed_again() -> bool:
        return await crew.value("SELECT times FROM alarm WHERE name = 'job fail'") == 2

    await until(failed_again)
    assert await queue_status.drop(failures["fail"]["id"] + 1000) is None
    assert await queue_status.drop(failures["fail_in_sql"]["id"]) == "fail_in_sql"


async def test_a_job_that_hangs_is_given_up(crew: Crew) -> None:
    await jobs.enqueue("hang", {})
    await crew.ask("UPDATE pgqueuer SET attempts = $1", len(PACE.waits))
    crew.start()

    async def failed() -> bool:
        return len((await queue_status.look()).failures) == 1

    await until(failed)
    assert (await queue_status.look()).failures[0]["kind"] == "TimeoutError"


async def test_a_job_that_ends_its_worker_each_time_is_given_up(crew: Crew) -> None:
    job = await jobs.enqueue("count", {})
    await crew.ask("UPDATE pgqueuer SET status = 'picked', heartbeat = now() - interval '1 hour'")
    for _ in range(jobs.LOSSES + 1):
        await crew.ask(
            "INSERT INTO pgqueuer_log (job_id, status, priority, entrypoint)"
            " VALUES ($1, 'picked', 0, 'count')",
            job,
        )
    crew.start()

    async def failed() -> bool:
        return len((await queue_status.look()).failures) == 1

    await until(failed)
    assert (await queue_status.look()).failures[0]["kind"] == jobs.LOST
    assert await crew.done("count") == 0


async def test_a_key_lets_only_one_wait_but_a_running_one_does_not_count(crew: Crew) -> None:
    first = await jobs.enqueue("begin_and_end", {"seconds": 1}, key="export")
    assert await jobs.enqueue("begin_and_end", {"seconds": 1}, key="export") == first
    assert await jobs.enqueue("begin_and_end", {"seconds": 1}, key="other") != first
    await crew.ask("DELETE FROM pgqueuer WHERE id <> $1", first)
    crew.start()

    async def begun() -> bool:
        return await crew.done("begin") == 1

    await until(begun)
    assert await jobs.enqueue("begin_and_end", {"seconds": 0}, key="export") != first

    async def twice() -> bool:
        return await crew.done("end") == 2

    await until(twice)


async def test_a_waiting_job_starts_only_when_whoever_joined_it_has_saved(crew: Crew) -> None:
    await jobs.enqueue("count", {}, key="export")
    async with DB.transaction():
        await jobs.enqueue("count", {}, key="export")
        crew.start()
        await asyncio.sleep(2.5)
        seen = asyncio.create_task(other_look(crew))
        assert await seen == 0
    await until(lambda: at_least(crew, "count", 1))
    assert await crew.done("count") == 1


async def other_look(crew: Crew) -> int:
    """Outside the open transaction."""
    connection = await asyncpg.connect(crew.url)
    found: int = await connection.fetchval("SELECT count(*) FROM done")
    await connection.close()
    return found


async def at_least(crew: Crew, job: str, number: int) -> bool:
    return await crew.done(job) >= number


async def test_urgent_jobs_go_first_and_later_ones_wait(crew: Crew) -> None:
    await jobs.enqueue("count", {"number": 3}, after=timedelta(seconds=4))
    for number in [1] * jobs.IN_HAND:
        await jobs.enqueue("count", {"number": number, "seconds": 0.3})
    await jobs.enqueue("count", {"number": 2}, priority=5)
    asked = await crew.value("SELECT created FROM pgqueuer ORDER BY id LIMIT 1")
    crew.start()
    await until(lambda: at_least(crew, "count", jobs.IN_HAND + 2))
    done = await crew.ask("SELECT number, at FROM done ORDER BY id")
    assert done[0]["number"] == 2
    [late] = [row["at"] for row in done if row["number"] == 3]
    assert late - asked >= timedelta(seconds=4)


async def test_two_workers_keep_a_schedule_once_each_time(crew: Crew) -> None:
    for _ in range(2):
        crew.start("often")

    async def both_there() -> bool:
        return len((await queue_status.look()).workers) == 2

    await until(both_there)
    await until(lambda: at_least(crew, "count", 3), 20)
    times = [row["at"].timestamp() for row in await crew.ask("SELECT at FROM done ORDER BY at")]
    ticks = [int(at // 2) for at in times]
    assert len(set(ticks)) == len(ticks)
    [schedule] = (await queue_status.look()).schedules
    assert schedule["name"] == "often"
    assert schedule["last_run"] is not None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_end_a_worker_finishes_what_it_has_in_hand(
    crew: Crew, how: signal.Signals
) -> None:
    await jobs.enqueue("begin_and_end", {"seconds": 0.7})
    process = crew.start()
    await until(lambda: at_least(crew, "begin", 1))
    process.send_signal(how)
    await jobs.enqueue("count", {})
    assert await ended(process) == 0
    assert (await crew.done("end"), await crew.done("count")) == (1, 0)
    assert await queued(crew) == 1


async def test_what_it_cannot_finish_in_time_it_hands_back(crew: Crew) -> None:
    await jobs.enqueue("hang", {})
    process = crew.start()
    await until(lambda: at_least(crew, "hang", 1))
    process.terminate()
    assert await ended(process) == 0
    [job] = await crew.ask("SELECT status::text, attempts FROM pgqueuer")
    assert job == {"status": "queued", "attempts": 0}


async def test_with_a_parent_it_ends_when_that_is_gone(crew: Crew) -> None:
    alone, child = crew.start(), crew.start("--with-parent")

    async def both_there() -> bool:
        return len((await queue_status.look()).workers) == 2

    await until(both_there)
    for process in (alone, child):
        assert process.stdin is not None
        process.stdin.close()
    assert await ended(child) == 0
    assert alone.poll() is None


async def test_while_the_database_is_gone_it_waits_and_then_goes_on(
    crew: Crew, server_url: str
) -> None:
    process = crew.start()

    async def there() -> bool:
        return len((await queue_status.look()).workers) == 1

    await until(there)
    name = crew.url.partition("?")[0].rpartition("/")[2]
    server = await asyncpg.connect(server_url)
    await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
    await server.execute(cut, name)

    async def waits() -> bool:
        return "the database is gone" in crew.log.read_text("utf-8")

    await until(waits)
    await asyncio.sleep(1.5)
    assert process.poll() is None
    await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await server.close()
    await jobs.enqueue("count", {})
    await until(lambda: at_least(crew, "count", 1))
    process.terminate()
    assert await ended(process) == 0


async def test_bringing_the_tables_up_to_date_twice_at_once_harms_nothing(crew: Crew) -> None:
    await asyncio.gather(database.migrate(), database.migrate())
    assert await crew.value("SELECT to_regclass('pgqueuer_schedules')::text")
