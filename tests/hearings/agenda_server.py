"""A server on loopback that stands for all systems that publish agendas, and answers in their
shapes: Legistar's Web API, PrimeGov's portal, calendar feeds, Open States and tables.

What it holds can be changed at any time. `faults` are what it answers instead, by the beginning of
a path: as in real life, with the right answer at the next look or never.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from aiohttp import web

Row = dict[str, Any]
Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]

EVENT: Row = {
    "EventGuid": "4A509548-A040-4C83-A78D-6A0763C80306",
    "EventLastModifiedUtc": "2026-09-17T00:16:51.51",
    "EventRowVersion": "AAAAAABgiMQ=",
    "EventBodyId": 197,
    "EventBodyName": "Board of Supervisors",
    "EventTime": "1:30 PM",
    "EventVideoStatus": "Public",
    "EventAgendaStatusId": 10,
    "EventAgendaStatusName": "Final",
    "EventMinutesStatusId": 10,
    "EventMinutesStatusName": "Final",
    "EventLocation": "Board Chambers\r\nVideo: https://meet.example.org/798867277\r\n"
    "*Subject to change without notice.",
    "EventMinutesFile": None,
    "EventAgendaLastPublishedUTC": "2026-09-17T00:16:51.183",
    "EventMinutesLastPublishedUTC": None,
    "EventComment": None,
    "EventVideoPath": None,
    "EventItems": [],
}
ITEM: Row = {
    "EventItemAgendaSequence": 12,
    "EventItemAgendaNumber": "9.",
    "EventItemAgendaNote": None,
    "EventItemMinutesNote": None,
    "EventItemActionName": None,
    "EventItemPassedFlagName": None,
    "EventItemTally": None,
    "EventItemConsent": 0,
    "EventItemMover": None,
    "EventItemSeconder": None,
    "EventItemMatterId": 5511,
    "EventItemMatterFile": "26-123",
    "EventItemMatterStatus": "Agenda Ready",
    "EventItemMatterAttachments": [],
}
FORUM = "Conduct a TRUTH Act community forum under Government Code section 7283.1"


def in_days(days: int) -> date:
    from backend.web.clock import today

    return today() + timedelta(days=days)


def event(id: int, days: int, **fields: Any) -> Row:
    """An event as Legistar tells it, `days` from today; fields without their "Event"."""
    page = f"https://sonoma-county.legistar.com/MeetingDetail.aspx?LEGID={id}&GID=632"
    file = f"https://sonoma-county.legistar1.com/meetings/{id}_A_Agenda.pdf"
    told = {"EventId": id, "EventDate": f"{in_days(days)}T00:00:00", "EventInSiteURL": page,
            "EventAgendaFile": file}  # fmt: skip
    return {**EVENT, **told, **{f"Event{name}": value for name, value in fields.items()}}


def item(id: int, title: str, *attachments: str, **fields: Any) -> Row:
    """An item of an agenda; fields without their "EventItem"."""
    files = [
        {"MatterAttachmentName": name, "MatterAttachmentHyperlink": "https://example.org/a.pdf"}
        for name in attachments
    ]
    told = {"EventItemId": id, "EventItemTitle": title, "EventItemMatterAttachments": files}
    return {**ITEM, **told, **{f"EventItem{name}": value for name, value in fields.items()}}


def vote(member: str, choice: str) -> Row:
    return {"VoteId": 1, "VotePersonId": 7, "VotePersonName": member, "VoteValueName": choice}


@dataclass
class Agendas:
    """`events` of any Legistar client, `items` by event, `votes` by item. `meetings` are PrimeGov's
    (ahead, past). `pages` are bodies by path for everything else, with a media type.
    `asked` are the paths that were asked for, with their hosts; `served` counts bytes."""

    events: list[Row] = field(default_factory=list)
    items: dict[int, list[Row]] = field(default_factory=dict)
    votes: dict[int, list[Row]] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    meetings: tuple[list[Row], list[Row]] = field(default_factory=lambda: ([], []))
    state_events: list[Row] = field(default_factory=list)
    bills: list[Row] = field(default_factory=list)
    pages: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    most_rows: int = 1000
    url: str = ""

    def one(self, id: int) -> Row:
        return next(each for each in self.events if each["EventId"] == id)

    def vanish(self, id: int) -> None:
        self.events = [each for each in self.events if each["EventId"] != id]

    def asked_for(self, part: str) -> list[str]:
        return [each for each in self.asked if part in each]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.host.partition(':')[0]}{request.path_qs}")
        for beginning, fault in self.faults.items():
            if request.path_qs.startswith(beginning):
                answered = await fault(request)
                if answered is not None:
                    return answered
        return self._right_answer(request)

    def _right_answer(self, request: web.Request) -> web.StreamResponse:
        host, path = request.host.partition(":")[0], request.path
        if host == "webapi.legistar.com":
            return self._legistar(request, path)
        if host.endswith(".primegov.com"):
            ahead, past = self.meetings
            return _json(ahead if path.endswith("/ListUpcomingMeetings") else past)
        if host == "v3.openstates.org":
            return self._openstates(request, path)
        if path not in self.pages:
            return web.Response(status=404)
        body, media = self.pages[path]
        return _unless_known(request, body, media)

    def _legistar(self, request: web.Request, path: str) -> web.Response:
        if re.fullmatch(r"/v1/[a-z-]+/events", path):
            return self._some_events(request)
        if found := re.fullmatch(r"/v1/[a-z-]+/events/(\d+)", path):
            known = [each for each in self.events if each["EventId"] == int(found[1])]
            shown = known and int(found[1]) not in self.hidden
            return _json(known[0]) if shown else web.Response(status=404)
        if found := re.fullmatch(r"/v1/[a-z-]+/events/(\d+)/eventitems", path):
            assert request.query["Attachments"] == "1"
            return _json(self.items.get(int(found[1]), []))
        if found := re.fullmatch(r"/v1/[a-z-]+/eventitems/(\d+)/votes", path):
            return _json(self.votes.get(int(found[1]), []))
        return web.Response(status=404)

    def _some_events(self, request: web.Request) -> web.Response:
        asked = re.fullmatch(r"EventDate ge datetime'([0-9-]{10})'", request.query["$filter"])
        assert asked, request.query_string
        assert request.query["$orderby"].startswith("EventDate")
        top = min(int(request.query["$top"]), self.most_rows)
        skip = int(request.query["$skip"])
        # A null sorts first, and is not at or after any day.
        rows = [row for row in self.events if (row["EventDate"] or "") >= asked[1]]
        rows.sort(key=lambda row: (row["EventDate"], row["EventId"]))
        return _json(rows[skip : skip + top])

    def _openstates(self, request: web.Request, path: str) -> web.Response:
        if request.headers.get("X-API-KEY") != "the key":
            return web.json_response({"detail": "Must provide API Key"}, status=403)
        rows = self.state_events if path == "/events" else self.bills
        if word := request.query.get("q"):
            rows = [row for row in rows if word.lower() in row["title"].lower()]
        page, many = int(request.query["page"]), int(request.query["per_page"])
        pagination = {
            "per_page": many,
            "page": page,
            "max_page": max(1, -(-len(rows) // many)),
            "total_items": len(rows),
        }
        return _json({"results": rows[(page - 1) * many : page * many], "pagination": pagination})


# What goes wrong.


def status(code: int, **headers: str) -> Fault:
    async def fault(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=headers, text="<p>told to nobody: secret</p>")

    return fault


def once(fault: Fault) -> Fault:
    """Only the first time."""
    turns = [fault]

    async def faulty(request: web.Request) -> web.StreamResponse | None:
        return await turns.pop()(request) if turns else None

    return faulty


def after(turns: int, fault: Fault) -> Fault:
    """Right for so many times, then never again."""
    left = [turns]

    async def faulty(request: web.Request) -> web.StreamResponse | None:
        left[0] -= 1
        return None if left[0] >= 0 else await fault(request)

    return faulty


def body(content: bytes, media: str = "application/json; charset=utf-8") -> Fault:
    async def fault(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=content, headers={"Content-Type": media})

    return fault


def to(address: str) -> Fault:
    async def fault(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": address})

    return fault


async def hang(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def break_off(request: web.Request) -> web.StreamResponse:
    """Promise more than comes, and hang up."""
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b'[{"EventId": 1, "Eve')
    assert request.transport is not None
    request.transport.close()
    return answer


def endless(megabytes: int) -> Fault:
    """Rows upon rows, without saying how many."""
    row = json.dumps(event(1, 3)).encode() + b", "
    piece = row * (1_000_000 // len(row))

    async def fault(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        await answer.write(b"[")
        for _number in range(megabytes):
            await answer.write(piece)
        await answer.write(b"]")
        return answer

    return fault


@asynccontextmanager
async def agendas() -> AsyncIterator[Agendas]:
    held = Agendas()
    app = web.Application()
    app.router.add_get("/{path:.*}", held.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    held.url = f"http://127.0.0.1:{port}"
    try:
        yield held
    finally:
        await runner.cleanup()


def _json(told: Any) -> web.Response:
    return web.json_response(told)


def _unless_known(request: web.Request, body: bytes, media: str) -> web.Response:
    etag = f'"{hash(body) & 0xFFFFFFFF:x}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304)
    return web.Response(body=body, headers={"Content-Type": media, "ETag": etag})
