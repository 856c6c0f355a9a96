"""Sheets of paper that people sign at a table: printed for a shift, each with a code of its own,
and found again by whoever types them in."""

from typing import Any

from backend.campaigns import loading, receipts
from backend.campaigns.tables import Campaign, ConsentText
from backend.canvass import shifts
from backend.canvass.states import SheetState
from backend.canvass.tables import PaperRow, PaperSheet, Shift
from backend.database import DB
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account

LINES = 12
MOST_SHEETS = 50
SHOWN = 100


async def print_sheets(
    shift: Shift, campaign: Campaign, language: str, number: int, by: Account
) -> tuple[int, int]:
    """So many new sheets. Returns the first and last of their numbers."""
    texts = await loading.consents_for(campaign, language)
    async with DB.transaction():
        await Shift.raw("SELECT id FROM shift WHERE id = {} FOR UPDATE", shift.id)
        [row] = await PaperSheet.raw(
            "SELECT coalesce(max(number), 0) AS last FROM paper_sheet WHERE shift = {}", shift.id
        )
        first = row["last"] + 1
        sheets = [
            PaperSheet(
                shift=shift.id,
                campaign=campaign.id,
                code=await _new_code(),
                number=first + each,
                language=language,
                consents=[text.id for text in texts.values()],
                lines=LINES,
                printed_by=by.id,
            )
            for each in range(number)
        ]
        await PaperSheet.insert(*sheets)
        await audit.write(by.name, "sheets_printed", f"shift {shift.id}", sheets=number)
    return first, first + number - 1


async def sheets_of(shift: int, first: int = 1, last: int = LARGEST_ID) -> list[PaperSheet]:
    found: list[PaperSheet] = await (
        PaperSheet.objects()
        .where(PaperSheet.shift == shift, PaperSheet.number >= first, PaperSheet.number <= last)
        .order_by(PaperSheet.number)
        .limit(1000)
    )
    return found


async def with_id(id: int, account: Account) -> PaperSheet | None:
    """One of a shift that this person may see."""
    if not 0 < id <= LARGEST_ID:
        return None
    return await _seen(PaperSheet.id == id, account)


async def with_code(typed: str, account: Account) -> PaperSheet | None:
    """The same by what stands on the sheet."""
    code = receipts.read_via(typed)
    return await _seen(PaperSheet.code == code, account) if code else None


async def open_ones(account: Account) -> list[PaperSheet]:
    """Sheets somebody has begun, and those to check: of the shifts this person may see."""
    where = PaperSheet.state.is_in([SheetState.ENTERING, SheetState.CHECKING])
    query = PaperSheet.objects(PaperSheet.shift).where(where)
    if not shifts.sees_all(account):
        query = query.where(PaperSheet.shift.is_in(await shifts.led_by(account)))
    found: list[PaperSheet] = await query.order_by(PaperSheet.id).limit(SHOWN)
    return found


async def rows_of(sheet: PaperSheet) -> list[PaperRow]:
    found: list[PaperRow] = await (
        PaperRow.objects().where(PaperRow.sheet == sheet.id).order_by(PaperRow.line)
    )
    return found


async def campaign_of(sheet: PaperSheet) -> Campaign:
    found: Campaign | None = await Campaign.objects().where(Campaign.id == sheet.campaign).first()
    assert found is not None  # the row points at it
    return found


async def texts_of(sheet: PaperSheet) -> dict[str, ConsentText]:
    """What is printed on it, by purpose."""
    rows: list[ConsentText] = await (
        ConsentText.objects()
        .where(ConsentText.id.is_in(sheet.consents or [0]))
        .order_by(ConsentText.id)
    )
    texts = {text.purpose: text for text in rows}
    return {purpose: texts[purpose] for purpose in loading.PURPOSES if purpose in texts}


def subject(sheet: PaperSheet) -> str:
    return f"sheet {sheet.id}"


async def alone(sheet: int) -> PaperSheet:
    """The sheet as it stands, nobody else's to change while the transaction lasts."""
    found = await PaperSheet.objects().where(PaperSheet.id == sheet).lock_rows("UPDATE").first()
    assert found is not None  # sheets are never removed
    return found


async def row(sheet: PaperSheet, number: int) -> PaperRow | None:
    found: PaperRow | None = await (
        PaperRow.objects().where(PaperRow.sheet == sheet.id, PaperRow.line == number).first()
    )
    return found


async def _seen(where: Any, account: Account) -> PaperSheet | None:
    sheet: PaperSheet | None = await PaperSheet.objects().where(where).first()
    if sheet is None or await shifts.with_id(_id(sheet.shift), account) is None:
        return None
    return sheet


async def _new_code() -> str:
    while True:
        code = receipts.new_via()
        if not await PaperSheet.exists().where(PaperSheet.code == code):
            return code


def _id(row: Any) -> int:
    return int(getattr(row, "id", row))
