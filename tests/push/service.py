"""A push service on loopback: it takes messages as real ones do, opens them with the phone's keys,
and answers what a test wants.

`PushService` runs in the test's own process; `python -m tests.push.service PORT [SECONDS] [FILE]`
runs one that only counts, and lets everybody wait so long, with the certificate in that file: for
measurements, and where workers are killed.
"""

import asyncio
import contextlib
import json
import os
import re
import ssl
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import http_ece
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

LENGTH = re.compile(rb"(?i)\r\ncontent-length: ?(\d+)")
CREATED = b"HTTP/1.1 201 Created\r\nLocation: /m/1\r\nTTL: 60\r\nContent-Length: 0\r\n\r\n"


def base64url(text: bytes) -> str:
    return urlsafe_b64encode(text).rstrip(b"=").decode()


@dataclass
class Phone:
    """A browser's half of a subscription: it alone can read what comes."""

    name: str
    pair: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def p256dh(self) -> bytes:
        return self.pair.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def open(self, body: bytes) -> bytes:
        text: bytes = http_ece.decrypt(
            body, private_key=self.pair, auth_secret=self.auth, version="aes128gcm"
        )
        return text


@dataclass
class Message:
    """One that came: for whom, its headers with small letters, and its body as it was sealed."""

    name: str
    headers: dict[str, str]
    body: bytes
    phone: Phone | None

    @property
    def plain(self) -> bytes:
        assert self.phone is not None
        return self.phone.open(self.body)

    @property
    def notification(self) -> dict[str, Any]:
        return json.loads(self.plain)["notification"]


@dataclass
class Reply:
    """What to answer: `after` so many seconds, or never (`hang`), or not in HTTP (`raw`)."""

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: float = 0.0
    hang: bool = False
    raw: bytes | None = None

    def written(self) -> bytes:
        if self.raw is not None:
            return self.raw
        lines = [f"HTTP/1.1 {self.status} It", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class PushService:
    """`async with PushService() as service`. `reply` is asked for each message, and may count them
    in `messages`, where all that came are kept in order."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self.phones: dict[str, Phone] = {}
        self.messages: list[Message] = []
        self.reply: Callable[[Message], Reply] = lambda _message: Reply()
        self.connections = 0
        self.most_at_once = 0
        self._now = 0
        self._trust = trust

    async def __aenter__(self) -> "PushService":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._trust)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._open: set[asyncio.StreamWriter] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.hang_up()

    @property
    def host(self) -> str:
        return f"localhost:{self.port}" if self._trust else f"127.0.0.1:{self.port}"

    def phone(self, name: str) -> Phone:
        return self.phones.setdefault(name, Phone(name))

    def endpoint(self, name: str) -> str:
        return f"http{'s' if self._trust else ''}://{self.host}/push/{name}"

    def hang_up(self) -> None:
        """Break every connection there is."""
        for writer in list(self._open):
            writer.transport.abort()

    def got(self, name: str) -> list[Message]:
        return [message for message in self.messages if message.name == name]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while True:
                await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(LENGTH.search(head)[1]))
        first, *lines = head.decode("ascii").strip().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        headers = {name.lower(): value for name, _, value in pairs}
        assert first.startswith("POST /"), first
        name = first.split()[1].rpartition("/")[2]
        message = Message(name, headers, body, self.phones.get(name))
        self.messages.append(message)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            reply = self.reply(message)
            if reply.hang:
                await asyncio.sleep(3600)
            if reply.after:
                await asyncio.sleep(reply.after)
            writer.write(reply.written())
            await writer.drain()
        finally:
            self._now -= 1


class _Counting(asyncio.Protocol):
    """As fast as Python can: it looks only at where a message ends and whom it is for."""

    counted: ClassVar[Counter[bytes]] = Counter()
    total = 0
    wait = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport
        self.came = b""

    def data_received(self, data: bytes) -> None:
        came = self.came + data if self.came else data
        answers = 0
        while (end := came.find(b"\r\n\r\n")) >= 0:
            head = came[:end]
            if head.startswith(b"GET"):
                self._tell(head)
                came = came[end + 4 :]
                continue
            length = LENGTH.search(head)
            whole = end + 4 + int(length[1])
            if len(came) < whole:
                break
            _Counting.counted[head[5 : head.index(b" HTTP")]] += 1
            _Counting.total += 1
            came = came[whole:]
            answers += 1
        self.came = came
        if answers and self.wait:
            loop = asyncio.get_running_loop()
            loop.call_later(self.wait, self.transport.write, CREATED * answers)
        elif answers:
            self.transport.write(CREATED * answers)

    def _tell(self, head: bytes) -> None:
        if head.startswith(b"GET /all"):
            body = json.dumps({name.decode(): n for name, n in _Counting.counted.items()}).encode()
        elif head.startswith(b"GET /clear"):
            _Counting.counted.clear()
            _Counting.total = 0
            body = b"0"
        else:
            body = str(_Counting.total).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.transport.write(head + body)


def main() -> None:
    async def run() -> None:
        _Counting.wait = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
        loop = asyncio.get_running_loop()
        trust = served_with(Path(sys.argv[3])) if len(sys.argv) > 3 else None
        server = await loop.create_server(
            _Counting, "127.0.0.1", int(sys.argv[1]), backlog=1000, ssl=trust
        )
        await server.serve_forever()

    asyncio.run(run())


def make_certificate(file: Path) -> Path:
    """A key and a certificate for localhost that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


def served_with(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


if __name__ == "__main__":
    main()
