"""Double entry: lines of paper typed a second time by somebody who does not see the first, to find
out how well sheets are typed in. What differs is shown to somebody with the sheet in hand, who
settles it."""

import datetime
import json
from dataclasses import asdict
from typing import Any

from backend import settings
from backend.campaigns import pledges, signing
from backend.campaigns.tables import NAMES_KEPT, Campaign
from backend.canvass import sheets, shifts
from backend.canvass.paper import Line, line_of, sign
from backend.canvass.states import RowCheck, SheetState
from backend.canvass.tables import PaperRow, PaperSheet
from backend.database import DB
from backend.staff import audit
from backend.staff.tables import Account, now
from backend.web.errors import Refused
from backend.web.language import gettext as _
from backend.web.sealing import DataKey

TABLE = "paper_row"
# Whoever is alone types it again when the first has faded from memory.
LATER = datetime.timedelta(hours=1)
# Unsettled, a second typing is kept no longer than that.
AGAIN_KEPT = datetime.timedelta(days=30)
OPEN_CHECKS = (RowCheck.WAITING, RowCheck.DIFFERENT)


async def how_many_to_check(account: Account) -> int:
    """Sheets with a line that waits for this person to type it again, or to be settled."""
    led = await shifts.led_by(account)
    rows = await PaperRow.raw(
        TO_CHECK, SheetState.CHECKING, [*OPEN_CHECKS], shifts.sees_all(account), led
    )
    return len(
        {
            row["sheet"]
            for row in rows
            if row["check"] == RowCheck.DIFFERENT
            or _may_type_again(row["typed_by"], row["typed_at"], account)
        }
    )


def may_type_again(row: PaperRow, account: Account) -> bool:
    """Another person; alone, the same one later."""
    return _may_type_again(_id(row.typed_by), row.typed_at, account)


async def type_again(sheet: PaperSheet, number: int, line: Line, by: Account) -> bool:
    """A line's second typing. False when it is not what was typed first: then somebody with the
    sheet in hand settles it. Raises Refused."""
    async with DB.transaction():
        await sheets.alone(sheet.id)
        row = await sheets.row(sheet, number)
        if row is None or row.check != RowCheck.WAITING:
            raise Refused(_("This line needs no second look, or not any more."))
        first_by = _id(row.typed_by)
        if first_by != by.id and (why := await by.why_not_second(first_by)):
            raise Refused(why)
        if not may_type_again(row, by):
            raise Refused(_("You typed it yourself: somebody else has to, or you an hour later."))
        first = await line_of(row)
        same = first is None or _reads(first) == _reads(line)
        columns: dict[Any, Any] = {
            PaperRow.check: RowCheck.SAME if same else RowCheck.DIFFERENT,
            PaperRow.checked_by: by.id,
            PaperRow.checked_at: now(),
        }
        if not same:
            key = DataKey.new(TABLE, row.id)
            columns[PaperRow.data_key] = key.wrapped()
            columns[PaperRow.again] = key.seal("again", json.dumps(asdict(line)))
        await PaperRow.update(columns).where(PaperRow.id == row.id)
        await _end_check(sheet)
    return same


async def both(row: PaperRow) -> tuple[Line, Line] | None:
    """What was typed first and second; None when one of them is gone."""
    first = await line_of(row)
    if first is None or row.data_key is None or row.again is None:
        return None
    key = DataKey.unwrap(row.data_key, TABLE, row.id)
    said = json.loads(key.open("again", row.again))
    return first, Line(**{**said, "consents": tuple(said["consents"])})


async def settle(sheet: PaperSheet, number: int, line: Line | None, by: Account) -> None:
    """Let the line say what the paper says; None: as it was typed first. Raises Refused."""
    async with DB.transaction():
        await sheets.alone(sheet.id)
        row = await sheets.row(sheet, number)
        if row is None or row.check != RowCheck.DIFFERENT:
            raise Refused(_("This line is settled already."))
        first = await line_of(row)
        pledge = row.pledge
        if line is not None and first is not None and line != first:
            pledge = await _put_right(sheet, row, first, line)
        columns: dict[Any, Any] = {
            PaperRow.pledge: pledge,
            PaperRow.check: RowCheck.SETTLED,
            PaperRow.data_key: None,
            PaperRow.again: None,
            PaperRow.settled_by: by.id,
        }
        await PaperRow.update(columns).where(PaperRow.id == row.id)
        await audit.write(by.name, "line_settled", sheets.subject(sheet), line=number)
        await _end_check(sheet)


async def forget_again(before: datetime.datetime) -> int:
    """Retention: second typings that nobody settled, at the latest with the names of their
    campaign. The first one holds."""
    closed = Campaign.select(Campaign.id).where(Campaign.closed_at < now() - NAMES_KEPT)
    theirs = PaperSheet.select(PaperSheet.id).where(PaperSheet.campaign.is_in(closed))
    due = (PaperRow.checked_at < before) | PaperRow.sheet.is_in(theirs)
    old = (PaperRow.check == RowCheck.DIFFERENT) & due
    rows = await PaperRow.select(PaperRow.sheet).where(old)
    columns: dict[Any, Any] = {
        PaperRow.check: RowCheck.SETTLED,
        PaperRow.data_key: None,
        PaperRow.again: None,
    }
    if rows:
        await PaperRow.update(columns).where(old)
        for id in {row["sheet"] for row in rows}:
            await _end_check(await sheets.alone(id))
    return len(rows)


async def _put_right(sheet: PaperSheet, row: PaperRow, first: Line, line: Line) -> Any:
    """The pledge that says what the paper says. With another contact it is another one, which
    nobody has confirmed."""
    pledge = await pledges.by_id(row.pledge)
    assert pledge is not None  # its line was read in this transaction
    if pledge.confirmed:
        raise Refused(_("Its signer has confirmed it already: it stays as it was typed first."))
    if line.contact.casefold() == first.contact.casefold():
        await signing.correct(
            pledge,
            name=line.name,
            county=line.county,
            language=line.language,
            consents=line.consents,
        )
        return row.pledge
    await signing.withdraw(pledge)
    return await sign(sheet, line)


def _reads(line: Line) -> tuple[Any, ...]:
    """What two people must read alike: small and capital letters are no difference."""
    name = " ".join(line.name.casefold().split())
    return (name, line.contact.casefold(), line.county, line.language, frozenset(line.consents))


async def _end_check(sheet: PaperSheet) -> None:
    """When no line is left to look at, the sheet is done."""
    left = await PaperRow.exists().where(
        PaperRow.sheet == sheet.id, PaperRow.check.is_in(list(OPEN_CHECKS))
    )
    if not left:
        await PaperSheet.update(
            {PaperSheet.state: SheetState.DONE, PaperSheet.done_at: now()}
        ).where(PaperSheet.id == sheet.id, PaperSheet.state == SheetState.CHECKING)


def _may_type_again(typed_by: int | None, typed_at: datetime.datetime, account: Account) -> bool:
    if typed_by != account.id:
        # Whom they let in is asked only when they do it.
        return not (settings.read().second_person and account.is_new())
    return not settings.read().second_person and typed_at < now() - LATER


def _id(row: Any) -> int:
    return int(getattr(row, "id", row))


TO_CHECK = """
SELECT typed.sheet, typed.check, typed.typed_by, typed.typed_at
FROM paper_row AS typed JOIN paper_sheet AS sheet ON sheet.id = typed.sheet
WHERE sheet.state = {} AND typed.check = ANY({}) AND ({} OR sheet.shift = ANY({}))
"""
