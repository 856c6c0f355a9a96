"""Work in the background: `worker`, `retention`."""

import argparse
import asyncio
import os
import signal
from typing import Any

from backend import settings
from backend.commands.terminal import Failed, leave


def add(commands: Any) -> None:
    worker = commands.add_parser("worker", help="do the background work, until told to end")
    # `serve` says so: then the worker ends when its standard input closes.
    worker.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    worker.set_defaults(run=_work)

    retention = commands.add_parser("retention", help="remove what is past its time, now")
    retention.add_argument("--dry-run", action="store_true", help="only count what would go")
    retention.set_defaults(run=_retention)


def _work(given: argparse.Namespace) -> None:
    if given.with_parent:
        os.nice(5)  # pages go before background work
    signal.signal(signal.SIGTERM, leave)
    import uvloop

    from backend import database, worker
    from backend.staff import alarms
    from backend.web import jobs, keyring

    if settings.serves_public_only():
        raise Failed("a worker opens what is sealed: take SERVES out")
    if settings.ringing_keys() is None:
        raise Failed("a worker rings phones: let RINGING_KEYS name its file of keys")
    keyring.make_first()
    with database.running():
        # Beside `serve` the tables are as they must be.
        uvloop.run(
            jobs.run(
                worker.JOBS,
                worker.SCHEDULES,
                giving_up=alarms.job_given_up,
                prepare=None if given.with_parent else database.migrate,
                with_parent=given.with_parent,
            )
        )


def _retention(given: argparse.Namespace) -> None:
    from backend import database, worker
    from backend.staff import retention

    async def work() -> retention.Report:
        await database.migrate()
        return await retention.run(worker.RETENTION, dry=given.dry_run)

    with database.running():
        report = asyncio.run(work())
    print(report)
    if report.failed:
        raise Failed("some old data could not be removed; the log says where it broke")
