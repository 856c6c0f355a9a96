"""Segmentation: who hears of something, by what they chose, never by who they are."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from backend import database

# Up to here everybody is counted; above, a part of the pages of the table is looked at.
COUNTED = 50_000
LOOKED_AT = 20_000
# With fewer than these in the part, the part says too little.
ENOUGH = 100
LONGEST = timedelta(milliseconds=100)


@dataclass(frozen=True)
class Audience:
    """`counties` are ids: who chose one of them, or everywhere. None is news for the whole state:
    everybody. `topics`, `kinds` and `languages`: who chose one of these; empty is any. `reminder`
    is `day` or `hours`: who wants to be reminded then. `only` are ids of subscriptions, `warned` is
    a moment (ISO): who was warned just then that their alerts end."""

    counties: tuple[int, ...] | None = None
    topics: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    reminder: str | None = None
    only: tuple[int, ...] = ()
    warned: str | None = None

    def as_json(self) -> dict[str, Any]:
        # Of no county is nobody but who chose everywhere; of None, everybody.
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None and (value != () or name == "counties")
        }

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Audience":
        """From `as_json`."""
        values: dict[str, Any] = {
            name: tuple(it) if isinstance(it, list) else it for name, it in kept.items()
        }
        return cls(**values)

    def condition(self, first: int = 1) -> tuple[str, list[Any]]:
        """As SQL about a row of `subscription`, with places from `$first` on, and their values."""
        parts: list[str] = []
        values: list[Any] = []

        def add(words: str, value: Any) -> None:
            parts.append(words.format(f"${first + len(values)}"))
            values.append(value)

        if self.counties is not None:
            add("(everywhere OR counties && {}::int[])", list(self.counties))
        if self.topics:
            add("topics && {}::varchar[]", list(self.topics))
        if self.kinds:
            add("kinds && {}::varchar[]", list(self.kinds))
        if self.languages:
            add("language = ANY({}::varchar[])", list(self.languages))
        if self.only:
            add("id = ANY({}::bigint[])", list(self.only))
        if self.warned:
            add("warned_at = {}::timestamptz", datetime.fromisoformat(self.warned))
        if self.reminder:
            parts.append("remind_day" if self.reminder == "day" else "remind_hours")
        return " AND ".join(parts) or "true", values


@dataclass(frozen=True)
class Estimate:
    """How many devices; `exact` is false when that was worked out from a part of them."""

    devices: int
    exact: bool


async def estimate(audience: Audience) -> Estimate:
    """In a fraction of a second, however many there are."""
    where, values = audience.condition()
    async with database.connection() as connection:
        everybody = await connection.fetchval(SIZE)
        if everybody < COUNTED or audience.only:
            return Estimate(await connection.fetchval(COUNT + where, *values), True)
        share = min(100.0, 100.0 * LOOKED_AT / everybody)
        looked, matching = await connection.fetchrow(
            SAMPLE.format(where=where, share=f"{share:.4f}"), *values
        )
        if matching < ENOUGH:
            exactly = await _few(connection, where, values)
            if exactly is not None:
                return Estimate(exactly, True)
        return Estimate(round(matching / max(looked, 1) * everybody), False)


async def _few(connection: Any, where: str, values: list[Any]) -> int | None:
    """Exactly, when an index finds them soon enough."""
    try:
        async with connection.transaction():  # a savepoint
            milliseconds = round(LONGEST.total_seconds() * 1000)
            await connection.execute(f"SET LOCAL statement_timeout = {milliseconds}")
            found: int = await connection.fetchval(COUNT + where, *values)
            await connection.execute("SET LOCAL statement_timeout = DEFAULT")
            return found
    except asyncpg.QueryCanceledError:
        return None


COUNT = "SELECT count(*) FROM subscription WHERE "

# What the last look at the table found, and how much it has grown since, in pages.
SIZE = """
SELECT CASE WHEN reltuples < 0 OR relpages = 0 THEN 0
       ELSE (reltuples / relpages * (pg_relation_size(oid) / 8192))::bigint END
FROM pg_class WHERE oid = 'subscription'::regclass
"""

# The same part each time: a number that moves by itself is believed by nobody.
SAMPLE = """
SELECT count(*), count(*) FILTER (WHERE {where})
FROM subscription TABLESAMPLE SYSTEM ({share}) REPEATABLE (58)
"""
