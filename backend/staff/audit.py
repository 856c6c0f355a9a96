"""The trail of what staff did: only ever added to, and every line vouches for all before it.

`hash` of a line is SHA-256 of the hash before it and the line's columns as JSON. A changed, removed
or slipped-in line breaks the chain from there on. Lines cut off at the end leave a sound chain:
against that, `verify` tells the last line's number and hash, and the nightly run logs them outside
the database.
"""

import datetime
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from backend.database import DB
from backend.staff.tables import LARGEST_ID, AuditEntry, now

BEGINNING = b"\0" * 32
SHORTENED = "audit_shortened"
NOBODY = "nobody"
HOUSE = "the house itself"


async def write(actor: str, action: str, subject: str = "", **details: Any) -> None:
    """Add a line, within the transaction that makes the change it tells of. `actor` is a staff
    name, NOBODY or HOUSE. Nothing of a supporter belongs here: no contact, no name."""
    if DB.current_transaction.get() is None:
        async with DB.transaction():
            await _append(actor, action, subject, details)
    else:
        await _append(actor, action, subject, details)


async def _append(actor: str, action: str, subject: str, details: dict[str, Any]) -> None:
    # One line at a time: each needs the hash of the one before. Held until the change commits.
    await AuditEntry.raw("SELECT pg_advisory_xact_lock(hashtext('confianza audit'))")
    last = await AuditEntry.select(AuditEntry.hash).order_by(AuditEntry.id, ascending=False).first()
    at = now()
    before = bytes(last["hash"]) if last else BEGINNING
    line = (at, actor[:60], action, subject[:160], details)
    await AuditEntry(
        at=at,
        actor=line[1],
        action=action,
        subject=line[3],
        details=details,
        hash=_hash(before, *line),
    ).save()


@dataclass(frozen=True)
class Verdict:
    """`broken` is the id of the first line that does not follow from the one before it, or None;
    `last` the id and hash (hex) of the newest line."""

    lines: int
    broken: int | None
    last: tuple[int, str] | None


async def verify() -> Verdict:
    """Follow the whole chain, a thousand lines at a time."""
    lines, before, last = 0, None, None
    after = 0
    while (
        page := await AuditEntry.select()
        .where(AuditEntry.id > after)
        .order_by(AuditEntry.id)
        .limit(1000)
        .output(load_json=True)
    ):
        for row in page:
            if before is None:
                before = await _start(row["id"])
            columns = (row["at"], row["actor"], row["action"], row["subject"], row["details"])
            if bytes(row["hash"]) != _hash(before, *columns):
                return Verdict(lines, row["id"], last)
            before, lines = bytes(row["hash"]), lines + 1
            last = (row["id"], before.hex())
        after = page[-1]["id"]
    return Verdict(lines, None, last)


async def holds(id: int, hash: str) -> bool:
    """Whether the line that was noted outside the database is still there. A line that retention
    removed since is vouched for by the shortening that says so."""
    if id > LARGEST_ID:
        return False
    line = await AuditEntry.select(AuditEntry.hash).where(AuditEntry.id == id).first()
    if line is not None:
        return bytes(line["hash"]).hex() == hash
    told = await (
        AuditEntry.select(AuditEntry.details)
        .where(AuditEntry.action == SHORTENED)
        .order_by(AuditEntry.id)
        .output(load_json=True)
    )
    return any(row["details"]["until"] >= id for row in told)


async def shorten(before: datetime.datetime) -> int:
    """Remove lines older than that; a line of their own says so and vouches for where the chain
    now begins. Returns how many went."""
    async with DB.transaction():
        await AuditEntry.raw("SELECT pg_advisory_xact_lock(hashtext('confianza audit'))")
        newest = await (
            AuditEntry.select(AuditEntry.id, AuditEntry.hash)
            .where(AuditEntry.at < before)
            .order_by(AuditEntry.id, ascending=False)
            .first()
        )
        if newest is None:
            return 0
        old = AuditEntry.id <= newest["id"]
        lines = int(await AuditEntry.count().where(old))
        until = {"lines": lines, "until": newest["id"], "hash": bytes(newest["hash"]).hex()}
        await _append(HOUSE, SHORTENED, "", until)
        await AuditEntry.raw("SELECT set_config('confianza.retention', 'on', true)")
        await AuditEntry.delete().where(old)
        await AuditEntry.raw("SELECT set_config('confianza.retention', 'off', true)")
    return lines


async def _start(first: int) -> bytes:
    """The hash that the oldest line must follow: nothing, or what a shortening vouches for."""
    for row in (
        await AuditEntry.select(AuditEntry.details)
        .where(AuditEntry.action == SHORTENED)
        .order_by(AuditEntry.id, ascending=False)
        .output(load_json=True)
    ):
        if row["details"]["until"] < first:
            return bytes.fromhex(row["details"]["hash"])
    return BEGINNING


def _hash(
    before: bytes,
    at: datetime.datetime,
    actor: str,
    action: str,
    subject: str,
    details: dict[str, Any],
) -> bytes:
    line = [at.astimezone(datetime.UTC).isoformat(), actor, action, subject, details]
    text = json.dumps(line, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(before + text.encode()).digest()
