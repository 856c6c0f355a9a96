"""The day it is in California, by which everything here is dated."""

import datetime
from zoneinfo import ZoneInfo

CALIFORNIA = ZoneInfo("America/Los_Angeles")


def today() -> datetime.date:
    return datetime.datetime.now(CALIFORNIA).date()
