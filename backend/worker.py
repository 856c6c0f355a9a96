"""Cron: every room's jobs, when they are due, and how long things are kept. Nothing else lists
them; `web/jobs.py` does them."""

from typing import Any

from backend.rooms import parts
from backend.staff import retention
from backend.staff.retention import Keep
from backend.staff.rooms import Background
from backend.staff.tables import RetentionHold, now
from backend.web import letter_budget, outbox, rate_limits
from backend.web.jobs import Job, Schedule
from backend.web.language import later

# From the last room to the first: what hangs on another room's rows goes before them.
HOUSE: list[Background] = [module.BACKGROUND for module in parts("background")][::-1]

# The staff's own first: the audit trail tells of the others.
RETENTION: tuple[Keep, ...] = (
    *retention.RULES,
    Keep(
        "letter_budget",
        later("How many letters a mailbox got"),
        letter_budget.MONTH,
        letter_budget.remove_old,
    ),
    *(rule for room in HOUSE for rule in room.retention),
)


async def remove_old(_data: dict[str, Any]) -> None:
    await retention.nightly(RETENTION)
    # Files know no transaction, so they are no rule that a dry run could undo.
    if not await RetentionHold.now_standing():
        await outbox.purge_outbox(now() - outbox.KEPT)


JOBS: dict[str, Job] = {
    "remove_old": remove_old,
    "forget_tries": rate_limits.forget_past,
    **{name: job for room in HOUSE for name, job in room.jobs.items()},
}

# Hours in UTC: at night in California, summer and winter.
SCHEDULES: tuple[Schedule, ...] = (
    Schedule("remove_old", "17 10 * * *", "remove_old"),
    Schedule("forget_tries", "*/10 * * * *", "forget_tries"),
    *(schedule for room in HOUSE for schedule in room.schedules),
)
