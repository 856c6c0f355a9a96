"""What holds for somebody on a day. The phone works it out with the same few lines (guide.js), so
that the answers never leave it; here they are for the tests and for pages without scripts.
"""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# What the guide asks, and what may be answered. `pregnant` is yes until a year after pregnancy;
# `coverage` is `stopped` when Medi-Cal ended in the last 90 days; incomes are percents of the
# federal poverty line; `county` is a slug. Nobody has to answer anything, and nobody is asked for
# their status: both paths are told.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "age": ("under_19", "19-25", "26-49", "50-59", "60-64", "65_up"),
    "pregnant": ("no", "yes"),
    "income": ("up_to_138", "up_to_213", "up_to_266", "more", "unsure"),
    "coverage": ("none", "medi_cal", "stopped", "other"),
    "child": ("no", "yes"),
}
PERCENTS = {"up_to_138": 138, "up_to_213": 213, "up_to_266": 266}

Answers = Mapping[str, str]


@dataclass(frozen=True)
class Line:
    """A number people call."""

    phone: str
    name: dict[str, str]
    source: dict[str, Any]


@dataclass(frozen=True)
class Sentence:
    """One thing that is so for some people, `begins` to `ends` (both days are in it).

    `when` are the cases it is for: it fits who fits one of them, and everyone without any.
    `path` is `counted` when it is only for those whose status Medi-Cal counts as satisfactory,
    `other` for everyone else, "" for all. `settles` is a topic with its outcome.
    """

    id: str
    section: str
    path: str
    settles: tuple[str, str] | None
    begins: datetime.date | None
    ends: datetime.date | None
    when: tuple[Mapping[str, tuple[str, ...]], ...]
    summary: dict[str, str]
    sources: list[dict[str, Any]]
    checked_on: datetime.date
    review_by: datetime.date
    recheck: bool
    ask: Line
    reviewed: bool

    def holds_on(self, day: datetime.date) -> bool:
        return (self.begins is None or self.begins <= day) and (
            self.ends is None or day <= self.ends
        )

    def fits(self, answers: Answers) -> bool:
        """A question that is not answered rules nothing out."""
        return not self.when or any(
            all(answers.get(question) in (None, *values) for question, values in case.items())
            for case in self.when
        )

    def for_the_phone(self) -> str:
        """JSON `{from?, until?, when?}`: what guide.js needs to know."""
        rule: dict[str, Any] = {}
        if self.begins:
            rule["from"] = self.begins.isoformat()
        if self.ends:
            rule["until"] = self.ends.isoformat()
        if self.when:
            rule["when"] = [dict(case) for case in self.when]
        return json.dumps(rule, separators=(",", ":"))


def holding(
    sentences: Iterable[Sentence], answers: Answers, day: datetime.date
) -> tuple[Sentence, ...]:
    return tuple(each for each in sentences if each.holds_on(day) and each.fits(answers))


def settled(
    sentences: Iterable[Sentence], answers: Answers, day: datetime.date
) -> dict[str, set[str]]:
    """What is settled on each topic. Once all is answered, one outcome for each."""
    topics: dict[str, set[str]] = {}
    for sentence in holding(sentences, answers, day):
        if sentence.settles:
            topic, outcome = sentence.settles
            topics.setdefault(topic, set()).add(outcome)
    return topics
