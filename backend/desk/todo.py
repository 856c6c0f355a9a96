"""What waits for who runs the house itself: work in the background, and removing old data."""

from backend.staff import retention
from backend.staff.auth import Visitor
from backend.staff.roles import Right
from backend.staff.rooms import Todo
from backend.staff.tables import RetentionHold, RetentionRun
from backend.web import queue_status
from backend.web.language import gettext as _
from backend.web.language import ngettext

WORK = "/desk/work"
RETENTION = "/desk/retention"


async def waiting(visitor: Visitor) -> list[Todo]:
    if not visitor.may(Right.RUN_THE_HOUSE):
        return []
    return [*await _background(), *await _retention()]


async def _background() -> list[Todo]:
    work = await queue_status.look()
    failed = work.total("failed")
    words = ngettext("background job failed for good", "background jobs failed for good", failed)
    found = [Todo(words, WORK, failed, alarm=True)]
    if not work.workers:
        found.append(Todo(_("No worker is running: nothing is done in the background"), WORK,
                          alarm=True))  # fmt: skip
    elif work.too_old():
        found.append(Todo(_("Background work is behind"), WORK, alarm=True))
    return found


async def _retention() -> list[Todo]:
    last, hold = await RetentionRun.last(), await RetentionHold.now_standing()
    if hold:
        return [Todo(_("A hold stops all removal of old data"), RETENTION, alarm=True)]
    if await retention.is_late(last):
        return [Todo(_("Old data was not removed for more than two days"), RETENTION, alarm=True)]
    return []
