"""The shapes of the record as JSON: what programs get, and what OpenAPI says they get."""

import msgspec

Words = dict[str, str]


class SourceAnswer(msgspec.Struct):
    """`grade`: A official text, R a reprint of one, B named outlet or organization, C repost or
    conflicting figure.
    `published_on` may be a month or a year, or null. `checked_on` is when we last looked at the
    fact that cites it, `read` how: in a saved `copy`, on the `page` itself, or `called`."""

    title: str
    publisher: str
    url: str
    published_on: str | None
    checked_on: str
    read: str
    grade: str


class RuleAnswer(msgspec.Struct):
    """`effective_from` and `effective_to` are as exact as is known: day, month or year.
    `effective_from_means` is `by` when the rule was in force by then and its first day is not
    known."""

    issuer: str
    instrument: Words
    citation: str
    law: str | None
    effective_from: str
    effective_from_means: str
    effective_to: str | None
    summary: Words
    note: Words | None


class OtherRule(msgspec.Struct):
    answer: str | None
    rule: RuleAnswer
    sources: list[SourceAnswer]
    review_by: str


class PracticeAnswer(msgspec.Struct):
    """What someone credible reports; `since` and `until` are null when not known."""

    topic: str
    said_by: Words | None
    since: str | None
    until: str | None
    summary: Words
    note: Words | None
    sources: list[SourceAnswer]
    review_by: str


class QuestionAnswer(msgspec.Struct):
    """`answer` is `not_known` when no rule was found and no report answers: then `rule` and `since`
    are null. Where a report answers, `reported` is it; else it is null.
    `also` holds the other rules in force, strictest first; `disagreement` is true when someone
    responsible says they will not follow the rule."""

    question: str
    answer: str
    since: str | None
    rule: RuleAnswer | None
    also: list[OtherRule]
    disagreement: bool
    disputed_by: list[PracticeAnswer]
    reported: PracticeAnswer | None
    sources: list[SourceAnswer]
    review_by: str | None


class FigureAnswer(msgspec.Struct):
    """`low` and `high` differ where sources do. Never compare figures of different counties:
    sheriffs count differently."""

    measure: str
    definition: Words
    period_from: str
    period_until: str
    low: int
    high: int
    about: bool
    note: Words | None
    sources: list[SourceAnswer]
    review_by: str


class HistoryAnswer(msgspec.Struct):
    """`kind`: began, ended or reported; `level`: state or county."""

    day: str
    kind: str
    level: str
    summary: Words


class SideAnswer(msgspec.Struct):
    """Whose rule says `answer` to the question, and who in office says what against it."""

    question: str
    issuer: str
    answer: str
    said_by: Words
    summary: Words


class HeadlineAnswer(msgspec.Struct):
    """What a page says first: the worst of keeping someone longer, telling ICE and handing over.
    `pattern` names the sentence, `words` is it; `disputed` are the questions on which somebody in
    office says that the rule is not followed, `sides` both sides of each."""

    pattern: str
    words: Words
    tone: str
    disputed: list[str]
    sides: list[SideAnswer]


class CountyAnswers(msgspec.Struct):
    slug: str
    name: str
    fips: str
    ocd_id: str
    headline: HeadlineAnswer
    disputed: bool
    answers: dict[str, str]


class CountyAnswer(msgspec.Struct):
    slug: str
    name: str
    fips: str
    ocd_id: str
    on: str
    headline: HeadlineAnswer
    disputed: bool
    answers: list[QuestionAnswer]
    practice: list[PracticeAnswer]
    figures: list[FigureAnswer]
    history: list[HistoryAnswer]


class LawAnswer(msgspec.Struct):
    slug: str
    kind: str
    status: str
    topic: str
    title: Words
    short: str
    citation: str
    on: str
    effective_from: str | None
    effective_to: str | None
    summary: Words
    points: list[Words]
    note: Words | None
    sources: list[SourceAnswer]
    review_by: str
