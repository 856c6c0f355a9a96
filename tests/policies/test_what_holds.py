"""What holds in a county on a day, worked out from rules made up for the purpose."""

import datetime
from typing import Any

from backend.policies.questions import Question
from backend.policies.record import CountyRecord
from backend.policies.tables import Practice, Rule

A_SOURCE = {"title": "A text", "publisher": "A county", "url": "https://a.test", "grade": "A"}


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def a_rule(key: str, answer: str, since: str, until: str | None = None, **more: Any) -> Rule:
    given = {
        "question": "hold",
        "issuer": "sheriff_policy",
        "from_text": since,
        "until_text": until,
        "sources": [A_SOURCE],
        "summary": {"en": key, "es": key},
        "instrument": {"en": "An order", "es": "Una orden"},
    } | more
    return Rule(
        key=f"{'state' if given['issuer'] == 'state_law' else 'here'}/{key}/{given['question']}",
        answer=answer,
        in_force_from=day(since),
        in_force_until=day(until) if until else None,
        **given,
    )


def a_record(*facts: Rule | Practice) -> CountyRecord:
    return CountyRecord(
        rules=tuple(fact for fact in facts if isinstance(fact, Rule)),
        practice=tuple(fact for fact in facts if isinstance(fact, Practice)),
        figures=(),
    )


def test_the_strictest_rule_in_force_is_the_answer() -> None:
    loose = a_rule("loose", "permitted", "2010-01-01")
    strict = a_rule("strict", "prohibited", "2012-01-01", issuer="board_ordinance")
    state = a_rule("state", "limited", "2014-01-01", issuer="state_law")
    standing = a_record(loose, strict, state).standing(Question.HOLD, day("2015-01-01"))
    assert standing.answer == "prohibited"
    assert standing.rule is strict
    assert standing.also == (state, loose)


def test_a_rule_holds_on_its_first_and_its_last_day_and_not_around_them() -> None:
    record = a_record(a_rule("order", "limited", "2014-05-21", "2017-12-31"))
    answers = [
        record.standing(Question.HOLD, day(on)).answer
        for on in ("2014-05-20", "2014-05-21", "2017-12-31", "2018-01-01")
    ]
    assert answers == ["not_known", "limited", "limited", "not_known"]


def test_where_no_rule_speaks_the_answer_is_not_known() -> None:
    standing = a_record().standing(Question.TRANSFER, day("2020-01-01"))
    assert (standing.answer, standing.rule, standing.also) == ("not_known", None, ())


def test_a_rule_on_another_question_answers_nothing_here() -> None:
    record = a_record(a_rule("order", "never", "2014-01-01", question="transfer"))
    assert record.standing(Question.HOLD, day("2015-01-01")).answer == "not_known"
    assert record.standing(Question.TRANSFER, day("2015-01-01")).answer == "never"


def test_a_rule_known_from_reposts_alone_decides_nothing() -> None:
    record = a_record(
        a_rule("rumor", "prohibited", "2014-01-01", sources=[{**A_SOURCE, "grade": "C"}]),
        a_rule("state", "limited", "2014-01-01", issuer="state_law"),
    )
    assert record.standing(Question.HOLD, day("2015-01-01")).answer == "limited"


def test_who_says_no_to_a_rule_in_force_stands_beside_it_as_a_disagreement() -> None:
    policy = a_rule("policy", "judicial_warrant_only", "2024-12-10", issuer="board_policy")
    refusal = Practice(
        key="somewhere/refuses",
        topic="hold",
        disputes=policy.key,
        from_text="2024-12-11",
        sources=[A_SOURCE],
        summary={"en": "The sheriff will not.", "es": "El alguacil no lo hará."},
    )
    record = a_record(policy, refusal)
    assert record.standing(Question.HOLD, day("2024-12-10")).disputed_by == ()
    standing = record.standing(Question.HOLD, day("2024-12-11"))
    assert standing.disputed_by == (refusal,)
    assert standing.practice == ()
    assert standing.answer == "judicial_warrant_only"


def test_who_made_the_local_rule_is_whoever_is_hardest_to_overrule() -> None:
    state = a_rule("state", "prohibited", "2018-01-01", issuer="state_law")
    sheriff = a_rule("sheriff", "prohibited", "2014-01-01")
    ordinance = a_rule("ordinance", "limited", "2020-01-01", issuer="board_ordinance")
    record = a_record(state, sheriff, ordinance)

    def maker(on: str) -> str:
        return record.standing(Question.RULE_MAKER, day(on)).answer

    assert maker("2013-12-31") == "not_known"
    assert maker("2014-01-01") == "sheriff_policy"
    assert maker("2020-01-01") == "board_ordinance"
    assert a_record(state).standing(Question.RULE_MAKER, day("2020-01-01")).answer == (
        "state_law_only"
    )


def test_a_settlement_binds_a_sheriff_and_makes_nobody_the_maker_of_a_rule() -> None:
    state = a_rule("state", "prohibited", "2018-01-01", issuer="state_law")
    settlement = a_rule("settled", "prohibited", "2022-12-06", issuer="settlement")
    record = a_record(state, settlement)
    standing = record.standing(Question.HOLD, day("2023-01-01"))
    assert settlement in (standing.rule, *standing.also)
    maker = record.standing(Question.RULE_MAKER, day("2023-01-01"))
    assert (maker.answer, maker.rule) == ("state_law_only", state)


def test_what_one_law_changed_on_one_day_is_one_change() -> None:
    hold = a_rule("values", "prohibited", "2018-01-01", issuer="state_law")
    transfer = a_rule(
        "values", "listed_convictions", "2018-01-01", issuer="state_law", question="transfer"
    )
    order = a_rule("order", "limited", "2014-05-21", "2018-01-01")
    changes = a_record(hold, transfer, order).history()
    assert [(change.day.written, change.kind, len(change.facts)) for change in changes] == [
        ("2014-05-21", "began", 1),
        ("2018-01-01", "ended", 1),
        ("2018-01-01", "began", 2),
    ]
    assert [change.of_the_state for change in changes] == [False, False, True]


def test_what_a_jail_does_by_report_beyond_the_law_is_not_hidden_by_the_law() -> None:
    charged = a_rule("charged", "open_charges", "2018-11-30", question="notification")
    law = a_rule("law", "held_to_answer", "2018-01-01", question="notification", issuer="state_law")
    record = a_record(law, charged)
    standing = record.standing(Question.NOTIFICATION, day("2026-01-01"))
    assert (standing.answer, standing.rule, standing.also) == ("open_charges", charged, (law,))
    assert record.standing(Question.NOTIFICATION, day("2018-02-01")).answer == "held_to_answer"
