"""The questions a county's record answers, and the answers there are."""

from enum import StrEnum
from typing import Final


class Question(StrEnum):
    """Asked of every county. There is no grade: a grade would hide what differs."""

    HOLD = "hold"
    NOTIFICATION = "notification"
    TRANSFER = "transfer"
    HANDOFF = "handoff"
    INTERVIEW = "interview"
    RELEASE_DATES = "release_dates"
    RULE_MAKER = "rule_maker"
    DEPUTIZED = "deputized"
    CONTRACT = "contract"
    SCAAP = "scaap"


# What the map and the list open on.
FIRST_ASKED: Final = Question.TRANSFER
NOT_KNOWN: Final = "not_known"
DISPUTED: Final = "disputed"

# Strictest first: of several rules in force, the one that allows least is the answer.
ANSWERS: Final[dict[Question, tuple[str, ...]]] = {
    Question.HOLD: (
        "prohibited",
        "judicial_warrant_only",
        "warrant_unclear",
        "limited",
        "permitted",
    ),
    Question.NOTIFICATION: (
        "never",
        "judicial_warrant_only",
        "warrant_unclear",
        "stricter_unread",
        "listed_convictions",
        "held_to_answer",
        "open_charges",
        "posted_publicly",
    ),
    Question.TRANSFER: (
        "never",
        "judicial_warrant_only",
        "warrant_unclear",
        "stricter_unread",
        "listed_convictions",
        "open_charges",
    ),
    Question.HANDOFF: ("none", "lobby", "secure_area"),
    Question.INTERVIEW: ("never", "written_consent"),
    Question.RELEASE_DATES: ("no", "yes"),
    # Whoever is hardest to overrule comes first.
    Question.RULE_MAKER: (
        "voters",
        "board_ordinance",
        "board_policy",
        "sheriff_policy",
        "jail_department",
        "state_law_only",
    ),
    # 287(g): officers of the county work as officers of ICE.
    Question.DEPUTIZED: ("none", "ended", "in_force"),
    # Holding people for ICE for money.
    Question.CONTRACT: ("none_known", "ended", "in_force"),
    # Federal money for what a jail tells of people who were born abroad.
    Question.SCAAP: ("no", "stopped", "yes"),
}

# What a report can answer where no rule does. Whether a jail keeps, tells or hands over is left to
# rules: reports stand beside them and can dispute them.
REPORTABLE: Final = (
    Question.HANDOFF,
    Question.INTERVIEW,
    Question.RELEASE_DATES,
    Question.CONTRACT,
    Question.SCAAP,
)

# What tells how to reach those who decide; the other topics tell what is said and done.
TAKEN: Final = "taken"
BOARD_TOPICS: Final = ("meetings", "comment", "clerk", "agenda", "members", "sheriff")

# Looser than state law allows. A county has no right to be, so such a rule does not give way to the
# stricter law: by report it is what the jail does.
BY_REPORT: Final = ("open_charges",)

# Who makes a county's own rules. The state's are by state_law, court_order or settlement; a
# contract can also end by ICE's own choice.
LOCAL_ISSUERS: Final = (
    "voters",
    "board_ordinance",
    "board_policy",
    "sheriff_policy",
    "jail_department",
)

# How an answer looks on a page and on the map: a name for its color, its hatch and its sign.
# Who made a rule is neither good nor bad, so those have looks of their own.
LOOKS: Final[dict[str, str]] = {
    "prohibited": "shield",
    "never": "shield",
    "none": "shield",
    "no": "shield",
    "ended": "warrant",
    "stopped": "warrant",
    # Not every county was looked at.
    "none_known": "unclear",
    "judicial_warrant_only": "warrant",
    # A report that does not say whose warrant is not rounded up to a judge's.
    "warrant_unclear": "unclear",
    "stricter_unread": "unread",
    "limited": "limit",
    "listed_convictions": "limit",
    "held_to_answer": "charges",
    "open_charges": "beyond",
    "written_consent": "limit",
    "lobby": "limit",
    "permitted": "open",
    "posted_publicly": "open",
    "yes": "open",
    "in_force": "open",
    "secure_area": "open",
    "voters": "voters",
    "board_ordinance": "ordinance",
    "board_policy": "policy",
    "sheriff_policy": "sheriff",
    "jail_department": "department",
    "state_law_only": "state",
    NOT_KNOWN: "unknown",
    DISPUTED: "disputed",
}


def strictness(question: Question, answer: str) -> int:
    """0 for the strictest answer; higher allows more. Raises ValueError for a foreign answer."""
    return ANSWERS[question].index(answer)
