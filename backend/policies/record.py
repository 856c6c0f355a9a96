"""Effective dating: what holds in a county on a day, the strictest rule in force and everything
beside it."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from backend.policies.days import Day
from backend.policies.questions import (
    ANSWERS,
    BOARD_TOPICS,
    BY_REPORT,
    LOCAL_ISSUERS,
    NOT_KNOWN,
    TAKEN,
    Question,
    strictness,
)
from backend.policies.tables import Figure, Practice, Rule


@dataclass(frozen=True)
class Standing:
    """The answer to one question on one day.

    `rule` is the one that decides (None when the answer is not known), `also` the others in force
    that speak to the question, strictest first, `disputed_by` what is said against the deciding
    rule or one beside it, `practice` what is reported on the same question. `reported` is the
    report that answers where no rule does, `formerly` the county's own rules of which nobody knows
    whether they still hold.
    """

    question: Question
    answer: str
    rule: Rule | None = None
    also: tuple[Rule, ...] = ()
    disputed_by: tuple[Practice, ...] = ()
    practice: tuple[Practice, ...] = ()
    reported: Practice | None = None
    formerly: tuple[Rule, ...] = ()

    @property
    def says_something(self) -> bool:
        return bool(self.rule or self.reported or self.practice or self.formerly)

    @property
    def local_rule(self) -> Rule | None:
        """The county's own strictest rule on this, whether or not it decides."""
        rules = (self.rule, *self.also) if self.rule else self.also
        return next((rule for rule in rules if not rule.of_the_state), None)

    @property
    def state_rule(self) -> Rule | None:
        rules = (self.rule, *self.also) if self.rule else self.also
        return next((rule for rule in rules if rule.of_the_state), None)


@dataclass(frozen=True)
class Milestone:
    """A day when something changed. `kind` is began, ended or reported; `facts` are the rules of
    one law or instrument that began or ended together, or the one report."""

    day: Day
    kind: str
    facts: tuple[Rule | Practice, ...]

    @property
    def of_the_state(self) -> bool:
        first = self.facts[0]
        return isinstance(first, Rule) and first.of_the_state


@dataclass(frozen=True)
class CountyRecord:
    """Everything known of one county, with the state's rules among its own; or, for the state,
    what is known of all of California. `everywhere` is what reports on the state answer for each
    county of which nothing is known."""

    rules: tuple[Rule, ...]
    practice: tuple[Practice, ...]
    figures: tuple[Figure, ...]
    everywhere: tuple[Practice, ...] = ()

    def standing(self, question: Question, day: datetime.date) -> Standing:
        if question is Question.RULE_MAKER:
            return self._rule_maker(day)
        rules = sorted(
            (
                rule
                for rule in self.rules
                if rule.question == question and rule.in_force_on(day) and rule.confirmed()
            ),
            key=lambda rule: (
                rule.answer not in BY_REPORT,
                strictness(question, rule.answer),
                not rule.of_the_state,
                -rule.in_force_from.toordinal(),
            ),
        )
        practice = tuple(
            report for report in self.practice if report.topic == question and report.known_on(day)
        )
        keys = {rule.key for rule in rules}
        disputes = tuple(report for report in practice if report.disputes in keys)
        reported = None if rules else self._reported(question, day)
        return Standing(
            question=question,
            answer=rules[0].answer if rules else reported.answer if reported else NOT_KNOWN,
            rule=rules[0] if rules else None,
            also=tuple(rules[1:]),
            disputed_by=disputes,
            practice=tuple(report for report in practice if report not in disputes),
            reported=reported,
            formerly=self._formerly(question, day),
        )

    def _reported(self, question: Question, day: datetime.date) -> Practice | None:
        """The newest report that answers: of this county, or else of all."""
        for reports in (self.practice, self.everywhere):
            found = [
                report
                for report in reports
                if report.topic == question
                and report.answer
                and report.known_on(day)
                and report.confirmed()
            ]
            if found:
                return max(found, key=lambda report: (report.from_text or "", report.key))
        return None

    def _formerly(self, question: Question, day: datetime.date) -> tuple[Rule, ...]:
        own = [
            rule
            for rule in self.rules
            if rule.question == question and not rule.of_the_state and rule.confirmed()
        ]
        if any(rule.in_force_on(day) for rule in own):
            return ()
        return tuple(
            rule
            for rule in own
            if rule.until_means == "at_least"
            and rule.in_force_until is not None
            and rule.in_force_until < day
        )

    def standings(self, day: datetime.date) -> dict[Question, Standing]:
        return {question: self.standing(question, day) for question in Question}

    def other_rules(self, day: datetime.date) -> list[Rule]:
        """Rules on something other than the questions, such as county property."""
        return [rule for rule in self.rules if rule.question is None and rule.in_force_on(day)]

    def other_practice(self, day: datetime.date) -> list[Practice]:
        """What is said and done on something other than the questions."""
        elsewhere = {*Question, *BOARD_TOPICS, TAKEN}
        return [
            report
            for report in self.practice
            if report.topic not in elsewhere and report.known_on(day)
        ]

    def taken(self, day: datetime.date) -> list[Practice]:
        """Where ICE took people, by report, the newest first."""
        found = [
            report for report in self.practice if report.topic == TAKEN and report.known_on(day)
        ]
        return sorted(found, key=lambda report: report.from_text or "", reverse=True)

    def board(self) -> list[Practice]:
        """How to reach the board and the sheriff, the newest of each kind first."""
        found = [report for report in self.practice if report.topic in BOARD_TOPICS]
        found.sort(key=lambda report: report.from_text or "", reverse=True)
        return sorted(found, key=lambda report: BOARD_TOPICS.index(report.topic))

    def figures_by(self, day: datetime.date) -> list[Figure]:
        """Figures whose period had begun by `day`, newest period first."""
        return sorted(
            (figure for figure in self.figures if Day.parse(figure.from_text).first <= day),
            key=lambda figure: (figure.until_text, figure.measure),
            reverse=True,
        )

    def history(self) -> list[Milestone]:
        """Every change on record, oldest first."""
        together: dict[tuple[str, str, str], list[Rule | Practice]] = {}
        for written, kind, source, fact in self._changes():
            together.setdefault((written, kind, source), []).append(fact)
        changes = [
            Milestone(Day.parse(written), kind, tuple(facts))
            for (written, kind, _source), facts in together.items()
        ]
        return sorted(changes, key=lambda change: (change.day.last, change.kind != "ended"))

    def _changes(self) -> Iterable[tuple[str, str, str, Rule | Practice]]:
        for rule in self.rules:
            source = rule.law.slug if rule.law else rule.key.removesuffix(f"/{rule.question}")
            yield rule.from_text, "began", source, rule
            if rule.until_text:
                yield rule.until_text, "ended", source, rule
        for report in self.practice:
            if report.from_text and report.topic not in BOARD_TOPICS:
                yield report.from_text, "reported", report.key, report

    def _rule_maker(self, day: datetime.date) -> Standing:
        """Whose rule it is: among the county's own rules in force on the jail's answers, the
        maker who is hardest to overrule."""
        rules = sorted(
            (
                rule
                for rule in self.rules
                if rule.question in (Question.HOLD, Question.NOTIFICATION, Question.TRANSFER)
                and (rule.of_the_state or rule.issuer in LOCAL_ISSUERS)
                and rule.in_force_on(day)
                and rule.confirmed()
            ),
            key=lambda rule: (
                _weight(rule),
                -rule.in_force_from.toordinal(),
                rule.key,
            ),
        )
        if not rules:
            return Standing(Question.RULE_MAKER, NOT_KNOWN)
        first = rules[0]
        return Standing(
            question=Question.RULE_MAKER,
            answer="state_law_only" if first.of_the_state else first.issuer,
            rule=first,
            also=tuple(_one_per_maker(rules[1:], first)),
        )


def _weight(rule: Rule) -> int:
    makers = ANSWERS[Question.RULE_MAKER]
    return makers.index(rule.issuer) if rule.issuer in makers else len(makers)


def _one_per_maker(rules: list[Rule], first: Rule) -> Iterable[Rule]:
    told = {first.issuer}
    for rule in rules:
        if rule.issuer not in told:
            told.add(rule.issuer)
            yield rule
