"""The push room's work at night: whom we have not heard of for long is warned, then forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any

from backend import database
from backend.push import rings
from backend.push.audience import Audience
from backend.push.tables import (
    UNCONFIRMED_KEPT,
    WARNED_BEFORE,
    Ring,
    Subscription,
)
from backend.staff.retention import remove
from backend.web.composing import written_in
from backend.web.language import LANGUAGES, PSEUDO, later
from backend.web.language import gettext as _

# A warning that could not be sent keeps nobody for ever.
AT_MOST_LATER = timedelta(days=30)
WORTH = timedelta(days=3)

TITLE = later("Your alerts will stop soon")
BODY = later("Open the app once to keep them.")


async def warn_unconfirmed(_data: dict[str, Any]) -> None:
    """Tell phones that did not open the app for long, once, that their alerts end in 14 days."""
    at = datetime.now(UTC)
    async with database.connection() as connection:
        warned = await connection.fetchval(WARN, at, at - (UNCONFIRMED_KEPT - WARNED_BEFORE))
        if warned:
            await rings.ring(
                f"warning {at:%Y-%m-%d %H:%M:%S.%f}",
                _warning(),
                "/alerts",
                "your alerts end",
                Audience(warned=at.isoformat()),
                at + WORTH,
            )


async def remove_unconfirmed(before: datetime) -> int:
    """Retention: subscriptions that nobody confirmed since, and that were warned in time."""
    warned = Subscription.warned_at < datetime.now(UTC) - WARNED_BEFORE
    never = Subscription.confirmed_at < before - AT_MOST_LATER
    return await remove(Subscription, (Subscription.confirmed_at < before) & (warned | never))


async def remove_batches(before: datetime) -> int:
    """Retention: who a ring did not reach in so long. The numbers stay."""
    async with database.connection() as connection:
        return int(await connection.fetchval(GIVE_UP, before))


async def remove_rings(before: datetime) -> int:
    """Retention: the numbers too."""
    return await remove(Ring, Ring.finished_at < before)


def _warning() -> dict[str, dict[str, dict[str, str]]]:
    words = {}
    for code in LANGUAGES:
        if code != PSEUDO.code:
            with written_in(code):
                said = {"title": _(TITLE), "body": _(BODY)}
            words[code] = {"neutral": said, "full": said}
    return words


WARN = """
WITH warned AS (
    UPDATE subscription SET warned_at = $1
    WHERE confirmed_at < $2 AND (warned_at IS NULL OR warned_at < confirmed_at) RETURNING id
)
SELECT count(*) FROM warned
"""

GIVE_UP = """
WITH dropped AS (
    DELETE FROM ring_batch WHERE made_at < $1
    RETURNING ring, cardinality(remaining) AS "left", accepted, gone, failed, skipped
), sums AS (
    SELECT ring, sum("left") AS "left", sum(accepted) AS accepted, sum(gone) AS gone,
           sum(failed) AS failed, sum(skipped) AS skipped FROM dropped GROUP BY ring
), told AS (
    UPDATE ring SET accepted = ring.accepted + sums.accepted, gone = ring.gone + sums.gone,
           failed = ring.failed + sums.failed + sums."left", skipped = ring.skipped + sums.skipped
    FROM sums WHERE ring.id = sums.ring
)
SELECT count(*) FROM dropped
"""
