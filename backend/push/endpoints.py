"""Which addresses we may ring at: an endpoint is where a stranger asks us to send requests to."""

import re
from dataclasses import dataclass
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
    try:
        parts = urlsplit(address)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        hosts = settings.read().push_test_hosts if test_hosts is None else test_hosts
        if parts.netloc in hosts and parts.scheme in ("http", "https"):
            return _on_loopback(parts, path)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise NotAnEndpoint("it cannot be read") from None
    if parts.scheme != "https":
        raise NotAnEndpoint("it is not https")
    if "@" in parts.netloc or parts.fragment:
        raise NotAnEndpoint("it names a user or a fragment")
    if port not in (None, 443) or parts.netloc.endswith(":"):
        raise NotAnEndpoint("it names a port")
    return Endpoint(_service_of(host), host, 443, path, True)


def _on_loopback(parts: SplitResult, path: str) -> Endpoint:
    host, _, port = parts.netloc.partition(":")
    secure = parts.scheme == "https"
    usual = 443 if secure else 80
    return Endpoint(parts.netloc, host, int(port) if port else usual, path, secure)


def _service_of(host: str) -> str:
    # A number never ends in one of these names, so no IP address gets through.
    if HOST.fullmatch(host):
        for service in SERVICES:
            if host == service or host.endswith(f".{service}"):
                return service
    raise NotAnEndpoint("its host is no push service we know")
