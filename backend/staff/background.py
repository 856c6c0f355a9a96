"""The staff room's work in the background: the audit trail and alarms."""

from backend.staff import alarms, auth, nightly
from backend.staff.rooms import Background
from backend.web.jobs import Schedule

BACKGROUND = Background(
    jobs={
        auth.SIGNED_OUT_JOB: auth.note_signed_out,
        "check_audit": nightly.check_audit,
        "hand_out_head": nightly.hand_out_head,
        "admin_mail": alarms.mail_admin,
    },
    schedules=(
        Schedule("check_audit", "47 10 * * *", "check_audit"),
        Schedule("hand_out_head", "51 * * * *", "hand_out_head"),
    ),
)
