"""The directory of help: how long 20,000 sites take to come in, in how much memory, and how long
it takes to find the nearest."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from servers import HOUSE

SITES = 20_000


def measure() -> tuple[float, float, float]:
    """Seconds to import 20,000 sites, the most MB of the process, ms for the nearest 20."""
    return asyncio.run(_measure())


async def _measure() -> tuple[float, float, float]:
    sys.path.insert(0, str(HOUSE))
    from litestar.datastructures import MultiDict

    from backend.database import DB
    from backend.enrollment import importing, search
    from tests.enrollment.making import hrsa, hrsa_row

    with tempfile.TemporaryFile() as file:
        file.write(hrsa(_rows(hrsa_row)))
        process = psutil.Process()
        most = process.memory_info().rss

        def watch(_percent: int) -> None:
            nonlocal most
            most = max(most, process.memory_info().rss)

        async with DB.transaction() as transaction:
            start = time.perf_counter()
            report = await importing.run(
                importing.SOURCES["hrsa"],
                file,
                importing.Choices(let_vanish=True),
                dry=False,
                said=watch,
            )
            took = time.perf_counter() - start
            watch(100)
            assert report.applied, str(report)
            await transaction.connection.execute("ANALYZE help_place")
            wanted = search.read(MultiDict({"zip": "93721"}))
            assert wanted.point is not None
            point = (wanted.point[1] * 0.8, wanted.point[0])
            question = search.NEAREST.format(where="", limit=3)
            times = []
            for _ in range(50):
                begun = time.perf_counter()
                await transaction.connection.fetch(question, *point, search.LOOKED_AT + 20)
                times.append((time.perf_counter() - begun) * 1000)
            await transaction.rollback()
    return took, most / 1e6, statistics.median(times)


def _rows(row: object) -> Iterator[dict[str, str]]:
    for number in range(SITES):
        yield row(number)  # type: ignore[operator]


if __name__ == "__main__":
    print(Path(__file__).name, measure())
