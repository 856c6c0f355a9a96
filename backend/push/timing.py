"""Clock skew: what time it is, by the database's clock; that of a worker's own machine may be
wrong, and all that rings must agree on when a message is over."""

import time
from datetime import UTC, datetime

import structlog

from backend import database
from backend.staff.tables import Alarm
from backend.web.language import later

log = structlog.get_logger()

# Seconds. Push services refuse a signature that is good for more than a day, or over; and a
# message's life is minutes at least.
WORTH_AN_ALARM = 30
TOO_WRONG = 300

_ahead = 0.0


def machine() -> float:
    """This machine's own clock, in seconds since 1970."""
    return time.time()


def epoch() -> float:
    """Seconds since 1970, by the database's clock as it was last looked at."""
    return machine() + _ahead


def now() -> datetime:
    return datetime.fromtimestamp(epoch(), UTC)


async def look() -> float:
    """By how many seconds the database's clock is ahead of ours; `now` goes by it from here on."""
    global _ahead
    async with database.connection() as connection:
        before = machine()
        theirs = float(await connection.fetchval(CLOCK))
        _ahead = theirs - (before + machine()) / 2
    return _ahead


async def may_ring() -> bool:
    """Whether this machine's clock is near enough for anything it signs and dates. The staff hears
    when it is not, and when it is far enough off to be mended."""
    ahead = await look()
    if abs(ahead) < WORTH_AN_ALARM:
        return True
    far = abs(ahead) >= TOO_WRONG
    log.warning("the clocks differ", seconds=round(ahead))
    await Alarm.raise_(
        "push clock",
        later(
            "The clock of a machine that rings phones is %(seconds)s seconds off the database's."
        ),
        later("It rings nobody until its clock is right. Other workers go on.")
        if far
        else later("It still rings, by the database's clock. Set its clock right."),
        seconds=round(abs(ahead)),
    )
    return not far


CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
