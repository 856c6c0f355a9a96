"""HTTP client: connections to push services, kept open, asked one thing at a time, never led
elsewhere.

HTTP/1.1 as push services speak it, and nothing more: a request goes out in one piece, and of the
answer the status, three headers and a little of the body are read. A general client takes longer
for that than sealing the message does (see `make bench`).
"""

import asyncio
import contextlib
import re
import ssl
import time
from dataclasses import dataclass

LONGEST_HEAD = 16_384
LONGEST_BODY = 65_536
BODY_KEPT = 1000
TO_CONNECT = 10.0
# Services close what is idle; before they do, we do.
IDLE = 50.0
LOOK = 0.5

STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [^\r\n]*)?")
NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
LENGTH = re.compile(rb"[0-9]{1,9}")
SIZE = re.compile(rb"([0-9a-f]{1,6})(?:[ \t]*;[^\r\n]*)?", re.IGNORECASE)
ONCE = (b"content-length", b"transfer-encoding", b"retry-after")


class NoAnswer(Exception):
    """The service could not be reached, took too long, or said what is no HTTP."""


class _Early(NoAnswer):
    """The connection had been closed before it was used again: nothing was heard of the request."""


@dataclass(frozen=True)
class Answer:
    """`body` is the beginning of it. It may hold what identifies a phone: never log it."""

    status: int
    retry_after: str = ""
    body: bytes = b""


class Client:
    """All connections of one worker. `seconds` is how long an answer may take."""

    def __init__(self, seconds: float = 10.0, trust: ssl.SSLContext | None = None) -> None:
        self.seconds = seconds
        self._trust = trust
        self._free: dict[tuple[str, int, bool], list[_Line]] = {}
        self._lines: set[_Line] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._outgoing: list[tuple[_Line, bytes]] = []

    async def ask(self, host: str, port: int, secure: bool, request: bytes) -> Answer:
        """Send a whole request. Raises NoAnswer."""
        key = (host, port, secure)
        line = self._kept(key)
        if line is not None:
            try:
                return await self._ask(line, key, request)
            except _Early:
                pass  # not the service's fault, nor the phone's
        return await self._ask(await self._open(key), key, request)

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        for line in list(self._lines):
            line.end(NoAnswer("closed"))
        self._free.clear()

    async def _ask(self, line: "_Line", key: tuple[str, int, bool], request: bytes) -> Answer:
        # What many ask at the same time goes out together: a service that is woken for each message
        # by itself takes longer, and so do we.
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._send)
        self._outgoing.append((line, request))
        try:
            answer = await line.expect(time.monotonic() + self.seconds)
        except asyncio.CancelledError:
            line.end(NoAnswer("given up"))
            raise
        if line.can_be_kept:
            line.idle_since = time.monotonic()
            self._free.setdefault(key, []).append(line)
        else:
            line.end(NoAnswer("done"))
        return answer

    def _send(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        for line, request in outgoing:
            line.send(request)

    def _kept(self, key: tuple[str, int, bool]) -> "_Line | None":
        free = self._free.get(key)
        while free:
            line = free.pop()
            if not line.ended and time.monotonic() - line.idle_since < IDLE:
                return line
            line.end(NoAnswer("idle"))
        return None

    async def _open(self, key: tuple[str, int, bool]) -> "_Line":
        host, port, secure = key
        loop = asyncio.get_running_loop()
        trust = self._trusted() if secure else None
        try:
            async with asyncio.timeout(min(TO_CONNECT, self.seconds)):
                _transport, line = await loop.create_connection(
                    lambda: _Line(self._lines), host, port, ssl=trust
                )
        except (OSError, ssl.CertificateError) as error:  # TimeoutError is an OSError
            raise NoAnswer(type(error).__name__) from None
        if self._looking is None:
            self._looking = loop.call_later(LOOK, self._look)
        return line

    def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = ssl.create_default_context()
            self._trust.minimum_version = ssl.TLSVersion.TLSv1_2
            self._trust.set_alpn_protocols(["http/1.1"])
        return self._trust

    def _look(self) -> None:
        """One timer for all lines: one for each message would cost more than reading its answer."""
        now = time.monotonic()
        for line in list(self._lines):
            if line.until is not None and now > line.until:
                line.end(NoAnswer("TimeoutError"))
            elif line.until is None and now - line.idle_since > IDLE:
                line.end(NoAnswer("idle"))
        for free in self._free.values():
            free[:] = [line for line in free if not line.ended]
        self._looking = (
            asyncio.get_running_loop().call_later(LOOK, self._look) if self._lines else None
        )


class _Line(asyncio.Protocol):
    """One connection. `until` is when its answer must be there; None while nothing is asked."""

    def __init__(self, lines: "set[_Line]") -> None:
        self._lines = lines
        self._came = b""
        self._answer: asyncio.Future[Answer] | None = None
        self._used = False
        self.until: float | None = None
        self.idle_since = time.monotonic()
        self.can_be_kept = False
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._lines.add(self)

    def expect(self, until: float) -> "asyncio.Future[Answer]":
        """The answer to what is sent next."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self.ended:
            answer.set_exception(_Early("closed"))
        else:
            self._answer, self.until = answer, until
        return answer

    def send(self, request: bytes) -> None:
        if not self.ended:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.end(NoAnswer("it spoke unasked"))
            return
        self._came = self._came + data if self._came else data
        try:
            answer = self._read(False)
        except ValueError:
            self.end(NoAnswer("this is no HTTP"))
            return
        if answer is not None:
            self._give(answer)

    def eof_received(self) -> None:
        """A body may end with the connection."""
        if self._answer is not None and self._came:
            with contextlib.suppress(ValueError):
                answer = self._read(True)
                if answer is not None:
                    self.can_be_kept = False
                    self._give(answer)

    def connection_lost(self, _error: Exception | None) -> None:
        self.end(NoAnswer("it hung up"))

    def end(self, why: NoAnswer) -> None:
        self.ended = True
        self._lines.discard(self)
        answer, self._answer, self.until = self._answer, None, None
        if answer is not None and not answer.done():
            hung_up = str(why) == "it hung up"
            early = self._used and not self._came and hung_up
            answer.set_exception(_Early(str(why)) if early else why)
        self._transport.abort()

    def _give(self, answer: Answer) -> None:
        waiting, self._answer, self.until = self._answer, None, None
        self._came, self._used = b"", True
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _read(self, at_end: bool) -> Answer | None:
        """The answer when it is all there. Raises ValueError for what is no HTTP."""
        while True:
            head, there, rest = self._came.partition(b"\r\n\r\n")
            if len(head) > LONGEST_HEAD:
                raise ValueError("the head is too long")
            if not there:
                return None
            status, old, headers = _read_head(head)
            if status >= 200:
                break
            self._came = rest  # "go on" and the like
        body, left, closes = _read_body(status, headers, rest, at_end)
        if body is None:
            return None
        stays = not old and b"close" not in headers.get(b"connection", b"").lower()
        self.can_be_kept = stays and not closes and not left
        retry_after = headers.get(b"retry-after", b"")[:100].decode("latin-1")
        return Answer(status, retry_after, body[:BODY_KEPT])


def _read_head(head: bytes) -> tuple[int, bool, dict[bytes, bytes]]:
    first, *lines = head.split(b"\r\n")
    found = STATUS.fullmatch(first)
    if found is None:
        raise ValueError("no status line")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or not NAME.fullmatch(name):
            raise ValueError("no header")
        if name in headers and name in ONCE:
            raise ValueError("said twice")
        headers[name] = value.strip()
    return int(found[2]), found[1] == b"0", headers


def _read_body(
    status: int, headers: dict[bytes, bytes], rest: bytes, at_end: bool
) -> tuple[bytes | None, bytes, bool]:
    """The body, or None when more of it must come; what follows it; and whether the connection ends
    with it. Of a long one we wait for no more."""
    coding, length = headers.get(b"transfer-encoding"), headers.get(b"content-length")
    if status in (204, 304):
        return b"", rest, False
    if coding is not None:
        if length is not None or coding.lower() != b"chunked":
            raise ValueError("two lengths, or a coding we do not read")
        return _read_chunks(rest)
    if length is not None:
        if not LENGTH.fullmatch(length):
            raise ValueError("no length")
        size = int(length)
        if len(rest) >= size:
            return rest[:size], rest[size:], False
    if len(rest) > LONGEST_BODY or (length is None and at_end):
        return rest, b"", True
    return None, b"", False


def _read_chunks(rest: bytes) -> tuple[bytes | None, bytes, bool]:
    body = b""
    while True:
        line, there, rest = rest.partition(b"\r\n")
        if not there:
            if len(line) > 100:
                raise ValueError("no size of a chunk")
            return None, b"", False
        found = SIZE.fullmatch(line)
        if found is None:
            raise ValueError("no size of a chunk")
        size = int(found[1], 16)
        if size == 0:
            return _read_trailer(body, rest)
        if len(body) + size > LONGEST_BODY:
            return body, b"", True
        if len(rest) < size + 2:
            return None, b"", False
        if rest[size : size + 2] != b"\r\n":
            raise ValueError("a chunk without an end")
        body, rest = body + rest[:size], rest[size + 2 :]


def _read_trailer(body: bytes, rest: bytes) -> tuple[bytes | None, bytes, bool]:
    if rest.startswith(b"\r\n"):
        return body, rest[2:], False
    _fields, there, left = rest.partition(b"\r\n\r\n")
    if there:
        return body, left, False
    if len(rest) > LONGEST_HEAD:
        raise ValueError("the trailer is too long")
    return None, b"", False
