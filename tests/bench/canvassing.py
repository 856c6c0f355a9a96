"""Canvassing: how many sealed sign-ups a second the site takes, and how the app does on a slow
phone and a bad line.

The site is one web process; whoever sends shares the machine's other core. The phone is a real
Chromium, its processor slowed to a quarter; the line is a proxy that lets each request wait and
drops some.
"""

import asyncio
import itertools
import json
import random
import tempfile
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli
import httpx
import signing
from rates import Say
from servers import NotMeasured, Server
from signers import ZIPS, _Line

SCRIPT = Path(__file__).parent.parent.parent / "frontend" / "assets" / "vendor" / "canvass.js"
RECORDS = "/canvass/records"
OF_ONE_PHONE = 150
SLOWER = 4


@dataclass(frozen=True)
class Sizes:
    """Sign-ups a second and for how long; as many at once; sign-ups on the phone, and how many of
    them are timed; seconds that a request waits on the bad line, and the share that is lost."""

    rate: int = 200
    seconds: int = 30
    crowd: int = 4_000
    queued: int = 1_000
    timed: int = 100
    wait: float = 0.3
    lost: float = 0.01


QUICK = Sizes(seconds=10, crowd=2_000, queued=300, timed=40)


@dataclass
class Taken:
    """What came of sign-ups that came at a steady rate, and of as many as one process can take."""

    waits: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    rows: int = 0
    most: float = 0.0
    cpu: float = 0.0

    def wait_of(self, share: float) -> float:
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass
class OnThePhone:
    """Milliseconds to save one, and to open with all of them; seconds to send them, and the
    longest in which none arrived."""

    saves: list[float] = field(default_factory=list)
    opens: list[float] = field(default_factory=list)
    sent_in: float = 0.0
    longest_gap: float = 0.0
    lost: int = 0
    arrived: int = 0


def script() -> dict[str, int]:
    """The bytes of the room's script as it is served."""
    import zlib

    text = SCRIPT.read_bytes()
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(text) + packer.flush()
    return {"gzip": len(packed), "brotli": len(brotli.compress(text, quality=11, lgwin=24))}


class Sealer:
    """A phone that seals as the app does, for one shift of one campaign."""

    def __init__(self, server: Server, device: str, token: str, shift: int) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        kit = json.loads(server.get("/canvass/kit.json"))
        point = urlsafe_b64decode(kit["key"]["public"] + "=")
        self.public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        self.key, self.campaign = kit["key"]["id"], kit["campaigns"][0]
        self.device, self.token, self.shift = device, token, shift

    def request(self, number: int) -> bytes:
        """One whole POST of somebody who never signed before."""
        from backend.campaigns import receipts
        from backend.campaigns.signing import new_id
        from backend.canvass.sealing import _SUITE, Place

        texts = self.campaign["texts"]["en"].values()
        shown = ".".join(str(text["id"]) for text in texts)
        said = {
            "name": f"Ana López {number}",
            "contact": f"signer.{number}@example.org",
            "zip": ZIPS[number % len(ZIPS)],
            "county": "",
            "language": "en",
            "purposes": ["pledge"],
            "how": "shown",
            "campaign": self.campaign["slug"],
            "receipt": receipts.new(),
        }
        id = new_id()
        info = Place(self.key, id, self.device, shown).info()  # type: ignore[arg-type]
        sealed = _SUITE.encrypt(json.dumps(said).encode().ljust(512), self.public, info)
        record = {
            "id": str(id),
            "device": self.device,
            "shift": self.shift,
            "key": self.key,
            "shown": shown,
            "sealed": urlsafe_b64encode(sealed).decode().rstrip("="),
            "saved_at": "2026-11-28T10:00:00Z",
        }
        body = json.dumps(record).encode()
        head = (
            f"POST {RECORDS} HTTP/1.1\r\nHost: bench.test\r\nContent-Type: application/json\r\n"
            f"Sec-Fetch-Site: same-origin\r\nCookie: __Host-canvass={self.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def begin_shift(url: str) -> tuple[int, int, str]:
    """A shift of the first campaign, somebody who works there, and a code for a phone of theirs."""
    from backend.campaigns import receipts
    from backend.staff.tables import digest

    [campaign] = signing.fetch(url, "SELECT min(id) AS id FROM campaign")
    code = receipts.new()
    rows = signing.fetch(
        url,
        """WITH shift AS (
               INSERT INTO shift (code, event, campaigns, languages, starts_at, ends_at)
               VALUES ($1, 'Market', $2, '{en,es}', now(), now() + interval '4 hours')
               RETURNING id),
           canvasser AS (INSERT INTO canvasser DEFAULT VALUES RETURNING id)
           INSERT INTO canvass_invitation (shift, canvasser, code_hash, ends_at)
           SELECT shift.id, canvasser.id, $3, now() + interval '10 minutes' FROM shift, canvasser
           RETURNING shift, canvasser""",
        receipts.new_via(),
        [campaign["id"]],
        digest(code),
    )
    return rows[0]["shift"], rows[0]["canvasser"], code


def enrol(server: Server, shift: int, code: str) -> Sealer:
    answer = httpx.post(
        f"http://127.0.0.1:{server.port}/canvass/devices",
        json={"code": code, "label": "bench"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    if answer.status_code != 200:
        raise NotMeasured(f"no phone could be enrolled: {answer.text[:200]}")
    token = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    return Sealer(server, answer.json()["device"], token, shift)


def take(url: str, sizes: Sizes, say: Say) -> Taken:
    """Sign-ups at a steady rate, then as many as there are lines for."""
    with signing.site("canvassing", url) as server:
        total = sizes.rate * sizes.seconds + sizes.crowd
        # What one phone sends beyond two hundred in an hour waits for somebody to look.
        shifts = [begin_shift(url) for _ in range(total // OF_ONE_PHONE + 1)]
        phones = [enrol(server, shift, code) for shift, _canvasser, code in shifts]
        say("sealing")
        every = [phones[n // OF_ONE_PHONE].request(n) for n in range(total)]
        steady, crowd = every[: -sizes.crowd], every[-sizes.crowd :]
        say(f"{sizes.rate} sign-ups a second for {sizes.seconds} s")
        found = asyncio.run(_steadily(server, steady, sizes.rate))
        before = signing._processor(server)
        begun = time.perf_counter()
        asyncio.run(_at_once(server, crowd, found))
        found.most = len(crowd) / (time.perf_counter() - begun)
        found.cpu = (signing._processor(server) - before) / len(crowd) * 1e6
        say("the worker opens them")
        found.rows = _opened(url, total)
    return found


def _opened(url: str, total: int, longest: float = 300) -> int:
    """How many are pledges once a worker has opened what came."""
    counted = "SELECT count(*) AS rows FROM canvass_record WHERE state = 1"
    end = time.monotonic() + longest
    with signing.worker(url):
        while (rows := signing.fetch(url, counted)[0]["rows"]) < total and time.monotonic() < end:
            time.sleep(0.2)
    return int(rows)


async def _steadily(server: Server, requests: list[bytes], rate: int) -> Taken:
    """Nobody waits for another: who comes while the site is slow waits, and that counts."""
    found = Taken()
    free: list[_Line] = []
    pending: set[asyncio.Task[None]] = set()
    begun = time.perf_counter() + 0.1

    async def send(number: int) -> None:
        line = free.pop() if free else await _new_line(server)
        status, _ = await line.ask(requests[number])
        found.waits.append(time.perf_counter() - begun - number / rate)
        if status != 200:
            found.refused.append(str(status))
        free.append(line)

    for number in range(len(requests)):
        await asyncio.sleep(max(0, begun + number / rate - time.perf_counter()))
        task = asyncio.create_task(send(number))
        pending.add(task)
        task.add_done_callback(pending.discard)
    async with asyncio.timeout(60):
        await asyncio.gather(*pending)
    for line in free:
        line.close()
    return found


async def _at_once(server: Server, requests: list[bytes], found: Taken, lines: int = 16) -> None:
    waiting = iter(requests)

    async def send() -> None:
        line = await _new_line(server)
        for request in waiting:
            status, _ = await line.ask(request)
            if status != 200:
                found.refused.append(str(status))
        line.close()

    await asyncio.gather(*(send() for _ in range(lines)))


async def _new_line(server: Server) -> _Line:
    loop = asyncio.get_running_loop()
    _transport, line = await loop.create_connection(_Line, "127.0.0.1", server.port)
    return line


class BadLine:
    """A proxy on which each request waits, and some are lost: before they arrive or before their
    answer does. `came` are the moments at which a sign-up was answered."""

    def __init__(self, site_port: int, sizes: Sizes) -> None:
        self.site_port, self.sizes = site_port, sizes
        self.chance = random.Random(9)
        self.bad, self.lost = False, 0
        self.came: list[float] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        try:
            yield f"http://localhost:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.site_port)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                if self.bad:
                    await asyncio.sleep(self.sizes.wait)
                fate = self.chance.random() / self.sizes.lost if self.bad else 1
                if fate < 0.5:
                    break
                back.write(head + body)
                answer = await there.readuntil(b"\r\n\r\n")
                answer += await there.readexactly(_length(answer))
                if fate < 1:
                    break
                if head.startswith(f"POST {RECORDS} ".encode()):
                    self.came.append(time.perf_counter())
                writer.write(answer)
                await writer.drain()
            self.lost += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the phone hung up, or all is measured
        finally:
            writer.transport.abort()
            back.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def on_the_phone(url: str, sizes: Sizes, say: Say) -> OnThePhone:
    """Save, open and send in a Chromium, the app in a window of its own."""
    with signing.site("canvassing-phone", url) as server:
        shift, _canvasser, code = begin_shift(url)
        found = asyncio.run(_use(server, shift, code, sizes, say))
        [row] = signing.fetch(
            url, "SELECT count(*) AS n FROM canvass_record WHERE shift = $1", shift
        )
        found.arrived = row["n"]
    return found


async def _use(server: Server, shift: int, code: str, sizes: Sizes, say: Say) -> OnThePhone:
    from playwright.async_api import async_playwright

    from tests.browser import canvassers

    found = OnThePhone()
    line = BadLine(server.port, sizes)
    async with async_playwright() as playwright, line.open() as address:
        with tempfile.TemporaryDirectory() as profile:
            async with canvassers.on_the_home_screen(
                playwright.chromium, f"{address}/canvass#{code}", Path(profile)
            ) as page:
                await canvassers.set_up(page)
                await canvassers.is_ready(page)
                await page.context.set_offline(True)
                cdp = await page.context.new_cdp_session(page)
                await cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
                people = [
                    canvassers.Person(f"Ana López {n}", f"signer.{n}@example.org")
                    for n in range(sizes.queued)
                ]
                say(f"{sizes.timed} sign-ups saved on a phone {SLOWER} times as slow")
                found.saves = await canvassers.seal_many(page, people[: sizes.timed], shift)
                await cdp.send("Emulation.setCPUThrottlingRate", {"rate": 1})
                await canvassers.seal_many(page, people[sizes.timed :], shift)
                await cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
                say(f"opening with {sizes.queued:,} of them")
                for _ in range(5):
                    await page.reload()
                    await canvassers.expect(page.locator("#locked")).to_be_visible()
                    found.opens.append(await page.evaluate(OPENED))
                await cdp.send("Emulation.setCPUThrottlingRate", {"rate": 1})
                say(f"sending them: each waits {sizes.wait} s, {sizes.lost:.0%} are lost")
                line.bad = True
                begun = time.perf_counter()
                await page.context.set_offline(False)
                await _until_sent(page, line, begun, found)
    return found


# From the beginning of the load until the queue has been read and told.
OPENED = """async () => {
    const told = document.querySelector("#revoked .waiting");
    while (!told.textContent) await new Promise((r) => setTimeout(r, 5));
    return performance.now();
}"""


async def _until_sent(page: Any, line: BadLine, begun: float, found: OnThePhone) -> None:
    from tests.browser import canvassers

    while await canvassers.unsent(page):
        await asyncio.sleep(0.5)
        if time.perf_counter() - begun > 300:
            raise NotMeasured(f"after five minutes {await canvassers.unsent(page)} still wait")
    moments = [begun, *line.came]
    found.sent_in = line.came[-1] - begun
    found.longest_gap = max(b - a for a, b in itertools.pairwise(moments))
    found.lost = line.lost
