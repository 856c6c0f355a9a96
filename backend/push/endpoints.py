"""SSRF: which addresses we may ring at; an endpoint is where a stranger asks us to send requests
to."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from backend import settings

LONGEST = 1024

# The push services of the browsers there are. A host is let in when it is one of these or ends in
# a dot and one of these.
SERVICES = (
    "fcm.googleapis.com",
    "jmt17.google.com",
    "updates.push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
PRINTABLE = re.compile(r"[!-~]+")
# Up to the path, as `urlsplit` divides an address.
SITE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)


class NotAnEndpoint(Exception):
    """Nothing may be sent to this address. The message says why, without the address."""


@dataclass(frozen=True)
class Endpoint:
    """`service` is the entry of the list that lets it in; `host` and `port` are whom to connect
    to, `path` what to ask for there. `secure` is false on loopback in development only."""

    service: str
    host: str
    port: int
    path: str
    secure: bool

    @property
    def origin(self) -> str:
        """What a VAPID token is made out to: scheme and host, and the port where it is unusual."""
        scheme, usual = ("https", 443) if self.secure else ("http", 80)
        return f"{scheme}://{self.authority}" if self.port != usual else f"{scheme}://{self.host}"

    @property
    def authority(self) -> str:
        """The Host header."""
        usual = 443 if self.secure else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"


def read(address: str, test_hosts: tuple[str, ...] | None = None) -> Endpoint:
    """Raises NotAnEndpoint. What counts is the host that the parsed address leads to, never what
    the text looks like. `test_hosts` are those of the settings, for who asks often."""
    if len(address) > LONGEST or not PRINTABLE.fullmatch(address) or "\\" in address:
        raise NotAnEndpoint("it is too long, or holds what no address holds")
    site = SITE.match(address)
    if site is None:
        raise NotAnEndpoint("it is not https")
    path = address[site.end() :]
    if "#" in path:
        raise NotAnEndpoint("it names a fragment")
    hosts = settings.read().push_test_hosts if test_hosts is None else test_hosts
    service, host, port, secure = _site(site[0], hosts)
    return Endpoint(service, host, port, path if path.startswith("/") else f"/{path}", secure)


@lru_cache(maxsize=1000)
def _site(address: str, test_hosts: tuple[str, ...]) -> tuple[str, str, int, bool]:
    """Service, host, port and whether it is secure: the same for thousands of phones."""
    try:
        parts = urlsplit(address)
        if parts.netloc in test_hosts:
            return _on_loopback(parts)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise NotAnEndpoint("it cannot be read") from None
    if parts.scheme != "https":
        raise NotAnEndpoint("it is not https")
    if "@" in parts.netloc:
        raise NotAnEndpoint("it names a user")
    if port not in (None, 443) or parts.netloc.endswith(":"):
        raise NotAnEndpoint("it names a port")
    return _service_of(host), host, 443, True


def _on_loopback(parts: SplitResult) -> tuple[str, str, int, bool]:
    host, _, port = parts.netloc.partition(":")
    secure = parts.scheme == "https"
    usual = 443 if secure else 80
    return parts.netloc, host, int(port) if port else usual, secure


def _service_of(host: str) -> str:
    # A number never ends in one of these names, so no IP address gets through.
    if HOST.fullmatch(host):
        for service in SERVICES:
            if host == service or host.endswith(f".{service}"):
                return service
    raise NotAnEndpoint("its host is no push service we know")
