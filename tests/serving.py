"""Starting the site as people do, and ending it again."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

HOUSE = Path(__file__).resolve().parent.parent
SHARED = HOUSE.parent / "shared"


@dataclass
class Served:
    """A running site: where it answers, its process, and where it writes."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def written(self) -> str:
        return self.log.read_text(encoding="utf-8")


@contextlib.contextmanager
def serving(
    log: Path, command: list[str] | None = None, wait: float = 60, **environment: str
) -> Iterator[Served]:
    """`python -m backend serve` (or `command`) on a free port until the block ends."""
    port = free_port()
    with log.open("wb") as file:
        process = subprocess.Popen(
            command or [sys.executable, "-m", "backend", "serve"],
            cwd=HOUSE,
            env={**os.environ, **environment, "PORT": str(port)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    site = Served(f"http://127.0.0.1:{port}", port, process, log)
    try:
        _wait_until_it_answers(site, wait)
        yield site
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(site: Served, wait: float) -> None:
    end = time.monotonic() + wait
    while time.monotonic() < end:
        assert site.process.poll() is None, f"it ended by itself:\n{site.written()}"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{site.url}/healthz").status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"no answer in {wait} s:\n{site.written()}")
