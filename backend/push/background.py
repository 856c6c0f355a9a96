"""The push room's work in the background: delivering, and how long phones and alerts are kept."""

from backend.push import delivery, fan_out, jobs
from backend.push.tables import BATCHES_KEPT, RINGS_KEPT, UNCONFIRMED_KEPT
from backend.staff.retention import Keep
from backend.staff.rooms import Background
from backend.web.jobs import Schedule
from backend.web.language import later

BACKGROUND = Background(
    jobs={
        "resolve_ring": fan_out.resolve,
        "ring_lane": delivery.lane,
        "tend_rings": delivery.tend,
        "warn_unconfirmed": jobs.warn_unconfirmed,
        "draw_lots": jobs.draw_lots,
    },
    schedules=(
        Schedule("tend_rings", "* * * * * */10", "tend_rings"),
        # By day, since it rings.
        Schedule("warn_unconfirmed", "23 19 * * *", "warn_unconfirmed"),
        Schedule("draw_lots", "41 10 * * *", "draw_lots"),
    ),
    retention=(
        Keep(
            "subscriptions",
            later("Phones that get alerts and did not open the app"),
            UNCONFIRMED_KEPT,
            jobs.remove_unconfirmed,
        ),
        Keep(
            "ring_batches",
            later("Whom an alert did not reach"),
            BATCHES_KEPT,
            jobs.remove_batches,
        ),
        Keep("rings", later("Numbers of alerts that went out"), RINGS_KEPT, jobs.remove_rings),
    ),
)
