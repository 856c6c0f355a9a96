"""Starting the site as people do, and ending it again."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from backend import database_roles

HOUSE = Path(__file__).resolve().parent.parent
SHARED = HOUSE.parent / "shared"


@dataclass
class Served:
    """A running site: where it answers, its process, where it writes, and its database."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    database: str = ""

    def written(self) -> str:
        return self.log.read_text(encoding="utf-8")


def as_app(database: str, role: str = database_roles.APP) -> dict[str, str]:
    """The environment of a process that works on the database as the app's role, or another."""
    return {"DATABASE_URL": database_roles.as_role(database, role, "app"), "OWNER_URL": database}


@contextlib.contextmanager
def serving(
    log: Path,
    command: list[str] | None = None,
    wait: float = 60,
    port: int | None = None,
    house: Path = HOUSE,
    **environment: str,
) -> Iterator[Served]:
    """`python -m backend serve` (or `command`) on `port`, or a free one, until the block ends."""
    port = port or free_port()
    database = environment.get("DATABASE_URL", os.environ.get("DATABASE_URL", ""))
    if database and "OWNER_URL" not in environment:
        # As in production: only what brings the tables up to date owns them.
        public = environment.get("SERVES") == "public"
        environment |= as_app(database, database_roles.PUBLIC if public else database_roles.APP)
        if public:
            environment["OWNER_URL"] = ""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command or [sys.executable, "-m", "backend", "serve"],
            cwd=house,
            env={**os.environ, **environment, "PORT": str(port)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    site = Served(f"http://127.0.0.1:{port}", port, process, log, database)
    try:
        _wait_until_it_answers(site, wait)
        yield site
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


@dataclass(frozen=True)
class Apart:
    """As in production: what the public sees, the desk, which alone opens names, and the worker,
    which alone rings phones; and with which environment each was started."""

    site: Served
    desk: Served
    working: subprocess.Popen[bytes]
    public: dict[str, str]
    staffed: dict[str, str]
    worker: dict[str, str]
    outbox: Path

    def written(self) -> str:
        return self.site.written() + self.desk.written()


@contextlib.contextmanager
def serving_apart(folder: Path, database: str, **all_three: str) -> Iterator[Apart]:
    """Public site, desk and worker, each a process of its own with the files it has in production,
    until the block ends."""
    public = {
        "DATABASE_URL": database,
        "KEYS": str(folder / "keys" / "keys.json"),
        "SERVES": "public",
        "WORKER": "0",
        **all_three,
    }
    worker = {
        **public,
        "SERVES": "",
        "PRIVATE_KEYS": str(folder / "private" / "private.json"),
        "RINGING_KEYS": str(folder / "ringing" / "ringing.json"),
        "VAR": str(folder / "var"),
    }
    staffed = {**worker, "RINGING_KEYS": "elsewhere"}
    with (
        serving(folder / "desk.log", **staffed) as desk,
        (folder / "worker.log").open("wb") as log,
    ):
        working = subprocess.Popen(
            [sys.executable, "-m", "backend", "worker"],
            cwd=HOUSE,
            env={**os.environ, **worker, **as_app(database), "OWNER_URL": ""},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            # Which is so once desk and worker have made the keys.
            _wait_until_it_answers(desk, 60, "/readyz")
            with serving(folder / "site.log", **public) as site:
                yield Apart(site, desk, working, public, staffed, worker, folder / "var" / "outbox")
        finally:
            working.terminate()
            working.wait(20)


class Recorder:
    """A wire between a browser and the site that keeps the first line of every request, whoever
    makes it: also a service worker's, which the browser's own tools do not show."""

    def __init__(self, site_port: int) -> None:
        self.site_port = site_port
        self.port = free_port()
        self.lines: list[str] = []
        self.connected = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "Recorder":
        self.server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    def paths(self) -> list[str]:
        return [line.split(" ")[1] for line in self.lines]

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.connected:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.site_port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._out(reader, back), self._pass(there, writer))

    async def _out(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not self.connected:
                    break
                self.lines.append(head.split(b"\r\n")[0].decode("latin-1"))
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                back.write(head + body)
                await back.drain()
        back.close()

    async def _pass(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await there.read(65536):
                writer.write(piece)
                await writer.drain()
        writer.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(site: Served, wait: float, path: str = "/healthz") -> None:
    end = time.monotonic() + wait
    while time.monotonic() < end:
        assert site.process.poll() is None, f"it ended by itself:\n{site.written()}"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(site.url + path).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"no answer in {wait} s:\n{site.written()}")
