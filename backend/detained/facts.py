"""What the pages say besides numbers to call: sentences and prices, dated and with sources."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from backend.detained import files

Json = dict[str, Any]


@dataclass(frozen=True)
class Sentence:
    """One thing to know. With `counties` (slugs) it is for those only."""

    id: str
    section: str
    summary: dict[str, str]
    sources: list[Json]
    counties: tuple[str, ...]
    phone: str
    link: str
    checked_on: datetime.date
    review_by: datetime.date

    def holds_in(self, slug: str | None) -> bool:
        return not self.counties or slug in self.counties

    def due_for_review(self, today: datetime.date) -> bool:
        return self.review_by < today

    def confirmed(self) -> bool:
        return any(source["grade"] != "C" for source in self.sources)


@dataclass(frozen=True)
class Cost:
    """Cents a minute at most; 0 is free. `since` is a day as well as it is known."""

    id: str
    what: dict[str, str]
    cents: int
    video: int | None
    since: str
    sources: list[Json]
    counties: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    sentences: tuple[Sentence, ...]
    costs: tuple[Cost, ...]

    def of(self, *sections: str, slug: str | None = None) -> list[Sentence]:
        """What is said under these headings: with a county also what is only so there, first."""
        found = [
            each for each in self.sentences if each.section in sections and each.holds_in(slug)
        ]
        return sorted(found, key=lambda each: (sections.index(each.section), not each.counties))

    def everywhere(self, *sections: str) -> list[Sentence]:
        """The same with every county's."""
        return [each for each in self.sentences if each.section in sections]


@cache
def facts() -> Facts:
    return read()


def read(folder: Path = files.FOLDER) -> Facts:
    """Raises RecordError with all mistakes found."""
    file = files.read_facts(folder)
    return Facts(
        sentences=tuple(
            Sentence(
                id=each.id,
                section=each.section,
                summary={"en": each.summary.en, "es": each.summary.es},
                sources=files.cited(each.sources, file.sources),
                counties=tuple(each.counties),
                phone=each.phone or "",
                link=each.link or "",
                checked_on=(each.checked_on or file.checked_on).first,
                review_by=(each.review_by or file.review_by).last,
            )
            for each in file.sentences
        ),
        costs=tuple(
            Cost(
                id=each.id,
                what={"en": each.what.en, "es": each.what.es},
                cents=each.cents,
                video=each.video,
                since=each.from_.written,
                sources=files.cited(each.sources, file.sources),
                counties=tuple(each.counties),
            )
            for each in file.costs
        ),
    )


def checked_on(sentences: Iterable[Sentence]) -> datetime.date:
    """The day since which all of these were looked at."""
    return min(each.checked_on for each in sentences)
