"""Background work: every room's jobs, when they are due, and how long things are kept. Nothing else
lists them; `web/work.py` does them."""

from datetime import timedelta
from typing import Any

from backend.alerts import codes, telling, watching
from backend.alerts import mailing as alert_mailing
from backend.alerts.tables import HEARD_KEPT, NEWS_KEPT
from backend.alerts.tables import UNCONFIRMED_KEPT as UNCONFIRMED_MAIL_KEPT
from backend.campaigns import arrivals, asides, mailing, removal, running, signing, withdrawing
from backend.campaigns import jobs as campaigns
from backend.campaigns.tables import NAMES_KEPT, TYPED_UNCONFIRMED_KEPT, UNCONFIRMED_KEPT
from backend.canvass import filing, keeping, second_look, taking
from backend.canvass.tables import IDENTITY_KEPT
from backend.enrollment import flagging
from backend.enrollment import jobs as directory
from backend.hearings import importing, sources
from backend.push import delivery, resolving
from backend.push import jobs as push
from backend.push.tables import BATCHES_KEPT, RINGS_KEPT
from backend.push.tables import UNCONFIRMED_KEPT as UNSEEN_KEPT
from backend.staff import alarms, door, nightly, retention
from backend.staff.retention import Keep
from backend.staff.tables import RetentionHold, now
from backend.web import letter_budget, outbox, rate_limits
from backend.web.language import later
from backend.web.work import Job, Schedule

RETENTION: tuple[Keep, ...] = (
    *retention.RULES,
    Keep("unconfirmed", later("Unconfirmed pledges"), UNCONFIRMED_KEPT, removal.remove_unconfirmed),
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
        asides.remove_unused,
    ),
    Keep(
        "wrong_flags",
        later("What people said is wrong in the directory"),
        flagging.KEPT,
        flagging.remove_old,
    ),
    Keep(
        "directory_files",
        later("Files handed in for the directory"),
        directory.KEPT,
        directory.remove_old,
    ),
    Keep(
        "letter_budget",
        later("How many letters a mailbox got"),
        letter_budget.MONTH,
        letter_budget.remove_old,
    ),
    Keep(
        "canvass_signers",
        later("Which phone a signer came from, after a campaign closed"),
        NAMES_KEPT,
        keeping.forget_signers,
    ),
    Keep("names", later("Names after a campaign closed"), NAMES_KEPT, removal.erase),
    Keep(
        "subscriptions",
        later("Phones that get alerts and did not open the app"),
        UNSEEN_KEPT,
        push.remove_unconfirmed,
    ),
    Keep("ring_batches", later("Whom an alert did not reach"), BATCHES_KEPT, push.remove_batches),
    Keep(
        "alert_mail",
        later("E-mail addresses for alerts that nobody confirmed"),
        UNCONFIRMED_MAIL_KEPT,
        alert_mailing.remove_unconfirmed,
    ),
    Keep("alert_codes", later("Codes of phones for a test"), timedelta(days=1), codes.remove_codes),
    Keep(
        "heard", later("Which changes were looked at for alerts"), HEARD_KEPT, watching.remove_heard
    ),
    Keep("alert_news", later("What alerts told"), NEWS_KEPT, watching.remove_news),
    Keep("rings", later("Numbers of alerts that went out"), RINGS_KEPT, push.remove_rings),
    Keep(
        "withdrawals",
        later("Pledges that staff withdrew for their signers"),
        withdrawing.DELETED_AFTER,
        withdrawing.delete_due,
    ),
    Keep("canvassers", later("Names of canvassers"), IDENTITY_KEPT, keeping.erase_canvassers),
    Keep(
        "canvass_invitations",
        later("Codes for canvassers’ phones"),
        keeping.INVITATIONS_KEPT,
        keeping.remove_invitations,
    ),
    Keep(
        "canvass_review",
        later("Sign-ups from canvassers that nobody settled"),
        keeping.REVIEW_KEPT,
        keeping.drop_unsettled,
    ),
    Keep(
        "canvass_content",
        later("Sealed files from phones that were not taken"),
        filing.CONTENT_KEPT,
        filing.remove_content,
    ),
    Keep("canvass_files", later("Numbers of files from phones"), filing.KEPT, filing.remove_old),
    Keep(
        "paper_again",
        later("Second readings of paper that nobody settled"),
        second_look.AGAIN_KEPT,
        second_look.forget_again,
    ),
)


async def remove_old(_data: dict[str, Any]) -> None:
    await retention.nightly(RETENTION)
    # Files know no transaction, so they are no rule that a dry run could undo.
    if not await RetentionHold.now_standing():
        await outbox.purge_outbox(now() - outbox.KEPT)


JOBS: dict[str, Job] = {
    "remove_old": remove_old,
    door.SIGNED_OUT_JOB: door.note_signed_out,
    "forget_tries": rate_limits.forget_past,
    "check_audit": nightly.check_audit,
    "hand_out_head": nightly.hand_out_head,
    "admin_mail": alarms.mail_admin,
    signing.ARRIVALS: arrivals.settle,
    signing.CONFIRMED: arrivals.take_confirmation,
    signing.CORRECTED: arrivals.tidy,
    signing.AGAIN: arrivals.write_again,
    signing.LEAVING: arrivals.show_the_way,
    arrivals.LETTERS: campaigns.mail_signer,
    "count_pledges": campaigns.count,
    "publish_counts": campaigns.publish,
    "recount_pledges": campaigns.recount,
    "remind_signers": campaigns.remind,
    "close_campaigns": running.close_due,
    "set_aside": asides.set_aside,
    "undo_set_aside": asides.undo_set_aside,
    mailing.JOB: mailing.mail_update,
    "import_hearings": importing.import_hearings,
    "look_for_hearings": sources.look_for_hearings,
    directory.JOB: directory.import_directory,
    taking.OPEN_JOB: taking.open_one,
    filing.JOB: filing.take_file,
    "resolve_ring": resolving.resolve,
    "ring_lane": delivery.lane,
    "tend_rings": delivery.tend,
    "warn_unconfirmed": push.warn_unconfirmed,
    "draw_lots": push.draw_lots,
    "look_for_news": watching.look_for_news,
    codes.TEST_JOB: codes.ring_test,
    telling.MAIL_JOB: alert_mailing.mail_news,
    alert_mailing.LETTER_JOB: alert_mailing.mail_letter,
    alert_mailing.TIDY_JOB: alert_mailing.tidy,
    alert_mailing.CONFIRM_JOB: alert_mailing.mail_confirmation,
}

# Hours in UTC: at night in California, summer and winter.
SCHEDULES: tuple[Schedule, ...] = (
    # Before names are erased: a campaign that is over begins to count its 90 days.
    Schedule("close_campaigns", "3 10 * * *", "close_campaigns"),
    Schedule("remove_old", "17 10 * * *", "remove_old"),
    Schedule("check_audit", "47 10 * * *", "check_audit"),
    Schedule("hand_out_head", "51 * * * *", "hand_out_head"),
    Schedule("count_pledges", "* * * * * */15", "count_pledges"),
    Schedule("publish_counts", "*/10 * * * *", "publish_counts"),
    Schedule("recount_pledges", "7 9 * * *", "recount_pledges"),
    Schedule("forget_tries", "*/10 * * * *", "forget_tries"),
    Schedule("remind_signers", "13 17 * * *", "remind_signers"),
    Schedule("look_for_hearings", "23 * * * *", "look_for_hearings"),
    Schedule("tend_rings", "* * * * * */10", "tend_rings"),
    Schedule("look_for_news", "* * * * *", "look_for_news"),
    # By day, since it rings.
    Schedule("warn_unconfirmed", "23 19 * * *", "warn_unconfirmed"),
    Schedule("draw_lots", "41 10 * * *", "draw_lots"),
)
