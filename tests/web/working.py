"""A worker with jobs for tests: `python -m tests.web.working`, on the database at DATABASE_URL.

What its jobs do they write into the table `done`, so that a test can count it.
"""

import asyncio
import sys
from datetime import timedelta
from typing import Any

from backend import database, settings
from backend.staff import alarms
from backend.web import jobs
from backend.web.logs import configure

TABLE = "CREATE TABLE done (id bigserial PRIMARY KEY, job text, number int, at timestamptz)"
PACE = jobs.Pace(
    waits=(timedelta(seconds=0.2), timedelta(seconds=0.4)),
    reclaim=timedelta(seconds=2),
    limit=timedelta(seconds=3),
    grace=timedelta(seconds=1.5),
)
# Nobody may find this in a log or a table of ours.
CANARY = "Rosario Canario, +1 209 555 0143"


async def note(job: str, number: int = 0) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO done (job, number, at) VALUES ($1, $2, clock_timestamp())", job, number
        )


async def count(data: dict[str, Any]) -> None:
    await asyncio.sleep(data.get("seconds", 0))
    await note("count", data.get("number", 0))


async def begin_and_end(data: dict[str, Any]) -> None:
    await note("begin")
    await asyncio.sleep(data["seconds"])
    await note("end")


async def fail(data: dict[str, Any]) -> None:
    await note("fail")
    raise ValueError(f"{CANARY} {data}")


async def fail_in_sql(_data: dict[str, Any]) -> None:
    await note("fail_in_sql")
    async with database.connection() as connection:
        await connection.execute(f"SELECT '{CANARY}'::int")


async def hang(_data: dict[str, Any]) -> None:
    await note("hang")
    await asyncio.sleep(60)


async def nothing(_data: dict[str, Any]) -> None:
    pass


JOBS = {job.__name__: job for job in (count, begin_and_end, fail, fail_in_sql, hang, nothing)}
# Six places: the last counts seconds.
SCHEDULES = [jobs.Schedule("often", "* * * * * */2", "count")]


def main() -> None:
    configure()
    database.use(settings.read().database_url)
    asyncio.run(
        jobs.run(
            JOBS,
            SCHEDULES if "often" in sys.argv else (),
            giving_up=alarms.job_given_up,
            pace=PACE,
            with_parent="--with-parent" in sys.argv,
        )
    )


if __name__ == "__main__":
    main()
