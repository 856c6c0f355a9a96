"""Votes and forums of the past that come with the house.

A hearing from `data/past.yaml` is put into the database once and belongs to the desk from then on:
a later load leaves it as it is, also one that was taken out. Its sources are those of the record.
"""

import datetime
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from backend.counties import gazetteer
from backend.database import DB, one_at_a_time
from backend.hearings import changes
from backend.hearings.entry import Entry, Said
from backend.hearings.kinds import Kind, Result, Status, Topic
from backend.hearings.tables import Hearing
from backend.policies import files
from backend.policies.days import Day
from backend.policies.files import Name, Part, RecordError, Text, at_its_line, read_file
from backend.web.clock import CALIFORNIA, today

FILE = Path(__file__).parent / "data" / "past.yaml"
# Under it every name in the file has one id for ever.
NAMESPACE = uuid.UUID("6a0c2f0e-6f0b-4a53-9a0d-0b7f6d3a1c55")


class PastEntry(Part, forbid_unknown_fields=True, kw_only=True):
    """`held: no` is for what an agenda announced and nobody we read told of. `sources` are names of
    the county's file in the record."""

    id: Name
    county: Name
    kind: Literal["hearing", "vote", "forum"]
    on: Day
    title: Text
    topics: Annotated[list[Topic], msgspec.Meta(min_length=1)]
    sources: Annotated[list[str], msgspec.Meta(min_length=1)]
    held: Literal["yes", "no"] = "yes"
    body: str = "Board of Supervisors"
    file_number: str = ""
    noticed_on: Day | None = None
    decides: Text | None = None
    outcome: Text | None = None
    figures: Text | None = None
    result: Result | None = None


class PastFile(Part, forbid_unknown_fields=True, kw_only=True):
    hearings: list[PastEntry]


def check(file: Path = FILE, record: Path = files.FOLDER) -> list[tuple[uuid.UUID, Entry]]:
    """Every hearing of the file by its id for ever. Raises RecordError with all mistakes; touches
    no database."""
    found = read_file(file, PastFile).hearings
    counties = frozenset(county.slug for county in gazetteer.counties())
    facts = files.read(record, counties)
    mistakes = []
    for place, past in enumerate(found):
        for sentence in _mistakes(past, facts):
            mistakes.append(at_its_line(file, ["hearings", place], f"{past.id}: {sentence}"))
    if len({past.id for past in found}) < len(found):
        mistakes.append(f"{file.name}:1: two hearings have the same id")
    if mistakes:
        raise RecordError(mistakes)
    return [(uuid.uuid5(NAMESPACE, past.id), _entry(past, facts[past.county])) for past in found]


async def load(file: Path = FILE) -> int:
    """Put those that are new into the database, all or nothing, and tell how many. Raises
    RecordError."""
    found = check(file)
    added = 0
    async with DB.transaction():
        # Two loads at once would both add the same; the second waits for the first.
        await one_at_a_time("past hearings")
        there = {row["uid"] for row in await Hearing.select(Hearing.uid)}
        for uid, entry in found:
            if uid not in there:
                await changes.start_with(entry, uid, FILE.name)
                added += 1
    return added


def _mistakes(past: PastEntry, facts: dict[str, files.RecordFile]) -> list[str]:
    wrong = []
    if past.county not in facts or past.county == "state":
        return [f"no county is called {past.county!r}"]
    if not past.on.exact or past.on.first >= today():
        wrong.append("give the day, one that has passed")
    if past.noticed_on and not past.noticed_on.exact:
        wrong.append("noticed_on: give the day")
    if past.held == "no" and (past.outcome or past.result or past.figures):
        wrong.append("nobody knows what came of what may not have been held")
    known = facts[past.county].sources
    for name in past.sources:
        if name not in known:
            wrong.append(f"the county's file has no source {name!r}")
    if all(known[name].grade == "C" for name in past.sources if name in known):
        wrong.append("a source of kind C alone is not enough")
    return wrong


def _entry(past: PastEntry, facts: files.RecordFile) -> Entry:
    return Entry(
        kind=Kind(past.kind),
        title=_said(past.title),
        starts_at=datetime.datetime.combine(past.on.first, datetime.time(12), CALIFORNIA),
        time_known=False,
        status=Status.HELD if past.held == "yes" else Status.SCHEDULED,
        county=past.county,
        body=past.body,
        file_number=past.file_number,
        topics=past.topics,
        decides=_said(past.decides),
        outcome=_said(past.outcome),
        figures=_said(past.figures),
        result=past.result,
        noticed_on=past.noticed_on.first if past.noticed_on else None,
        sources=[facts.sources[name] for name in past.sources],
    )


def _said(text: Any) -> Said:
    return Said(en=text.en, es=text.es) if text else Said()
