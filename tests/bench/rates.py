"""Requests a second: our page and our JSON against plain text, and against the peer."""

import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from servers import BENCH, HOUSE, PAGE, VAR, NotMeasured, Server, granian

JSON = f"/api/v1{PAGE}"
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
PEER_ENVIRONMENT = VAR / "bench-venv"
CONNECTIONS = 16
GZIP = ("Accept-Encoding: gzip",)

Say = Callable[[str], None]


@dataclass
class Rate:
    """What is asked of whom. For each round: requests a second, and microseconds of the web
    process's processor time for one request, which other work on the machine blurs less."""

    what: str
    server: Server
    path: str
    headers: tuple[str, ...]
    rounds: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)

    def against(self, other: "Rate") -> float:
        """The median of the rounds' own ratios: a machine that slows down slows both."""
        return statistics.median(
            mine / theirs for mine, theirs in zip(self.rounds, other.rounds, strict=True)
        )


def measure(url: str, rounds: int, seconds: int, say: Say) -> dict[str, Rate]:
    """Every rate by its name. One server works at a time; the others stand idle."""
    wrk = find_wrk(say)
    peer_python = make_peer_environment(say)
    house_python = Path(sys.executable)
    with ExitStack() as open_servers:
        ours, plain, peer = (
            open_servers.enter_context(granian(name, target, python, url, path))
            for name, target, python, path in (
                ("ours", "backend.app:app", house_python, PAGE),
                ("plain", "tests.bench.plain:app", house_python, "/"),
                ("peer", "tests.bench.peer:app", peer_python, PAGE),
            )
        )
        say("checking that the peer says what we say, for all counties")
        check_same(ours, peer)
        rates = {
            "plain": Rate("plain text", plain, "/", ()),
            "page": Rate("county page", ours, PAGE, ()),
            "json": Rate("county JSON", ours, JSON, ()),
            "plain, gzip": Rate("plain text, gzip asked for", plain, "/", GZIP),
            "page, gzip": Rate("county page, gzip asked for", ours, PAGE, GZIP),
            "json, gzip": Rate("county JSON, gzip asked for", ours, JSON, GZIP),
            "peer page": Rate("the peer’s page", peer, PAGE, ()),
            "peer json": Rate("the peer’s JSON", peer, JSON, ()),
        }
        for rate in rates.values():
            run_wrk(wrk, rate, 1)
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}: {seconds} s each for {len(rates)} addresses")
            for rate in rates.values():
                run_round(wrk, rate, seconds)
    return rates


def run_round(wrk: str, rate: Rate, seconds: int) -> None:
    worker = rate.server.worker()
    before = worker.cpu_times()
    speed, count = run_wrk(wrk, rate, seconds)
    after = worker.cpu_times()
    spent = after.user + after.system - before.user - before.system
    rate.rounds.append(speed)
    rate.costs.append(spent / count * 1_000_000)


def run_wrk(wrk: str, rate: Rate, seconds: int) -> tuple[float, int]:
    """Requests a second, and how many were answered. Raises NotMeasured when any request failed."""
    headers = [part for header in rate.headers for part in ("-H", header)]
    done = subprocess.run(
        [
            *(wrk, "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", *headers),
            f"http://127.0.0.1:{rate.server.port}{rate.path}",
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    found = re.search(r"^Requests/sec:\s+([0-9.]+)", done.stdout, re.MULTILINE)
    count = re.search(r"^\s*([0-9]+) requests in ", done.stdout, re.MULTILINE)
    failed = re.search(r"^ *(Non-2xx.*|Socket errors.*)$", done.stdout, re.MULTILINE)
    if done.returncode or not found or not count or failed:
        said = failed[0].strip() if failed else (done.stderr or done.stdout).strip()
        raise NotMeasured(f"{rate.what}: wrk said: {said}")
    return float(found[1]), int(count[1])


def check_same(ours: Server, peer: Server) -> None:
    """Raises NotMeasured unless both give every county the same answers and the same headline."""
    for county in json.loads(ours.get("/api/v1/counties")):
        slug = county["slug"]
        ours_says, peer_says = (
            json.loads(server.get(f"/api/v1/counties/{slug}")) for server in (ours, peer)
        )
        if _gist(ours_says) != _gist(peer_says):
            raise NotMeasured(f"{slug}: the peer’s JSON says something else than ours")
        ours_said, peer_said = (
            _headline(server.get(f"/counties/{slug}")) for server in (ours, peer)
        )
        if ours_said != peer_said:
            raise NotMeasured(f"{slug}: we say {ours_said!r}, the peer {peer_said!r}")


def find_wrk(say: Say) -> str:
    """The load tool. Installs Debian's as root; raises NotMeasured where that is not possible."""
    if not shutil.which("wrk") and os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing wrk")
        if not _apt("install", "-y", "--no-install-recommends", "wrk"):
            _apt("update")
            _apt("install", "-y", "--no-install-recommends", "wrk")
    found = shutil.which("wrk")
    if not found:
        raise NotMeasured(
            "The load tool wrk is missing. Install it (apt-get install wrk, or brew install wrk) "
            "and run again."
        )
    return found


def make_peer_environment(say: Say) -> Path:
    """The Python of the peer, which has packages the house does not want."""
    python = PEER_ENVIRONMENT / "bin" / "python"
    stamp = PEER_ENVIRONMENT / ".made-from"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    say("installing the peer’s packages into var/bench-venv (once)")
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes")
    # The lock is complete. Left to resolve, an older pip takes the newest `pydantic[email]`, which
    # piccolo asks for with an extra, past the pinned one, and then misses its hash.
    pip += ("--no-deps",)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(PEER_ENVIRONMENT)],
        [str(python), *pip, "-r", str(REQUIREMENTS)],
    ):
        done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-1500:]
            raise NotMeasured(f"The peer’s packages could not be installed:\n{said}")
    stamp.write_text(wanted)
    return python


def _apt(*arguments: str) -> bool:
    BENCH.mkdir(parents=True, exist_ok=True)
    with (BENCH / "apt.log").open("ab") as log:
        done = subprocess.run(
            ["apt-get", "-q", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return done.returncode == 0


def _gist(county: dict) -> tuple:
    answers = {each["question"]: each["answer"] for each in county["answers"]}
    return answers, *(len(county[part]) for part in ("practice", "figures", "history"))


def _headline(page: bytes) -> str:
    found = re.search(r'class="verdict".*?<strong>(.*?)</strong>', page.decode(), re.DOTALL)
    if not found:
        raise NotMeasured("a county page has no headline")
    return found[1]
