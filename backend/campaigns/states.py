"""The states of a campaign and of a pledge."""

from enum import IntEnum, StrEnum


class CampaignState(StrEnum):
    DRAFT = "draft"
    LIVE = "live"
    CLOSED = "closed"
    ARCHIVED = "archived"


class PledgeState(IntEnum):
    """A number in the table: there will be millions of rows."""

    AWAITING = 1
    CONFIRMED = 2
    SET_ASIDE = 3
    REPEAT = 4


COUNTED = (PledgeState.AWAITING, PledgeState.CONFIRMED, PledgeState.SET_ASIDE)
