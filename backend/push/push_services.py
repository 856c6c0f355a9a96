"""Backoff: the push services as every worker has to treat them, with their pauses and their
pace."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backend import database
from backend.push import tuning
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
        "UPDATE push_host SET paused_until = NULL, reason = '', pauses = 0, refusals = 0"
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


async def reserve(host: str, number: int, a_minute: int) -> float:
    """Room for so many messages, one after another at the service's pace. Returns in how many
    seconds the first is due."""
    seconds = number * 60 / a_minute
    rows = await PushHost.raw(RESERVE, host, seconds, seconds)
    return max(0.0, float(rows[0]["wait"]) - seconds)


async def may_probe(host: str) -> bool:
    """Whether we are the one to send one message there, though it stands still for what it answers:
    something urgent is due, and nobody did so just now. What it asked for itself (`busy`) holds."""
    return bool(await PushHost.raw(PROBE, host, tuning.current.probe))


async def well(host: str) -> None:
    """It takes messages again."""
    await PushHost.raw("UPDATE push_host SET pauses = 0, reason = '' WHERE host = {}", host)


async def took(host: str) -> None:
    """It took a message just now: no worker has a reason to stop it."""
    await PushHost.raw(TOOK, host)


async def refused(host: str) -> bool:
    """It refused a phone that had proved itself, at its first try. Whether that makes too many, of
    all workers', with nothing taken between: then it is not the phones."""
    here = tuning.current
    rows = await PushHost.raw(REFUSED, host, here.refusals, here.lately)
    return bool(rows[0]["too_many"])


async def took_nothing(host: str) -> bool:
    """Whether it took nothing for an hour, from any worker."""
    rows = await PushHost.raw(TOOK_NOTHING, host)
    return not rows or bool(rows[0]["nothing"])


async def refuses_all(host: str, why: str) -> None:
    """Let the staff know that it minds something of ours: `why` is what `answers.reason` gives."""
    await Alarm.raise_(
        f"push {host}",
        later("The push service %(host)s refuses our alerts: %(why)s."),
        later("It takes none meanwhile, so no phone was deleted. Mend the cause: most often"
              " PUSH_CONTACT or the keys."),
        host=host,
        why=why,
    )  # fmt: skip


async def refuses_new(host: str, why: str) -> None:
    """The same of phones only that never were rung before."""
    await Alarm.raise_(
        f"push {host} new",
        later("The push service %(host)s refuses new phones: %(why)s. It took nothing meanwhile."),
        later("If it never took an alert of ours, it is most often PUSH_CONTACT or the keys. If it"
              " did, these phones were made up or belong to another site: nobody waits for them."),
        host=host,
        why=why,
    )  # fmt: skip


async def refuses_some(host: str, why: str, number: int) -> None:
    """It takes our alerts, and yet never those for so many phones: it is they."""
    await Alarm.raise_(
        f"push {host} some",
        later("The push service %(host)s takes our alerts, but refuses those for some phones:"
              " %(why)s. Set aside just now: %(number)s."),
        later("They were made up, or belong to another site. There is nothing to mend: if they are"
              " refused again, they are deleted."),
        host=host,
        why=why,
        number=number,
    )  # fmt: skip


async def too_large(host: str, why: str, size: int) -> None:
    await Alarm.raise_(
        f"push {host} size",
        later("The push service %(host)s minds the size of an alert: %(why)s, %(bytes)s bytes."),
        later("No phone was deleted. This is a fault of the program: tell who looks after it."),
        host=host,
        why=why,
        bytes=size,
    )


PAUSE = """
INSERT INTO push_host (host, paused_until, reason, pauses)
VALUES ($1, clock_timestamp() + $2::interval, $3, 1)
ON CONFLICT (host) DO UPDATE SET
    paused_until = greatest(push_host.paused_until, excluded.paused_until),
    reason = excluded.reason,
    refusals = 0,
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

PROBE = """
UPDATE push_host SET probed_at = clock_timestamp()
WHERE host = {} AND paused_until > clock_timestamp() AND reason IN ('refused', 'down')
  AND (probed_at IS NULL OR probed_at < clock_timestamp() - {}::interval)
  AND EXISTS (SELECT 1 FROM ring_batch WHERE ring_batch.host = push_host.host AND urgent
              AND due_at <= clock_timestamp()
              AND (held_until IS NULL OR held_until < clock_timestamp()))
RETURNING id
"""

TOOK = """
WITH fast AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO push_host (host, reason, pauses, accepted_at)
SELECT {}, '', 0, clock_timestamp() FROM fast
ON CONFLICT (host) DO UPDATE SET accepted_at = clock_timestamp(), refusals = 0, refused_at = NULL
"""

# A sample is fresh for ten minutes: what was refused before that says nothing of today.
REFUSED = """
INSERT INTO push_host (host, reason, pauses, refusals, refused_at)
VALUES ({}, '', 0, 1, clock_timestamp())
ON CONFLICT (host) DO UPDATE SET
    refusals = CASE WHEN push_host.refused_at > clock_timestamp() - interval '10 minutes'
                    THEN least(push_host.refusals + 1, 10000) ELSE 1 END,
    refused_at = CASE WHEN push_host.refused_at > clock_timestamp() - interval '10 minutes'
                      THEN push_host.refused_at ELSE clock_timestamp() END
RETURNING refusals >= {}
          AND coalesce(accepted_at < clock_timestamp() - {}::interval, true) AS too_many
"""

TOOK_NOTHING = """
SELECT coalesce(accepted_at < clock_timestamp() - interval '1 hour', true) AS nothing
FROM push_host WHERE host = {}
"""
