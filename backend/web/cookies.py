"""Cookies of our own that no script reads.

What leads to something of one person's stands in no address: it would stay in the history of a
shared phone and in the logs of whatever lies between.
"""

import re

from backend import settings
from backend.web.responses import AnyRequest

# RFC 6265, 4.1.1, of what ours hold.
PLAIN = re.compile(r"[A-Za-z0-9._~+/=:-]*")


def name_of(name: str) -> str:
    """As the browser knows it: over TLS bound to this very host (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{name}" if settings.over_tls() else name


def read(request: AnyRequest, name: str) -> str:
    return str(request.cookies.get(name_of(name), ""))


def keep(name: str, value: str, seconds: int) -> str:
    """What `Set-Cookie` says to keep it so long; 0 takes it away."""
    return written(name_of(name), value, seconds)


def written(name: str, value: str, seconds: int) -> str:
    """The same by the whole name, as the browser knows it: one bound to this host is for TLS
    alone."""
    assert PLAIN.fullmatch(value), "a cookie of ours needs no quotes"
    secure = "; Secure" if name.startswith("__") else ""
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=lax{secure}"
