"""Job queue: background work as rows in PostgreSQL, done by any number of worker processes.

A room asks for work with `enqueue`, inside the transaction that makes it needed: the job exists
exactly if that commits. A job is `async def job(data) -> None`. It runs at least once, and again
when its worker died or its last word was lost: doing it twice must harm nobody. Raising means: try
again later. After the last wait it stands as failed, with the kind of the error and nothing else
of it, because an error's words may hold a person's data. PyPI `pgqueuer` keeps the queue.
"""

import asyncio
import contextlib
import gc
import json
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog

from backend import database
from backend.database import DB
from backend.web.logs import told

if TYPE_CHECKING:
    from pgqueuer import PgQueuer

log = structlog.get_logger()

Job = Callable[[dict[str, Any]], Awaitable[None]]
# Told the name of the job and the kind of its error when it is tried no more.
GivingUp = Callable[[str, str], Awaitable[None]]

WORKER = "confianza worker"
# How many jobs one worker has in hand, and how many it fetches at once.
IN_HAND = 20
AT_ONCE = 10
# Connections for the jobs themselves; the queue has one of its own, or heartbeats would wait.
CONNECTIONS = 10
# A job that took its worker with it this often is given up.
LOSSES = 5
LOST = "WorkerLost"


@dataclass(frozen=True)
class Pace:
    """How long things may take. After each of `waits` (more or less a fifth) a failed job is tried
    again; `reclaim` after a worker was last heard of, others take its jobs up; `limit` is for one
    try of one job; `grace` for finishing what is in hand at the end."""

    waits: tuple[timedelta, ...] = (
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
    )
    reclaim: timedelta = timedelta(seconds=30)
    limit: timedelta = timedelta(minutes=15)
    grace: timedelta = timedelta(seconds=8)


@dataclass(frozen=True)
class Schedule:
    """`job` is enqueued whenever `cron` (in UTC) says so, once however many workers run."""

    name: str
    cron: str
    job: str


async def enqueue(
    name: str,
    data: dict[str, Any],
    *,
    after: timedelta | None = None,
    priority: int = 0,
    key: str | None = None,
) -> int:
    """Ask for a job of `worker.JOBS`, within the open transaction if there is one. `data` is kept
    as JSON: ids rather than people. Higher `priority` goes first. While a job with the same `key`
    waits, no second one is made; a running one does not count, so a change is never missed.
    Returns the job's id."""
    async with database.connection() as connection:
        # `update_priority` locks the waiting job until we commit: nobody starts it before our
        # change can be seen, which "skip" would allow.
        [job] = await database.queue(connection).enqueue(
            name,
            json.dumps(data, ensure_ascii=False).encode(),
            priority,
            after,
            dedupe_key=key,
            headers={"key": key} if key else None,
            on_conflict="update_priority",
        )
    return int(job)


async def enqueue_all(name: str, data: list[dict[str, Any]]) -> None:
    """The same job once for each of these, in one statement."""
    number = len(data)
    async with database.connection() as connection:
        await database.queue(connection).enqueue(
            [name] * number,
            [json.dumps(each, ensure_ascii=False).encode() for each in data],
            [0] * number,
        )


async def wake(connection: Any) -> None:
    """Tell the workers to look again. pgqueuer's own trigger tells of new jobs, not of those that
    wait once more, which would be noticed only at the next look."""
    from pgqueuer.domain.models import TableChangedEvent
    from pgqueuer.domain.settings import db_settings

    event = TableChangedEvent(
        channel=db_settings().channel,
        operation="update",
        sent_at=datetime.now(UTC),
        table=db_settings().queue_table,
        type="table_changed_event",
    )
    await connection.execute("SELECT pg_notify($1, $2)", event.channel, event.model_dump_json())


@dataclass
class Crew:
    """One worker process: what it can do, and until when."""

    jobs: Mapping[str, Job]
    schedules: Iterable[Schedule]
    giving_up: GivingUp
    pace: Pace
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, with_parent: bool) -> None:
        """End at SIGTERM and SIGINT, and `with_parent` when standard input closes: that tells of a
        killed parent on every system."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.told.set)
        if with_parent:
            loop.add_reader(sys.stdin.fileno(), self._orphaned)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        self.told.set()

    async def pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.told.wait(), seconds)


async def run(
    jobs: Mapping[str, Job],
    schedules: Iterable[Schedule] = (),
    *,
    giving_up: GivingUp,
    prepare: Callable[[], Awaitable[None]] | None = None,
    pace: Pace | None = None,
    with_parent: bool = False,
) -> None:
    """Work until told to end, then finish what is in hand. While the database is gone, wait for
    it. `prepare` runs once, as soon as the database answers."""
    crew = Crew(jobs, tuple(schedules), giving_up, pace or Pace())
    crew.hear(with_parent)
    wait = 1.0
    while not crew.told.is_set():
        try:
            if prepare is not None:
                await prepare()
                prepare = None
            if DB.pool is None:
                await DB.start_connection_pool(min_size=1, max_size=CONNECTIONS)
            await _work(crew)
            wait = 1.0
        except _gone() as error:
            log.warning("the database is gone; waiting for it", **told(error))
            await crew.pause(wait)
            wait = min(wait * 2, 30.0)
    if DB.pool is not None:
        with contextlib.suppress(*_gone()):
            await asyncio.wait_for(DB.close_connection_pool(), 3)


async def _work(crew: Crew) -> None:
    """Until told to end, or an error that a new connection may heal."""
    from pgqueuer import AsyncpgDriver, PgQueuer

    settle()
    connection = await asyncpg.connect(
        **DB.config,
        timeout=10,
        command_timeout=60,
        server_settings={"application_name": WORKER},
    )
    try:
        await _give_up_what_kills(connection, crew)
        driver = AsyncpgDriver(connection)
        worker = PgQueuer(driver, queries=_queue_of(driver))
        await _register(worker, crew, connection)
        await _until_told(worker, crew)
    finally:
        with contextlib.suppress(*_gone()):
            await connection.close(timeout=3)


def settle() -> None:
    """All that was imported stays: the collector need not look through it again and again, which
    was a tenth of the time of ringing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


async def _until_told(worker: "PgQueuer", crew: Crew) -> None:
    to_end = asyncio.create_task(crew.told.wait())
    doing = [
        asyncio.create_task(
            worker.qm.run(
                batch_size=AT_ONCE,
                max_concurrent_tasks=IN_HAND,
                dequeue_timeout=crew.pace.reclaim,
                heartbeat_timeout=crew.pace.reclaim,
                shutdown_on_listener_failure=True,
            )
        )
    ]
    if crew.schedules:
        doing.append(asyncio.create_task(worker.sm.run()))
    await asyncio.wait((to_end, *doing), return_when=asyncio.FIRST_COMPLETED)
    to_end.cancel()
    # Both are asked to end, never cancelled: a cancelled job is one that pgqueuer forgets.
    worker.shutdown.set()
    _done, late = await asyncio.wait(doing, timeout=crew.pace.grace.total_seconds())
    if late:
        await _hand_back(worker)
        log.warning("jobs in hand did not end in time; others take them up")
        os._exit(0 if crew.told.is_set() else 1)
    for task in doing:
        task.result()


async def _register(worker: "PgQueuer", crew: Crew, connection: Any) -> None:
    from pgqueuer.core.executors import EntrypointExecutorParameters

    for name, job in crew.jobs.items():
        parameters = EntrypointExecutorParameters(0, _never, on_failure="hold")
        worker.qm.register_executor(name, _attempt(parameters, name, job, crew))
    for schedule in crew.schedules:
        worker.schedule(schedule.name, schedule.cron, accepts_context=False)(_tick(schedule))
    known = [(each.entrypoint, each.expression) for each in worker.sm.registry]
    await connection.execute(
        """DELETE FROM pgqueuer_schedules WHERE (entrypoint, expression) NOT IN
           (SELECT * FROM unnest($1::text[], $2::text[]))""",
        [name for name, _cron in known],
        [cron for _name, cron in known],
    )


def _tick(schedule: Schedule) -> Callable[[object], Awaitable[None]]:
    async def tick(_schedule: object) -> None:
        # Before thousands of letters that wait: the count and the removal of old data are due now.
        await enqueue(schedule.job, {}, key=f"schedule {schedule.name}", priority=1)

    return tick


async def _never(_job: object) -> None:
    raise NotImplementedError  # Attempt has the job itself


class GaveUp(Exception):
    """A job failed for the last time. Holds the kind of the error, and no other error inside."""


def _attempt(parameters: Any, name: str, job: Job, crew: Crew) -> Any:
    from pgqueuer import RetryRequested
    from pgqueuer.core.executors import AbstractEntrypointExecutor

    class Attempt(AbstractEntrypointExecutor):
        """One try of one job. What leaves it never carries the error itself: pgqueuer would keep
        and log its words."""

        async def execute(self, row: Any, _context: Any) -> None:
            kind = await _try(name, job, row, crew)
            if kind is None:
                return
            if row.attempts < len(crew.pace.waits):
                raise RetryRequested(_about(crew.pace.waits[row.attempts]), kind)
            await _tell(crew, name, kind)
            raise GaveUp(kind)

    return Attempt(parameters)


async def _try(name: str, job: Job, row: Any, crew: Crew) -> str | None:
    """The kind of the error, or None when it is done."""
    try:
        async with asyncio.timeout(crew.pace.limit.total_seconds()):
            if (row.headers or {}).get("key"):
                await _let_the_next_one_wait(row.id)
            await job(json.loads(row.payload))
    except (Exception, asyncio.CancelledError) as error:
        kind = type(error).__name__
        log.warning("a job failed", job=name, id=row.id, tries=row.attempts + 1, **told(error))
        return kind
    return None


async def _let_the_next_one_wait(job: int) -> None:
    """What is asked for from now on may come too late for this run: it needs one of its own. Waits
    for a transaction that has just asked, so that this run sees what it did."""
    async with database.connection() as connection:
        await connection.execute("UPDATE pgqueuer SET dedupe_key = NULL WHERE id = $1", job)


async def _tell(crew: Crew, name: str, kind: str) -> None:
    log.error("a job is given up", job=name, kind=kind)
    try:
        await crew.giving_up(name, kind)
    except Exception as error:
        log.error("nobody could be told", job=name, **told(error))


async def _give_up_what_kills(connection: Any, crew: Crew) -> None:
    """A job that ends its worker each time would go round for ever."""
    rows = await connection.fetch(
        """WITH lost AS (
               UPDATE pgqueuer SET status = 'failed', updated = now(), queue_manager_id = NULL
               WHERE status = 'picked' AND attempts + $1::int < (
                   SELECT count(*) FROM pgqueuer_log l
                   WHERE l.job_id = pgqueuer.id AND l.status = 'picked' AND l.id > coalesce(
                       (SELECT max(id) FROM pgqueuer_log f
                        WHERE f.job_id = pgqueuer.id AND f.status = 'failed'), 0))
               RETURNING id, entrypoint, priority)
           INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority, traceback)
           SELECT id, 'failed', entrypoint, priority,
                  jsonb_build_object('exception_message', $2::text)
           FROM lost RETURNING entrypoint""",
        LOSSES,
        LOST,
    )
    for row in rows:
        await _tell(crew, row["entrypoint"], LOST)


async def _hand_back(worker: "PgQueuer") -> None:
    """Let others take up at once what we could not finish."""
    with contextlib.suppress(*_gone()):
        connection = await asyncpg.connect(**DB.config, timeout=3, command_timeout=3)
        await connection.execute(
            """UPDATE pgqueuer SET status = 'queued', updated = now(), queue_manager_id = NULL
               WHERE queue_manager_id = $1 AND status = 'picked'""",
            worker.qm.queue_manager_id,
        )
        await wake(connection)


def _queue_of(driver: Any) -> Any:
    from pgqueuer import Queries

    class Queue(Queries):
        async def retry_job(self, job: Any, delay: timedelta, traceback_record: Any) -> None:
            """pgqueuer would count a job as failed for good if this cannot be written. Left as it
            is, it is taken up again when nobody has been heard of it for a while."""
            try:
                await super().retry_job(job, delay, traceback_record)
                await wake(self.driver)
            except Exception as error:
                log.warning("a retry could not be noted", id=job.id, **told(error))

    return Queue(driver)


def _gone() -> tuple[type[Exception], ...]:
    """Errors of a database that may be back in a while. TimeoutError is an OSError. Any other is a
    mistake of ours and ends the worker: whoever keeps it starts another, ever later."""
    from pgqueuer.domain.errors import FailingListenerError

    return (
        OSError,
        asyncpg.InterfaceError,
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,  # it stops, or has just started
        asyncpg.InsufficientResourcesError,  # of connections or of disk
        asyncpg.InvalidCatalogNameError,  # it is not there yet
        asyncpg.ObjectNotInPrerequisiteStateError,  # it takes no connections now
        asyncpg.TransactionRollbackError,
        database.DoesNotAnswer,
        FailingListenerError,
    )


def _about(wait: timedelta) -> timedelta:
    # Jobs that failed together shall not come back together.
    return wait * random.uniform(0.8, 1.2)  # noqa: S311
