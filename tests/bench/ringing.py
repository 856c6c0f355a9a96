"""Ringing: messages accepted a second and core, beside pywebpush, npm web-push and the bound that
cryptography sets; and what a million subscriptions cost.

The push service on loopback, the database and whoever rings share the machine's cores, so each rate
is also given by processor time of the one who rings. Everybody rings the same service, in turns.
"""

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lighthouse
import ringers
import signing
from rates import Say
from servers import HOUSE, NotMeasured, free_port

HERE = Path(__file__).parent
ALL, WEBPUSH, NPM, OURS, TWO = "bound", "webpush()", "npm web-push", "ours", "ours, two workers"


@dataclass(frozen=True)
class Sizes:
    """Rounds; messages in one round of each who rings; devices of ours; and of the crowd."""

    rounds: int = 5
    bound: int = 20_000
    webpush: int = 1_500
    npm: int = 4_000
    devices: int = 20_000
    many: int = 1_000_000


QUICK = Sizes(rounds=3, bound=10_000, webpush=800, npm=2_000, devices=10_000)


@dataclass
class Ringer:
    """Messages accepted a second in each round, by the clock and by processor time."""

    what: str
    rounds: list[float] = field(default_factory=list)
    by_core: list[float] = field(default_factory=list)
    memory: list[list[float]] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def core(self) -> float:
        return statistics.median(self.by_core)

    def against(self, other: "Ringer") -> float:
        """The median of the rounds' own ratios: a machine that slows down slows both."""
        return _ratio(self.rounds, other.rounds)

    def by_core_against(self, other: "Ringer") -> float:
        """The same of processor time, which other work on the machine blurs less."""
        return _ratio(self.by_core, other.by_core)

    def note(self, found: dict[str, Any]) -> None:
        self.rounds.append(found["number"] / found["seconds"])
        self.by_core.append(found["number"] / (found["cpu"] or found["seconds"]))
        self.memory.append(found["memory"])


def _ratio(ours: list[float], others: list[float]) -> float:
    return statistics.median(mine / theirs for mine, theirs in zip(ours, others, strict=True))


@dataclass
class Crowd:
    """What a million cost: seconds to load them; milliseconds and error of each estimate; seconds
    to resolve, how many were written down, and megabytes of the process page by page."""

    loaded: float
    estimates: list[tuple[str, float, int, int]]
    seconds: float
    queued: int
    memory: list[float]


@contextlib.contextmanager
def service() -> Iterator[str]:
    """The loopback push service; gives its host."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.push.service", str(port)], cwd=HOUSE)
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ |= {
        "DEVELOPMENT": "1",
        "KEYS": signing.environment()["KEYS"],
        "PUSH_TEST_HOSTS": f"127.0.0.1:{port}",
        "PUSH_PACE": "127.0.0.1:1=1",
    }
    try:
        time.sleep(0.5)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


ENVIRONMENT = ("DEVELOPMENT", "KEYS", "PUSH_TEST_HOSTS", "PUSH_PACE")


def rates(url: str, host: str, sizes: Sizes, say: Say) -> dict[str, Ringer]:
    """Every rate by its name."""
    node = lighthouse._install(say)
    script = (str(node), str(HERE / "ringers.js"))
    found = {name: Ringer(name) for name in (ALL, WEBPUSH, NPM, OURS, TWO)}
    _in_house(url, lambda: _fill(host, sizes.devices))
    _ring(url, host, "before", workers=1)  # the first ring of a day also notes whom it reached
    for number in range(1, sizes.rounds + 1):
        say(f"round {number} of {sizes.rounds}: each rings in turn")
        found[ALL].note(_python(url, "bound", str(sizes.bound)))
        found[WEBPUSH].note(_python(url, "webpush", str(sizes.webpush), host))
        found[NPM].note(_run([*script, str(sizes.npm), host, "64"], url, lighthouse.PACKAGES))
        found[OURS].note(_ring(url, host, f"ours {number}", workers=1))
        found[TWO].note(_ring(url, host, f"two {number}", workers=2))
    return found


def crowd(url: str, sizes: Sizes, say: Say) -> Crowd:
    from backend.push.audience import Audience

    say(f"loading {sizes.many:,} subscriptions")
    loaded = _in_house(url, lambda: _load(sizes.many))
    say("estimates, and resolving")
    wanted = {
        "everybody": Audience(),
        "one county": Audience(counties=(19,)),
        "a topic in three counties": Audience(counties=(1, 19, 37), topics=("holds",)),
        "a language": Audience(languages=("es",), kinds=("moved",)),
        "few: one county, topic, language": Audience(
            counties=(58,), topics=("laws",), languages=("es",)
        ),
        "hardly anybody": Audience(counties=(59,), languages=("vi",)),
    }
    estimates = _in_house(url, lambda: _estimates(wanted))
    _in_house(url, lambda: ringers.new_ring("million", Audience()))
    found = _python(url, "resolve", "million")
    return Crowd(loaded, estimates, found["seconds"], found["number"], found["memory"])


def _ring(url: str, host: str, what: str, workers: int) -> dict[str, Any]:
    from backend.push.audience import Audience

    _in_house(url, lambda: ringers.new_ring(what, Audience()))
    _python(url, "resolve", what)
    command = [sys.executable, str(HERE / "ringers.py"), "ring", host, what]
    processes = [
        subprocess.Popen(
            command, cwd=HOUSE, env={**os.environ, "DATABASE_URL": url}, stdout=subprocess.PIPE
        )
        for _ in range(workers)
    ]
    found = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
    first = dict(found[0])
    first["cpu"] = sum(each["cpu"] for each in found)
    first["seconds"] = max(each["seconds"] for each in found)
    return first


def _python(url: str, *words: str) -> dict[str, Any]:
    return _run([sys.executable, str(HERE / "ringers.py"), *words], url, HOUSE)


def _run(command: list[str], url: str, folder: Path) -> dict[str, Any]:
    environment = {**os.environ, "DATABASE_URL": url}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotMeasured(
            f"{' '.join(command[1:3])}: {(done.stderr or done.stdout).strip()[-800:]}"
        )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _in_house(url: str, work: Any) -> Any:
    return signing.in_house(url, work)


async def _fill(host: str, number: int) -> None:
    from backend import database
    from tests.push.crowd import fill, rows

    def endpoint(id: int) -> str:
        return f"http://{host}/push/{id}"

    async with database.connection() as connection:
        await connection.execute("TRUNCATE subscription, ring, ring_batch CASCADE")
        await fill(connection, rows(range(1, number + 1), host, endpoint))


async def _load(number: int) -> float:
    """Sealed by the hundred: nobody opens these. All else differs as it would."""
    from backend import database
    from tests.push.crowd import fill, rows

    sealed = list(rows(range(1, 201), "x", lambda id: f"https://{'x' * 150}/{id}"))
    chance = random.Random(58)
    now = datetime.now(UTC)
    hosts = ("fcm.googleapis.com",) * 5 + ("push.apple.com",) * 4
    hosts += ("updates.push.services.mozilla.com",)
    # As people live: a few counties have most of them.
    shares = [1 / (1 + (id * 37) % 58) for id in range(1, 59)]
    homes = chance.choices(range(1, 59), shares, k=100_000)

    def made() -> Iterable[tuple[Any, ...]]:
        for id in range(1, number + 1):
            row = list(sealed[id % 200])
            row[0] = id
            row[5], row[6] = id.to_bytes(32, "big"), chance.randbytes(32)
            row[7] = hosts[id % 10]
            row[9] = "es" if chance.random() < 0.3 else "en"
            row[10] = id % 12 == 0
            row[11] = sorted({homes[id % 100_000], homes[id * 31 % 100_000]})
            row[17] = row[18] = now
            yield tuple(row)

    async with database.connection() as connection:
        await connection.execute("TRUNCATE subscription, ring, ring_batch CASCADE")
        begun = time.perf_counter()
        await fill(connection, made())
    await database.DB.run_ddl("ANALYZE subscription")
    return time.perf_counter() - begun


async def _estimates(wanted: dict[str, Any]) -> list[tuple[str, float, int, int]]:
    from backend import database
    from backend.push.audience import COUNT, estimate

    found = []
    for what, audience in wanted.items():
        took = []
        for _ in range(4):
            begun = time.perf_counter()
            guess = await estimate(audience)
            took.append((time.perf_counter() - begun) * 1000)
        where, values = audience.condition()
        async with database.connection() as connection:
            truth = await connection.fetchval(COUNT + where, *values)
        # The first asks pages of the disk that nobody asked for lately: people wait for that too.
        found.append((what, max(took), guess.devices, truth))
    return found
