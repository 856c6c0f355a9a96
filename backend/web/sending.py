"""Answers as bytes: compressed once, fingerprinted, and not sent again to who has them."""

import hashlib
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from litestar import Request
from litestar.response.base import ASGIResponse

AnyRequest = Request[Any, Any, Any]

# Below this, gzip's own frame eats what it saves.
SMALL = 400


@dataclass(frozen=True)
class Answer:
    """A finished answer, the same for everyone who asks the same. `headers` come on top of
    Content-Type, ETag and Vary."""

    body: bytes
    media_type: str
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200

    @cached_property
    def gzipped(self) -> bytes | None:
        if len(self.body) < SMALL:
            return None
        packer = zlib.compressobj(9, wbits=31)
        return packer.compress(self.body) + packer.flush()

    @cached_property
    def etag(self) -> str:
        # Weak: the compressed and the plain body share it.
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:20]}"'

    @cached_property
    def all_headers(self) -> dict[str, str]:
        return {"etag": self.etag, **dict(self.headers)}


class Sent(ASGIResponse):
    """An answer on its way. Litestar's error handlers want to finish what they are given; this
    is finished already."""

    def to_asgi_response(self, **_: Any) -> "Sent":
        return self


def send(request: AnyRequest, answer: Answer) -> Sent:
    """The answer in the form this client takes: whole, gzipped, or 304 when it has it already."""
    if answer.status == 200 and _has(request, answer.etag):
        return Sent(status_code=304, media_type=answer.media_type, headers=answer.all_headers)
    body, headers = answer.body, answer.all_headers
    if answer.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = answer.gzipped, {**headers, "content-encoding": "gzip"}
    return Sent(
        body=body,
        status_code=answer.status,
        media_type=answer.media_type,
        headers=headers,
    )


def _has(request: AnyRequest, etag: str) -> bool:
    asked = request.headers.get("if-none-match")
    if asked is None:
        return False
    wanted = etag.removeprefix("W/")
    return any(part.strip().removeprefix("W/") in (wanted, "*") for part in asked.split(","))
