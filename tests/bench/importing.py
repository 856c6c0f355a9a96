"""Hearings: how long a reading of 5,000 Legistar events takes, with the agenda of each, and how
much memory; and the same once more, when nothing is new.

The other side is a process of its own on loopback, and so is the reader, as a worker is.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from servers import HOUSE, NotMeasured

EVENTS, ITEMS = 5_000, 20
# One event in so many has an item that our words find.
RELEVANT = 50
SOURCE = "Sonoma (Legistar)"


@dataclass(frozen=True)
class Reading:
    """`megabytes` is the most that the process held (RSS)."""

    seconds: float
    again: float
    megabytes: float
    events: int
    agendas: int
    proposals: int
    doubles: int

    def is_right(self, events: int = EVENTS) -> bool:
        wanted = (events, events, events // RELEVANT, 0)
        return (self.events, self.agendas, self.proposals, self.doubles) == wanted


def measure(database_url: str, events: int = EVENTS) -> Reading:
    """In that database, whose rows of hearings are nobody's."""
    program = [sys.executable, str(Path(__file__))]
    # Its standard input closes at the end of the block, and that ends it.
    with subprocess.Popen(
        [*program, "serve", str(events)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        there = server.stdout.readline().strip()
        environment = {"DATABASE_URL": database_url, "IMPORTS_FROM": there, "DEVELOPMENT": "1"}
        done = subprocess.run(
            [*program, "read"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise NotMeasured((done.stderr or done.stdout).strip()[-1500:])
    return Reading(**json.loads(done.stdout.splitlines()[-1]))


async def _serve(events: int) -> None:
    from tests.hearings import agenda_server
    from tests.hearings.agenda_server import FORUM, event, item

    async with agenda_server.agendas() as held:
        held.events = [event(id, 4 + id % 300) for id in range(1, events + 1)]
        for id in range(1, events + 1):
            first = FORUM if id % RELEVANT == 0 else "Approve the minutes of the last meeting"
            rest = (
                item(id * 100 + number, f"Approve agreement {id}-{number} with a contractor",
                     "Board letter.pdf", "Agreement.pdf")
                for number in range(2, ITEMS + 1)
            )  # fmt: skip
            held.items[id] = [item(id * 100 + 1, first, "Board letter.pdf"), *rest]
        print(held.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _read() -> Reading:
    from backend import database, settings
    from backend.hearings import importing
    from backend.hearings.tables import HearingSource, Proposal

    database.use(settings.read().database_url)
    await database.DB.start_connection_pool(min_size=1, max_size=10)
    process = psutil.Process()
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    [source] = await HearingSource.objects().where(HearingSource.name == SOURCE)
    start = time.perf_counter()
    first = await importing.run(source.id)
    middle = time.perf_counter()
    second = await importing.run(source.id)
    end = time.perf_counter()
    watching.cancel()
    assert first is not None
    assert second is not None
    assert first.whole, first
    assert second.whole, second
    made = await Proposal.count()
    await database.DB.close_connection_pool()
    return Reading(
        seconds=middle - start,
        again=end - middle,
        megabytes=most / 1e6,
        events=first.events,
        agendas=first.agendas,
        proposals=first.proposals,
        doubles=second.proposals + made - first.proposals,
    )


if __name__ == "__main__":
    sys.path.insert(0, str(HOUSE))
    if sys.argv[1] == "serve":
        asyncio.run(_serve(int(sys.argv[2])))
    else:
        print(json.dumps(vars(asyncio.run(_read()))))
