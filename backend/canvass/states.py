"""What becomes of a sealed sign-up, and of a sheet of paper."""

from enum import IntEnum, StrEnum


class RecordState(IntEnum):
    RECEIVED = 0  # nobody has opened it yet
    COUNTED = 1  # it is a pledge, or repeats one
    REVIEW = 2  # somebody has to look at it
    DROPPED = 3  # somebody looked, and it is none


class Problem(StrEnum):
    """Why somebody has to look at it."""

    UNREADABLE = "unreadable"
    NAME = "name"
    CONTACT = "contact"
    PLACE = "place"
    CONSENT = "consent"
    CAMPAIGN = "campaign"
    RECEIPT = "receipt"
    REVOKED = "revoked"
    MANY = "many"


class SheetState(IntEnum):
    PRINTED = 1
    ENTERING = 2  # it is being typed in
    CHECKING = 3  # some lines are to be typed a second time
    DONE = 4


class RowCheck(IntEnum):
    """Whether a line is one of those that are typed twice, and how that went."""

    NONE = 0
    WAITING = 1
    SAME = 2
    DIFFERENT = 3
    SETTLED = 4
