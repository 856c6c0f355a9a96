"""Rules engine: reading the guide's YAML files; every mistake is named with its file and line.

A file holds `sources` (as the record's files do) and `sentences`: each has words in English and
Spanish, its sources and days, and says for whom (`when`) and in which days (`from`, `until`) it
holds. `recheck: yes` when a person must look again before it may be shown as plain fact: then
"confirm with the helpline" stands beside it, and `ask` names the helpline.

`statuses` are immigration statuses by name, each under the path that it is told with: nobody is
asked for theirs. One with more than one side is one on which the sources disagree.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from backend.counties import gazetteer
from backend.enrollment.rules import QUESTIONS, Line, Sentence
from backend.policies.days import Day
from backend.policies.files import (
    FactEntry,
    Mistake,
    Name,
    Part,
    RecordError,
    SourceEntry,
    Text,
    Words,
    at_its_line,
    fingerprint,
    read_file,
)

FOLDER = Path(__file__).parent / "data"
GUIDE, SAFE = "guide.yaml", "guide_safe.yaml"

# Each file's sections, in the order they are shown.
SECTIONS = {
    GUIDE: (
        "child",
        "pregnant",
        "adult",
        "member",
        "income",
        "apply",
        "covered_california",
        "hospital",
        "county",
        "clinics",
        "changes",
    ),
    SAFE: ("reports", "ice", "weigh", "charge", "clinics", "timeline"),
}

Dollars = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class LineEntry(Part, forbid_unknown_fields=True, kw_only=True):
    phone: Annotated[str, msgspec.Meta(pattern=r"^\d{3}-\d{3}-\d{4}$")]
    name: Text
    source: Words


class WeeksEntry(Part, forbid_unknown_fields=True, kw_only=True):
    """Covered California's open enrollment: `until` is its last day."""

    from_: Day = msgspec.field(name="from")
    until: Day
    covers_from: Day
    source: Words


class IncomeEntry(Part, forbid_unknown_fields=True, kw_only=True):
    """The federal poverty line from a day on: dollars a year for one, and for each person more."""

    from_: Day = msgspec.field(name="from")
    first: Dollars
    each_more: Dollars
    source: Words


class SentenceEntry(FactEntry, forbid_unknown_fields=True, kw_only=True):
    id: Name
    section: str
    summary: Text
    path: Literal["counted", "other", ""] = ""
    settles: Annotated[dict[str, str], msgspec.Meta(max_length=1)] = msgspec.field(
        default_factory=dict
    )
    when: list[dict[str, Annotated[list[str], msgspec.Meta(min_length=1)]]] = msgspec.field(
        default_factory=list
    )
    from_: Day | None = msgspec.field(name="from", default=None)
    until: Day | None = None
    recheck: Literal["yes", "no"] = "no"
    ask: Literal["medi_cal", "covered_california", "legal"]


class SideEntry(Part, forbid_unknown_fields=True, kw_only=True):
    summary: Text
    sources: Annotated[list[Words], msgspec.Meta(min_length=1)]


class StatusEntry(Part, forbid_unknown_fields=True, kw_only=True):
    id: Name
    path: Literal["counted", "other"]
    name: Text
    sides: Annotated[list[SideEntry], msgspec.Meta(min_length=1)]
    checked_on: Day
    review_by: Day


class GuideFile(Part, forbid_unknown_fields=True, kw_only=True):
    sources: dict[str, SourceEntry]
    sentences: list[SentenceEntry]
    lines: dict[str, LineEntry] = msgspec.field(default_factory=dict)
    enrollment: list[WeeksEntry] = msgspec.field(default_factory=list)
    incomes: list[IncomeEntry] = msgspec.field(default_factory=list)
    statuses: list[StatusEntry] = msgspec.field(default_factory=list)


@dataclass(frozen=True)
class Weeks:
    """When anyone may sign up with Covered California."""

    first: datetime.date
    last: datetime.date
    covers_from: datetime.date
    source: dict[str, Any]

    def is_open(self, day: datetime.date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True)
class Income:
    """The federal poverty line."""

    begins: datetime.date
    first: int
    each_more: int
    source: dict[str, Any]

    @property
    def sources(self) -> list[dict[str, Any]]:
        return [self.source]

    def dollars(self, people: int, percent: int) -> int:
        """A year's income, to the dollar."""
        return round((self.first + (people - 1) * self.each_more) * percent / 100)


@dataclass(frozen=True)
class Side:
    """What some sources say of a status."""

    summary: dict[str, str]
    sources: list[dict[str, Any]]


@dataclass(frozen=True)
class Status:
    """An immigration status by name, and whether Medi-Cal counts it."""

    id: str
    path: str
    name: dict[str, str]
    sides: tuple[Side, ...]
    checked_on: datetime.date
    review_by: datetime.date

    @property
    def disputed(self) -> bool:
        return len(self.sides) > 1


@dataclass(frozen=True)
class Guide:
    """Everything the guide's pages say."""

    lines: dict[str, Line]
    weeks: tuple[Weeks, ...]
    incomes: tuple[Income, ...]
    sentences: tuple[Sentence, ...]
    safe: tuple[Sentence, ...]
    statuses: tuple[Status, ...]

    def weeks_on(self, day: datetime.date) -> Weeks | None:
        """The weeks under way or, else, the next ones we know of."""
        return next((each for each in self.weeks if day <= each.last), None)

    def income_on(self, day: datetime.date) -> Income:
        """The newest poverty line on that day, the oldest we know before all of them."""
        known = [each for each in self.incomes if each.begins <= day]
        return known[-1] if known else self.incomes[0]


@cache
def guide() -> Guide:
    return read()


def read(folder: Path = FOLDER) -> Guide:
    """Both files. Raises RecordError with all mistakes found."""
    found: list[str] = []
    files: dict[str, GuideFile] = {}
    for name in SECTIONS:
        try:
            files[name] = read_file(folder / name, GuideFile)
        except RecordError as error:
            found += error.mistakes
    lines = set(files[GUIDE].lines) if GUIDE in files else None
    for name, file in files.items():
        for steps, sentence in _mistakes(name, file, lines):
            found.append(at_its_line(folder / name, steps, sentence))
    if found:
        raise RecordError(found)
    return _put_together(files[GUIDE], files[SAFE])


def _mistakes(name: str, file: GuideFile, lines: set[str] | None) -> Iterator[Mistake]:
    seen: set[str] = set()
    used: set[str] = set()
    for index, entry in enumerate(file.sentences):
        here: list[str | int] = ["sentences", index]
        if entry.id in seen:
            yield here, f"{entry.id!r} is there twice"
        seen.add(entry.id)
        used |= set(entry.sources)
        if entry.section not in SECTIONS[name]:
            yield [*here, "section"], f"there is no section {entry.section!r}"
        if lines is not None and entry.ask not in lines:
            yield [*here, "ask"], f"there is no line {entry.ask!r} in {GUIDE}"
        yield from _mistakes_of_days(here, entry)
        yield from _mistakes_of_cases(here, entry)
        for source in set(entry.sources) - file.sources.keys():
            yield [*here, "sources"], f"there is no source {source!r} in this file"
    yield from _mistakes_of_statuses(file)
    for steps, source in _others(file):
        used.add(source)
        if source not in file.sources:
            yield steps, f"there is no source {source!r} in this file"
    if name == GUIDE and not file.incomes:
        yield ["sources"], "the guide needs the federal poverty line under `incomes`"
    for source in file.sources.keys() - used:
        yield ["sources", source], f"no sentence uses the source {source!r}"


def _others(file: GuideFile) -> Iterator[tuple[list[str | int], str]]:
    """Where sources are named besides in sentences."""
    for key, line in file.lines.items():
        yield ["lines", key, "source"], line.source
    for index, weeks in enumerate(file.enrollment):
        yield ["enrollment", index, "source"], weeks.source
    for index, income in enumerate(file.incomes):
        yield ["incomes", index, "source"], income.source
    for index, status in enumerate(file.statuses):
        for number, side in enumerate(status.sides):
            for source in side.sources:
                yield ["statuses", index, "sides", number, "sources"], source


def _mistakes_of_statuses(file: GuideFile) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, status in enumerate(file.statuses):
        if status.id in seen:
            yield ["statuses", index], f"the status {status.id!r} is there twice"
        seen.add(status.id)
        if not (status.checked_on.exact and status.review_by.exact):
            yield ["statuses", index], "checked_on and review_by need whole days, like 2026-11-24"
        grades = {
            file.sources[name].grade
            for side in status.sides
            for name in side.sources
            if name in file.sources
        }
        if grades == {"C"}:
            yield ["statuses", index], f"{status.id!r} stands on sources of grade C alone"


def _mistakes_of_days(here: list[str | int], entry: SentenceEntry) -> Iterator[Mistake]:
    days = {
        "checked_on": entry.checked_on,
        "review_by": entry.review_by,
        "from": entry.from_,
        "until": entry.until,
    }
    for field, day in days.items():
        if day is not None and not day.exact:
            yield [*here, field], f"{field} needs a whole day, like 2026-11-24"
    if entry.review_by.first < entry.checked_on.first:
        yield [*here, "review_by"], "it is due for review before it was checked"
    if entry.from_ and entry.until and entry.until.first < entry.from_.first:
        yield [*here, "until"], f"it ends ({entry.until.written}) before it starts"


def _mistakes_of_cases(here: list[str | int], entry: SentenceEntry) -> Iterator[Mistake]:
    for index, case in enumerate(entry.when):
        for question, values in case.items():
            where = [*here, "when", index, question]
            if question == "county":
                allowed = tuple(county.slug for county in gazetteer.counties())
            elif question in QUESTIONS:
                allowed = QUESTIONS[question]
            else:
                yield where, f"the guide does not ask {question!r}"
                continue
            for value in values:
                if value not in allowed:
                    yield where, f"{value!r} is no answer to {question!r}"


def _put_together(main: GuideFile, safe: GuideFile) -> Guide:
    sources = {name: _source(entry) for name, entry in main.sources.items()}
    lines = {
        key: Line(entry.phone, _text(entry.name), sources[entry.source])
        for key, entry in main.lines.items()
    }
    return Guide(
        lines=lines,
        weeks=tuple(
            Weeks(each.from_.first, each.until.first, each.covers_from.first, sources[each.source])
            for each in sorted(main.enrollment, key=lambda each: each.from_.first)
        ),
        incomes=tuple(
            Income(each.from_.first, each.first, each.each_more, sources[each.source])
            for each in sorted(main.incomes, key=lambda each: each.from_.first)
        ),
        sentences=tuple(_sentence(entry, main, lines) for entry in main.sentences),
        safe=tuple(_sentence(entry, safe, lines) for entry in safe.sentences),
        statuses=tuple(_status(entry, sources) for entry in main.statuses),
    )


def _status(entry: StatusEntry, sources: dict[str, dict[str, Any]]) -> Status:
    return Status(
        id=entry.id,
        path=entry.path,
        name=_text(entry.name),
        sides=tuple(
            Side(_text(side.summary), [sources[name] for name in side.sources])
            for side in entry.sides
        ),
        checked_on=entry.checked_on.first,
        review_by=entry.review_by.first,
    )


def _sentence(entry: SentenceEntry, file: GuideFile, lines: dict[str, Line]) -> Sentence:
    return Sentence(
        id=entry.id,
        section=entry.section,
        path=entry.path,
        settles=next(iter(entry.settles.items()), None),
        begins=entry.from_.first if entry.from_ else None,
        ends=entry.until.first if entry.until else None,
        when=tuple({key: tuple(values) for key, values in case.items()} for case in entry.when),
        summary=_text(entry.summary),
        sources=[_source(file.sources[name]) for name in entry.sources],
        checked_on=entry.checked_on.first,
        review_by=entry.review_by.first,
        recheck=entry.recheck == "yes",
        ask=lines[entry.ask],
        reviewed=entry.reviewed is not None and entry.reviewed.of == fingerprint(entry),
    )


def _text(text: Text) -> dict[str, str]:
    return {"en": text.en, "es": text.es}


def _source(entry: SourceEntry) -> dict[str, Any]:
    """A source as the record's pages know it: days as they were written."""
    return {
        "title": entry.title,
        "publisher": entry.publisher,
        "url": entry.url,
        "grade": entry.grade,
        "read_on": entry.read_on.written,
        "published_on": entry.published_on.written if entry.published_on else None,
    }
