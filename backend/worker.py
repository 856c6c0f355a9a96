"""Background work: every room's jobs, when they are due, and how long things are kept. Nothing else
lists them; `web/work.py` does them."""

from typing import Any

from backend.campaigns import jobs as campaigns
from backend.campaigns import signing
from backend.campaigns.tables import NAMES_KEPT, UNCONFIRMED_KEPT
from backend.staff import nightly, retention
from backend.staff.retention import Keep
from backend.web.language import later
from backend.web.work import Job, Schedule

RETENTION: tuple[Keep, ...] = (
    *retention.RULES,
    Keep("unconfirmed", later("Unconfirmed pledges"), UNCONFIRMED_KEPT, signing.remove_unconfirmed),
    Keep("names", later("Names after a campaign closed"), NAMES_KEPT, signing.erase_names),
)


async def remove_old(_data: dict[str, Any]) -> None:
    await retention.nightly(RETENTION)


JOBS: dict[str, Job] = {
    "remove_old": remove_old,
    "check_audit": nightly.check_audit,
    "pledge_mail": campaigns.mail_signer,
    "count_pledges": campaigns.count,
    "recount_pledges": campaigns.recount,
    "remind_signers": campaigns.remind,
}

# Hours in UTC: at night in California, summer and winter.
SCHEDULES: tuple[Schedule, ...] = (
    Schedule("remove_old", "17 10 * * *", "remove_old"),
    Schedule("check_audit", "47 10 * * *", "check_audit"),
    Schedule("count_pledges", "* * * * *", "count_pledges"),
    Schedule("recount_pledges", "7 9 * * *", "recount_pledges"),
    Schedule("remind_signers", "13 17 * * *", "remind_signers"),
)
