"""What waits in the directory for who edits it."""

from backend.enrollment import editing
from backend.staff.auth import Visitor
from backend.staff.roles import Right
from backend.staff.rooms import Todo
from backend.web.clock import today
from backend.web.language import ngettext

DIRECTORY = "/desk/directory"


async def waiting(visitor: Visitor) -> list[Todo]:
    if not visitor.may(Right.EDIT_RECORD):
        return []
    counts = await editing.counts(today())
    flags, due = counts["flags"], counts["due"]
    return [
        Todo(ngettext("place of help is said to be wrong", "places of help are said to be wrong",
                      flags), DIRECTORY, flags),
        Todo(ngettext("place of help is due for a look", "places of help are due for a look", due),
             DIRECTORY, due),
    ]  # fmt: skip
