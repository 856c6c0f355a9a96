"""Middleware: what never reaches a page, be it malformed addresses, unknown methods or bodies we do
not take."""

import re
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Message, Receive, Send

from backend.web import metrics
from backend.web.bodies import SAFE, SHUT, Counted, Rule, Rules, read
from backend.web.errors import CannotAnswer, answer_error
from backend.web.responses import AnyRequest

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
LONGEST_ADDRESS = 4000
# A mail provider's server leaves for somebody, with the token of their letter and from no page of
# ours (RFC 8058).
ONE_CLICK = re.compile(r"/alerts/mail/[A-Za-z0-9_-]+/one-click")
MULTIPART = re.compile(rb"\s*multipart/", re.IGNORECASE)
UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ufffd]")


def gate(app: ASGIApp, rules: Rules) -> ASGIApp:
    """The app behind its gate. HEAD is answered as GET without its body."""

    async def gated(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        watch = metrics.Watch(scope["method"], send)
        send = watch.send
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        try:
            try:
                receive = await _let_in(scope, receive, rules)
            except CannotAnswer as refused:
                request: AnyRequest = Request(scope, receive, send)
                await answer_error(request, refused)(scope, receive, send)
            else:
                await app(scope, receive, send)
        finally:
            watch.end(scope)

    return gated


async def _let_in(scope: Any, receive: Receive, rules: Rules) -> Receive:
    """What the app may read of the body from. Raises CannotAnswer."""
    rule = rules.of(scope["path"])
    refused = _refused(scope, rule)
    if refused is not None:
        raise refused
    if scope["method"] in SAFE:
        return receive
    return Counted(receive, rule) if rule.door_first else await read(scope, receive, rule)


def _refused(scope: Any, rule: Rule) -> CannotAnswer | None:
    if scope["method"] not in METHODS:
        return CannotAnswer("", status=405)
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_ADDRESS:
        return CannotAnswer("", status=414)
    if UNPRINTABLE.search(scope["path"]):
        return CannotAnswer("", status=400)
    sends = scope["method"] not in SAFE
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit():
                return CannotAnswer("", status=400)
            if int(value[:12]) > rule.most:
                return CannotAnswer("", status=413, headers=SHUT)
        elif name == b"content-type" and sends and not rule.files and MULTIPART.match(value):
            return CannotAnswer("", status=415, headers=SHUT)
    if sends and not (_from_our_own_page(scope) or _is_one_click(scope)):
        return CannotAnswer("", status=403)
    return None


def _is_one_click(scope: Any) -> bool:
    return scope["method"] == "POST" and ONE_CLICK.fullmatch(scope["path"]) is not None


def _from_our_own_page(scope: Any) -> bool:
    """Whether a browser says that one of our pages sent this. Other sites' forms cannot say so;
    a browser too old to say where from still names the origin."""
    headers = dict(scope["headers"])
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return bool(site == b"same-origin")
    _scheme, _, origin = headers.get(b"origin", b"").partition(b"://")
    return bool(origin) and origin == headers.get(b"host")


def _without_body(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            message["body"] = b""
        await send(message)

    return sending
