"""Sources numbered in the order a page first uses them, and which translations are drafts."""

import datetime
from collections.abc import Iterable
from typing import Any

from backend.policies.record import CountyRecord


class Citations:
    """Numbers for one page: the same source gets the same number, and all stand at its end."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self.sources: list[dict[str, Any]] = []

    def numbers(self, fact: Any) -> list[int]:
        """The numbers of a fact's sources, from 1."""
        return [self._number(source) for source in fact.sources]

    def _number(self, source: dict[str, Any]) -> int:
        known_as = (source["url"], source["title"])
        if known_as not in self._numbers:
            self.sources.append(source)
            self._numbers[known_as] = len(self.sources)
        return self._numbers[known_as]


def drafts_among(record: CountyRecord, on: datetime.date) -> bool:
    """Whether any Spanish on the county's page has not been read by a person yet."""
    shown: Iterable[Any] = (
        *(rule for rule in record.rules if rule.in_force_on(on)),
        *record.practice,
        *record.figures,
    )
    return any(not fact.reviewed for fact in shown)
