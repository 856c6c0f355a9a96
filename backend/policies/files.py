"""Reading the record's YAML files: every mistake is named with its file and line."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import yaml

from backend.policies.days import Day
from backend.policies.questions import ANSWERS, BY_REPORT, LOCAL_ISSUERS, REPORTABLE, Question
from backend.web.clock import today
from backend.web.language import gettext as _

FOLDER = Path(__file__).parent / "data"
# As state law is cited.
STATE_CODE = re.compile(r"\b(?:Gov|Pen|Civ)\. Code\b")
# Before the id of a rule that stands in the state's file.
OF_THE_STATE = "state/"

# Official text, a reprint of one, a named outlet or organization, a repost or conflicting figure.
Grade = Literal["A", "R", "B", "C"]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=1200)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]


Entry = TypeVar("Entry")


class RecordError(Exception):
    """The record cannot be loaded: one line per mistake, `file:line: what is wrong`."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Part(msgspec.Struct):
    """Any mapping in a file. msgspec does not inherit that an unknown key is a mistake, so every
    class below says it again."""


class Text(Part, forbid_unknown_fields=True, kw_only=True):
    en: Words
    es: Words


class SourceEntry(Part, forbid_unknown_fields=True, kw_only=True):
    title: Words
    publisher: Words
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]+$", max_length=500)]
    grade: Grade
    read_on: Day
    published_on: Day | None = None


class Review(Part, forbid_unknown_fields=True, kw_only=True):
    language: Literal["es"]
    by: Words
    on: Day
    of: Words


class FactEntry(Part, forbid_unknown_fields=True, kw_only=True):
    sources: Annotated[list[str], msgspec.Meta(min_length=1)]
    checked_on: Day
    review_by: Day
    note: Text | None = None
    reviewed: Review | None = None
    read: Literal["copy", "page", "called"] = "copy"


class RuleEntry(FactEntry, forbid_unknown_fields=True, kw_only=True):
    id: Name
    answers: dict[str, str]
    issuer: Literal[
        "voters",
        "board_ordinance",
        "board_policy",
        "sheriff_policy",
        "jail_department",
        "state_law",
        "court_order",
        "settlement",
        "ice",
    ]
    instrument: Text
    summary: Text
    from_: Day = msgspec.field(name="from")
    until: Day | None = None
    from_means: Literal["on", "by"] = "on"
    until_means: Literal["on", "at_least"] = "on"
    superseded_by: str | None = None
    citation: str = ""
    law: str | None = None


class PracticeEntry(FactEntry, forbid_unknown_fields=True, kw_only=True):
    id: Name
    topic: Literal[
        "hold",
        "notification",
        "transfer",
        "handoff",
        "interview",
        "release_dates",
        "deputized",
        "contract",
        "scaap",
        "taken",
        "stance",
        "forum",
        "property",
        "litigation",
        "members",
        "meetings",
        "comment",
        "clerk",
        "agenda",
        "sheriff",
    ]
    summary: Text
    said_by: Text | None = None
    disputes: str | None = None
    answer: str | None = None
    year: Annotated[int, msgspec.Meta(ge=2008, le=2100)] | None = None
    from_: Day | None = msgspec.field(name="from", default=None)
    until: Day | None = None


class FigureEntry(FactEntry, forbid_unknown_fields=True, kw_only=True):
    id: Name
    measure: Literal[
        "ice_requests",
        "notifications_given",
        "people_notified",
        "people_transferred",
        "ice_pickups",
        "ice_arrests",
        "requests_declined",
        "requests_eligible",
        "people_released_to_ice",
    ]
    definition: Text
    low: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
    high: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] | None = None
    about: Literal["yes", "no"] = "no"
    from_: Day = msgspec.field(name="from")
    until: Day | None = None


class LawEntry(FactEntry, forbid_unknown_fields=True, kw_only=True):
    slug: Name
    kind: Literal[
        "statute",
        "ruling",
        "program",
        "bill",
        "settlement",
        "guidance",
        "federal_rule",
        "report",
    ]
    status: Literal[
        "in_force",
        "partly_blocked",
        "ended",
        "superseded",
        "vetoed",
        "failed",
        "decided",
        "published",
        "pending",
    ]
    topic: Literal["holds", "jails", "detention", "calls", "forums", "federal", "places"]
    title: Text
    summary: Text
    on: Day
    from_: Day | None = msgspec.field(name="from", default=None)
    until: Day | None = None
    short: str = ""
    citation: str = ""
    points: list[Text] = []


class RecordFile(Part, forbid_unknown_fields=True, kw_only=True):
    """One county's file, or the state's."""

    county: str
    sources: dict[str, SourceEntry]
    rules: list[RuleEntry]
    practice: list[PracticeEntry]
    figures: list[FigureEntry]
    laws: list[LawEntry] = []


def read(folder: Path, counties: frozenset[str]) -> dict[str, RecordFile]:
    """Every file of the folder by its county's slug, `state` among them.

    Raises RecordError with all mistakes found, not just the first: a file that is missing or not
    a county's, an unknown key or word, a fact without a source, an impossible date, an end before
    its beginning, a name that points nowhere.
    """
    found: list[str] = []
    files: dict[str, RecordFile] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            files[path.stem] = read_file(path, RecordFile)
        except RecordError as error:
            found += error.mistakes
    for missing in sorted((counties | {"state"}) - {path.stem for path in folder.glob("*.yaml")}):
        found.append(f"{missing}.yaml: there is no such file, and the county needs one")
    laws = {law.slug for law in files["state"].laws} if "state" in files else None
    state_rules = files["state"].rules if "state" in files else None
    for name, file in files.items():
        if name not in counties | {"state"}:
            found.append(f"{name}.yaml:1: no county is called {name!r}")
        for steps, sentence in mistakes(name, file, laws, state_rules):
            found.append(at_its_line(folder / f"{name}.yaml", steps, sentence))
    if found:
        raise RecordError(found)
    return files


def fingerprint(fact: FactEntry) -> str:
    """Eight hex digits of the English a person reads in this fact: a review holds for just that."""
    english = [text.en for text in _texts(fact)]
    return hashlib.sha256(json.dumps(english).encode()).hexdigest()[:8]


def _texts(fact: FactEntry) -> list[Text]:
    fields = ("title", "instrument", "definition", "said_by", "summary", "note")
    texts = [getattr(fact, field, None) for field in fields]
    return [text for text in texts if text] + list(getattr(fact, "points", []))


def read_file(path: Path, kind: type[Entry]) -> Entry:
    """One file as an entry of that kind. Raises RecordError, with the line."""
    try:
        node = _compose(path)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "it is not UTF-8 text"
        raise RecordError([f"{path.name}:{line}: this is not YAML: {problem}"]) from None
    plain = _plain(path.name, node)
    try:
        return convert(plain, kind)
    except msgspec.ValidationError as error:
        sentence, _, where = str(error).partition(" - at `")
        line = _line(node, _steps(where.rstrip("`"), plain))
        raise RecordError([f"{path.name}:{line}: {sentence}"]) from None


def at_its_line(path: Path, steps: list[str | int], sentence: str) -> str:
    """A mistake as people read it: `file:line: what is wrong`."""
    return f"{path.name}:{_line(_compose(path), steps)}: {sentence}"


def convert(plain: Any, kind: type[Entry]) -> Entry:
    """Plain dicts and texts as an entry. Raises msgspec.ValidationError."""
    return msgspec.convert(plain, kind, strict=False, dec_hook=_decode_day)


def _compose(path: Path) -> yaml.Node:
    # BaseLoader leaves every scalar as text: `no`, `2014` and `2014-05` mean just that.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=loader)
    if node is None:
        raise yaml.MarkedYAMLError(problem="the file is empty")
    return node


def _plain(name: str, node: yaml.Node) -> Any:
    """The node as dicts, lists and strings; a key given twice is a mistake."""
    if isinstance(node, yaml.MappingNode):
        plain: dict[str, Any] = {}
        for key, value in node.value:
            if key.value in plain:
                raise RecordError(
                    [f"{name}:{key.start_mark.line + 1}: {key.value!r} stands here twice"]
                )
            plain[key.value] = _plain(name, value)
        return plain
    if isinstance(node, yaml.SequenceNode):
        return [_plain(name, value) for value in node.value]
    return node.value


def _decode_day(kind: type, value: Any) -> Any:
    if kind is Day:
        return Day.parse(value if isinstance(value, str) else repr(value))
    raise NotImplementedError(kind)


def _steps(where: str, plain: Any) -> list[str | int]:
    """The way to a value, from msgspec's `$.rules[3].from`. A `[...]` stands for one of the
    sources without saying which: it is the first that cannot be read by itself."""
    steps: list[str | int] = []
    for name, index in re.findall(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]", where):
        if index == "...":
            steps.append(next(filter(None, map(_unreadable, plain["sources"].items())), ""))
        else:
            steps.append(name or int(index))
    return steps


def _unreadable(named: tuple[str, Any]) -> str | None:
    try:
        convert(named[1], SourceEntry)
    except msgspec.ValidationError:
        return named[0]
    return None


def _line(node: yaml.Node, steps: list[str | int]) -> int:
    """The line where the value at the end of `steps` stands, or the nearest one above it."""
    line = node.start_mark.line + 1
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                return line
            key, node = found[0]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


Mistake = tuple[list[str | int], str]


def mistakes(
    name: str, file: RecordFile, laws: set[str] | None, state_rules: list[RuleEntry] | None = None
) -> Iterator[Mistake]:
    """What a schema cannot see: where each mistake stands, and a sentence about it. What is None is
    not at hand, and nothing is said of what points there."""
    if file.county != name:
        yield ["county"], f"the file is called {name}.yaml but says it is {file.county!r}"
    if file.laws and name != "state":
        yield ["laws"], "laws stand in state.yaml only"
    used: set[str] = set()
    for group in ("laws", "rules", "practice", "figures"):
        seen: set[str] = set()
        for index, fact in enumerate(getattr(file, group)):
            here: list[str | int] = [group, index]
            known_as = fact.slug if isinstance(fact, LawEntry) else fact.id
            if known_as in seen:
                yield here, f"{known_as!r} is there twice in {group}"
            seen.add(known_as)
            used |= set(fact.sources)
            yield from _mistakes_of_a_fact(here, fact, file)
    for index, rule in enumerate(file.rules):
        yield from _mistakes_of_a_rule(["rules", index], name, rule, laws)
        yield from _mistakes_of_a_successor(["rules", index], rule, file)
        grades = {file.sources[source].grade for source in rule.sources if source in file.sources}
        if grades == {"C"}:
            yield ["rules", index], _("a rule needs a source better than grade C: make it practice")
    for index, practice in enumerate(file.practice):
        yield from _mistakes_of_a_dispute(["practice", index], practice, file, state_rules)
        yield from _mistakes_of_a_report(["practice", index], practice)
    for source in file.sources.keys() - used:
        yield ["sources", source], f"no fact uses the source {source!r}"


def _mistakes_of_a_fact(
    here: list[str | int], fact: FactEntry, file: RecordFile
) -> Iterator[Mistake]:
    for source in fact.sources:
        if source not in file.sources:
            yield [*here, "sources"], f"there is no source {source!r} in this file"
    for field in ("checked_on", "review_by"):
        if not getattr(fact, field).exact:
            yield (
                [*here, field],
                _("%(field)s needs a whole day, like 2026-11-24") % {"field": field},
            )
    if fact.review_by.first < fact.checked_on.first:
        yield [*here, "review_by"], _("it is due for review before it was checked")
    start = getattr(fact, "from_", None)
    end = getattr(fact, "until", None)
    if start and end and end.last < start.first:
        days = {"end": end.written, "start": start.written}
        yield [*here, "until"], _("it ends (%(end)s) before it starts (%(start)s)") % days
    if isinstance(fact, FigureEntry) and fact.high is not None and fact.high < fact.low:
        numbers = {"high": fact.high, "low": fact.low}
        yield [*here, "high"], _("high (%(high)s) is less than low (%(low)s)") % numbers


def _mistakes_of_a_rule(
    here: list[str | int], name: str, rule: RuleEntry, laws: set[str] | None
) -> Iterator[Mistake]:
    for question, answer in rule.answers.items():
        allowed = {str(key): words for key, words in ANSWERS.items()}.get(question, ())
        if not allowed or question == Question.RULE_MAKER:
            yield [*here, "answers", question], f"there is no question {question!r}"
        elif answer not in allowed:
            yield (
                [*here, "answers", question],
                f"{answer!r} is no answer to {question} (these are: {', '.join(allowed)})",
            )
        elif answer in BY_REPORT and (
            name == "state" or rule.law or STATE_CODE.search(rule.citation)
        ):
            yield (
                [*here, "answers", question],
                _("%(answer)s is looser than state law, so no state law says it")
                % {"answer": answer},
            )
    makers = ("state_law",) if name == "state" else (*LOCAL_ISSUERS, "ice")
    if rule.issuer not in (*makers, "court_order", "settlement"):
        yield [*here, "issuer"], f"{rule.issuer} does not make rules for {name}"
    if rule.law is not None and laws is not None and rule.law not in laws:
        yield [*here, "law"], _("state.yaml has no law %(name)r") % {"name": rule.law}


def _of_the_state(name: str, rule: RuleEntry) -> bool:
    return name == "state" or rule.law is not None or bool(STATE_CODE.search(rule.citation))


def _mistakes_of_a_successor(
    here: list[str | int], rule: RuleEntry, file: RecordFile
) -> Iterator[Mistake]:
    """What ends a rule is as high a hand or a higher one, later, and on all of its questions."""
    if rule.superseded_by is None:
        return
    where = [*here, "superseded_by"]
    successor = next((each for each in file.rules if each.id == rule.superseded_by), None)
    if successor is None:
        there_is_none = _("there is no rule %(name)r in this file")
        yield where, there_is_none % {"name": rule.superseded_by}
        return
    said = {"name": successor.id}
    if rule.until is not None:
        yield where, _("it has a last day of its own: leave one of the two out")
    if successor.from_.last <= rule.from_.last:
        yield where, _("%(name)s does not begin later") % said
    if not rule.answers.keys() <= successor.answers.keys():
        yield where, _("%(name)s does not answer all that this one does") % said
    makers = list(LOCAL_ISSUERS)
    if {rule.issuer, successor.issuer} <= {*makers} and (
        makers.index(successor.issuer) > makers.index(rule.issuer)
    ):
        yield where, _("%(name)s is by a lower hand, which ends nothing") % said


def _mistakes_of_a_report(here: list[str | int], practice: PracticeEntry) -> Iterator[Mistake]:
    if practice.answer is not None:
        allowed = {str(each): ANSWERS[each] for each in REPORTABLE}.get(practice.topic, ())
        if practice.answer not in allowed:
            yield (
                [*here, "answer"],
                f"{practice.answer!r} is no answer a report can give to {practice.topic} "
                f"(these are: {', '.join(allowed) or 'none'})",
            )
    if practice.topic != "forum":
        if practice.year is not None:
            yield [*here, "year"], _("only a forum tells of a year")
    elif practice.from_ and practice.from_.first > today():
        yield [*here, "from"], _("a forum that is still to come stands among the hearings")
    elif practice.from_ and practice.year and practice.year > practice.from_.last.year:
        yield [*here, "year"], _("a forum cannot tell of a year that has not come")


def _mistakes_of_a_dispute(
    here: list[str | int],
    practice: PracticeEntry,
    file: RecordFile,
    state_rules: list[RuleEntry] | None,
) -> Iterator[Mistake]:
    if practice.disputes is None:
        return
    of_the_state = practice.disputes.startswith(OF_THE_STATE)
    if of_the_state and state_rules is None:
        return
    id = practice.disputes.removeprefix(OF_THE_STATE)
    rules = (state_rules or []) if of_the_state else file.rules
    disputed = [rule for rule in rules if rule.id == id]
    if not disputed:
        there_is_none = _("there is no rule %(name)r in this file")
        yield [*here, "disputes"], there_is_none % {"name": practice.disputes}
    elif practice.topic not in disputed[0].answers:
        yield (
            [*here, "topic"],
            _("%(name)r says nothing on %(topic)s, so nothing to dispute")
            % {"name": practice.disputes, "topic": practice.topic},
        )
