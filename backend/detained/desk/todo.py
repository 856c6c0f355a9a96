"""What waits among lines and places of detention for who edits them."""

from backend.detained import calls as detained_calls
from backend.detained import editing as detained
from backend.staff.auth import Visitor
from backend.staff.roles import Right
from backend.staff.rooms import Todo
from backend.web.clock import today
from backend.web.language import ngettext

DETAINED = "/desk/detained"
DETAINED_CALLS = "/desk/detained/calls"


async def waiting(visitor: Visitor) -> list[Todo]:
    if not visitor.may(Right.EDIT_RECORD):
        return []
    counts = await detained.counts(today())
    due, waiting, wrong = counts["due"], counts["waiting"], counts["wrong"]
    to_call = await detained_calls.how_many()
    return [
        Todo(ngettext("line or place of detention is due for a call or a look",
                      "lines and places of detention are due for a call or a look", due),
             DETAINED, due),
        Todo(ngettext("line or place of detention waits to be confirmed",
                      "lines and places of detention wait to be confirmed", waiting),
             DETAINED, waiting),
        Todo(ngettext("number of a line waits to be called", "numbers of lines wait to be called",
                      to_call), DETAINED_CALLS, to_call),
        Todo(ngettext("number of a line is wrong", "numbers of lines are wrong", wrong), DETAINED,
             wrong),
    ]  # fmt: skip
