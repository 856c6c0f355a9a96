"""How often one client may do something, without keeping who that is."""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict

from backend import settings
from backend.web.sending import AnyRequest

DAY = 24 * 3600
MOST_CLIENTS = 50_000


class Limit:
    """At most `most` times within `seconds` for each key, evenly refilled (the generic cell rate
    algorithm, ITU-T I.371). Lives in memory only; past 50,000 keys the longest unseen leaves."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.spacing = seconds / most
        self.due: OrderedDict[bytes, float] = OrderedDict()

    def take(self, key: bytes, now: float | None = None) -> bool:
        """Count one more for this key; False when that is too many, which then does not count."""
        now = time.monotonic() if now is None else now
        due = max(self.due.get(key, now), now)
        if due - now > (self.most - 1) * self.spacing + 1e-9:
            return False
        self.due[key] = due + self.spacing
        self.due.move_to_end(key)
        while len(self.due) > MOST_CLIENTS:
            self.due.popitem(last=False)
        return True

    def wait(self, key: bytes, now: float | None = None) -> int:
        """Seconds until the key may try again."""
        now = time.monotonic() if now is None else now
        over = self.due.get(key, now) - now - (self.most - 1) * self.spacing
        return max(0, int(over) + 1) if over > 0 else 0

    def forget(self) -> None:
        self.due.clear()


class _Daily:
    key = secrets.token_bytes(32)
    since = time.monotonic()


def client_key(request: AnyRequest) -> bytes:
    """16 bytes for the client's network (an IPv4 /24, an IPv6 /64), under a key that lives in
    this process's memory and is another one every day."""
    if time.monotonic() - _Daily.since > DAY:
        _Daily.key, _Daily.since = secrets.token_bytes(32), time.monotonic()
    return hmac.digest(_Daily.key, _network(_address(request)), hashlib.sha256)[:16]


def _address(request: AnyRequest) -> str:
    """Behind proxies of our own the last of them names who asked it; what stands further left in
    that header anyone may have written."""
    proxies = settings.trusted_proxies()
    if proxies:
        named = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
        if len(named) >= proxies and named[-proxies]:
            return named[-proxies]
    client = request.scope.get("client")
    return client[0] if client else ""


def _network(address: str) -> bytes:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return b"unknown"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.packed[: 3 if ip.version == 4 else 8]
