"""A nursery of workers for tests that kill them: `python -m tests.push.working`. For each line it
reads it starts a real worker on the database at DATABASE_URL and says its number. All that a worker
imports is there already, so that fifty lives take seconds."""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from backend import database, settings
from backend.push import delivery, fan_out, tuning
from backend.staff import alarms
from backend.web import jobs
from backend.web.logs import configure

JOBS = {
    "resolve_ring": fan_out.resolve,
    "ring_lane": delivery.lane,
    "tend_rings": delivery.tend,
}
PACE = jobs.Pace(reclaim=timedelta(seconds=2), grace=timedelta(seconds=3))
MANNER = tuning.Manner(
    page=2000, batch=100, lanes=2, window=16, unnoted=16, lease=timedelta(seconds=0.4)
)


def main() -> None:
    # The system buries the dead.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children = []
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            live()
            os._exit(0)
        children.append(child)
        print(child, flush=True)
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue


def live() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(2, 1)  # where it says what it does
    tuning.current = MANNER
    configure()
    database.use(settings.read().database_url)
    asyncio.run(jobs.run(JOBS, giving_up=alarms.job_given_up, pace=PACE))


if __name__ == "__main__":
    import pgqueuer  # noqa: F401  (as a worker would, once for all of them)

    main()
