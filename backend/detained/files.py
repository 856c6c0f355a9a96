"""Reading this room's YAML files: every mistake is named with its file and line."""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from backend.counties import gazetteer
from backend.policies.days import Day
from backend.policies.files import (
    Grade,
    Mistake,
    Name,
    Part,
    RecordError,
    Text,
    Words,
    at_its_line,
    read_file,
)

FOLDER = Path(__file__).parent / "data"
LINES, FACILITIES, FACTS = "lines.yaml", "facilities.yaml", "facts.yaml"

Phone = Annotated[str, msgspec.Meta(pattern=r"^[2-9]\d{2}-[2-9]\d{2}-\d{4}$")]
Web = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]+$", max_length=500)]
Cents = Annotated[int, msgspec.Meta(ge=0, le=999)]

SECTIONS = ("say", "keep", "sign", "door", "truth", "jail", "ice", "court", "consulate", "child",
            "bond", "lawyer", "notario", "family", "arrest", "unsure")  # fmt: skip


class CitedEntry(Part, forbid_unknown_fields=True, kw_only=True):
    """Where no exact page was seen, `title` and `url` are missing: who said it when is what is
    known."""

    publisher: Words
    grade: Grade
    read_on: Day
    title: str = ""
    url: Web | None = None
    published_on: Day | None = None


class CheckedEntry(Part, forbid_unknown_fields=True, kw_only=True):
    key: Name
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    sources: Annotated[list[str], msgspec.Meta(min_length=1)]
    confidence: Literal["low", "medium", "high"]
    checked_on: Day
    review_by: Day
    phone: Phone | None = None
    desk_note: str = ""


class LineEntry(CheckedEntry, forbid_unknown_fields=True, kw_only=True):
    counties: list[str] = msgspec.field(default_factory=list)
    statewide: Literal["yes", "no"] = "no"
    hours: Text | None = None
    about: Text | None = None
    languages: list[str] = msgspec.field(default_factory=list)
    texts: Literal["yes", "no"] = "no"


class PlaceEntry(CheckedEntry, forbid_unknown_fields=True, kw_only=True):
    county: str
    operator: Words
    status: Literal["open", "closed", "no_ice", "proposed"]
    city: str = ""
    address: str = ""
    beds: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    opened: Day | None = None
    ended: Day | None = None
    note: Text | None = None


class SentenceEntry(Part, forbid_unknown_fields=True, kw_only=True):
    id: Name
    section: str
    summary: Text
    sources: Annotated[list[str], msgspec.Meta(min_length=1)]
    counties: list[str] = msgspec.field(default_factory=list)
    phone: Phone | None = None
    link: Web | None = None
    checked_on: Day | None = None
    review_by: Day | None = None


class CostEntry(Part, forbid_unknown_fields=True, kw_only=True):
    """What a minute may cost at most, from a day on. `video` where the rule says it too."""

    id: Name
    what: Text
    cents: Cents
    from_: Day = msgspec.field(name="from")
    sources: Annotated[list[str], msgspec.Meta(min_length=1)]
    video: Cents | None = None
    counties: list[str] = msgspec.field(default_factory=list)


class LinesFile(Part, forbid_unknown_fields=True, kw_only=True):
    lines: list[LineEntry]
    sources: dict[str, CitedEntry]


class FacilitiesFile(Part, forbid_unknown_fields=True, kw_only=True):
    facilities: list[PlaceEntry]
    sources: dict[str, CitedEntry]


class FactsFile(Part, forbid_unknown_fields=True, kw_only=True):
    checked_on: Day
    review_by: Day
    sentences: list[SentenceEntry]
    costs: list[CostEntry]
    sources: dict[str, CitedEntry]


def read_lines(folder: Path = FOLDER) -> LinesFile:
    """Raises RecordError, as all of these do."""
    file = read_file(folder / LINES, LinesFile)
    _refuse(folder / LINES, _of_checked("lines", file.lines, file.sources))
    return file


def read_places(folder: Path = FOLDER) -> FacilitiesFile:
    file = read_file(folder / FACILITIES, FacilitiesFile)
    _refuse(folder / FACILITIES, _of_checked("facilities", file.facilities, file.sources))
    return file


def read_facts(folder: Path = FOLDER) -> FactsFile:
    file = read_file(folder / FACTS, FactsFile)
    _refuse(folder / FACTS, _of_facts(file))
    return file


def cited(names: Iterable[str], sources: Mapping[str, CitedEntry]) -> list[dict[str, Any]]:
    """Sources as tables and pages know them: days as they were written."""
    return [
        {
            "title": sources[name].title,
            "publisher": sources[name].publisher,
            "url": sources[name].url or "",
            "grade": sources[name].grade,
            "read_on": sources[name].read_on.written,
            "published_on": day.written if (day := sources[name].published_on) else None,
        }
        for name in names
    ]


def _refuse(path: Path, mistakes: Iterable[Mistake]) -> None:
    if found := [at_its_line(path, steps, sentence) for steps, sentence in mistakes]:
        raise RecordError(found)


def _of_checked(
    name: str, entries: Iterable[LineEntry | PlaceEntry], sources: dict[str, CitedEntry]
) -> Iterator[Mistake]:
    seen: set[str] = set()
    used: set[str] = set()
    for index, entry in enumerate(entries):
        here: list[str | int] = [name, index]
        if entry.key in seen:
            yield here, f"{entry.key!r} is there twice"
        seen.add(entry.key)
        used |= set(entry.sources)
        of = entry.counties if isinstance(entry, LineEntry) else [entry.county]
        yield from _of_counties(here, of)
        yield from _of_sources(here, entry.sources, sources)
        if isinstance(entry, LineEntry) and not entry.counties and entry.statewide == "no":
            yield here, "it serves no county"
        if isinstance(entry, LineEntry) and entry.texts == "yes" and not entry.phone:
            yield here, "it takes texts, but has no phone"
        if isinstance(entry, PlaceEntry) and (entry.ended is None) != (entry.status in _STANDING):
            yield here, "only what ended has `ended`"
        yield from _of_days(here, entry.checked_on, entry.review_by)
    yield from _unused(used, sources)


_STANDING = ("open", "proposed")


def _of_facts(file: FactsFile) -> Iterator[Mistake]:
    seen: set[str] = set()
    used: set[str] = set()
    yield from _of_days([], file.checked_on, file.review_by)
    for index, entry in enumerate(file.sentences):
        here: list[str | int] = ["sentences", index]
        if entry.id in seen:
            yield here, f"{entry.id!r} is there twice"
        seen.add(entry.id)
        if entry.section not in SECTIONS:
            yield [*here, "section"], f"there is no section {entry.section!r}"
        yield from _of_counties(here, entry.counties)
        yield from _of_days(
            here, entry.checked_on or file.checked_on, entry.review_by or file.review_by
        )
    for name, named in (
        ("sentences", [each.sources for each in file.sentences]),
        ("costs", [each.sources for each in file.costs]),
    ):
        for index, sources in enumerate(named):
            used |= set(sources)
            yield from _of_sources([name, index], sources, file.sources)
            if all(file.sources[each].grade == "C" for each in sources if each in file.sources):
                yield [name, index], "it needs a source better than grade C"
    yield from _unused(used, file.sources)


def _of_counties(here: list[str | int], slugs: Iterable[str]) -> Iterator[Mistake]:
    for slug in slugs:
        if gazetteer.county(slug) is None:
            yield here, f"no county is called {slug!r}"


def _of_sources(
    here: list[str | int], names: Iterable[str], sources: dict[str, CitedEntry]
) -> Iterator[Mistake]:
    for name in set(names) - sources.keys():
        yield [*here, "sources"], f"there is no source {name!r} in this file"


def _of_days(here: list[str | int], checked_on: Day, review_by: Day) -> Iterator[Mistake]:
    if not checked_on.exact or not review_by.exact:
        yield here, "checked_on and review_by need whole days, like 2026-11-24"
    elif review_by.first - checked_on.first < datetime.timedelta():
        yield here, "it is due for review before it was checked"


def _unused(used: set[str], sources: dict[str, CitedEntry]) -> Iterator[Mistake]:
    for name in sources.keys() - used:
        yield ["sources", name], f"nothing uses the source {name!r}"
