"""What the house tells its staff by itself."""

from backend.staff.tables import Alarm
from backend.web.language import gettext as _
from backend.web.language import later


async def job_given_up(job: str, kind: str) -> None:
    """Background work that failed for good; `kind` is the name of the error's class."""
    await Alarm.raise_(
        f"job {job}",
        later("A background job failed for good: %(job)s (%(kind)s)."),
        later("Find the cause. Then, under Background work, let it try again or drop it."),
        job=job,
        kind=kind,
    )


def in_words(alarm: Alarm) -> str:
    return _(alarm.words) % alarm.details


def what_to_do(alarm: Alarm) -> str:
    return _(alarm.to_do) % alarm.details if alarm.to_do else ""
