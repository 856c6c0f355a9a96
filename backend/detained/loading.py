"""Lines and places that start with the product.

A file's row is put into the database once and follows the file until somebody at the desk writes
or confirms it; from then on no load changes it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.database import DB, announce_change, one_at_a_time
from backend.detained import files
from backend.detained.facts import read as read_facts
from backend.detained.files import CheckedEntry, LineEntry, PlaceEntry
from backend.detained.tables import DetentionPlace
from backend.policies.days import Day
from backend.policies.files import Text
from backend.policies.tables import Checked, HelpLine
from backend.staff.tables import now

Kept = type[Checked]
Row = dict[Any, Any]


@dataclass
class Report:
    """How many lines and places a load added, changed and retired."""

    added: int = 0
    changed: int = 0
    retired: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.retired)

    def __str__(self) -> str:
        return f"{self.added} added, {self.changed} changed, {self.retired} retired."


def check(folder: Path = files.FOLDER) -> list[tuple[Kept, list[Row]]]:
    """Read all files and find every mistake. Raises RecordError; touches no database."""
    read_facts(folder)
    lines, places = files.read_lines(folder), files.read_places(folder)
    return [
        (HelpLine, [_line(each, files.cited(each.sources, lines.sources)) for each in lines.lines]),
        (
            DetentionPlace,
            [_place(each, files.cited(each.sources, places.sources)) for each in places.facilities],
        ),
    ]


async def load(folder: Path = files.FOLDER) -> Report:
    """Put what is new into the database, all or nothing. Raises RecordError."""
    found, report = check(folder), Report()
    async with DB.transaction():
        # Two loads at once would both add the same rows; the second waits for the first.
        await one_at_a_time("detained")
        for table, rows in found:
            await _load(table, rows, report)
        if report:
            await announce_change()
    return report


async def _load(table: Kept, rows: list[Row], report: Report) -> None:
    there = {row["key"]: row for row in await table.select()}
    for row in rows:
        before = there.pop(row["key"], None)
        if before is None:
            await table.insert(table(**row))
            report.added += 1
        elif not before["desk_at"] and (
            before["content_hash"] != row["content_hash"] or before["retired_at"]
        ):
            await table.update({**row, "retired_at": None, "changed_at": now()}, force=True).where(
                table.id == before["id"]
            )
            report.changed += 1
    for row in there.values():
        if not row["desk_at"] and not row["retired_at"]:
            await table.update({"retired_at": now(), "changed_at": now()}, force=True).where(
                table.id == row["id"]
            )
            report.retired += 1


def _line(entry: LineEntry, sources: list[Row]) -> Row:
    return _hashed(
        {
            **_checked(entry, sources),
            "counties": entry.counties,
            "statewide": entry.statewide == "yes",
            "hours": _text(entry.hours),
            "about": _text(entry.about),
            "languages": entry.languages,
            "texts": entry.texts == "yes",
        }
    )


def _place(entry: PlaceEntry, sources: list[Row]) -> Row:
    return _hashed(
        {
            **_checked(entry, sources),
            "operator": entry.operator,
            "address": entry.address,
            "city": entry.city,
            "county": entry.county,
            "beds": entry.beds,
            "status": entry.status,
            "opened": _written(entry.opened),
            "ended": _written(entry.ended),
            "note": _text(entry.note),
        }
    )


def _checked(entry: CheckedEntry, sources: list[Row]) -> Row:
    return {
        "key": entry.key,
        "name": entry.name,
        "phone": entry.phone or "",
        "sources": json.dumps(sources, ensure_ascii=False),
        "confidence": entry.confidence,
        "checked_on": entry.checked_on.first,
        "review_by": entry.review_by.last,
        "desk_note": entry.desk_note,
    }


def _hashed(row: Row) -> Row:
    said = json.dumps(row, sort_keys=True, default=str, ensure_ascii=False)
    return {**row, "content_hash": hashlib.sha256(said.encode()).hexdigest()}


def _text(text: Text | None) -> str:
    return json.dumps({"en": text.en, "es": text.es} if text else {}, ensure_ascii=False)


def _written(day: Day | None) -> str:
    return day.written if day else ""
