"""What waits for who sees people, and for who leads a shift."""

from backend.canvass import double_entry, keeping, review
from backend.staff.auth import Visitor
from backend.staff.roles import Right
from backend.staff.rooms import Todo
from backend.web.language import ngettext

CANVASS = "/desk/canvass"
CANVASS_REVIEW = "/desk/canvass/review"
SHEETS = "/desk/canvass/sheets"


async def waiting(visitor: Visitor) -> list[Todo]:
    return [*await _to_review(visitor), *await _for_leads(visitor)]


async def _to_review(visitor: Visitor) -> list[Todo]:
    if not visitor.may(Right.SEE_PEOPLE):
        return []
    waiting = await review.how_many()
    words = ngettext("sign-up from a canvasser waits for a look",
                     "sign-ups from canvassers wait for a look", waiting)  # fmt: skip
    return [Todo(words, CANVASS_REVIEW, waiting)]


async def _for_leads(visitor: Visitor) -> list[Todo]:
    """Of the shifts that somebody leads."""
    if not visitor.may(Right.LEAD_CANVASS):
        return []
    behind = await keeping.phones_behind(visitor.account)
    sheets = await double_entry.how_many_to_check(visitor.account)
    return [
        Todo(ngettext("phone has held unsent sign-ups for more than a day",
                      "phones have held unsent sign-ups for more than a day", behind),
             CANVASS, behind, alarm=True),
        Todo(ngettext("sheet of paper waits to be checked", "sheets of paper wait to be checked",
                      sheets), SHEETS, sheets),
    ]  # fmt: skip
