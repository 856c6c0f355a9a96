"""The push room's work at night: whom we have not heard of for long is warned, then forgotten; and
what rows from before kept too exactly is made coarse."""

from datetime import UTC, datetime, timedelta
from typing import Any

from backend import database
from backend.push import broadcasts
from backend.push.audience import Audience
from backend.push.subscriptions import new_id
from backend.push.tables import (
    FIRST_BY_LOT,
    UNCONFIRMED_KEPT,
    WARNED_BEFORE,
    Ring,
    Subscription,
)
from backend.staff.retention import remove
from backend.web.email_layout import written_in
from backend.web.language import LANGUAGES, PSEUDO, later
from backend.web.language import gettext as _
from backend.web.sealing import DataKey

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
            await broadcasts.ring(
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


async def draw_lots(_data: dict[str, Any]) -> None:
    """Subscriptions from before ids were drawn by lot get one that tells nothing, and days in place
    of moments, which a release from before may still have written. Whoever is being rung waits for
    the next night."""
    async with database.connection() as connection:
        await connection.execute(ROUND)
    while await _draw(200):
        pass


async def _draw(number: int) -> bool:
    """Whether there may be more."""
    async with database.connection() as connection:
        rows = await connection.fetch(IN_ORDER, FIRST_BY_LOT, number)
        for row in rows:
            id = new_id()
            old = DataKey.unwrap(row["data_key"], "subscription", row["id"])
            key = DataKey.new("subscription", id)
            sealed = [key.seal(name, old.open(name, row[name])) for name in ("endpoint", "auth")]
            await connection.execute(RENUMBER, row["id"], id, key.wrapped(), *sealed)
    return len(rows) == number


def _warning() -> dict[str, dict[str, dict[str, str]]]:
    words = {}
    for code in LANGUAGES:
        if code != PSEUDO.code:
            with written_in(code):
                said = {"title": _(TITLE), "body": _(BODY)}
            words[code] = {"neutral": said, "full": said}
    return words


ROUND = """
UPDATE subscription SET made_at = date_trunc('day', made_at, 'UTC'),
       confirmed_at = date_trunc('day', confirmed_at, 'UTC'),
       received_at = date_trunc('day', received_at, 'UTC'),
       accepted_at = date_trunc('day', accepted_at, 'UTC')
WHERE made_at <> date_trunc('day', made_at, 'UTC')
   OR confirmed_at <> date_trunc('day', confirmed_at, 'UTC')
   OR received_at <> date_trunc('day', received_at, 'UTC')
   OR accepted_at <> date_trunc('day', accepted_at, 'UTC')
"""

IN_ORDER = """
SELECT id, data_key, endpoint, auth FROM subscription
WHERE id < $1
  AND NOT EXISTS (SELECT 1 FROM ring_batch WHERE remaining @> ARRAY[subscription.id])
  AND NOT EXISTS (SELECT 1 FROM ring WHERE started_at IS NOT NULL AND resolved_at IS NULL
                  AND cancelled_at IS NULL)
ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
"""

RENUMBER = """
UPDATE subscription SET id = $2, data_key = $3, endpoint = $4, auth = $5 WHERE id = $1
"""

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
