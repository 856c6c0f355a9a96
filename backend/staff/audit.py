"""Audit log: the trail of what staff did, only ever added to; every line vouches for all before it.

`hash` of a line is HMAC-SHA-256, under a key that is not in the database, of the hash before it
and the line's columns as JSON. A changed, removed or slipped-in line breaks the chain from there
on, and nobody who only has the database can mend it. Lines cut off at the end leave a sound chain:
against that the end is signed and handed out (see `heads`).

The first lines of older houses are plain SHA-256. A line KEYED follows them: from there on the
chain is under the key, and so vouches for what was before. Retention removes what is older than a
year; its line SHORTENED is signed and says where the chain now begins.
"""

import datetime
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from backend.database import DB, one_at_a_time
from backend.staff import heads
from backend.staff.heads import Head
from backend.staff.tables import LARGEST_ID, AuditEntry, now
from backend.web import keyring

# Each line needs the hash of the one before: whoever writes one waits for who wrote the last.
TRAIL = "audit"
BEGINNING = b"\0" * 32
SHORTENED = "audit_shortened"
KEYED = "audit_keyed"
NOBODY = "nobody"
HOUSE = "the house itself"
PURPOSE = "trail"
YEAR = datetime.timedelta(days=365)


async def write(actor: str, action: str, subject: str = "", **details: Any) -> None:
    """Add a line, within the transaction that makes the change it tells of. `actor` is a staff
    name, NOBODY or HOUSE. Nothing of a supporter belongs here: no contact, no name."""
    if DB.current_transaction.get() is None:
        async with DB.transaction():
            await _append(actor, action, subject, details)
    else:
        await _append(actor, action, subject, details)


async def _append(actor: str, action: str, subject: str, details: dict[str, Any]) -> None:
    await one_at_a_time(TRAIL)
    last = await _last()
    before = bytes(last["hash"]) if last else BEGINNING
    # Programs of before the key may still write beside us, so a night passes before it begins.
    plain = last is not None and last["key"] is None and action != KEYED
    key = None if plain else keyring.newest(PURPOSE).id
    line = (now(), actor[:60], action, subject[:160], details)
    await AuditEntry(
        at=line[0],
        actor=line[1],
        action=action,
        subject=line[3],
        details=details,
        hash=_hash(before, key, *line),
        key=key,
    ).save()


async def begin_key() -> bool:
    """Put the chain under the key from here on. False when it is, or when there is no line yet."""
    async with DB.transaction():
        await one_at_a_time(TRAIL)
        last = await _last()
        if last is None or last["key"] is not None:
            return False
        head = heads.sign(last["id"], bytes(last["hash"]))
        await _append(HOUSE, KEYED, "", {"head": head.as_text()})
    return True


@dataclass(frozen=True)
class Verdict:
    """`broken` is the id of the first line that does not follow from the one before it, or None;
    `forged` whether that line says that others were removed and has no right to. `last` is the id
    and hash (hex) of the newest line that was read."""

    lines: int
    broken: int | None
    last: tuple[int, str] | None
    forged: bool = False


async def verify() -> Verdict:
    """Follow the whole chain, a thousand lines at a time."""
    first_keyed = await _first_keyed()
    shortenings = await _shortenings(first_keyed)
    for each in shortenings:
        if not each.sound:
            return Verdict(0, each.id, None, forged=True)
    lines, before, last = 0, None, None
    while page := await _thousand_after(last):
        for row in page:
            if before is None:
                before = _start(row["id"], shortenings)
            if not _follows(row, before, first_keyed):
                return Verdict(lines, row["id"], last)
            before, lines = bytes(row["hash"]), lines + 1
            last = (row["id"], before.hex())
    if last and first_keyed is None and any(key.purpose == PURPOSE for key in keyring.every()):
        # The key was used once: a chain without it was made anew by somebody who does not have it.
        return Verdict(0, last[0], last)
    return Verdict(lines, None, last)


async def _thousand_after(last: tuple[int, str] | None) -> list[dict[str, Any]]:
    # From the very first: one with a number below 1 is read too, and cannot vouch unread.
    rows = AuditEntry.select().order_by(AuditEntry.id).limit(1000)
    found: list[dict[str, Any]] = await (
        rows if last is None else rows.where(AuditEntry.id > last[0])
    )
    return found


async def holds(id: int, hash: str) -> bool:
    """Whether the line that was noted outside the database is still there. One that retention
    removed since is vouched for by the shortening that names it, or that names a later line under
    our own signature. Ask `verify` as well: it is what finds a forged shortening."""
    if not 0 < id <= LARGEST_ID:
        return False
    line = await AuditEntry.select(AuditEntry.hash).where(AuditEntry.id == id).first()
    if line is not None:
        return bytes(line["hash"]).hex() == hash
    return any(
        each.sound and ((each.until > id and each.signed) or (each.until, each.hash) == (id, hash))
        for each in await _shortenings(await _first_keyed())
    )


async def stands(noted: Head) -> bool:
    """Whether a head that was handed out is ours and its line still there."""
    return heads.is_ours(noted) and await holds(noted.line, noted.hash)


async def last_line() -> tuple[int, bytes] | None:
    """Id and hash of the newest."""
    last = await _last()
    return (last["id"], bytes(last["hash"])) if last else None


async def shorten(before: datetime.datetime) -> int:
    """Remove lines older than that, which must be a year ago; a signed line of their own says so
    and vouches for where the chain now begins. Returns how many went."""
    async with DB.transaction():
        await one_at_a_time(TRAIL)
        newest = await (
            AuditEntry.select(AuditEntry.id, AuditEntry.hash, AuditEntry.at)
            .where(AuditEntry.at < before, AuditEntry.at < now() - YEAR)
            .order_by(AuditEntry.id, ascending=False)
            .first()
        )
        if newest is None:
            return 0
        lines = int(await AuditEntry.count().where(AuditEntry.id <= newest["id"]))
        head = heads.sign(newest["id"], bytes(newest["hash"]), newest["at"])
        details = {"lines": lines, "until": head.line, "hash": head.hash, "head": head.as_text()}
        await _append(HOUSE, SHORTENED, "", details)
        # The database refuses what is younger than a year, whoever asks.
        gone = await AuditEntry.raw("SELECT shorten_the_trail({}) AS lines", newest["id"])
        if gone[0]["lines"] != lines:
            raise RuntimeError("lines among the old ones are younger than a year")
    return lines


async def _last() -> dict[str, Any] | None:
    columns = (AuditEntry.id, AuditEntry.hash, AuditEntry.key)
    found: dict[str, Any] | None = await (
        AuditEntry.select(*columns).order_by(AuditEntry.id, ascending=False).first()
    )
    return found


async def _first_keyed() -> int | None:
    row = await (
        AuditEntry.select(AuditEntry.id)
        .where(AuditEntry.key.is_not_null())
        .order_by(AuditEntry.id)
        .first()
    )
    return row["id"] if row else None


@dataclass(frozen=True)
class _Shortening:
    """A line that says the trail began with another one. `sound` when it may be believed: it is
    signed, for lines that were a year old then, or is of before there was a key."""

    id: int
    until: int
    hash: str
    signed: bool
    sound: bool


async def _shortenings(first_keyed: int | None) -> list[_Shortening]:
    """Newest first."""
    rows = await (
        AuditEntry.select()
        .where(AuditEntry.action == SHORTENED)
        .order_by(AuditEntry.id, ascending=False)
    )
    return [_shortening(row, first_keyed) for row in rows]


def _shortening(row: dict[str, Any], first_keyed: int | None) -> _Shortening:
    told = row["details"] if isinstance(row["details"], dict) else {}
    until, hash = told.get("until"), told.get("hash")
    if type(until) is not int or not isinstance(hash, str):
        return _Shortening(row["id"], 0, "", signed=False, sound=False)
    head = Head.from_text(str(told.get("head", "")))
    signed = (
        head is not None
        and (head.line, head.hash) == (until, hash)
        and heads.is_ours(head)
        and head.at <= row["at"] - YEAR
    )
    older = row["key"] is None and (first_keyed is None or row["id"] < first_keyed)
    return _Shortening(row["id"], until, hash, signed, signed or (older and "head" not in told))


def _start(first: int, shortenings: list[_Shortening]) -> bytes:
    """The hash that the oldest line must follow: nothing, or what a shortening vouches for."""
    for each in shortenings:
        if each.until < first:
            return bytes.fromhex(each.hash)
    return BEGINNING


def _follows(row: dict[str, Any], before: bytes, first_keyed: int | None) -> bool:
    if row["key"] is None and first_keyed is not None and row["id"] > first_keyed:
        return False
    columns = (row["at"], row["actor"], row["action"], row["subject"], row["details"])
    try:
        right = _hash(before, row["key"], *columns)
    except keyring.NoKey:
        return False  # whoever forged the line could name any key
    return hmac.compare_digest(bytes(row["hash"]), right)


def _hash(
    before: bytes,
    key: str | None,
    at: datetime.datetime,
    actor: str,
    action: str,
    subject: str,
    details: dict[str, Any],
) -> bytes:
    line = [at.astimezone(datetime.UTC).isoformat(), actor, action, subject, details]
    text = before + json.dumps(line, sort_keys=True, ensure_ascii=False).encode()
    if key is None:
        return hashlib.sha256(text).digest()
    return hmac.digest(keyring.named(PURPOSE, key).secret, text, hashlib.sha256)
