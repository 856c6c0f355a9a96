"""The push services, as every worker has to treat them: their pauses and their pace."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backend import database
from backend.push.tables import PushHost
from backend.staff.tables import Alarm
from backend.web.language import later

# How long a service is left alone that does not say how long; twice as long each time, in vain.
FIRST = {"busy": timedelta(seconds=60), "down": timedelta(seconds=15), "refused": timedelta(0, 600)}
LONGEST = timedelta(hours=1)


@dataclass(frozen=True)
class Paused:
    """A service that stands still: until when, and `busy`, `down` or `refused`."""

    host: str
    until: datetime
    reason: str


async def pause(host: str, reason: str, time: timedelta | None = None) -> None:
    """Let nobody send anything there for so long, or for as long as its earlier pauses suggest."""
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT pauses FROM push_host WHERE host = $1", host)
        if time is None:
            doubled = FIRST[reason] * 2 ** min(row["pauses"] if row else 0, 12)
            # Workers that were stopped together shall not come back together.
            time = min(doubled, LONGEST) * random.uniform(1, 1.3)  # noqa: S311
        await connection.execute(PAUSE, host, time, reason)


async def resume(host: str) -> bool:
    """Somebody mended what it minded. False when it did not stand still."""
    found = await PushHost.raw(
        "UPDATE push_host SET paused_until = NULL, reason = '', pauses = 0"
        " WHERE host = {} AND paused_until > clock_timestamp() RETURNING id",
        host,
    )
    return bool(found)


async def paused() -> list[Paused]:
    rows = await PushHost.raw(
        "SELECT host, paused_until, reason FROM push_host"
        " WHERE paused_until > clock_timestamp() ORDER BY host"
    )
    return [Paused(row["host"], row["paused_until"], row["reason"]) for row in rows]


async def wait_of(host: str) -> tuple[float, int]:
    """For how many seconds nothing may be sent there, and how many pauses in a row there were."""
    rows: list[dict[str, Any]] = await PushHost.raw(WAIT, host)
    return (max(0.0, rows[0]["wait"]), rows[0]["pauses"]) if rows else (0.0, 0)


async def well(host: str) -> None:
    """It takes messages again."""
    await PushHost.raw("UPDATE push_host SET pauses = 0, reason = '' WHERE host = {}", host)


async def reserve(host: str, number: int, a_minute: int) -> float:
    """Room for so many messages, one after another at the service's pace. Returns in how many
    seconds the first is due."""
    seconds = number * 60 / a_minute
    rows = await PushHost.raw(RESERVE, host, seconds, seconds)
    return max(0.0, float(rows[0]["wait"]) - seconds)


async def refuses(host: str, why: str) -> None:
    """Let the staff know that it minds something of ours: `why` is what `answers.reason` gives."""
    await Alarm.raise_(
        f"push {host}",
        later("The push service %(host)s refuses our alerts: %(why)s."),
        later("No phone was deleted. Mend the cause: most often PUSH_CONTACT or the keys."),
        host=host,
        why=why,
    )


PAUSE = """
INSERT INTO push_host (host, paused_until, reason, pauses)
VALUES ($1, clock_timestamp() + $2::interval, $3, 1)
ON CONFLICT (host) DO UPDATE SET
    paused_until = greatest(push_host.paused_until, excluded.paused_until),
    reason = excluded.reason,
    pauses = push_host.pauses + CASE
        WHEN push_host.paused_until > clock_timestamp() OR push_host.pauses > 99 THEN 0 ELSE 1 END
"""

WAIT = """
SELECT coalesce(extract(epoch FROM greatest(paused_until, next_at) - clock_timestamp()), 0)::float
       AS wait, pauses
FROM push_host WHERE host = {}
"""

RESERVE = """
INSERT INTO push_host (host, next_at, reason, pauses)
VALUES ({}, clock_timestamp() + make_interval(secs => {}), '', 0)
ON CONFLICT (host) DO UPDATE SET
    next_at = greatest(push_host.next_at, clock_timestamp()) + make_interval(secs => {})
RETURNING extract(epoch FROM next_at - clock_timestamp())::float AS wait
"""
