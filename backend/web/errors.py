"""Error handler: what people are told when something cannot be done, in words, with a way on, never
a trace."""

import json
from typing import Any

import structlog
from litestar.exceptions import HTTPException

from backend.web.logs import told as told_of
from backend.web.pages import Page, page
from backend.web.responses import Answer, AnyRequest, Sent, see, send

log = structlog.get_logger()

# Who asks there is a program: it gets a problem object rather than a page.
FOR_PROGRAMS = ("/api/", "/hsds/", "/osdi/")


class Refused(Exception):
    """It cannot be done; the message is the sentence a person reads, in their language."""


class CannotAnswer(HTTPException):
    """A 4xx in words. `detail` is a sentence in the reader's language when it is raised from a
    page, in English from the API; `way_on` an address and its name to go on from there."""

    status_code = 400

    def __init__(
        self,
        detail: str,
        status: int = 400,
        way_on: tuple[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ):
        super().__init__(detail=detail, status_code=status, headers=headers)
        self.way_on = way_on


class GoTo(HTTPException):
    """What was asked for can be had after another page of ours: a 303 leads there."""

    status_code = 303

    def __init__(self, address: str):
        super().__init__(detail="", status_code=303)
        self.address = address


def answer_error(request: AnyRequest, error: Exception) -> Sent:
    """Litestar's handler for everything that goes wrong."""
    if isinstance(error, GoTo):
        return see(error.address)
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status >= 500:
        # Route, kind and our own lines, nothing more: an address or a query can say whom someone
        # looks for.
        log.error("could not answer", route=_route(request), **told_of(error))
    said = (error.detail or None) if isinstance(error, CannotAnswer) else None
    if request.scope["path"].startswith(FOR_PROGRAMS):
        return send(request, problem(status, said, _headers(error)))
    told = {"code": status, "said": said, "way_on": getattr(error, "way_on", None)}
    response = page(request, Page("layouts/problem.html", told, "main", status))
    for name, value in _headers(error):
        response.add(name, value)
    return response


def problem(
    status: int, detail: str | None = None, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """An RFC 9457 problem object. `type` about:blank means: the status says it all."""
    body: dict[str, Any] = {"type": "about:blank", "title": TITLES.get(status, "Error")}
    body |= {"status": status, "detail": detail or DETAILS.get(status, DETAILS[400])}
    return Answer(
        json.dumps(body).encode(),
        "application/problem+json",
        (("cache-control", "no-store"), *headers),
        status,
    )


TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    413: "Too large",
    414: "Address too long",
    415: "Not in that form",
    429: "Too many requests",
    500: "Internal error",
}

DETAILS = {
    400: "We could not read this request.",
    401: "Sign in first.",
    403: "Only pages of this site may do that.",
    404: "There is nothing at this address.",
    405: "This address does not answer that method.",
    406: "This address has no answer in that format.",
    408: "What you sent did not arrive in time. Please try again.",
    413: "That is more than we take.",
    414: "This address is too long.",
    415: "We do not take it in that form.",
    429: "That was too often. Please wait a little.",
    500: "Something on our side broke. Please try again later.",
}


def _headers(error: Exception) -> tuple[tuple[str, str], ...]:
    given = getattr(error, "headers", None) or {}
    return tuple((name.lower(), value) for name, value in given.items())


def _route(request: AnyRequest) -> str:
    handler = request.scope.get("route_handler")
    return ", ".join(sorted(getattr(handler, "paths", None) or ["(none)"]))
