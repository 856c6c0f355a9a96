"""The words an alert's row is made of."""

from enum import StrEnum

from backend.web.language import later


class News(StrEnum):
    """What happened, as people choose it: each can be turned off by itself."""

    ANNOUNCED = "announced"
    MOVED = "moved"  # also postponed, and back on
    CANCELLED = "cancelled"  # also taken out
    OUTCOME = "outcome"
    RECORD = "record"
    ENROLLMENT = "enrollment"
    CALL = "call"  # the staff asks for help with something


# A reminder is asked for beside these: it is a time, not news.
REMINDER = "reminder"

NAMES = {
    News.ANNOUNCED: later("A hearing is announced"),
    News.MOVED: later("A hearing is moved or put off"),
    News.CANCELLED: later("A hearing is cancelled"),
    News.OUTCOME: later("A decision is made"),
    News.RECORD: later("A county’s rules change"),
    News.ENROLLMENT: later("Health coverage sign-up begins or ends"),
    News.CALL: later("Many people are needed at once"),
}


class State(StrEnum):
    """Of an alert that the staff writes."""

    DRAFT = "draft"
    ASKED = "asked"  # it waits for a second person
    SENT = "sent"
    CANCELLED = "cancelled"
