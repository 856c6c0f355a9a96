"""People who sign, as a browser would send them, and who come whether or not the site keeps up."""

import asyncio
import gc
import gzip
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from servers import BENCH, NotMeasured, Server

# Each in one county: the form asks nothing more.
ZIPS = "95401 90011 94103 92101 95814 93701 94601 95110 92401 92501".split()
HEADERS = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Mobile Safari/537.36",
    "Accept": "text/html,application/xhtml+xml",
    "Accept-Language": "es-US,es;q=0.9,en;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
    "Content-Type": "application/x-www-form-urlencoded",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
}
# The boxes say which words stood beside them: in a new database these are the English ones.
FIELDS = {"agree_pledge": "1", "agree_news": "3", "website": "", "took": "21", "puzzle": ""}

# The same signers in the language of wrk, which can send far more than any of the sites can take.
WRK = """
local zips = {%(zips)s}
local number = %(first)d
local headers = {%(headers)s}
request = function()
  number = number + 1
  headers["X-Forwarded-For"] = string.format("%%d.%%d.%%d.7",
    11 + number %% 200, math.floor(number / 200) %% 250, math.floor(number / 50000) %% 250)
  local body = string.format("name=Ana+L%%%%C3%%%%B3pez+%%d&contact=signer.%%d%%%%40example.org"
    .. "&zip=%%s&%(fields)s", number, number, zips[number %% #zips + 1])
  return wrk.format("POST", nil, headers, body)
end
"""


@dataclass
class Rush:
    """What came of signers who came at a steady rate: seconds each waited from the moment they
    meant to sign, and the receipts, by the number of the signer."""

    waits: list[float] = field(default_factory=list)
    receipts: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    most_lines: int = 0
    busy: float = 0.0
    memory: list[float] = field(default_factory=list)

    def wait_of(self, share: float) -> float:
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def name_of(number: int) -> str:
    return f"Ana López {number}"


def contact_of(number: int) -> str:
    return f"signer.{number}@example.org"


def request_of(number: int, address: str) -> bytes:
    """One whole POST, each from a network of its own."""
    fields = {"name": name_of(number), "contact": contact_of(number)}
    body = urlencode({**fields, "zip": ZIPS[number % len(ZIPS)], **FIELDS})
    # The next signer comes from another provider's networks altogether.
    network = f"{11 + number % 200}.{number // 200 % 250}.{number // 50000 % 250}.7"
    headers = {**HEADERS, "X-Forwarded-For": network, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {address} HTTP/1.1\r\nHost: bench.test\r\n{lines}\r\n{body}".encode()


def script_for_wrk(first: int) -> Path:
    """A program for wrk, whose signers have numbers from `first` on."""
    file = BENCH / "sign.lua"
    file.write_text(
        WRK
        % {
            "zips": ", ".join(f'"{zip}"' for zip in ZIPS),
            "first": first,
            "headers": ", ".join(f'["{name}"] = "{value}"' for name, value in HEADERS.items()),
            "fields": urlencode(FIELDS),
        },
        encoding="utf-8",
    )
    return file


async def rush(
    server: Server, address: str, first: int, rate: int, seconds: int, memory: Callable[[], float]
) -> Rush:
    """`rate` new signers a second, at even steps, for so many seconds: nobody waits for another.
    `memory` is asked once a second."""
    found = Rush()
    crowd = [request_of(first + number, address) for number in range(rate * seconds)]
    free: list[_Line] = []
    loop = asyncio.get_running_loop()
    open_lines = 0
    pending: set[asyncio.Task[None]] = set()
    bodies: dict[int, tuple[int, bytes]] = {}

    async def sign(number: int, due: float) -> None:
        nonlocal open_lines
        # The site hangs up on a line that nobody used for half a minute.
        while free and free[-1].transport.is_closing():
            free.pop()
        if free:
            line = free.pop()
        else:
            open_lines += 1
            found.most_lines = max(found.most_lines, open_lines)
            _transport, line = await loop.create_connection(_Line, "127.0.0.1", server.port)
        status, body = await line.ask(crowd[number])
        found.waits.append(time.perf_counter() - due)
        free.append(line)
        bodies[first + number] = (status, body)

    gc.collect()
    gc.disable()
    busy = time.process_time()
    begun = time.perf_counter() + 0.1
    try:
        for number in range(len(crowd)):
            due = begun + number / rate
            if number % rate == 0:
                found.memory.append(memory())
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(sign(number, due))
            pending.add(task)
            task.add_done_callback(pending.discard)
        async with asyncio.timeout(60):
            while pending:
                await asyncio.gather(*pending)
    except TimeoutError:
        raise NotMeasured(f"{len(pending)} signers were still waiting after a minute") from None
    finally:
        found.busy = (time.process_time() - busy) / (time.perf_counter() - begun)
        gc.enable()
        for line in free:
            line.close()
    for number, (status, body) in bodies.items():
        receipt = receipt_in(body)
        if status == 200 and receipt:
            found.receipts[number] = receipt
        else:
            found.refused.append(f"{status}")
    found.memory.append(memory())
    return found


def receipt_in(body: bytes) -> str:
    """The code that the signer's own page shows; empty when it shows none."""
    page = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    shown = re.search(rb'<p class="code"><bdi dir="ltr">([0-9A-Z]{5})-([0-9A-Z]{5})</bdi>', page)
    return (shown[1] + shown[2]).decode() if shown else ""


class _Line(asyncio.Protocol):
    """One kept connection; it carries one request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.came = b""
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.came += data
        head, end, body = self.came.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if not end or len(body) < int(length[1] if length else 0):
            return
        self.came = b""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result((int(head[9:12]), body))

    def connection_lost(self, _error: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(NotMeasured("the site hung up on a signer"))

    def close(self) -> None:
        self.transport.close()
