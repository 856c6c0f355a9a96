"""Fan-out: writing down who wants to hear of a ring, page by page of the table, each a transaction
of its own, so that a worker that dies leaves no page half or twice.

Devices that have not proved themselves are written down apart: whatever their service answers, it
holds up nobody else. In a batch nobody stands before another for long: they are drawn by lot."""

import random
from typing import Any

from backend import database
from backend.push import tuning
from backend.push.audience import Audience
from backend.web import jobs


async def resolve(data: dict[str, Any]) -> None:
    """The job `{ring: id}`. Another of the same may run beside it: each page is taken by one."""
    while await _page(data["ring"]):
        pass


async def _page(id: int) -> bool:
    """Whether there may be another."""
    page, batch = tuning.current.page, tuning.current.batch
    async with database.connection() as connection:
        ring = await connection.fetchrow(TAKE, id)
        if ring is None:
            return False
        where, values = Audience.of(ring["audience"]).condition(first=3)
        rows = await connection.fetch(
            f"SELECT id, host, {TRIAL} AS trial FROM subscription"  # noqa: S608
            f" WHERE id > $1 AND {where} ORDER BY id LIMIT $2",
            ring["resolved_up_to"],
            page,
            *values,
        )
        together: dict[tuple[str, bool], list[int]] = {}
        for row in rows:
            together.setdefault((row["host"], row["trial"]), []).append(row["id"])
        for (host, trial), ids in together.items():
            random.shuffle(ids)
            pieces = [ids[at : at + batch] for at in range(0, len(ids), batch)]
            await connection.executemany(
                ADD, [(id, host, ring["urgent"], piece, trial) for piece in pieces]
            )
        last = len(rows) < page
        up_to = rows[-1]["id"] if rows else ring["resolved_up_to"]
        await connection.execute(NOTE, id, up_to, len(rows), last)
        for host in {host for host, _trial in together}:
            await wake_lanes(host, urgent=ring["urgent"])
        if last:
            await connection.execute(FINISH, id)
    return not last


async def wake_lanes(host: str, urgent: bool = False) -> None:
    """Within the open transaction. While as many wait already, no more are asked for."""
    for number in range(tuning.current.asked_for):
        await jobs.enqueue(
            "ring_lane",
            {"host": host, "lane": number},
            priority=1 if urgent else 0,
            key=f"lane {number} {host}",
        )


TRIAL = "accepted_at IS NULL OR refused > 0"

TAKE = """
SELECT audience, resolved_up_to, urgent FROM ring
WHERE id = $1 AND resolved_at IS NULL AND cancelled_at IS NULL FOR UPDATE
"""

ADD = """
INSERT INTO ring_batch (ring, host, urgent, remaining, trial, due_at, tries, accepted, gone, failed,
                        skipped, made_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp(), 0, 0, 0, 0, 0, clock_timestamp())
"""

NOTE = """
UPDATE ring SET started_at = coalesce(started_at, clock_timestamp()), resolved_up_to = $2,
       queued = queued + $3, resolved_at = CASE WHEN $4 THEN clock_timestamp() END
WHERE id = $1
"""

# Whoever adds up last sees all: nobody is left to be rung, and nobody will be added.
FINISH = """
UPDATE ring SET finished_at = clock_timestamp(), audience = audience - 'only'
WHERE id = $1 AND resolved_at IS NOT NULL AND finished_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM ring_batch WHERE ring_batch.ring = $1)
"""
