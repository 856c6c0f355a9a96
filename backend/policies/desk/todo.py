"""What waits in the record for who edits it."""

from backend.policies import changes
from backend.staff.auth import Visitor
from backend.staff.roles import Right
from backend.staff.rooms import Todo
from backend.web.clock import today
from backend.web.language import ngettext

RECORD = "/desk/record"


async def waiting(visitor: Visitor) -> list[Todo]:
    if not visitor.may(Right.EDIT_RECORD):
        return []
    drafts, conflicts = await changes.drafts_waiting(), await changes.conflicts()
    due, kept = await changes.facts_due(today()), await changes.not_exported()
    return [
        Todo(ngettext("draft waits for approval", "drafts wait for approval", drafts), RECORD,
             drafts),
        Todo(ngettext("fact was changed here and in the files", "facts were changed here and in the"
                      " files", conflicts), RECORD, conflicts),
        Todo(ngettext("fact is due for review", "facts are due for review", due), RECORD, due),
        Todo(ngettext("fact is not in the files yet", "facts are not in the files yet", kept),
             RECORD, kept),
    ]  # fmt: skip
