"""What the desk does with a line or a place: confirm, change, add, retire it. Each verb leaves a
row of history and a line in the audit trail; what was written here no load changes."""

import datetime
import json
from typing import Any
from uuid import uuid4

from backend.database import DB, announce_change
from backend.detained.loading import Kept
from backend.detained.tables import CheckedChange, DetentionPlace
from backend.policies import queries
from backend.policies.tables import LATELY, HelpLine
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account, now
from backend.web.clock import today
from backend.web.errors import Refused
from backend.web.language import gettext as _

Fields = dict[Any, Any]
Row = HelpLine | DetentionPlace

KINDS: dict[str, Kept] = {"lines": HelpLine, "places": DetentionPlace}
LINE = ("name", "phone", "counties", "statewide", "hours", "about", "languages", "texts")
PLACE = ("name", "phone", "operator", "address", "city", "county", "beds", "status", "opened",
         "ended", "note")  # fmt: skip
BOTH = ("sources", "confidence", "desk_note")
TEXTS = ("hours", "about", "note", "sources")


async def all_of(kind: str) -> list[Row]:
    """Every line or place, also what nobody sees, by name."""
    table = KINDS[kind]
    found: Any = await table.objects().order_by(table.name)
    return list(found)


async def one(kind: str, id: int) -> Row | None:
    table = KINDS.get(kind)
    if table is None or not 0 < id <= LARGEST_ID:
        return None
    found: Any = await table.objects().where(table.id == id).first()
    return found if isinstance(found, HelpLine | DetentionPlace) else None


async def history(row: Row, limit: int = 50) -> list[CheckedChange]:
    """What was done with it here, newest first."""
    found: list[CheckedChange] = await (
        CheckedChange.objects()
        .where(CheckedChange.subject == subject(row))
        .order_by(CheckedChange.id, ascending=False)
        .limit(limit)
    )
    return found


async def counts(on: datetime.date) -> dict[str, int]:
    """How many of what people see are due for a check, how many wait to be confirmed, and how many
    numbers are wrong."""
    rows = [row for kind in KINDS for row in await all_of(kind)]
    return {
        "due": sum(is_due(row, on) for row in rows),
        "waiting": sum(waits(row) for row in rows),
        "wrong": sum(is_wrong(row) for row in rows),
    }


def is_due(row: Row, on: datetime.date) -> bool:
    """What ended does not change any more, so it is not looked at again."""
    ended = isinstance(row, DetentionPlace) and row.status != "open"
    return (
        row.shown
        and not ended
        and (row.stale_on(on) or (row.review_by is not None and row.review_by < on))
    )


def waits(row: Row) -> bool:
    return row.retired_at is None and not row.shown and not is_wrong(row)


def is_wrong(row: Row) -> bool:
    """Whether somebody called and it was not the right number."""
    return isinstance(row, HelpLine) and row.retired_at is None and bool(row.wrong)


async def add(kind: str, by: Account, fields: Fields) -> Row:
    """A new one: nobody sees it before somebody confirms it."""
    table = KINDS[kind]
    row: Any = table(key=f"desk-{uuid4()}", desk_at=now(), **_columns(fields))
    async with DB.transaction():
        await row.save()
        await tell(row, by, "added", {}, fields)
    made: Row = row
    return made


async def change(row: Row, by: Account, seen: str, fields: Fields) -> list[str]:
    """Write what differs and return its names. Raises Refused when somebody else changed the row
    since `seen`. A new number waits for somebody to call it."""
    async with DB.transaction():
        await lock(row, seen)
        changed = {
            name: value
            for name, value in fields.items()
            if plain(value) != plain(getattr(row, name))
        }
        if changed:
            before = {name: getattr(row, name) for name in changed}
            columns = _columns(changed)
            if "phone" in changed:
                # Whoever wrote it read it somewhere today; calling it is another thing.
                columns |= {"confirmed_at": None, "checked_on": today(), "read": "copy"}
                if isinstance(row, HelpLine):
                    columns |= {"wrong": "", "missed_on": None}
            await write(row, columns)
            await tell(row, by, "changed", before, changed)
    return sorted(changed)


async def confirm(row: Row, by: Account) -> None:
    """Somebody called or looked today, and it is as it stands here."""
    day = today()
    fields: Fields = {"checked_on": day, "review_by": day + LATELY}
    if is_wrong(row):
        fields |= {"wrong": ""}
    async with DB.transaction():
        before = {name: getattr(row, name) for name in fields}
        await write(row, {**fields, "confirmed_at": now()})
        await tell(row, by, "confirmed", before, fields)


async def retire(row: Row, by: Account, retired: bool) -> None:
    """Take it off the pages, or put it back."""
    at = now() if retired else None
    async with DB.transaction():
        await write(row, {"retired_at": at})
        await tell(row, by, "retired" if retired else "back", {}, {})


def subject(row: Row) -> str:
    return f"{'line' if isinstance(row, HelpLine) else 'detention place'} {row.key}"


def plain(value: Any) -> Any:
    """As JSON holds it."""
    return json.loads(json.dumps(value, default=str))


async def lock(row: Row, seen: str) -> None:
    table = type(row)
    found = await table.select(table.changed_at).where(table.id == row.id).lock_rows().first()
    if found is None or found["changed_at"].isoformat() != seen:
        raise Refused(_("Somebody changed this while you wrote. Load the page again and look."))


async def write(row: Row, columns: Fields) -> None:
    """From here on no load changes the row."""
    table, moment = type(row), now()
    whole = {"desk_at": moment, **columns, "changed_at": moment}
    await table.update(whole, force=True).where(table.id == row.id)


def _columns(fields: Fields) -> Fields:
    return {
        name: json.dumps(value, ensure_ascii=False) if name in TEXTS else value
        for name, value in fields.items()
    }


async def tell(row: Row, by: Account, what: str, before: Fields, after: Fields) -> None:
    """To its history, the trail, and everybody who keeps what people see."""
    action = f"{'line' if isinstance(row, HelpLine) else 'detention'}_{what}"
    await CheckedChange.insert(
        CheckedChange(
            subject=subject(row),
            action=action,
            by=by.name,
            before=json.dumps(plain(before), ensure_ascii=False),
            after=json.dumps(plain(after), ensure_ascii=False),
        )
    )
    await audit.write(by.name, action, subject(row), name=row.name, fields=sorted(after))
    await announce_change()
    # This process need not wait for its own news.
    queries.forget()
