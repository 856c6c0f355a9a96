"""Delivery: lanes take batches of devices, send each its message, and strike off whoever is done.

Nothing is lost when a worker dies: a device is struck off only after the push service has answered,
and whoever finds a batch that nobody tends any more takes up what remains of it. So only messages
that were under way can arrive twice; they have the same topic and tag, and the phone shows one.
"""

import asyncio
import secrets
import time
from collections import Counter
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

import structlog

from backend import database
from backend.push import fan_out, payload, push_services, timing, tuning
from backend.push.batch import Batch
from backend.push.http_client import Client
from backend.push.sender import Run
from backend.push.tables import RingBatch
from backend.staff.tables import Alarm
from backend.web import jobs
from backend.web.language import later

log = structlog.get_logger()

# Where a lane waits rather than ends: for less than this, starting another is not worth while.
SHORT_WAIT = 2.0

# How many lanes of this process ring each service now, and the connections they all use: opening
# one costs more than many messages. Each event loop has its own.
_lanes: Counter[str] = Counter()
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = WeakKeyDictionary()


async def lane(data: dict[str, Any]) -> None:
    """The job `{host: …, lane: number}`: ring that service until nobody is left to be rung there,
    or nothing may be sent there for a while."""
    host = data["host"]
    if _lanes[host] >= tuning.current.lanes:
        # This process has enough to do; perhaps another has not.
        await asyncio.sleep(1)
        if await _is_due(host):
            await jobs.enqueue("ring_lane", data, key=f"lane {data['lane']} {host}")
        return
    _lanes[host] += 1
    try:
        if not await _seals_right() or not await timing.may_ring():
            return  # whoever tends the rings asks again, and another machine may be first
        await _ring(host, _client())
    finally:
        _lanes[host] -= 1
    await come_back(host)


async def _seals_right() -> bool:
    """Whether what we seal can be read as the standard has it: then only may anybody be rung. A
    library or a processor of this machine may have changed since the tests ran."""
    if payload.is_right():
        return True
    log.critical("what we seal cannot be opened: nobody is rung from here")
    await Alarm.raise_(
        "push sealing",
        later("A worker seals alerts so that phones could not open them. It rings nobody."),
        later("Start it anew from the image that was tested, on another machine if need be."),
    )
    return False


def hang_up() -> None:
    """Close every connection."""
    _client().close()


def _client() -> Client:
    client = _clients.setdefault(asyncio.get_running_loop(), Client())
    client.seconds = tuning.current.seconds
    return client


async def come_back(host: str) -> None:
    """Ask for a lane when the next batch of this service is due, if that is soon enough to be worth
    it; `tend` looks again anyway."""
    rows = await RingBatch.raw(NEXT, host)
    wait = max(rows[0]["wait"], (await push_services.wait_of(host))[0]) if rows else None
    if wait is not None:
        after = timedelta(seconds=max(0.05, wait))
        at = round(time.time() + wait)
        await jobs.enqueue(
            "ring_lane", {"host": host, "lane": 0}, after=after, key=f"lane at {at} {host}"
        )


async def tend(_data: dict[str, Any]) -> None:
    """Every few seconds: whatever a worker left lying when it died is taken up again."""
    async with database.connection() as connection:
        for row in await connection.fetch(UNRESOLVED):
            await jobs.enqueue("resolve_ring", {"ring": row["id"]}, key=f"ring {row['id']}")
        for row in await connection.fetch(DUE):
            if row["urgent"] or not row["paused"]:
                await fan_out.wake_lanes(row["host"], row["urgent"])
        await connection.execute(FINISH_ALL)


async def _ring(host: str, client: Client) -> None:
    end = time.monotonic() + tuning.current.shift.total_seconds()
    while time.monotonic() < end:
        wait, pauses = await push_services.wait_of(host)
        probe = wait > SHORT_WAIT
        if probe and not await push_services.may_probe(host):
            return
        if wait and not probe:
            await asyncio.sleep(wait)
            continue
        batch = await _take(host, only_urgent=probe)
        if batch is None:
            return
        run = Run(batch, client, pauses, end, probe)
        try:
            await run.ring()
        finally:
            await run.put_down()


async def _take(host: str, only_urgent: bool) -> Batch | None:
    """The next batch that is due and nobody's: urgent ones first, and of those the devices that
    have proved themselves and were not tried in vain."""
    holder = secrets.token_hex(8)
    rows = await RingBatch.raw(TAKE, holder, tuning.current.lease, host, only_urgent)
    if not rows:
        return None
    [about] = await RingBatch.raw(RING, rows[0]["ring"])
    return Batch.of(rows[0], about, holder)


async def _is_due(host: str) -> bool:
    rows = await RingBatch.raw(NEXT, host)
    return bool(rows) and rows[0]["wait"] <= 0


TAKE = """
UPDATE ring_batch SET holder = {}, held_until = clock_timestamp() + {}::interval
WHERE id = (
    SELECT id FROM ring_batch
    WHERE host = {} AND due_at <= clock_timestamp()
      AND (held_until IS NULL OR held_until < clock_timestamp()) AND (urgent OR NOT {})
    ORDER BY urgent DESC, trial, tries > 0, due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, ring, host, remaining, tries, trial, accepted, gone, failed, skipped
"""

RING = """
SELECT words, navigate, subject, urgent, pressing, expires_at, cancelled_at,
       coalesce(jsonb_array_length(audience::jsonb -> 'only') = 1, false) AS single
FROM ring WHERE id = {}
"""

NEXT = """
SELECT coalesce(extract(epoch FROM min(due_at) - clock_timestamp()), 0)::float AS wait
FROM ring_batch
WHERE host = {} AND (held_until IS NULL OR held_until < clock_timestamp())
HAVING count(*) > 0
"""

DUE = """
SELECT host, bool_or(urgent) AS urgent,
       coalesce((SELECT greatest(paused_until, next_at) > clock_timestamp() FROM push_host
                 WHERE push_host.host = ring_batch.host), false) AS paused
FROM ring_batch
WHERE due_at <= clock_timestamp() AND (held_until IS NULL OR held_until < clock_timestamp())
GROUP BY host
"""

UNRESOLVED = """
SELECT id FROM ring
WHERE resolved_at IS NULL AND cancelled_at IS NULL AND due_at <= clock_timestamp()
ORDER BY urgent DESC, id LIMIT 100
"""

FINISH_ALL = """
UPDATE ring SET finished_at = clock_timestamp(), audience = audience - 'only'
WHERE resolved_at IS NOT NULL AND finished_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM ring_batch WHERE ring_batch.ring = ring.id)
"""
