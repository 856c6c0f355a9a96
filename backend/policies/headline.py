"""What a person reads first: whether a jail can help ICE take someone.

A rule composes it from three answers (keep someone longer, tell ICE, hand over): the worst of them
decides, so that nobody is calmed by the best. Beside it stands the newest count on record.
"""

import datetime
from dataclasses import dataclass
from enum import StrEnum

from backend.policies.questions import LOOKS, NOT_KNOWN, Question
from backend.policies.record import CountyRecord, Standing
from backend.policies.tables import Figure

ASKED = (Question.HOLD, Question.NOTIFICATION, Question.TRANSFER)
# What stands below it, in this order in every county.
ROWS = (*ASKED, Question.HANDOFF, Question.INTERVIEW, Question.RELEASE_DATES)


class Pattern(StrEnum):
    """Which sentence it is, from the calmest to the worst; officials who disagree come last."""

    JUDGE = "judge"  # never, or only with a judge's warrant
    UNREAD = "unread"  # stricter than state law, the words not read
    UNCLEAR = "unclear"  # a warrant or finding, it is not known whose
    SOME = "some"  # after listed convictions or charges
    BEYOND = "beyond"  # by report looser than state law
    PARTLY_NO_LAW = "partly_no_law"  # a past day: a law on some of the three
    NO_LAW = "no_law"  # a past day before any law
    ALLOWED = "allowed"
    DISAGREE = "disagree"


_PATTERNS = {
    "prohibited": Pattern.JUDGE,
    "never": Pattern.JUDGE,
    "judicial_warrant_only": Pattern.JUDGE,
    "stricter_unread": Pattern.UNREAD,
    "warrant_unclear": Pattern.UNCLEAR,
    "limited": Pattern.SOME,
    "listed_convictions": Pattern.SOME,
    "held_to_answer": Pattern.SOME,
    "open_charges": Pattern.BEYOND,
    NOT_KNOWN: Pattern.NO_LAW,
    "permitted": Pattern.ALLOWED,
    "posted_publicly": Pattern.ALLOWED,
}
_ORDER = list(Pattern)
# Looks from the calmest to the one that shall alarm most.
CALMNESS = (
    *("shield", "warrant", "unread", "unclear", "limit", "charges"),
    *("unknown", "beyond", "open", "disputed"),
)
_AT_LEAST = {
    Pattern.SOME: "limit",
    Pattern.DISAGREE: "disputed",
}
# Of people who came into ICE's hands, the plainest count first; then of those it was told about.
_COUNTS = (
    "people_transferred",
    "people_released_to_ice",
    "ice_pickups",
    "ice_arrests",
    "people_notified",
    "notifications_given",
)


@dataclass(frozen=True)
class Headline:
    """`tone` is a look of CALMNESS, `worst` the answer that decides, `disputed` those of the three
    that an official says are not followed, `count` the newest number better than a repost."""

    pattern: Pattern
    tone: str
    worst: Standing
    disputed: tuple[Standing, ...]
    count: Figure | None


def of(record: CountyRecord, day: datetime.date) -> Headline:
    asked = [record.standing(question, day) for question in ASKED]
    patterns = [_PATTERNS[standing.answer] for standing in asked]
    worst = max(zip(patterns, asked, strict=True), key=lambda pair: _ORDER.index(pair[0]))
    pattern = worst[0]
    if pattern is Pattern.NO_LAW and set(patterns) != {Pattern.NO_LAW}:
        pattern = Pattern.PARTLY_NO_LAW
    disputed = tuple(each for each in asked if officially_disputed(each))
    if disputed:
        pattern = Pattern.DISAGREE
    looks = [LOOKS[standing.answer] for standing in asked]
    tone = max((*looks, _AT_LEAST.get(pattern, "shield")), key=CALMNESS.index)
    return Headline(pattern, tone, worst[1], disputed, _newest_count(record, day))


def officially_disputed(standing: Standing) -> bool:
    """Whether somebody in office says the rule is not followed; others only report it."""
    return any(report.said_by for report in standing.disputed_by)


def _newest_count(record: CountyRecord, day: datetime.date) -> Figure | None:
    found = [
        figure
        for figure in record.figures_by(day)
        if figure.measure in _COUNTS and figure.confirmed()
    ]
    return max(
        found,
        key=lambda figure: (figure.until_text[:4], -_COUNTS.index(figure.measure), figure.key),
        default=None,
    )
