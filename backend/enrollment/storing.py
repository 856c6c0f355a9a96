"""Puts what a source says into the directory: all of it, or nothing.

The places are copied into a temporary table first, a thousand at a time, and compared there. What
the desk wrote (`own`) stays; `imported` keeps what the source says of it. A place that its source
names no more is marked (`vanished_on`), never deleted: links and history lead to it.
"""

import datetime
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from backend.enrollment.found import Found
from backend.enrollment.places import Json, id_of
from backend.enrollment.tables import FIELDS

AT_ONCE = 1000
MOST_SAMPLES = 20

TYPES = {
    "covers": "text[]",
    "languages": "text[]",
    "latitude": "double precision",
    "longitude": "double precision",
    "phones": "jsonb",
    "schedules": "jsonb",
    "accessibility": "jsonb",
    "documents": "jsonb",
    "about": "jsonb",
    "ask_for": "jsonb",
    "alert": "jsonb",
    "serves_everyone": "boolean",
    "assured_date": "date",
    "review_by": "date",
}
EMPTY: Json = {
    "covers": [],
    "languages": [],
    "phones": [],
    "schedules": [],
    "accessibility": [],
    "documents": [],
    "about": {},
    "ask_for": {},
    "alert": {},
    "serves_everyone": None,
    "assured_date": None,
    "review_by": None,
    "latitude": None,
    "longitude": None,
}
# A desk that moves a place moves it whole.
TOGETHER = {"latitude": "address", "longitude": "address", "point_of": "address"}
DAYS = ("assured_date", "review_by")

Said = Callable[[int], Awaitable[None]]


@dataclass
class Difference:
    """What storing changes: numbers, and the first 20 of each in words. A `changed` sample is
    `{name, fields: {field: [before, after]}}`."""

    new: int = 0
    changed: int = 0
    same: int = 0
    vanished: int = 0
    back: int = 0
    repeated: int = 0
    samples: dict[str, list[Json]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.vanished or self.back)


async def stage(connection: Any, found: Iterator[Found], source: str, said: Said) -> int:
    """Copy them into the temporary table `help_stage`. Returns how many they are."""
    await connection.execute("DROP TABLE IF EXISTS help_stage")
    await connection.execute(
        """CREATE TEMP TABLE help_stage (
               nr bigint, id uuid, key text, kind text, location_key text, location_type text,
               statewide boolean, organization uuid, organization_key text, organization_name text,
               organization_about text, organization_website text, service uuid, service_key text,
               service_name text, service_about text, eligibility text, fees text,
               source_url text, note text, imported jsonb) ON COMMIT DROP"""
    )
    number, chunk = 0, []
    for each in found:
        number += 1
        chunk.append(_row(number, each, source))
        if len(chunk) == AT_ONCE:
            await connection.copy_records_to_table("help_stage", records=chunk)
            chunk = []
            await said(number)
    await connection.copy_records_to_table("help_stage", records=chunk)
    await connection.execute("CREATE INDEX ON help_stage (id)")
    await connection.execute("ANALYZE help_stage")
    return number


async def repeated_keys(connection: Any) -> list[str]:
    """Keys that the source names twice."""
    rows = await connection.fetch(
        "SELECT key FROM help_stage GROUP BY key HAVING count(*) > 1 ORDER BY min(nr) LIMIT 50"
    )
    return [row["key"] for row in rows]


async def compare(connection: Any, source: str, kept: set[str]) -> Difference:
    """What storing the stage would change. `kept` are keys of places that the file holds, but
    wrong: they stay as they are."""
    counts = await connection.fetchrow(
        """SELECT count(*) FILTER (WHERE p.id IS NULL) AS new,
                  count(*) FILTER (WHERE p.id IS NOT NULL AND p.imported <> s.imported) AS changed,
                  count(*) FILTER (WHERE p.imported = s.imported) AS same,
                  count(*) FILTER (WHERE p.vanished_on IS NOT NULL) AS back
           FROM help_stage s LEFT JOIN help_place p ON p.id = s.id"""
    )
    vanished = await connection.fetchval(
        f"SELECT count(*) FROM help_place p WHERE {_GONE}",  # noqa: S608
        source,
        list(kept),
    )
    found = Difference(counts["new"], counts["changed"], counts["same"], vanished, counts["back"])
    if found:
        found.samples = await _samples(connection, source, kept)
    return found


async def store(connection: Any, source: str, kept: set[str], today: datetime.date) -> None:
    """Put the stage into the directory, within the open transaction."""
    await connection.execute(
        """INSERT INTO help_organization (id, source, source_key, name, description, website)
           SELECT DISTINCT ON (organization) organization, $1, organization_key,
                  organization_name, organization_about, organization_website
           FROM help_stage ORDER BY organization, nr
           ON CONFLICT (id) DO UPDATE SET name = excluded.name,
               description = excluded.description, website = excluded.website
           WHERE (help_organization.name, help_organization.description, help_organization.website)
               <> (excluded.name, excluded.description, excluded.website)""",
        source,
    )
    await connection.execute(
        """INSERT INTO help_service (id, organization, source, source_key, kind, name, description,
                                     eligibility, fees)
           SELECT DISTINCT ON (service) service, organization, $1, service_key, kind, service_name,
                  service_about, eligibility, fees
           FROM help_stage ORDER BY service, nr
           ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name,
               description = excluded.description, eligibility = excluded.eligibility,
               fees = excluded.fees, organization = excluded.organization
           WHERE (help_service.kind, help_service.name, help_service.description,
                  help_service.eligibility, help_service.fees, help_service.organization)
               <> (excluded.kind, excluded.name, excluded.description, excluded.eligibility,
                   excluded.fees, excluded.organization)""",
        source,
    )
    await connection.execute(_UPSERT, source)
    await connection.execute(
        f"UPDATE help_place p SET vanished_on = $3, changed_at = now() WHERE {_GONE}",  # noqa: S608
        source,
        list(kept),
        today,
    )


_GONE = """p.source = $1 AND p.vanished_on IS NULL AND p.source_key <> ALL($2)
           AND NOT EXISTS (SELECT 1 FROM help_stage s WHERE s.id = p.id)"""


def _value(name: str) -> str:
    """SQL for a field of what is staged, in its column's type."""
    kind = TYPES.get(name, "text")
    if kind == "text[]":
        listed = f"jsonb_array_elements_text(s.imported->'{name}') t"
        return f"(SELECT coalesce(array_agg(t), '{{}}') FROM {listed})"  # noqa: S608
    if kind == "jsonb":
        return f"s.imported->'{name}'"
    return f"(s.imported->>'{name}')::{kind}"


def _upsert() -> str:
    columns = ", ".join(FIELDS)
    values = ", ".join(f"{_value(name)} AS {name}" for name in FIELDS)
    kept = ",\n".join(
        f"{name} = CASE WHEN '{TOGETHER.get(name, name)}' = ANY(help_place.own) "
        f"THEN help_place.{name} ELSE excluded.{name} END"
        for name in FIELDS
    )
    return f"""INSERT INTO help_place (id, organization, service, source, source_key, location_key,
            kind, location_type, statewide, source_url, note, own, changed_at, imported, {columns})
        SELECT s.id, s.organization, s.service, $1, s.key, s.location_key, s.kind, s.location_type,
            s.statewide, s.source_url, s.note, '{{}}', now(), s.imported, {values}
        FROM help_stage s
        ON CONFLICT (id) DO UPDATE SET organization = excluded.organization,
            service = excluded.service, location_key = excluded.location_key, kind = excluded.kind,
            location_type = excluded.location_type, statewide = excluded.statewide,
            source_url = excluded.source_url, note = excluded.note, vanished_on = NULL,
            changed_at = now(), imported = excluded.imported, {kept}
        WHERE help_place.imported <> excluded.imported OR help_place.vanished_on IS NOT NULL
            OR (help_place.organization, help_place.service, help_place.kind, help_place.source_url,
                help_place.note)
            <> (excluded.organization, excluded.service, excluded.kind, excluded.source_url,
                excluded.note)"""  # noqa: S608


_UPSERT = _upsert()


def _row(number: int, found: Found, source: str) -> tuple[Any, ...]:
    organization, service = found.organization, found.service
    imported: Json = {name: found.fields.get(name, EMPTY.get(name, "")) for name in FIELDS}
    imported["name"] = found.name
    for name in DAYS:
        if imported[name] is not None:
            imported[name] = imported[name].isoformat()
    return (
        number,
        id_of(source, found.key),
        found.key,
        found.kind,
        found.location_key or found.key,
        found.location_type,
        found.statewide,
        id_of(source, organization[0], "organization"),
        organization[0][:200],
        organization[1],
        found.organization_about,
        found.organization_website,
        id_of(source, f"{found.kind}/{service[0]}", "service"),
        f"{found.kind}/{service[0]}"[:200],
        service[1],
        found.service_about,
        found.eligibility,
        found.fees,
        found.source_url,
        found.note,
        json.dumps(imported, ensure_ascii=False),
    )


async def _samples(connection: Any, source: str, kept: set[str]) -> dict[str, list[Json]]:
    new = await connection.fetch(
        """SELECT s.imported FROM help_stage s WHERE NOT EXISTS
               (SELECT 1 FROM help_place p WHERE p.id = s.id) ORDER BY s.nr LIMIT $1""",
        MOST_SAMPLES,
    )
    changed = await connection.fetch(
        """SELECT p.imported AS before, s.imported AS after, p.own FROM help_stage s
           JOIN help_place p ON p.id = s.id WHERE p.imported <> s.imported
           ORDER BY s.nr LIMIT $1""",
        MOST_SAMPLES,
    )
    vanished = await connection.fetch(
        f"SELECT p.name, p.city FROM help_place p WHERE {_GONE} ORDER BY p.name LIMIT $3",  # noqa: S608
        source,
        list(kept),
        MOST_SAMPLES,
    )
    back = await connection.fetch(
        """SELECT p.name, p.city FROM help_stage s JOIN help_place p ON p.id = s.id
           WHERE p.vanished_on IS NOT NULL ORDER BY s.nr LIMIT $1""",
        MOST_SAMPLES,
    )
    return {
        "new": [_named(row["imported"]) for row in new],
        "changed": [_changed(row["before"], row["after"], row["own"]) for row in changed],
        "vanished": [_named(row) for row in vanished],
        "back": [_named(row) for row in back],
    }


def _named(row: Any) -> Json:
    return {"name": ", ".join(filter(None, (row["name"], row["city"])))}


def _changed(before: Json, after: Json, own: list[str]) -> Json:
    """A field that the desk wrote says so: it stays as the desk wrote it."""
    fields = {
        name: [_said(before.get(name)), _said(after.get(name)), TOGETHER.get(name, name) in own]
        for name in FIELDS
        if before.get(name) != after.get(name)
    }
    return {**_named(after), "fields": fields}


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_said(each) for each in value)
    if isinstance(value, dict):
        return str(value.get("number") or value.get("en") or json.dumps(value))
    return "" if value is None else str(value)[:200]
