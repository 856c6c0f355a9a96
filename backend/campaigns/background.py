"""The campaigns' work in the background: letters, counts, reminders, how long names are kept."""

from backend.campaigns import (
    arrivals,
    exclusions,
    jobs,
    lifecycle,
    mailing,
    removal,
    signing,
    withdrawing,
)
from backend.campaigns.tables import NAMES_KEPT, TYPED_UNCONFIRMED_KEPT, UNCONFIRMED_KEPT
from backend.staff.retention import Keep
from backend.staff.rooms import Background
from backend.web.jobs import Schedule
from backend.web.language import later

BACKGROUND = Background(
    jobs={
        signing.ARRIVALS: arrivals.settle,
        signing.CONFIRMED: arrivals.take_confirmation,
        signing.CORRECTED: arrivals.tidy,
        signing.AGAIN: arrivals.write_again,
        signing.LEAVING: arrivals.show_the_way,
        arrivals.LETTERS: jobs.mail_signer,
        "count_pledges": jobs.count,
        "publish_counts": jobs.publish,
        "recount_pledges": jobs.recount,
        "remind_signers": jobs.remind,
        "close_campaigns": lifecycle.close_due,
        "set_aside": exclusions.set_aside,
        "undo_set_aside": exclusions.undo_set_aside,
        mailing.JOB: mailing.mail_update,
    },
    schedules=(
        # Before names are erased: a campaign that is over begins to count its 90 days.
        Schedule("close_campaigns", "3 10 * * *", "close_campaigns"),
        Schedule("count_pledges", "* * * * * */15", "count_pledges"),
        Schedule("publish_counts", "*/10 * * * *", "publish_counts"),
        Schedule("recount_pledges", "7 9 * * *", "recount_pledges"),
        Schedule("remind_signers", "13 17 * * *", "remind_signers"),
    ),
    retention=(
        Keep(
            "unconfirmed",
            later("Unconfirmed pledges"),
            UNCONFIRMED_KEPT,
            removal.remove_unconfirmed,
        ),
        Keep(
            "unconfirmed_typed",
            later("Unconfirmed pledges from paper and canvassers"),
            TYPED_UNCONFIRMED_KEPT,
            removal.remove_typed,
        ),
        Keep(
            "unused_asides",
            later("Searches that set nothing aside"),
            UNCONFIRMED_KEPT,
            exclusions.remove_unused,
        ),
        Keep("names", later("Names after a campaign closed"), NAMES_KEPT, removal.erase),
        Keep(
            "withdrawals",
            later("Pledges that staff withdrew for their signers"),
            withdrawing.DELETED_AFTER,
            withdrawing.delete_due,
        ),
    ),
)
