"""SSRF: asking the systems that publish agendas; only hosts a source names, and only public
addresses.

Names are looked up once, every address found is checked, and the connection goes to just those:
a name that answers differently a moment later gains nothing. Redirects are followed by hand, each
under the same checks.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult

from backend import settings
from backend.web.language import gettext as _
from backend.web.language import later

# Of one answer, unpacked.
MOST_BYTES = 20_000_000
MOST_REDIRECTS = 3
LOOKUP = 10
# Asked once more, when the other side stumbled: it would cost a whole reading.
STUMBLES = frozenset({500, 502, 504})
PAUSE = 1.0
AGENT = "Confianza hearings importer"
REDIRECTS = frozenset({301, 302, 303, 307, 308})

Lookup = Callable[[str, int], Awaitable[list[str]]]
Read = TypeVar("Read")


class CannotRead(Exception):
    """A source cannot be read; `words` are a `later()` sentence with places for `told`. `status` is
    what it answered, 0 for nothing; `wait` how many seconds it asks to be left alone."""

    def __init__(self, words: str, *, status: int = 0, wait: int = 0, **told: Any) -> None:
        super().__init__(words)
        self.words, self.status, self.wait = words, status, wait
        self.told = {**told, "status": status} if status else told

    def __str__(self) -> str:
        return _(self.words) % self.told


class TooLarge(CannotRead):
    """Smaller pieces may do."""


@dataclass(frozen=True)
class Got:
    """`body` is None when nothing is new. `charset` is what the other side says it is in."""

    body: bytes | None
    charset: str = ""
    etag: str = ""
    modified: str = ""


@dataclass
class Fetcher:
    """Asks `hosts` and nobody else. `counted` is how many requests there were."""

    hosts: Collection[str]
    session: aiohttp.ClientSession
    patience: float
    counted: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    async def get(
        self, url: str, *, etag: str = "", modified: str = "", most: int = MOST_BYTES
    ) -> Got:
        """Raises CannotRead, in words."""
        news = {"If-None-Match": etag, "If-Modified-Since": modified}
        headers = {**self.headers, **{name: value for name, value in news.items() if value}}
        try:
            return await self._get(url, headers, most)
        except CannotRead as error:
            if error.status not in STUMBLES:
                raise
        await asyncio.sleep(PAUSE)
        return await self._get(url, headers, most)

    async def json(self, url: str, kind: type[Read], *, most: int = MOST_BYTES) -> Read:
        """Raises CannotRead, also for what is no JSON of that kind."""
        got = await self.get(url, most=most)
        body = got.body or b""
        try:
            body.decode()
        except UnicodeDecodeError:
            body = decoded(body, got.charset).encode()
        try:
            return msgspec.json.decode(body, type=kind, strict=False)
        except msgspec.ValidationError:
            raise CannotRead(UNLIKE) from None
        except (msgspec.DecodeError, RecursionError):
            raise CannotRead(BROKEN) from None

    async def _get(self, url: str, headers: Mapping[str, str], most: int) -> Got:
        asked_first = urlsplit(url).hostname
        for _turn in range(MOST_REDIRECTS + 1):
            address = self._allowed(url)
            self.counted += 1
            try:
                async with (
                    asyncio.timeout(self.patience),
                    self.session.get(address, headers=headers, allow_redirects=False) as answer,
                ):
                    if answer.status not in REDIRECTS:
                        return await _read(answer, most)
                    url = _next(url, answer.headers.get("Location", ""))
            except CannotRead:
                raise
            except Exception as error:
                raise _in_words(error) from None
            if urlsplit(url).hostname != asked_first:
                # A key is for whom it was given to.
                headers = {name: value for name, value in headers.items() if name[:2] != "X-"}
        raise CannotRead(later("It sends us from one address to the next without an end."))

    def _allowed(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise CannotRead(AWAY) from None
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" or host not in self.hosts or port not in (None, 443):
            raise CannotRead(AWAY)
        if parts.username or parts.password or _is_address(host):
            raise CannotRead(AWAY)
        there = settings.imports_from()
        if not there:
            return url
        if there == settings.NOWHERE:
            raise CannotRead(later("Reading from other places is turned off here."))
        # The test server answers for all hosts; it is told which one was meant.
        test = urlsplit(there)
        return urlunsplit((test.scheme, f"{host}:{test.port}", parts.path, parts.query, ""))


class _Checked(AbstractResolver):
    """Looks a name up, and lets nobody connect to anything but a public address."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        there = settings.imports_from()
        if there:
            test = urlsplit(there)
            found = [test.hostname or ""]
        else:
            try:
                found = await asyncio.wait_for(self.lookup(host, port), LOOKUP)
            except (OSError, TimeoutError):
                raise CannotRead(later("The name of its server cannot be found.")) from None
            if not found or not all(is_public(address) for address in found):
                raise CannotRead(
                    later("Its server’s address is not a public one, so we do not connect to it.")
                )
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


@asynccontextmanager
async def fetching(
    hosts: Collection[str],
    *,
    headers: Mapping[str, str] | None = None,
    patience: float = 60,
    lookup: Lookup | None = None,
) -> AsyncIterator[Fetcher]:
    """`patience` is in seconds, for one whole answer. No proxy, no cookies."""
    connector = aiohttp.TCPConnector(
        resolver=_Checked(lookup or _look_up),
        limit=6,
        use_dns_cache=False,
        ssl=_certificates(),
        force_close=False,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": AGENT, "Accept-Encoding": "gzip, deflate"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=20),
        trust_env=False,
    ) as session:
        yield Fetcher(frozenset(hosts), session, patience=patience, headers=dict(headers or {}))


def is_public(address: str) -> bool:
    """Whether anybody on the Internet could connect to that address. One that stands for an IPv4
    address is judged by it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner:
            return is_public(str(inner))
    if any(ip in network for network in NOBODYS):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _next(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise CannotRead(AWAY) from None


def _is_address(host: str) -> bool:
    """Names are looked up and checked; a bare address would not be."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What Python takes for global though nobody out there may have it: sites' own of old (RFC 3879),
# protocols' own (RFC 6890), examples (RFC 9637).
NOBODYS = tuple(map(ipaddress.ip_network, ("fec0::/10", "192.0.0.0/24", "3fff::/20")))

AWAY = later("It sends us to a place that it was not set up for, so we did not go there.")
BROKEN = later("What it sent breaks off or is no JSON.")
UNLIKE = later("What it sent does not look as it should.")


def decoded(body: bytes, charset: str) -> str:
    """As text: by a mark at its beginning, by what the other side says, or by what it can be. Never
    fails: Windows' Western letters take every byte that is left."""
    for mark, name in MARKS.items():
        if body.startswith(mark):
            return body.decode(name, "replace")
    for name in (charset, "utf-8"):
        try:
            if name:
                return body.decode(name)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    # UTF-16 without a mark: every other byte of plain text is nothing.
    if body[1:200:2].count(0) > 50:
        return body.decode("utf-16-le", "replace")
    return body.decode("cp1252", "replace")


async def _read(answer: aiohttp.ClientResponse, most: int) -> Got:
    if answer.status == 304:
        return Got(None)
    if answer.status != 200:
        raise _refusal(answer)
    if (answer.content_length or 0) > most:
        raise _too_large(most)
    pieces, size = [], 0
    async for piece in answer.content.iter_chunked(65_536):
        size += len(piece)
        if size > most:
            raise _too_large(most)
        pieces.append(piece)
    return Got(
        b"".join(pieces),
        charset=(answer.charset or "")[:40],
        etag=answer.headers.get("ETag", "")[:300],
        modified=answer.headers.get("Last-Modified", "")[:60],
    )


def _too_large(most: int) -> TooLarge:
    return TooLarge(
        later("It sent more than %(megabytes)s MB at once, so we stopped reading."),
        megabytes=most // 1_000_000,
    )


def _refusal(answer: aiohttp.ClientResponse) -> CannotRead:
    words = {
        401: later("It wants a key, or ours is wrong (it answered %(status)s)."),
        403: later("It does not let us in (it answered %(status)s)."),
        404: later("There is nothing at this address (it answered %(status)s)."),
        410: later("It hides this from the public (it answered %(status)s)."),
        429: later("It asks us to come less often (it answered %(status)s)."),
        503: later("It is closed for now (it answered %(status)s)."),
    }.get(answer.status, later("It answered with the error %(status)s."))
    wait = answer.headers.get("Retry-After", "")
    seconds = int(wait) if wait.isascii() and wait.isdecimal() and len(wait) < 8 else 0
    return CannotRead(words, status=answer.status, wait=min(seconds, 86_400))


def _in_words(error: Exception) -> CannotRead:
    """Without the other side's own words: they may hold anything."""
    if isinstance(error, TimeoutError):
        return CannotRead(later("It took too long to answer."))
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError)):
        return CannotRead(
            later("Its certificate is not valid, so it may be somebody else. We did not read it.")
        )
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return CannotRead(later("A safe connection to it cannot be made."))
    if isinstance(error, aiohttp.ClientConnectorError):
        return CannotRead(later("It does not answer."))
    if isinstance(error, (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError)):
        return CannotRead(later("The connection broke in the middle of its answer."))
    if isinstance(error, (aiohttp.ClientError, OSError, ValueError)):
        return CannotRead(later("What it answered cannot be understood."))
    raise error


async def _look_up(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return list(dict.fromkeys(str(address[0]) for *_more, address in found))


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()
