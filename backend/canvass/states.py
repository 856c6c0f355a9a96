"""What becomes of a sealed sign-up."""

from enum import IntEnum, StrEnum


class RecordState(IntEnum):
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
