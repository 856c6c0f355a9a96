"""Calling the lines ourselves, one person a number: only so does one become a number we called."""

import datetime
from dataclasses import dataclass
from typing import Any

from backend.database import DB
from backend.detained import editing
from backend.detained.editing import Fields
from backend.detained.tables import CheckedChange, LineClaim
from backend.policies.tables import LATELY, HelpLine
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account, now
from backend.web.clock import today
from backend.web.errors import Refused
from backend.web.language import gettext as _

# A number that somebody calls is nobody else's for so long.
IN_HAND = datetime.timedelta(minutes=30)
# What came of a call can be taken back for so long.
CAN_BE_UNDONE = datetime.timedelta(days=1)
OUTCOMES = ("line_answered", "line_spoke", "line_unanswered", "line_wrong")
UNDONE = "line_call_undone"
LONGEST_WHY = 300


@dataclass(frozen=True)
class ToCall:
    """A line and who is calling it now."""

    line: HelpLine
    claim: LineClaim | None

    def held_by(self, name: str) -> bool:
        return self.claim is not None and self.claim.by == name


async def queue(by: Account) -> list[ToCall]:
    """Every number to call: what was looked at or tried longest ago first, what colleagues are
    calling last."""
    claims = {
        claim.line: claim
        for claim in await LineClaim.objects().where(LineClaim.at > now() - IN_HAND)
    }
    found = [ToCall(line, claims.get(line.id)) for line in await _lines()]
    return sorted(found, key=lambda each: _rank(each, by.name))


async def how_many() -> int:
    """How many numbers nobody ever called, or not lately, and nobody tried today."""
    on = today()
    return sum(
        (line.read != "called" or line.stale_on(on)) and line.missed_on != on
        for line in await _lines()
    )


async def claim(id: int, by: Account) -> None:
    """This number is theirs alone for half an hour. Raises Refused when a colleague has it."""
    async with DB.transaction():
        line = await _locked(id)
        if line is None or not _can_be_called(line):
            raise Refused(_("This number does not wait for a call any more."))
        held = await _claim_of(line)
        if held is not None and held.at > now() - IN_HAND:
            if held.by == by.name:
                return
            raise Refused(_("%(name)s is calling this number now.") % {"name": held.by})
        await LineClaim.delete().where(LineClaim.line == line.id)
        await LineClaim.insert(LineClaim(line=line.id, by=by.name, at=now()))
        await audit.write(by.name, "line_claimed", editing.subject(line), name=line.name)


async def let_go(id: int, by: Account) -> None:
    """They do not call after all."""
    async with DB.transaction():
        line = await _locked(id)
        held = await _claim_of(line) if line is not None else None
        if line is None or held is None or held.by != by.name:
            return
        await LineClaim.delete().where(LineClaim.line == line.id)
        await audit.write(by.name, "line_let_go", editing.subject(line), name=line.name)


async def answered(id: int, by: Account, seen: str) -> None:
    """Somebody answered, and it is the right number."""
    await _note(id, by, seen, "answered", _right())


async def spoke(id: int, by: Account, seen: str, languages: list[str]) -> None:
    """Somebody answered in these languages."""
    await _note(id, by, seen, "spoke", {**_right(), "languages": languages})


async def nobody_answered(id: int, by: Account, seen: str) -> None:
    await _note(id, by, seen, "unanswered", {"missed_on": today()})


async def wrong(id: int, by: Account, seen: str, why: str) -> None:
    """It is another number, or they do not want it shown: nobody sees it from now on."""
    await _note(id, by, seen, "wrong", {"wrong": why[:LONGEST_WHY]})


async def can_be_undone() -> list[tuple[HelpLine, CheckedChange]]:
    """What came of the last call to a line, while nothing else was done with it since."""
    every = {editing.subject(line): line for line in await editing.all_of("lines")}
    changes: list[CheckedChange] = await (
        CheckedChange.objects()
        .where(CheckedChange.made_at > now() - CAN_BE_UNDONE)
        .order_by(CheckedChange.id, ascending=False)
    )
    newest: dict[str, CheckedChange] = {}
    for change in changes:
        newest.setdefault(change.subject, change)
    return [
        (line, change)
        for subject, change in newest.items()
        if change.action in OUTCOMES and isinstance(line := every.get(subject), HelpLine)
    ]


async def take_back(change: int, by: Account) -> None:
    """The line is as it was before that call. Raises Refused when more happened since."""
    gone = Refused(_("This cannot be taken back any more. Change the line by hand."))
    async with DB.transaction():
        done = await _change(change)
        line = await _named(done.subject) if done else None
        if done is None or line is None:
            raise gone
        newest: list[CheckedChange] = await (
            CheckedChange.objects()
            .where(CheckedChange.subject == done.subject, CheckedChange.id >= done.id)
            .order_by(CheckedChange.id)
        )
        if [each.action for each in newest[1:]] == [UNDONE]:
            return
        late = done.made_at < now() - CAN_BE_UNDONE
        if len(newest) != 1 or done.action not in OUTCOMES or late:
            raise gone
        before: Any = newest[0].before
        after: Any = newest[0].after
        await _put(line, {name: _read(name, value) for name, value in before.items()})
        await editing.tell(line, by, UNDONE.removeprefix("line_"), after, before)


def _right() -> Fields:
    day = today()
    return {"read": "called", "checked_on": day, "review_by": day + LATELY,
            "confirmed_at": now(), "missed_on": None}  # fmt: skip


async def _note(id: int, by: Account, seen: str, what: str, fields: Fields) -> None:
    """Write what came of a call. What was sent twice is written once. Raises Refused when the
    number is not theirs, or is another since they looked."""
    async with DB.transaction():
        line = await _locked(id)
        if line is None:
            raise Refused(_("This number does not wait for a call any more."))
        held = await _claim_of(line)
        if held is None or held.by != by.name:
            if await _did_last(line, by, f"line_{what}"):
                return
            raise Refused(_("This number is not in your hands any more. Take it again first."))
        if line.changed_at.isoformat() != seen or not _can_be_called(line):
            raise Refused(_("Somebody changed this line while you called. Look at it again."))
        before = {name: getattr(line, name) for name in fields}
        if not _only_tried(fields):
            # Taken back, the files lead it again if they did before.
            before["desk_at"] = line.desk_at
        await _put(line, fields)
        await LineClaim.delete().where(LineClaim.line == line.id)
        await editing.tell(line, by, what, before, fields)


async def _put(line: HelpLine, fields: Fields) -> None:
    if _only_tried(fields):
        await HelpLine.update(fields, force=True).where(HelpLine.id == line.id)
    else:
        await editing.write(line, fields)


def _only_tried(fields: Fields) -> bool:
    """Of the line itself nothing changes: if the files lead it, they go on to."""
    return set(fields) == {"missed_on"}


def _read(name: str, value: Any) -> Any:
    """A column's value, from how its history holds it."""
    if value is None:
        return None
    if name in ("checked_on", "review_by", "missed_on"):
        return datetime.date.fromisoformat(value)
    if name in ("confirmed_at", "desk_at"):
        return datetime.datetime.fromisoformat(value)
    return value


def _rank(each: ToCall, name: str) -> tuple[bool, datetime.date, bool, str]:
    line = each.line
    tried = max(day for day in (datetime.date.min, line.checked_on, line.missed_on) if day)
    elsewhere = each.claim is not None and not each.held_by(name)
    return elsewhere, tried, line.missed_on is not None, line.name


def _can_be_called(line: HelpLine) -> bool:
    return bool(line.phone) and line.retired_at is None and not line.wrong


async def _lines() -> list[HelpLine]:
    rows = await editing.all_of("lines")
    return [row for row in rows if isinstance(row, HelpLine) and _can_be_called(row)]


async def _locked(id: int) -> HelpLine | None:
    """The line as it is now, while nobody else writes it."""
    if not 0 < id <= LARGEST_ID:
        return None
    await HelpLine.select(HelpLine.id).where(HelpLine.id == id).lock_rows().first()
    row = await editing.one("lines", id)
    return row if isinstance(row, HelpLine) else None


async def _named(subject: str) -> HelpLine | None:
    found = await HelpLine.select(HelpLine.id).where(
        HelpLine.key == subject.removeprefix("line ")
    ).first()  # fmt: skip
    return await _locked(found["id"]) if found else None


async def _claim_of(line: HelpLine) -> LineClaim | None:
    return await LineClaim.objects().where(LineClaim.line == line.id).first()


async def _change(id: int) -> CheckedChange | None:
    if not 0 < id <= LARGEST_ID:
        return None
    return await CheckedChange.objects().where(CheckedChange.id == id).first()


async def _did_last(line: HelpLine, by: Account, action: str) -> bool:
    last = await (
        CheckedChange.select(CheckedChange.action, CheckedChange.by)
        .where(CheckedChange.subject == editing.subject(line))
        .order_by(CheckedChange.id, ascending=False)
        .first()
    )
    return last is not None and (last["action"], last["by"]) == (action, by.name)
