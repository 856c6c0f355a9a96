"""Typing in what people signed on paper, line by line.

What is typed becomes a pledge at once, by the same rules as on the site, and awaits its signer's
confirmation like any other. Nothing of a line is kept beside it, and nobody is told whether its
signer had signed before: the numbers of the shift say how many had.
"""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from backend.campaigns import contacts, forms, pledges, receipts, signing
from backend.campaigns.forms import SignForm
from backend.campaigns.signing import Signature
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import NAMES_KEPT, Campaign
from backend.canvass import sheets
from backend.canvass.states import RowCheck, SheetState
from backend.canvass.tables import PaperRow, PaperSheet, Shift
from backend.counties.tables import County
from backend.database import DB
from backend.staff import audit
from backend.staff.tables import Account, now
from backend.web.errors import Refused
from backend.web.language import gettext as _

# One line of so many is typed twice, and one of every sheet.
SAMPLE = 10


class LineTaken(Exception):
    """Somebody typed this line in meanwhile, and not the same."""


@dataclass(frozen=True)
class Line:
    """What stands on a line, as somebody read it. `county` is an id, `consents` those of texts."""

    name: str
    contact: str
    county: int
    language: str
    consents: tuple[int, ...]


def next_line(sheet: PaperSheet, rows: list[PaperRow]) -> int | None:
    """The first that nobody has typed in."""
    typed = {row.line for row in rows}
    return next((line for line in range(1, sheet.lines + 1) if line not in typed), None)


async def begin(sheet: PaperSheet, filled: int, by: Account) -> None:
    """Say how many lines are signed. Raises Refused."""
    if not 0 <= filled <= sheet.lines:
        told = _("Write a number from 0 to %(most)s.") % {"most": sheet.lines}
        raise Refused(told)
    campaign = await sheets.campaign_of(sheet)
    if campaign.state == CampaignState.DRAFT or _names_are_erased(campaign):
        raise Refused(_("This campaign closed long ago. Its names are erased, and none is added."))
    async with DB.transaction():
        standing = await sheets.alone(sheet.id)
        if standing.state not in (SheetState.PRINTED, SheetState.ENTERING):
            raise Refused(_("This sheet is typed in already."))
        columns: dict[Any, Any] = {
            PaperSheet.filled: filled,
            PaperSheet.state: SheetState.ENTERING,
        }
        await PaperSheet.update(columns).where(PaperSheet.id == sheet.id)
        if standing.state == SheetState.PRINTED:
            await audit.write(by.name, "sheet_begun", sheets.subject(sheet))


def read_line(sent: dict[str, str]) -> SignForm:
    """As on the site; having signed on the line is the yes to the pledge."""
    return forms.read_signature({**sent, "agree_pledge": "yes"})


async def as_line(sheet: PaperSheet, form: SignForm, language: str) -> Line:
    """What was read without a mistake."""
    assert form.contact is not None
    assert form.county is not None
    county = await County.select(County.id).where(County.slug == form.county.slug).first()
    assert county is not None
    texts = await sheets.texts_of(sheet)
    agreed = tuple(texts[purpose].id for purpose in form.purposes if purpose in texts)
    return Line(form.name, form.contact.address, county["id"], language, agreed)


async def type_in(sheet: PaperSheet, number: int, line: Line | None, by: Account) -> None:
    """Take a line; None is one that nobody can read. The same sent twice is one. Raises Refused,
    LineTaken."""
    if not 0 < number <= sheet.lines:
        raise Refused(_("This sheet has no such line."))
    async with DB.transaction():
        if (await sheets.alone(sheet.id)).state != SheetState.ENTERING:
            raise Refused(_("This sheet is typed in already."))
        there = await sheets.row(sheet, number)
        if there is not None:
            if await line_of(there) == line:
                return
            raise LineTaken
        pledge = await sign(sheet, line) if line is not None else None
        await PaperRow(sheet=sheet.id, line=number, pledge=pledge, typed_by=by.id).save()


async def undo(sheet: PaperSheet, by: Account) -> int:
    """Take the line back that was typed in last, with its pledge. Returns its number. Raises
    Refused."""
    async with DB.transaction():
        if (await sheets.alone(sheet.id)).state != SheetState.ENTERING:
            raise Refused(_("This sheet is typed in already."))
        row = await _last(sheet)
        pledge = await pledges.by_id(row.pledge) if row.pledge else None
        if pledge is not None and pledge.confirmed:
            raise Refused(_("Its signer has confirmed it already. Only they can take it back."))
        if pledge is not None:
            await signing.withdraw(pledge)
        await PaperRow.delete().where(PaperRow.id == row.id)
        await audit.write(by.name, "line_undone", sheets.subject(sheet), line=row.line)
    return int(row.line)


async def finish(sheet: PaperSheet, by: Account, sure: bool = False) -> bool:
    """All its lines are typed in: choose those that are typed twice. False when their number is
    not what was counted, and nobody said that it is right so. Raises Refused."""
    async with DB.transaction():
        standing = await sheets.alone(sheet.id)
        if standing.state != SheetState.ENTERING:
            raise Refused(_("This sheet is typed in already."))
        rows = await sheets.rows_of(sheet)
        if len(rows) != standing.filled and not sure:
            return False
        chosen = _sample([row.id for row in rows if row.pledge is not None])
        if chosen:
            await PaperRow.update({PaperRow.check: RowCheck.WAITING}).where(
                PaperRow.id.is_in(chosen)
            )
        columns: dict[Any, Any] = {
            PaperSheet.filled: len(rows),
            PaperSheet.state: SheetState.CHECKING if chosen else SheetState.DONE,
            PaperSheet.done_at: None if chosen else now(),
        }
        await PaperSheet.update(columns).where(PaperSheet.id == sheet.id)
        await audit.write(by.name, "sheet_typed", sheets.subject(sheet), lines=len(rows))
    return True


async def sign(sheet: PaperSheet, line: Line) -> UUID:
    """A line as a pledge. Raises Refused."""
    campaign = await sheets.campaign_of(sheet)
    if _names_are_erased(campaign):
        raise Refused(_("This campaign closed long ago. Its names are erased, and none is added."))
    shift = await Shift.select(Shift.code).where(Shift.id == sheet.shift).first()
    assert shift is not None  # the row points at it
    signature = Signature(
        line.name,
        contacts.read(line.contact),
        line.county,
        line.language,
        line.consents,
        source="paper",
        via=shift["code"],
    )
    while True:
        id = signing.new_id()
        if await signing.take(campaign, signature, receipts.new(), id):
            return id


async def line_of(row: PaperRow) -> Line | None:
    """What the line's pledge says; None when nobody could read it, or it is withdrawn or erased."""
    pledge = await pledges.by_id(row.pledge) if row.pledge else None
    if pledge is None or pledge.name is None or pledge.contact is None:
        return None
    return Line(pledge.name, pledge.contact, pledge.county, pledge.language, tuple(pledge.consents))


async def _last(sheet: PaperSheet) -> PaperRow:
    """The line typed in last. Raises Refused."""
    row: PaperRow | None = await (
        PaperRow.objects()
        .where(PaperRow.sheet == sheet.id)
        .order_by(PaperRow.id, ascending=False)
        .first()
    )
    if row is None:
        raise Refused(_("No line is typed in yet."))
    return row


def _sample(ids: list[int]) -> list[int]:
    """By chance, so that nobody knows beforehand which."""
    number = min(len(ids), max(1, len(ids) // SAMPLE))
    return secrets.SystemRandom().sample(ids, number)


def _names_are_erased(campaign: Campaign) -> bool:
    return campaign.closed_at is not None and campaign.closed_at + NAMES_KEPT < now()
