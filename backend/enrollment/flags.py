"""People say that a card is wrong. We ask for no name; what they write may hold one all the same,
or tell what happened to them, and is sealed. The desk looks."""

import datetime
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog

from backend import database
from backend.enrollment.tables import WrongFlag
from backend.web import keyring
from backend.web.language import gettext as _
from backend.web.language import later
from backend.web.sealing import CannotOpen, DataKey

log = structlog.get_logger()

MOST_WORDS = 300
# How long a flag is kept, settled or not.
KEPT = datetime.timedelta(days=30)
TABLE = "wrong_flag"
REASONS = {
    "phone": later("The phone number does not work"),
    "closed": later("It is closed or moved"),
    "hours": later("The hours are wrong"),
    "language": later("Nobody speaks that language"),
    "cost": later("They asked me for money"),
    "other": later("Something else"),
}


def reasons() -> dict[str, str]:
    return {reason: _(words) for reason, words in REASONS.items()}


def mistakes_in(what: str, words: str) -> dict[str, str]:
    if what not in REASONS:
        return {"what": _("Choose what is wrong.")}
    if len(words) > MOST_WORDS:
        return {"words": _("This is too long: %(count)d letters are the most.")
                % {"count": MOST_WORDS}}  # fmt: skip
    return {}


async def flag(place: UUID, what: str, words: str) -> None:
    tidy = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    async with database.connection() as connection:
        id = await connection.fetchval(
            "SELECT nextval(pg_get_serial_sequence('wrong_flag', 'id'))::int"
        )
        await WrongFlag.insert(WrongFlag(id=id, place=place, what=what, **_sealed(id, tidy)))


def words_of(row: Mapping[str, Any]) -> str:
    """What somebody wrote; nothing where its key is gone."""
    if not row["sealed"]:
        return str(row["words"])
    try:
        return DataKey.unwrap(row["data_key"], TABLE, row["id"]).open("sealed", row["sealed"])
    except (CannotOpen, keyring.NoKey):
        log.error("what somebody said is wrong cannot be opened", row=row["id"])
        return ""


async def remove_old(before: datetime.datetime) -> int:
    """Retention: what was said before then. What an earlier release left open is sealed. Returns
    how many went."""
    gone = await WrongFlag.delete().where(WrongFlag.made_at < before).returning(WrongFlag.id)
    for row in await WrongFlag.select(WrongFlag.id, WrongFlag.words).where(WrongFlag.words != ""):
        columns: dict[Any, Any] = {**_sealed(row["id"], row["words"]), "words": ""}
        await WrongFlag.update(columns).where(WrongFlag.id == row["id"])
    return len(gone)


def _sealed(id: int, words: str) -> dict[str, Any]:
    if not words:
        return {}
    key = DataKey.new(TABLE, id)
    return {"data_key": key.wrapped(), "sealed": key.seal("sealed", words)}
