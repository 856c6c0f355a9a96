"""Whom to call: nothing here is legal advice, so every page on the law names someone who helps."""

import csv
from dataclasses import dataclass
from functools import cache

from backend.policies.files import FOLDER


@dataclass(frozen=True)
class HelpLine:
    """A line that people can call. `counties` are slugs; none means the whole state."""

    phone: str
    name: str
    counties: tuple[str, ...]
    hours: dict[str, str]
    source_title: str
    source_url: str
    checked_on: str


def lines_for(slug: str | None = None) -> list[HelpLine]:
    """The county's own lines first, then the ones for all of California."""
    own = [line for line in _lines() if slug in line.counties]
    return own + [line for line in _lines() if not line.counties]


@cache
def _lines() -> tuple[HelpLine, ...]:
    with (FOLDER / "help_lines.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            HelpLine(
                phone=row["phone"],
                name=row["name"],
                counties=tuple(row["counties"].split()),
                hours={"en": row["hours_en"], "es": row["hours_es"]},
                source_title=row["source_title"],
                source_url=row["source_url"],
                checked_on=row["checked_on"],
            )
            for row in csv.DictReader(file)
        )
