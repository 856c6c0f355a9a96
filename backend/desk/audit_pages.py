"""The audit trail: to read, to check and to take along."""

import datetime
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from litestar import get, post
from litestar.response import Stream
from litestar.response.base import ASGIResponse

from backend.staff import audit, heads
from backend.staff.actions import ACTIONS
from backend.staff.audit import Verdict
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import LARGEST_ID, Account, AuditEntry
from backend.web.clock import CALIFORNIA
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent
from backend.web.spreadsheet import as_csv

TRAIL = "/desk/audit"
LINES = 50
LINES_AT_ONCE = 1000
COLUMNS = ("id", "at", "actor", "action", "subject", "details", "hash")
Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Which lines are asked for: only an action, a person or a day (in California), and only those
    before a line. Empty is all."""

    action: str = ""
    actor: str = ""
    day: str = ""
    before: str = ""

    def mistakes(self) -> dict[str, str]:
        found = {}
        if self.day and self._day() is None:
            found["day"] = _("Write the day like this: 2026-11-24.")
        if self.before and not self._before():
            found["before"] = _("There is no such line. Start again from the newest.")
        return found

    async def lines(self, most: int) -> list[Row]:
        """The newest of them first."""
        found: list[Row] = await (
            AuditEntry.select()
            .where(*self._where())
            .order_by(AuditEntry.id, ascending=False)
            .limit(most)
        )
        return found

    def address(self, before: object = "", path: str = TRAIL) -> str:
        query = {**self.filters(), "before": str(before)}
        asked = urlencode({name: value for name, value in query.items() if value})
        return path + (f"?{asked}" if asked else "")

    def filters(self) -> dict[str, str]:
        return {"action": self.action, "actor": self.actor, "day": self.day}

    def _where(self) -> list[Any]:
        where: list[Any] = []
        if self.action:
            where.append(AuditEntry.action == self.action)
        if self.actor:
            where.append(AuditEntry.actor == self.actor)
        if day := self._day():
            start = datetime.datetime.combine(day, datetime.time(), CALIFORNIA)
            next_day = day + datetime.timedelta(days=1)
            end = datetime.datetime.combine(next_day, datetime.time(), CALIFORNIA)
            where += [AuditEntry.at >= start, AuditEntry.at < end]
        if before := self._before():
            where.append(AuditEntry.id < before)
        return where

    def _day(self) -> datetime.date | None:
        try:
            day = datetime.date.fromisoformat(self.day)
        except ValueError:
            return None
        return day if 2000 <= day.year < 2200 else None

    def _before(self) -> int:
        number = self.before
        if not (number.isascii() and number.isdecimal() and len(number) < 20):
            return 0
        return int(number) if int(number) <= LARGEST_ID else 0


@get(TRAIL, may=Right.READ_AUDIT)
async def show_trail(request: AnyRequest) -> ASGIResponse:
    return await _page(request, _wanted(request))


@post("/desk/audit/verify", may=Right.READ_AUDIT)
async def verify_trail(request: AnyRequest) -> ASGIResponse:
    return await _page(request, Wanted(), await audit.verify())


@get("/desk/audit.csv", may=Right.READ_AUDIT, fresh=True)
async def export_trail(request: AnyRequest) -> ASGIResponse:
    wanted = _wanted(request)
    if wanted.mistakes():
        return await _page(request, wanted)
    asked = {name: value for name, value in wanted.filters().items() if value}
    await audit.write(visitor_of(request).name, "exported", "audit trail", only=asked)
    headers = {
        "cache-control": "no-store",
        "content-disposition": 'attachment; filename="audit.csv"',
    }
    stream = Stream(_csv(wanted), media_type="text/csv", headers=headers)
    return stream.to_asgi_response(app=None, request=request)


async def _page(request: AnyRequest, wanted: Wanted, verdict: Verdict | None = None) -> Sent:
    mistakes = wanted.mistakes()
    lines = [] if mistakes else await wanted.lines(LINES + 1)
    names = await Account.select(Account.name).order_by(Account.name).output(as_list=True)
    context = {
        "lines": [_in_words(line) for line in lines[:LINES]],
        "older": wanted.address(lines[LINES - 1]["id"]) if len(lines) > LINES else "",
        "newest": wanted.address() if wanted.before else "",
        "export": wanted.address(path="/desk/audit.csv"),
        "wanted": wanted,
        "actions": {action: _(words) for action, words in ACTIONS.items()},
        "actors": {name: _actor(name) for name in [*names, audit.HOUSE, audit.NOBODY]},
        "verdict": verdict,
        "head": await heads.newest(),
        "public_halves": heads.public_halves(),
        "mistakes": mistakes,
    }
    status = 422 if mistakes else 200
    query = {name: value for name, value in wanted.filters().items() if value}
    return desk_page(request, Page("desk/trail.html", context, status=status, query=query))


def _wanted(request: AnyRequest) -> Wanted:
    asked = {
        # A NUL is in no line; PostgreSQL would not even look for it.
        name: str(request.query_params.get(name, ""))[:200].replace(
            "\0", "\N{REPLACEMENT CHARACTER}"
        )
        for name in ("action", "actor", "day", "before")
    }
    return Wanted(**asked)


def _in_words(line: Row) -> Row:
    words = ACTIONS.get(line["action"])
    details = [f"{name}: {_value(value)}" for name, value in line["details"].items()]
    return {
        **line,
        "who": _actor(line["actor"]),
        "did": _(words) if words else line["action"].replace("_", " "),
        "more": " · ".join(details),
    }


def _actor(name: str) -> str:
    return {audit.HOUSE: _("the house itself"), audit.NOBODY: _("nobody we know")}.get(name, name)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def _csv(wanted: Wanted) -> AsyncIterator[str]:
    """All lines that are wanted, newest first, a thousand at a time."""
    yield as_csv([COLUMNS])
    while lines := await wanted.lines(LINES_AT_ONCE):
        yield as_csv([_cells(line) for line in lines])
        wanted = replace(wanted, before=str(lines[-1]["id"]))


def _cells(line: Row) -> tuple[str, ...]:
    details = json.dumps(line["details"], ensure_ascii=False, sort_keys=True)
    told = (line["actor"], line["action"], line["subject"], details)
    return (str(line["id"]), line["at"].isoformat(), *told, bytes(line["hash"]).hex())
