"""What waits among the hearings for who edits them."""

from backend.hearings import ledger, proposals
from backend.hearings.tables import HearingSource
from backend.staff.auth import Visitor
from backend.staff.roles import Right
from backend.staff.rooms import Todo
from backend.web.clock import today
from backend.web.language import ngettext

PROPOSALS = "/desk/hearings/proposals"
HEARING_SOURCES = "/desk/hearings/sources"
FORUMS_OWED = "/desk/hearings#owed"


async def waiting(visitor: Visitor) -> list[Todo]:
    if not visitor.may(Right.EDIT_HEARINGS):
        return []
    waiting = await proposals.how_many()
    failing = int(
        await HearingSource.count().where(
            HearingSource.enabled.eq(True), HearingSource.failing_since.is_not_null()
        )
    )
    owed = len(await ledger.owed(today()))
    return [
        Todo(ngettext("source of hearings cannot be read", "sources of hearings cannot be read",
                      failing), HEARING_SOURCES, failing, alarm=True),
        Todo(ngettext("proposed hearing waits for you", "proposed hearings wait for you", waiting),
             PROPOSALS, waiting),
        Todo(ngettext("forum is owed, and none is announced", "forums are owed, and none is"
                      " announced", owed), FORUMS_OWED, owed),
    ]  # fmt: skip
