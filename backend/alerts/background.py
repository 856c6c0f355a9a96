"""The alerts' work in the background: looking for news, letters, and how long it is kept."""

from datetime import timedelta

from backend.alerts import codes, mailing, publishing, triggers
from backend.alerts.tables import HEARD_KEPT, NEWS_KEPT, UNCONFIRMED_KEPT
from backend.staff.retention import Keep
from backend.staff.rooms import Background
from backend.web.jobs import Schedule
from backend.web.language import later

BACKGROUND = Background(
    jobs={
        "look_for_news": triggers.look_for_news,
        codes.TEST_JOB: codes.ring_test,
        publishing.MAIL_JOB: mailing.mail_news,
        mailing.LETTER_JOB: mailing.mail_letter,
        mailing.TIDY_JOB: mailing.tidy,
        mailing.CONFIRM_JOB: mailing.mail_confirmation,
    },
    schedules=(Schedule("look_for_news", "* * * * *", "look_for_news"),),
    retention=(
        Keep(
            "alert_mail",
            later("E-mail addresses for alerts that nobody confirmed"),
            UNCONFIRMED_KEPT,
            mailing.remove_unconfirmed,
        ),
        Keep(
            "alert_codes",
            later("Codes of phones for a test"),
            timedelta(days=1),
            codes.remove_codes,
        ),
        Keep(
            "heard",
            later("Which changes were looked at for alerts"),
            HEARD_KEPT,
            triggers.remove_heard,
        ),
        Keep("alert_news", later("What alerts told"), NEWS_KEPT, triggers.remove_news),
    ),
)
