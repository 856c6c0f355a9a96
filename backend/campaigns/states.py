"""The states of a campaign and of a pledge, and as what a pledge is counted."""

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
    RECEIVED = 5
    DOUBTFUL = 6


class Tally(IntEnum):
    """What a pledge adds one to. Whether its contact had signed before plays no part in it, so that
    no number tells that."""

    AWAITING = 1
    CONFIRMED = 2
    SET_ASIDE = 3
    PHONE = 4


def tally(state: int, kind: str) -> Tally | None:
    """As what a pledge in this state, with a contact of this kind (`email`, `phone`), is counted.
    What a program seems to have sent is not."""
    if state == PledgeState.DOUBTFUL:
        return None
    if state in (PledgeState.CONFIRMED, PledgeState.SET_ASIDE):
        return Tally(state)
    return Tally.AWAITING if kind == "email" else Tally.PHONE


# The same in SQL, of a row of `pledge`. Made of our own constants only.
TALLY = f"""
    CASE WHEN state IN ({PledgeState.CONFIRMED:d}, {PledgeState.SET_ASIDE:d}) THEN state
         WHEN state = {PledgeState.DOUBTFUL:d} THEN 0
         WHEN kind = 'email' THEN {Tally.AWAITING:d} ELSE {Tally.PHONE:d} END
"""
