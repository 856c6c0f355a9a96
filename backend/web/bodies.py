"""Request body: what people send, how much of it, how fast, and in which form.

A route says what it takes: `body=` is the most bytes, `files=True` that a file may come. One that
says nothing takes 32 kB and no file; a page of the desk 1 MB, but only after its door. What comes
to all others is here as a whole before anything is done for it, so that a slow line, or somebody
who plays one, holds a few bytes and no connection to the database.
"""

import asyncio
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.datastructures import FormMultiDict
from litestar.enums import RequestEncodingType
from litestar.types import Receive

from backend.web.errors import CannotAnswer

SAFE = {"GET", "HEAD", "OPTIONS"}
PUBLIC = 32_000
AT_THE_DESK = 1_000_000
# Lists of all the country's health centers, and what thousands signed on a phone that cannot send:
# only the desk hands them in.
LARGEST_FILE = 60_000_000
DESK = "/desk"
# The work of reading a form grows with its fields, however small: no page of ours has as many, but
# for staff's lists with a box to tick beside each line.
MOST_FIELDS = 200
MOST_FIELDS_AT_THE_DESK = 1000
# How long the next piece may take, in seconds, and how slow (bytes a second) a line may be after
# half a minute. A phone on the edge of the network still sends a form's 2 kB in a second.
PIECE = 10.0
BEGINNING = 30.0
SLOWEST = 50_000
SHUT = {"connection": "close"}
# Where in its scope a request has its body once that was read.
WHOLE = "confianza.body"


class HungUp(CannotAnswer):
    """Whoever was sending has gone. Nobody's fault, and nobody is there to be told."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`most` bytes; a file among them where there are `files`; read before anything else is done,
    or, with `door_first`, when the page wants it."""

    most: int
    files: bool = False
    door_first: bool = False

    @property
    def longest(self) -> float:
        """Seconds for all of it."""
        return BEGINNING + self.most / SLOWEST


PLAIN = Rule(PUBLIC)
PLAIN_AT_THE_DESK = Rule(AT_THE_DESK, door_first=True)
PARAMETER = re.compile(r"\{[^}]*\}")


class Rules:
    """What each route takes, by its path."""

    def __init__(self, handlers: Iterable[Any]) -> None:
        self._plain: dict[str, Rule] = {}
        self._others: list[tuple[re.Pattern[str], Rule]] = []
        for handler in handlers:
            told = handler.opt.keys() & {"body", "files", "open_door"}
            if told and handler.http_methods - SAFE:
                for path in handler.paths:
                    self._add(path, _rule_of(handler.opt, path))

    def _add(self, path: str, rule: Rule) -> None:
        if "{" not in path:
            self._plain[path] = rule
            return
        parts = [re.escape(part) for part in PARAMETER.split(path)]
        self._others.append((re.compile("[^/]+".join(parts)), rule))

    def of(self, path: str) -> Rule:
        path = path.rstrip("/") or "/"
        found = self._plain.get(path)
        if found is not None:
            return found
        for pattern, rule in self._others:
            if pattern.fullmatch(path):
                return rule
        return PLAIN_AT_THE_DESK if path.startswith(DESK) else PLAIN


def _rule_of(opt: dict[str, Any], path: str) -> Rule:
    door_first = path.startswith(DESK) and not opt.get("open_door")
    most = opt.get("body", AT_THE_DESK if door_first else PUBLIC)
    return Rule(most, bool(opt.get("files")), door_first)


class Counted:
    """`receive`, which raises CannotAnswer (413, 408) or HungUp in the place of more."""

    def __init__(self, receive: Receive, rule: Rule) -> None:
        self._receive = receive
        self._left = rule.most
        self._end = time.monotonic() + rule.longest
        self._done = False

    async def __call__(self) -> Any:
        if self._done:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, min(PIECE, self._end - time.monotonic()))):
                message: Any = await self._receive()
        except TimeoutError:
            raise CannotAnswer("", status=408, headers=SHUT) from None
        if message["type"] == "http.disconnect":
            raise HungUp("", headers=SHUT)
        self._left -= len(message.get("body") or b"")
        if self._left < 0:
            raise CannotAnswer("", status=413, headers=SHUT)
        self._done = not message.get("more_body", False)
        return message


async def read(scope: Any, receive: Receive, rule: Rule) -> Receive:
    """All of the body, as a `receive` that has it at once. Raises what Counted raises."""
    counted, pieces = Counted(receive, rule), []
    while True:
        message = await counted()
        pieces.append(message.get("body") or b"")
        if not message.get("more_body", False):
            break
    body = scope[WHOLE] = b"".join(pieces)
    whole = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return whole.pop() if whole else await receive()

    return again


class Asked(Request[Any, Any, Any]):
    """What every handler gets as its request: a form that cannot be read is no error of ours."""

    async def body(self) -> bytes:
        """As the gate has read it."""
        whole: bytes | None = self.scope.get(WHOLE)  # type: ignore[assignment]
        return await super().body() if whole is None else whole

    async def form(self) -> FormMultiDict:
        """The form that was sent; empty when it is none. Raises CannotAnswer: 400 when it cannot be
        read, 413 when it has more fields than any page of ours."""
        try:
            kind, _options = self.content_type
            if kind == RequestEncodingType.URL_ENCODED and await self._has_too_many_fields():
                raise CannotAnswer("", status=413)
            return await super().form()
        # Parts of a multipart form come with encodings of their own, which need not exist or fit.
        except (ValueError, LookupError, RecursionError):
            raise CannotAnswer("", status=400) from None

    async def _has_too_many_fields(self) -> bool:
        at_the_desk = self.scope["path"].startswith(DESK)
        most = MOST_FIELDS_AT_THE_DESK if at_the_desk else MOST_FIELDS
        return (await self.body()).count(b"&") >= most
