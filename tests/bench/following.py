"""Calendars that people follow: a feed of 500 events, asked for the first time, after one of them
changed, when nothing did, and by somebody who has it. The peer writes every event at each asking,
with the same library, which is what an ordinary site does.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from servers import HOUSE, NotMeasured

EVENTS, ROUNDS = 500, 9
ADDRESS = "/hearings.ics"


@dataclass(frozen=True)
class Following:
    """Milliseconds, the medians of the rounds; `bytes` is the whole feed."""

    first: float
    changed: float
    kept: float
    unchanged: float
    peer: float
    bytes: int
    events: int


def measure(database_url: str, events: int = EVENTS) -> Following:
    """In that database, which gets so many hearings."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), str(events)],
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotMeasured((done.stderr or done.stdout).strip()[-1500:])
    return Following(**json.loads(done.stdout.splitlines()[-1]))


async def _follow(events: int) -> Following:
    import httpx

    from backend import database, settings
    from backend.app import app
    from backend.hearings import calendars, changes, queries
    from backend.hearings.entry import Said
    from backend.hearings.tables import Hearing
    from backend.policies import queries as record
    from backend.staff.tables import now
    from tests.hearings.saying import forum, in_days

    database.use(settings.read().database_url)
    await database.DB.start_connection_pool(min_size=1, max_size=10)
    decides = Said(en="The sheriff tells the board what he did for ICE. " * 8)
    one = await changes.announce(forum(decides=decides), None)
    row: dict[str, Any] = one.to_dict()
    del row["id"], row["uid"]
    await Hearing.insert(
        *(Hearing(**{**row, "starts_at": in_days(1 + n % 300)}) for n in range(events - 1))
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bench.test") as phone:

        async def ask(**headers: str) -> httpx.Response:
            answer = await phone.get(ADDRESS, headers=headers)
            if answer.status_code not in (200, 304):
                raise NotMeasured(f"{ADDRESS} answered {answer.status_code}")
            return answer

        async def change_one() -> None:
            newer = {Hearing.changed_at: now(), Hearing.sequence: Hearing.sequence + 1}
            await Hearing.update(newer).where(Hearing.id == one.id)
            record.forget()

        async def write_all() -> None:
            found = await queries.for_calendars()
            calendars._written.clear()
            calendars.calendar(found, "All", "en")

        first = await _timed(ask)
        whole = await ask()
        followed = Following(
            first=first,
            changed=statistics.median([await _timed(ask, change_one) for _ in range(ROUNDS)]),
            kept=statistics.median([await _timed(ask) for _ in range(ROUNDS)]),
            unchanged=0,
            peer=statistics.median([await _timed(write_all) for _ in range(ROUNDS)]),
            bytes=len(whole.content),
            events=whole.text.count("BEGIN:VEVENT"),
        )
        etag = (await ask()).headers["etag"]
        again = [await _timed(lambda: ask(**{"If-None-Match": etag})) for _ in range(ROUNDS)]
    await database.DB.close_connection_pool()
    return Following(**{**asdict(followed), "unchanged": statistics.median(again)})


async def _timed(
    work: Callable[[], Awaitable[Any]], before: Callable[[], Awaitable[None]] | None = None
) -> float:
    if before:
        await before()
    start = time.perf_counter()
    await work()
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    sys.path.insert(0, str(HOUSE))
    print(json.dumps(asdict(asyncio.run(_follow(int(sys.argv[1]))))))
