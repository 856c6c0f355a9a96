"""What waits for who sends alerts."""

from backend.alerts import drafts
from backend.alerts.kinds import State
from backend.staff.auth import Visitor
from backend.staff.roles import Right
from backend.staff.rooms import Todo
from backend.web.language import ngettext

ALERTS = "/desk/alerts"


async def waiting(visitor: Visitor) -> list[Todo]:
    """Those that somebody else asked to be sent."""
    if not visitor.may(Right.SEND_ALERTS):
        return []
    waiting = len(
        [each for each in await drafts.all_of(State.ASKED) if each.asked_by != visitor.account.id]
    )
    words = ngettext("alert waits for a second person", "alerts wait for a second person", waiting)
    return [Todo(words, ALERTS, waiting)]
