"""Web servers to measure: ours, the yardstick and the peer, on free ports of this machine."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

HOUSE = Path(__file__).resolve().parent.parent.parent
VAR = HOUSE / "var"
BENCH = VAR / "bench"
PAGE = "/counties/los-angeles"

# As backend.__main__ serves, and the same for everyone. The loop is named so that a faster one
# in only one of the environments cannot decide a comparison.
GRANIAN = (
    *("--interface", "asgi", "--workers", "1", "--no-ws", "--loop", "asyncio"),
    *("--log-level", "warning", "--no-access-log", "--host", "127.0.0.1"),
)


class NotMeasured(Exception):
    """Something could not be measured; the message is the sentence people read."""


@dataclass
class Server:
    """A server that answers. `seconds` is how long that took from the start of its process."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"
    seconds: float

    def get(self, path: str, headers: dict[str, str] | None = None) -> bytes:
        """The body at `path`. Raises NotMeasured for anything but 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise NotMeasured(f"{self.name} answered {path} with {answer.status}")
        return body

    def worker(self) -> psutil.Process:
        """The process that answers, not the one that only watches over it."""
        workers = [
            each
            for each in psutil.Process(self.process.pid).children(recursive=True)
            if "postgres" not in each.name()
        ]
        if not workers:
            raise NotMeasured(f"{self.name}: the web process was not found")
        return max(workers, key=lambda each: each.memory_info().rss)


@contextmanager
def granian(
    name: str, target: str, python: Path, url: str, path: str, **more: str
) -> Iterator[Server]:
    """`target` (module:app) under the server settings that all share. `more` is its environment."""
    port = free_port()
    command = [str(python), "-m", "granian", *GRANIAN, "--port", str(port), target]
    environment = {**os.environ, **more, "DATABASE_URL": url}
    with started(name, command, environment, port, path) as server:
        yield server


@contextmanager
def whole_house(environment: dict[str, str]) -> Iterator[Server]:
    """`python -m backend serve`, as people start it."""
    port = free_port()
    command = [sys.executable, "-m", "backend", "serve"]
    own = {**environment, "PORT": str(port), "HOST": "127.0.0.1", "WEB_WORKERS": "1"}
    with started("serve", command, own, port, PAGE) as server:
        yield server


@contextmanager
def started(
    name: str, command: list[str], environment: dict[str, str], port: int, path: str
) -> Iterator[Server]:
    """A process of ours, from its first answered page to the end of the block."""
    BENCH.mkdir(parents=True, exist_ok=True)
    log = BENCH / f"{name}.log"
    with log.open("wb") as file:
        begun = time.monotonic()
        process = subprocess.Popen(
            command, cwd=HOUSE, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            server = Server(name, port, process, 0.0)
            _wait_for(server, path, log)
            server.seconds = time.monotonic() - begun
            yield server
        finally:
            _stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(server: Server, path: str, log: Path, longest: float = 60.0) -> None:
    end = time.monotonic() + longest
    while time.monotonic() < end and server.process.poll() is None:
        try:
            server.get(path)
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
    said = log.read_text(errors="replace").strip()[-1500:]
    raise NotMeasured(f"{server.name} did not answer. It said:\n{said}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
