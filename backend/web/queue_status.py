"""Queue monitoring: what waits, runs and failed in the background, and what a person can do about
it."""

import datetime
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from backend import database
from backend.web.jobs import WORKER, wake

Row = dict[str, Any]

# A due job that waits longer is a sign that nobody works, or not enough.
TOO_OLD = timedelta(minutes=10)
MOST = 50


@dataclass(frozen=True)
class Backlog:
    """`jobs`, one row a name: waiting (due now), later (due in a while), in_hand, failed, oldest
    (when the one that waits longest became due, or None). `workers`: since, seen. `schedules`:
    name, next_run, last_run. `failures`, newest first: id, name, kind, tries, at; at most 50."""

    jobs: list[Row]
    workers: list[Row]
    schedules: list[Row]
    failures: list[Row]

    def total(self, what: str) -> int:
        return sum(row[what] for row in self.jobs)

    def oldest(self) -> timedelta | None:
        """How long the oldest due job waits."""
        due = [row["oldest"] for row in self.jobs if row["oldest"]]
        return datetime.datetime.now(datetime.UTC) - min(due) if due else None

    def too_old(self) -> bool:
        return (self.oldest() or timedelta()) > TOO_OLD


async def look() -> Backlog:
    async with database.connection() as connection:
        return Backlog(
            jobs=await _rows(connection, JOBS),
            workers=await _rows(connection, WORKERS, WORKER),
            schedules=await _rows(connection, SCHEDULES),
            failures=await _rows(connection, FAILURES, MOST),
        )


async def try_again(job: int) -> str | None:
    """Let a failed job start over, all its tries before it. Returns its name; None when it did not
    stand as failed."""
    async with database.connection() as connection:
        name: str | None = await connection.fetchval(TRY_AGAIN, job)
        await wake(connection)
        return name


async def drop(job: int) -> str | None:
    """Forget a failed job. Returns its name; None when it did not stand as failed."""
    async with database.connection() as connection:
        name: str | None = await connection.fetchval(
            "DELETE FROM pgqueuer WHERE id = $1 AND status = 'failed' RETURNING entrypoint", job
        )
        return name


async def forget(before: datetime.datetime) -> int:
    """Remove failed jobs that nobody took care of since, and the log of all jobs. Returns how many
    failed jobs went."""
    async with database.connection() as connection:
        gone = await connection.fetch(
            "DELETE FROM pgqueuer WHERE status = 'failed' AND updated < $1 RETURNING id", before
        )
        await connection.execute("DELETE FROM pgqueuer_log WHERE created < $1", before)
        await connection.execute("DELETE FROM pgqueuer_statistics WHERE created < $1", before)
        return len(gone)


async def _rows(connection: Any, query: str, *values: Any) -> list[Row]:
    return [dict(row) for row in await connection.fetch(query, *values)]


JOBS = """
SELECT entrypoint AS name,
       count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS waiting,
       count(*) FILTER (WHERE status = 'queued' AND execute_after > now()) AS later,
       count(*) FILTER (WHERE status = 'picked') AS in_hand,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       min(execute_after) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS oldest
FROM pgqueuer GROUP BY entrypoint ORDER BY entrypoint
"""

# A worker asks the database something every ten seconds at least, on a connection of this name.
WORKERS = """
SELECT backend_start AS since, coalesce(state_change, backend_start) AS seen
FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()
ORDER BY backend_start
"""

SCHEDULES = """
SELECT entrypoint AS name, next_run, last_run FROM pgqueuer_schedules ORDER BY entrypoint
"""

# pgqueuer keeps the error in its log; what we let it see is the kind alone.
FAILURES = """
SELECT job.id, job.entrypoint AS name, job.attempts + 1 AS tries, job.updated AS at,
       coalesce(last.kind, '') AS kind
FROM pgqueuer job LEFT JOIN LATERAL (
    SELECT traceback ->> 'exception_message' AS kind FROM pgqueuer_log
    WHERE job_id = job.id AND status = 'failed' ORDER BY id DESC LIMIT 1) last ON true
WHERE job.status = 'failed' ORDER BY job.updated DESC, job.id DESC LIMIT $1
"""

# Without its key: it may come back beside another that waits for the same.
TRY_AGAIN = """
WITH again AS (
    UPDATE pgqueuer SET status = 'queued', execute_after = now(), updated = now(), attempts = 0,
           queue_manager_id = NULL, dedupe_key = NULL
    WHERE id = $1 AND status = 'failed' RETURNING id, entrypoint, priority
)
INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority)
SELECT id, 'queued', entrypoint, priority FROM again RETURNING entrypoint
"""
