"""What the desk does with a place: correct it, look at it again, take it off, hand it back to its
source. A field that was written here is the desk's (`own`) until it is handed back."""

import datetime
import json
from typing import Any
from uuid import UUID, uuid4

from backend import database
from backend.database import DB, announce_change
from backend.enrollment import flags, search, storing
from backend.enrollment.places import KEPT_FOR, KINDS, Json, Place, id_of, plain
from backend.enrollment.storing import TOGETHER, TYPES
from backend.enrollment.tables import FIELDS, HelpOrganization, HelpPlace, HelpService, WrongFlag
from backend.staff import audit
from backend.staff.tables import Account, now
from backend.web.clock import today
from backend.web.errors import Refused
from backend.web.language import gettext as _

DESK = "desk"


async def change(place: Place, by: Account, seen: str, fields: Json) -> list[str]:
    """Write what differs. Returns the names of those fields. Raises Refused when somebody else
    changed the place since `seen`."""
    async with DB.transaction():
        await _lock(place.id, seen)
        changed = {
            name: value
            for name, value in fields.items()
            if name in FIELDS and plain(value) != place.value(name)
        }
        if changed:
            own = {*place.own, *(TOGETHER.get(name, name) for name in changed)}
            await _write(place.id, changed, sorted(own))
            await _tell(by, "place_changed", place, fields=sorted(changed))
    return sorted(changed)


async def check(place: Place, by: Account) -> None:
    """Looked at today, and it is as the card says; the next look is due in half a year."""
    fields = {"assured_date": today(), "review_by": today() + KEPT_FOR}
    async with DB.transaction():
        await _write(place.id, fields, sorted({*place.own, *fields}))
        await _tell(by, "place_checked", place)


async def hide(place: Place, by: Account, hidden: bool) -> None:
    async with DB.transaction():
        await HelpPlace.update(
            {HelpPlace.hidden_at: now() if hidden else None, HelpPlace.changed_at: now()}
        ).where(HelpPlace.id == place.id)
        await _tell(by, "place_hidden" if hidden else "place_shown", place)


async def hand_back(place: Place, by: Account) -> None:
    """Everything is again as its source says."""
    fields = {
        name: place.imported.get(name, storing.EMPTY.get(name, ""))
        for name in FIELDS
        if TOGETHER.get(name, name) in place.own
    }
    for name in storing.DAYS:
        if text := fields.get(name):
            fields[name] = datetime.date.fromisoformat(str(text))
    async with DB.transaction():
        await _write(place.id, fields, [])
        await _tell(by, "place_handed_back", place, fields=sorted(place.own))


async def add(by: Account, kind: str, name: str, organization: str) -> UUID:
    """A place that no list names. It is hidden until the desk shows it."""
    assert kind in KINDS
    key = str(uuid4())
    async with DB.transaction():
        of = id_of(DESK, organization.casefold()[:200], "organization")
        service = id_of(DESK, f"{kind}/{organization.casefold()[:180]}", "service")
        if not await HelpOrganization.exists().where(HelpOrganization.id == of):
            await HelpOrganization.insert(
                HelpOrganization(id=of, source=DESK, source_key=organization.casefold()[:200],
                                 name=organization)
            )  # fmt: skip
        if not await HelpService.exists().where(HelpService.id == service):
            await HelpService.insert(
                HelpService(id=service, organization=of, source=DESK, kind=kind,
                            source_key=f"{kind}/{organization.casefold()[:180]}",
                            name=KINDS[kind])
            )  # fmt: skip
        id = id_of(DESK, key)
        await HelpPlace.insert(
            HelpPlace(id=id, organization=of, service=service, source=DESK, source_key=key,
                      location_key=key, kind=kind, name=name, own=list(FIELDS), hidden_at=now())
        )  # fmt: skip
        await audit.write(by.name, "place_added", f"place {id}", name=name)
    return id


async def settle(flag: int, by: Account) -> UUID | None:
    """Somebody looked at what was said to be wrong. Returns its place; None when it was settled
    before."""
    async with DB.transaction():
        rows = await (
            WrongFlag.update({WrongFlag.settled_at: now(), WrongFlag.settled_by: by.id})
            .where(WrongFlag.id == flag, WrongFlag.settled_at.is_null())
            .returning(WrongFlag.place)
        )
        if not rows:
            return None
        await audit.write(by.name, "flag_settled", f"place {rows[0]['place']}")
    found: UUID = rows[0]["place"]
    return found


async def open_flags(limit: int = 100) -> list[dict[str, Any]]:
    """What people said is wrong, oldest first: `{id, place, name, what, words, made_at}`."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            """SELECT f.id, f.place, p.name, f.what, f.words, f.data_key, f.sealed, f.made_at
               FROM wrong_flag f JOIN help_place p ON p.id = f.place WHERE f.settled_at IS NULL
               ORDER BY f.made_at LIMIT $1""",
            limit,
        )
    kept = ("id", "place", "name", "what", "made_at")
    return [{**{it: row[it] for it in kept}, "words": flags.words_of(row)} for row in rows]


async def due(on: datetime.date, limit: int = 60) -> list[Place]:
    """Places nobody looked at in time, longest first; then those never looked at that people here
    keep (a list's own places are its publisher's to look at)."""
    return await search.fetch(f"{_DUE} ORDER BY p.review_by, p.county, p.name LIMIT $2", on,
                                 limit)  # fmt: skip


async def counts(on: datetime.date) -> dict[str, int]:
    """How many flags wait and how many places are due."""
    async with database.connection() as connection:
        return {
            "flags": await connection.fetchval(
                "SELECT count(*) FROM wrong_flag WHERE settled_at IS NULL"
            ),
            "due": await connection.fetchval(
                f"SELECT count(*) FROM help_place p WHERE {_DUE}",  # noqa: S608
                on,
            ),
        }


_DUE = f"""{search.SHOWN} AND (p.review_by < $1
    OR (p.review_by IS NULL AND p.source IN ('offices', 'desk', 'dhcs')))"""


async def _lock(id: UUID, seen: str) -> None:
    row = await HelpPlace.select(HelpPlace.changed_at).where(HelpPlace.id == id).lock_rows().first()
    if row is None or row["changed_at"].isoformat() != seen:
        raise Refused(
            _("Somebody changed this place while you wrote. Load the page again and look.")
        )


async def _write(id: UUID, fields: Json, own: list[str]) -> None:
    settings, values = [], []
    for number, (name, value) in enumerate(fields.items(), 4):
        kind = TYPES.get(name, "text")
        settings.append(f"{name} = ${number}::{kind}")
        values.append(json.dumps(value, ensure_ascii=False) if kind == "jsonb" else value)
    async with database.connection() as connection:
        await connection.execute(
            f"UPDATE help_place SET {', '.join(['own = $2', 'changed_at = $3', *settings])}"  # noqa: S608
            " WHERE id = $1",
            id,
            own,
            now(),
            *values,
        )


async def _tell(by: Account, action: str, place: Place, **details: Any) -> None:
    await audit.write(by.name, action, f"place {place.id}", name=place.name, **details)
    await announce_change()
