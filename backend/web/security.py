"""CSP: headers every answer carries."""

import re

from litestar.types import Message, Scope

# No nonces: a page that a phone kept would carry a stale one.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types default inert",
    )
)

PERMISSIONS_POLICY = ", ".join(
    (
        "geolocation=(self)",
        *(
            f"{power}=()"
            for power in (
                "accelerometer",
                "browsing-topics",
                "camera",
                "display-capture",
                "gyroscope",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "usb",
            )
        ),
    )
)

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "permissions-policy": PERMISSIONS_POLICY,
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_RAW = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

# The public data is for everyone's programs, also those in other people's pages.
OPEN = ("/api/", "/hsds")
_RAW_OPEN = [
    (name, b"cross-origin" if name == b"cross-origin-resource-policy" else value)
    for name, value in _RAW
] + [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Link"),
]


# A campaign's counter is made to stand in other people's pages. It has no script and no form, so
# nothing can be done to who looks at it there.
FRAMED = re.compile("/campaigns/[a-z0-9-]{1,60}/embed")
_RAW_FRAMED = [
    (name, value)
    for name, value in _RAW
    if name
    not in (
        b"content-security-policy",
        b"cross-origin-opener-policy",
        b"cross-origin-resource-policy",
    )
] + [
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; "
        b"frame-ancestors *",
    ),
    (b"cross-origin-resource-policy", b"cross-origin"),
]


# Scripts and pictures open no page, and need less: a fifth of what a first visit loads would be
# headers. Opened by themselves they stand in nobody's frame.
ASSETS = "/static/"
_RAW_ASSET = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", HEADERS["strict-transport-security"].encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


async def add_headers(message: Message, scope: Scope) -> None:
    """Litestar's before_send: it also sees answers to addresses and methods that do not exist."""
    if message["type"] == "http.response.start":
        path = scope.get("path", "")
        if path.startswith(ASSETS):
            headers = _RAW_ASSET
        elif FRAMED.fullmatch(path) and message["status"] in (200, 304):
            headers = _RAW_FRAMED
        else:
            headers = _RAW_OPEN if path.startswith(OPEN) else _RAW
        message["headers"] = [*message["headers"], *headers]
