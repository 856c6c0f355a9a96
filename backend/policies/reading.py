"""The record as web processes hold it: read once, kept until the database says it changed."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

import asyncpg

from backend.counties import gazetteer
from backend.database import DB
from backend.policies.record import CountyRecord
from backend.policies.tables import Figure, Law, Practice, Rule
from backend.web import kept


class _Shelf:
    records: Mapping[str, CountyRecord] | None = None
    state: CountyRecord | None = None
    laws: tuple[Law, ...] | None = None
    changes = 0


_shelf = _Shelf()
# Set while this process hears of changes.
hearing = asyncio.Event()
_reading = asyncio.Lock()


async def county_record(slug: str) -> CountyRecord:
    """One county's record. Raises KeyError for a slug that is no county's."""
    return (await records())[slug]


async def records() -> Mapping[str, CountyRecord]:
    """All 58 records by slug, in alphabetical order: three queries when nothing is kept."""
    async with _reading:
        if _shelf.records is None:
            changes = _shelf.changes
            read, state = await _read_records()
            # Something may have changed while we read: then answer with this, but do not keep it.
            if changes != _shelf.changes:
                return read
            _shelf.records, _shelf.state = read, state
        return _shelf.records


async def state_record() -> CountyRecord:
    """What is known of all of California rather than of one county."""
    await records()
    state = _shelf.state
    return state if state is not None else (await _read_records())[1]


async def laws() -> tuple[Law, ...]:
    """The timeline, oldest first: one query when nothing is kept."""
    async with _reading:
        if _shelf.laws is None:
            changes = _shelf.changes
            read = tuple(
                await Law.objects()
                .where(Law.retired_at.is_null())
                .order_by(Law.happened_on, Law.slug)
                .output(load_json=True)
            )
            if changes != _shelf.changes:
                return read
            _shelf.laws = read
        return _shelf.laws


def forget() -> None:
    """Read the record anew at the next question, and every page made from it."""
    _shelf.records = _shelf.state = _shelf.laws = None
    _shelf.changes += 1
    kept.clear()


async def listen() -> None:
    """Forget whenever another process changes the record, for as long as this one lives."""
    while True:
        try:
            await _listen_once()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(5)


async def _listen_once() -> None:
    connection = await DB.get_new_connection()
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    try:
        await connection.add_listener("record_changed", lambda *_news: forget())
        # What was said while nobody listened is lost, so start from nothing.
        forget()
        hearing.set()
        await lost.wait()
    finally:
        hearing.clear()
        if not connection.is_closed():
            await connection.close()


async def _read_records() -> tuple[Mapping[str, CountyRecord], CountyRecord]:
    rules = await (
        Rule.objects(Rule.law, Rule.county)
        .where(Rule.retired_at.is_null())
        .order_by(Rule.in_force_from, Rule.key)
        .output(load_json=True)
    )
    for rule in rules:
        # Piccolo makes an empty row where there is none; None says it better.
        if rule.law is not None and rule.law.id is None:
            rule.law = None
    practice = await (
        Practice.objects(Practice.county)
        .where(Practice.retired_at.is_null())
        .order_by(Practice.from_text, Practice.key)
        .output(load_json=True)
    )
    figures = await (
        Figure.objects(Figure.county)
        .where(Figure.retired_at.is_null())
        .order_by(Figure.key)
        .output(load_json=True)
    )
    by_county = {
        county.slug: _record_of(county.slug, rules, practice, figures)
        for county in gazetteer.counties()
    }
    return MappingProxyType(by_county), _record_of("state", rules, practice, figures)


def _record_of(
    slug: str, rules: list[Rule], practice: list[Practice], figures: list[Figure]
) -> CountyRecord:
    def whose(fact: Rule | Practice | Figure) -> str:
        # A fact of the state has no county; Piccolo makes an empty one for it.
        return getattr(fact.county, "slug", None) or "state"

    return CountyRecord(
        rules=tuple(rule for rule in rules if whose(rule) in (slug, "state")),
        practice=tuple(report for report in practice if whose(report) == slug),
        figures=tuple(figure for figure in figures if whose(figure) == slug),
    )
