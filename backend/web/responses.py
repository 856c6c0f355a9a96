"""ETag: answers as bytes, compressed once, fingerprinted, and not sent again to who has them."""

import hashlib
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from litestar import Request
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from backend.web import brotli_files

AnyRequest = Request[Any, Any, Any]
RawHeaders = list[tuple[bytes, bytes]]

NOTHING_TO_SEE = ((b"cache-control", b"no-store"), (b"content-length", b"0"))
# Below this, gzip's own frame eats what it saves.
SMALL = 400
# Level, method, window and memory of zlib: a page of 9 KB is 2 % longer so, and packed in less than
# half the time.
HASTE = (4, zlib.DEFLATED, 16 + 13, 7)


@dataclass(frozen=True)
class Answer:
    """A finished answer, the same for everyone who asks the same. `headers` come on top of
    Content-Type and ETag. What is `squeezed` also comes in brotli, which takes its time: for
    what is made once and sent often; what is made for one person alone (`once`) is packed in haste.
    """

    body: bytes
    media_type: str
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    squeezed: bool = False
    once: bool = False

    @cached_property
    def etag(self) -> str:
        # Weak: the compressed and the plain body share it.
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:20]}"'

    # Each form is kept with its headers ready to send: making them anew for every request
    # cost more than all the rest of a kept page (make bench).

    @cached_property
    def plain(self) -> "Form":
        return self._form(self.body, ("content-length", str(len(self.body))))

    @cached_property
    def gzipped(self) -> "Form | None":
        if len(self.body) < SMALL:
            return None
        packer = zlib.compressobj(*HASTE) if self.once else zlib.compressobj(9, wbits=31)
        return self._packed("gzip", packer.compress(self.body) + packer.flush())

    @cached_property
    def brotlied(self) -> "Form | None":
        if not self.squeezed or len(self.body) < SMALL:
            return None
        return self._packed("br", brotli_files.compress(self.body))

    @cached_property
    def unchanged(self) -> "Form":
        return self._form(b"")

    def _packed(self, encoding: str, body: bytes) -> "Form":
        length = ("content-length", str(len(body)))
        return self._form(body, length, ("content-encoding", encoding))

    def _form(self, body: bytes, *more: tuple[str, str]) -> "Form":
        kind = self.media_type
        kind += "; charset=utf-8" if kind.startswith("text/") else ""
        pairs = (("content-type", kind), ("etag", self.etag), *self.headers, *more)
        return Form(body, [(name.lower().encode(), value.encode()) for name, value in pairs])


@dataclass(frozen=True, slots=True)
class Form:
    """An answer's bytes in one encoding, with its headers."""

    body: bytes
    headers: RawHeaders


class Sent(ASGIResponse):
    """An answer on its way, which sends what it was given and makes nothing anew."""

    def __init__(self, status: int, form: Form) -> None:
        self.status_code = status
        self.form = form
        self.background = None
        self.more: RawHeaders = []

    def add(self, name: str, value: str) -> None:
        """One more header, for this request alone."""
        self.more.append((name.lower().encode(), value.encode()))

    def to_asgi_response(self, **_: Any) -> "Sent":
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": [*self.form.headers, *self.more],
            }
        )
        await send({"type": "http.response.body", "body": self.form.body, "more_body": False})


def send(request: AnyRequest, answer: Answer) -> Sent:
    """The answer in the form this client takes: whole, packed, or 304 when it has it already."""
    headers = request.headers
    asked = headers.get("if-none-match")
    if asked is not None and answer.status == 200 and _names(asked, answer.etag):
        return Sent(304, answer.unchanged)
    accepted = headers.get("accept-encoding", "")
    packed = (answer.brotlied if "br" in accepted else None) or (
        answer.gzipped if "gzip" in accepted else None
    )
    return Sent(answer.status, packed or answer.plain)


def see(address: str) -> Sent:
    """A 303 to another page of ours, remembered by nobody."""
    assert address.startswith("/")
    assert not address.startswith("//")
    return Sent(303, Form(b"", [(b"location", address.encode()), *NOTHING_TO_SEE]))


def go_on(request: AnyRequest, address: str) -> Sent:
    """After a form: on to another page of ours. htmx would follow a 303 by itself and put the page
    where the form was, so it is told to go there."""
    if request.headers.get("hx-request") != "true":
        return see(address)
    headers = (("hx-redirect", address), ("cache-control", "no-store"))
    return Sent(200, Answer(b"", "text/html", headers).plain)


def _names(asked: str, etag: str) -> bool:
    wanted = etag.removeprefix("W/")
    return any(part.strip().removeprefix("W/") in (wanted, "*") for part in asked.split(","))
