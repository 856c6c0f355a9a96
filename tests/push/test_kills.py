"""A worker that is killed at any moment leaves nobody out."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from backend import database
from backend.push import broadcasts, delivery
from backend.push.audience import Audience
from tests.push.conftest import WORDS, House
from tests.push.crowd import fill, rows
from tests.push.working import MANNER
from tests.serving import HOUSE, free_port

KILLS = 50
DEVICES = 10_000
# So many workers ring at the same time: while a new one gets ready, others go on.
TOGETHER = 3
# So many messages, at most, are let through between two kills.
BETWEEN = DEVICES // KILLS + 50


class Counted:
    """A push service in a process of its own, which outlives the workers."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"

    def total(self) -> int:
        return int(self._read("total"))

    def all(self) -> Counter[str]:
        return Counter(json.loads(self._read("all")))

    def _read(self, what: str) -> bytes:
        with urlopen(f"http://{self.host}/{what}", timeout=10) as answer:
            text: bytes = answer.read()
            return text


@pytest.fixture
def counted() -> Iterator[Counted]:
    port = free_port()
    command = [sys.executable, "-m", "tests.push.service", str(port), "0.015"]
    process = subprocess.Popen(command, cwd=HOUSE)
    counted = Counted(port)
    try:
        for _ in range(200):
            try:
                counted.total()
                break
            except OSError:
                time.sleep(0.05)
        yield counted
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def nursery(house: House, counted: Counted, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.push.working"],
            cwd=HOUSE,
            env={**os.environ, "PUSH_TEST_HOSTS": counted.host, "DATABASE_URL": house.url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
        )
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()
    written = log.read_text("utf-8")
    assert "Traceback" not in written
    assert counted.host + "/" not in written


async def born(nursery: "subprocess.Popen[bytes]") -> int:
    nursery.stdin.write(b"one more\n")
    nursery.stdin.flush()
    return int(await asyncio.to_thread(nursery.stdout.readline))


async def test_a_worker_killed_at_fifty_points_loses_none_and_doubles_only_what_was_in_flight(
    house: House,
    counted: Counted,
    nursery: "subprocess.Popen[bytes]",
    allowed: pytest.MonkeyPatch,
) -> None:
    allowed.setenv("PUSH_TEST_HOSTS", counted.host)
    async with database.connection() as connection:
        names = range(1, DEVICES + 1)
        await fill(connection, rows(names, counted.host, lambda id: f"http://{counted.host}/{id}"))
    ring = await broadcasts.ring(
        "one", WORDS, "/", "one", Audience(), datetime.now(UTC) + timedelta(hours=1)
    )
    chance = random.Random(58)
    kills = 0
    workers: list[int] = []
    end = time.monotonic() + 150
    while (found := await house.progress(ring)).state != "finished":
        assert time.monotonic() < end, f"after {kills} kills: {found}"
        while len(workers) < TOGETHER:
            workers.append(await born(nursery))
        before, quota = counted.total(), chance.randint(0, BETWEEN)
        while kills < KILLS and counted.total() < before + quota:
            assert time.monotonic() < end, f"after {kills} kills: {await house.progress(ring)}"
            # As every worker does by its schedule.
            await delivery.tend({})
            await asyncio.sleep(0.005)
        if kills < KILLS:
            # Now and then the power fails, and none is left.
            for _ in range(TOGETHER if chance.random() < 0.2 else 1):
                os.kill(workers.pop(0), signal.SIGKILL)
                kills += 1
        else:
            await delivery.tend({})
            await asyncio.sleep(0.1)
    assert kills >= KILLS
    came = counted.all()
    assert sorted(int(path.strip("/")) for path in came) == list(names)
    doubled = sum(came.values()) - DEVICES
    assert doubled > kills, "most were killed while they rang"
    assert doubled <= kills * MANNER.lanes * (MANNER.window + MANNER.unnoted)
    assert (found.queued, found.accepted, found.failed) == (DEVICES, DEVICES, 0)
    assert await house.value("SELECT count(*) FROM ring_batch") == 0
