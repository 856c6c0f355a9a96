"""Rate limit: how often somebody may do something, counted for all processes and machines together,
without keeping who that is.

Counts stand in one unlogged table (`web/tables.py`) and are made on a connection of their own:
whatever becomes of the transaction that asks, a try stays a try. Rows bear a hash under a salt of
the day, of a hash under a key of the keyring: yesterday's say nothing to anybody, and at midnight
(UTC) everyone starts anew.
"""

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import math
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg
import structlog
from litestar.connection import ASGIConnection

from backend import database, settings
from backend.database import DB
from backend.web import keyring
from backend.web.batching import Together
from backend.web.keyring import NoKey
from backend.web.logs import told
from backend.web.responses import AnyRequest
from backend.web.tables import RateLimit

log = structlog.get_logger()

MOST_REMEMBERED = 50_000
# Longer than the database ever takes for this while it is well, in seconds; then it is left alone
# for a moment, so that a silent one does not hold every request up that long.
PATIENCE = 2.0
RESPITE = 2.0
# What to tell somebody who is refused because the database does not answer, in seconds.
A_MOMENT = 30

# The client of what a process asks itself.
OURSELVES = ("ourselves", 0)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Where in its scope a request has it once it was read.
ADDRESS = "confianza.address"


class DoesNotCount(Exception):
    """The database, or the key, is not to be had: nothing was counted."""


@dataclass(frozen=True)
class Rung:
    """One count: 32 bytes that say whose, a try each `spacing` seconds, `room` seconds ahead."""

    key: bytes
    spacing: float
    room: float


Asker = TypeVar("Asker")


class _Counted(ABC, Generic[Asker]):
    """At most `most` times within `seconds` for each asker, evenly refilled (the generic cell rate
    algorithm, ITU-T I.371). `name` keeps it apart from all others. When the database does not
    answer everybody may, but nobody where the limit is `closed`: that is for codes somebody could
    guess and letters to strangers."""

    def __init__(self, name: str, most: int, seconds: float, *, closed: bool = False) -> None:
        self.name = name
        self.most = most
        self.seconds = seconds
        self.closed = closed

    async def take(self, asker: Asker, times: int = 1) -> bool:
        """Count so many more; False when that is too many, and then nothing is counted."""
        return await self._is_taken(asker, times)

    async def is_free(self, asker: Asker) -> bool:
        """Whether one more would be taken. Counts nothing."""
        return await self._is_taken(asker, 0)

    async def wait(self, asker: Asker) -> int:
        """Seconds until one more is taken: 0 for now."""
        try:
            return math.ceil(max(await _ask(self._rungs(asker), 0), default=0))
        except DoesNotCount:
            return A_MOMENT if self.closed else 0

    async def _is_taken(self, asker: Asker, times: int) -> bool:
        try:
            rungs = self._rungs(asker)
            if any(_is_refused(rung) for rung in rungs):
                return False
            waits = await _ask(rungs, times)
        except DoesNotCount:
            return not self.closed
        if times <= 1:
            _remember(rungs, waits)
        return not any(waits)

    @abstractmethod
    def _rungs(self, asker: Asker) -> list[Rung]: ...


class Limit(_Counted[bytes]):
    """A limit for each key of the caller's choosing: an account, a code, all together."""

    def _rungs(self, asker: bytes) -> list[Rung]:
        return [_rung(self.name, asker, self.most, self.seconds)]


# How many times the room of its narrowest network a wider one gets. IPv4: a /24 is one office, one
# market's hotspot, one carrier's gate for thousands; who rents sixteen of a /16's 256 and fills
# them all closes the /16, not sooner. IPv6: one phone or home is a /64, and every home line gets a
# /56 or /48 of them for nothing, so these have less room than what they hold; a /32 is a whole
# carrier.
LADDERS = {4: ((24, 1), (16, 16)), 6: ((64, 1), (56, 4), (48, 16), (32, 64))}


class NetworkLimit(_Counted[AnyRequest]):
    """A limit for the network a request comes from, and for the wider ones it is part of, each with
    a count of its own. A request of which no address is known (`address_of`) is not counted: all
    those would share one count, and one of them could lock the others out."""

    def _rungs(self, asker: AnyRequest) -> list[Rung]:
        ip = address_of(asker)
        if ip is None:
            return []
        return [
            _rung(f"{self.name} /{bits}", _network(ip, bits), self.most * factor, self.seconds)
            for bits, factor in LADDERS[ip.version]
        ]


class AllOf(_Counted[AnyRequest]):
    """Several limits in one question: there is room in each, or nothing is counted."""

    def __init__(self, *limits: NetworkLimit) -> None:
        super().__init__("", 0, 0, closed=any(limit.closed for limit in limits))
        self.limits = limits

    def _rungs(self, asker: AnyRequest) -> list[Rung]:
        return [rung for limit in self.limits for rung in limit._rungs(asker)]


def client_key(request: AnyRequest) -> bytes:
    """16 bytes for the client's network (an IPv4 /24, an IPv6 /64), the same in all processes. Not
    to be kept: it stays the same as long as the key does. Raises DoesNotCount."""
    ip = address_of(request)
    network = b"unknown" if ip is None else _network(ip, LADDERS[ip.version][0][0])
    return hmac.digest(_secret(), network, hashlib.sha256)[:16]


def address_of(request: ASGIConnection[Any, Any, Any, Any]) -> Address | None:
    """Where a request comes from. Behind proxies of our own the last of them names who asked it;
    what stands further left in that header anyone may have written. None when none of ours said,
    for then the address is a proxy's."""
    scope: Any = request.scope
    if ADDRESS not in scope:
        scope[ADDRESS] = _read_address(_named(request))
    found: Address | None = scope[ADDRESS]
    return found


def _read_address(text: str) -> Address | None:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def _named(request: ASGIConnection[Any, Any, Any, Any]) -> str:
    proxies = settings.trusted_proxies()
    if not proxies:
        client = request.scope.get("client")
        return client[0] if client else ""
    named = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
    return named[-proxies] if len(named) >= proxies else ""


def _network(ip: Address, bits: int) -> bytes:
    return ip.packed[: bits // 8]


def _rung(name: str, key: bytes, most: int, seconds: float) -> Rung:
    spacing = seconds / most
    hashed = hmac.digest(_secret(), name.encode() + b"\0" + key, hashlib.sha256)
    return Rung(hashed, spacing, (most - 1) * spacing)


def _secret() -> bytes:
    try:
        return keyring.newest("rate limits").secret
    except (NoKey, OSError) as error:
        raise DoesNotCount from error


# --- counting


async def forget_all() -> None:
    """Start counting anew, for everybody."""
    _refused.clear()
    _own.not_before = 0.0
    await _own.execute(f"DELETE FROM {RateLimit._meta.tablename}")  # noqa: S608


async def forget_past(_data: dict[str, Any] | None = None) -> None:
    """A job: delete what has passed. It waits for nobody who is being counted just now."""
    while await DB.run_ddl(DELETE_PAST):
        pass
    await DB.run_ddl(DELETE_OLD_SALT)


DELETE_PAST = """
    DELETE FROM rate_limit WHERE key IN (
        SELECT key FROM rate_limit WHERE due < clock_timestamp() LIMIT 10000 FOR UPDATE SKIP LOCKED)
    RETURNING 1
"""
DELETE_OLD_SALT = """
    DELETE FROM rate_limit_salt WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date
"""


def in_use() -> bool:
    """Whether this process has counted anything since it began, or since `close`."""
    return _own.is_in_use() or bool(_refused)


async def close() -> None:
    """Give the connection back: at the end of a process."""
    await _own.close()


# What the table refused, until when (on this process's clock) it will go on to do so: nobody asks
# it again before. Past 50,000 the longest unseen leaves, and costs a question.
_refused: OrderedDict[bytes, float] = OrderedDict()


def _is_refused(rung: Rung) -> bool:
    until = _refused.get(rung.key)
    if until is None:
        return False
    if until <= time.monotonic():
        del _refused[rung.key]
        return False
    return True


def _remember(rungs: Sequence[Rung], waits: Sequence[float]) -> None:
    for rung, wait in zip(rungs, waits, strict=True):
        if wait:
            _refused[rung.key] = time.monotonic() + wait
            _refused.move_to_end(rung.key)
    while len(_refused) > MOST_REMEMBERED:
        _refused.popitem(last=False)


async def _ask(rungs: Sequence[Rung], times: int) -> list[float]:
    """For each rung the seconds until it has room, 0 where it has. When all have, `times` more are
    counted on each. Raises DoesNotCount."""
    return await _TOGETHER.do((rungs, times)) if rungs else []


Asked = tuple[Sequence[Rung], int]


async def _ask_for_all(asked: list[Asked]) -> list[list[float]]:
    """One round trip for whoever asks just now."""
    rows = [
        (number, rung.key, rung.spacing, rung.room, times)
        for number, (rungs, times) in enumerate(asked)
        for rung in rungs
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    waits = iter(await _own.fetchval("SELECT take_rate_limits($1, $2, $3, $4, $5)", *columns))
    return [[next(waits) for _rung in rungs] for rungs, _times in asked]


_TOGETHER: Together[Asked, list[float]] = Together(_ask_for_all)


class _Own:
    """A connection beside the pool: who waits here may hold one of the pool's already, and ten of
    those would wait for each other for ever."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._of: tuple[Any, ...] = ()
        self.not_before = 0.0

    async def fetchval(self, question: str, *values: Any) -> Any:
        return await self._do("fetchval", question, *values)

    async def execute(self, statement: str) -> None:
        await self._do("execute", statement)

    def is_in_use(self) -> bool:
        return self._connection is not None or self.not_before > 0

    async def close(self) -> None:
        connection, self._connection, self.not_before = self._connection, None, 0.0
        if connection is not None:
            with contextlib.suppress(*_GONE):
                await connection.close(timeout=PATIENCE)

    async def _do(self, what: str, *words: Any) -> Any:
        if time.monotonic() < self.not_before:
            raise DoesNotCount
        try:
            try:
                return await self._ask(what, *words)
            except (TimeoutError, *_ENDED):
                # It may have ended while nobody asked, as after a restart of the database; or it
                # was this process that stood still, and the answer was there all the time.
                await self.close()
                return await self._ask(what, *words)
        except _GONE as error:
            await self.close()
            self.not_before = time.monotonic() + RESPITE
            log.warning("nothing is counted; the database does not answer", **told(error))
            raise DoesNotCount from error

    async def _ask(self, what: str, *words: Any) -> Any:
        async with asyncio.timeout(PATIENCE):
            return await getattr(await self._open(), what)(*words)

    async def _open(self) -> Any:
        of = (asyncio.get_running_loop(), DB.config.get("dsn"))
        if self._connection is None or self._connection.is_closed() or self._of != of:
            await self.close()
            self._connection, self._of = await database.connect(), of
        return self._connection


_ENDED = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError)
# A missing table is one of them: the database has not been migrated yet.
_GONE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    database.DoesNotAnswer,
)
_own = _Own()
