"""The words a hearing's row is made of."""

from enum import StrEnum


class Kind(StrEnum):
    HEARING = "hearing"
    VOTE = "vote"
    FORUM = "forum"  # of the TRUTH Act
    COMMITTEE = "committee"
    RALLY = "rally"
    ENROLLMENT = "enrollment"  # people who help others enroll in health coverage


class Status(StrEnum):
    """`MOVED` and `POSTPONED` are still ahead: the one has its new time, the other has none yet and
    keeps the old one, which no longer holds."""

    SCHEDULED = "scheduled"
    MOVED = "moved"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    HELD = "held"


class Topic(StrEnum):
    """As the record's laws have them, and health."""

    HOLDS = "holds"
    JAILS = "jails"
    DETENTION = "detention"
    CALLS = "calls"
    FORUMS = "forums"
    FEDERAL = "federal"
    PLACES = "places"
    HEALTH = "health"


class Result(StrEnum):
    PASSED = "passed"
    FIRST_YES = "first_yes"  # an ordinance needs a second vote
    FAILED = "failed"
    CONTINUED = "continued"
    NO_VOTE = "no_vote"


class Choice(StrEnum):
    """How a member voted."""

    YES = "yes"
    NO = "no"
    ABSTAINED = "abstained"
    ABSENT = "absent"
    RECUSED = "recused"


class Noted(StrEnum):
    """What a line of a hearing's history says happened. `alerts` rings for some of these."""

    ANNOUNCED = "announced"
    CHANGED = "changed"
    MOVED = "moved"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    BACK_ON = "back_on"
    HELD = "held"
    OUTCOME = "outcome"
    TAKEN_OUT = "taken_out"


# What is announced and has not been: these are shown as coming, until their time has passed.
AHEAD = frozenset({Status.SCHEDULED, Status.MOVED, Status.POSTPONED})
