"""The trail: only added to, and every line vouches for all before it."""

import base64
import hashlib
import json
import stat
from argparse import Namespace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from asyncpg.exceptions import RaiseError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from backend import backup, settings
from backend.database import DB
from backend.staff import alarms, audit, commands, heads, nightly
from backend.staff.people import NotPossible
from backend.staff.tables import Alarm, AuditEntry, now
from backend.web import keyring, outbox
from tests.staff.conftest import long_ago


@pytest.fixture
async def trail(record: None, own_keys: Path) -> list[int]:
    await tamper("DELETE FROM audit_entry")
    for number in range(5):
        await audit.write("Ana", "changed", f"rule {number}", words="ñandú 🌊")
    return await AuditEntry.select(AuditEntry.id).order_by(AuditEntry.id).output(as_list=True)


async def tamper(statement: str) -> None:
    """What someone with full power over the database could do."""
    await AuditEntry.raw("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
    await AuditEntry.raw(statement)
    await AuditEntry.raw("ALTER TABLE audit_entry ENABLE TRIGGER ALL")


async def test_a_trail_that_nobody_touched_verifies(trail: list[int]) -> None:
    verdict = await audit.verify()
    assert (verdict.lines, verdict.broken) == (5, None)
    assert verdict.last is not None
    assert verdict.last[0] == trail[-1]


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'Ben'",
        "action = 'read'",
        "subject = 'rule 9'",
        "details = '[]'",
        "at = at + interval '1 microsecond'",
    ],
)
async def test_a_changed_line_is_named(trail: list[int], change: str) -> None:
    await tamper(f"UPDATE audit_entry SET {change} WHERE id = {trail[2]}")
    assert (await audit.verify()).broken == trail[2]


async def test_a_removed_line_is_noticed_at_the_one_after_it(trail: list[int]) -> None:
    await tamper(f"DELETE FROM audit_entry WHERE id = {trail[2]}")
    assert (await audit.verify()).broken == trail[3]


async def test_a_removed_beginning_is_noticed(trail: list[int]) -> None:
    await tamper(f"DELETE FROM audit_entry WHERE id = {trail[0]}")
    assert (await audit.verify()).broken == trail[1]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entry SET actor = 'Ben'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"],
)
async def test_the_database_itself_refuses_to_change_the_trail(
    trail: list[int], statement: str
) -> None:
    transaction = DB.current_transaction.get()
    assert transaction is not None
    savepoint = await transaction.savepoint()
    with pytest.raises(RaiseError, match="only added to"):
        await AuditEntry.raw(statement)
    await savepoint.rollback_to()


async def test_nobody_shortens_the_trail_by_a_setting(trail: list[int]) -> None:
    transaction = DB.current_transaction.get()
    assert transaction is not None
    savepoint = await transaction.savepoint()
    await AuditEntry.raw("SELECT set_config('confianza.retention', 'on', true)")
    with pytest.raises(RaiseError, match="only added to"):
        await AuditEntry.raw("DELETE FROM audit_entry")
    await savepoint.rollback_to()
    [gone] = await AuditEntry.raw("SELECT shorten_the_trail({}) AS lines", trail[-1])
    assert gone["lines"] == 0


async def test_retention_shortens_the_trail_and_the_rest_still_verifies(
    trail: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    await tamper("DELETE FROM audit_entry")
    await long_ago(monkeypatch, 400, lines=3)
    await long_ago(monkeypatch, 366, lines=2)
    await audit.write("Ana", "changed", "rule 6")
    noted = await newest_line()
    assert await audit.shorten(before=now() - timedelta(days=390)) == 3
    assert await audit.shorten(before=now()) == 2
    verdict = await audit.verify()
    assert (verdict.lines, verdict.broken) == (3, None)
    assert await audit.holds(*noted)


async def test_a_line_that_retention_removed_is_vouched_for(
    trail: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    await tamper("DELETE FROM audit_entry")
    await long_ago(monkeypatch, 400, lines=1)
    earlier = await newest_line()
    await long_ago(monkeypatch, 400, lines=1)
    last = await newest_line()
    await audit.shorten(before=now())
    assert await audit.holds(*last)
    assert await audit.holds(*earlier)
    assert not await audit.holds(last[0], "0" * 64)
    assert not await audit.holds(last[0] + 5, last[1])


@pytest.mark.parametrize(
    "details",
    [
        {"until": 10**9},
        {"until": 10**9, "hash": "0" * 64, "lines": 258},
        {"until": 2**31, "hash": "zz", "head": "1:2:3:4"},
    ],
)
async def test_258_lines_cut_out_are_not_covered_by_a_forged_shortening(
    trail: list[int], details: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """As somebody did who had the database's superuser, and no key."""
    for number in range(354):
        await audit.write("Ana", "changed", f"rule {number}")
    assert int(await AuditEntry.count()) == 359
    noted = "{}:{}".format(*await newest_line())
    ids = await AuditEntry.select(AuditEntry.id).order_by(AuditEntry.id).output(as_list=True)
    # They can compute every hash that needs no key.
    forged = hashlib.sha256(b"whatever").hexdigest()
    await tamper(f"DELETE FROM audit_entry WHERE id BETWEEN {ids[100]} AND {ids[357]}")
    [row] = await AuditEntry.raw(
        "INSERT INTO audit_entry (at, actor, action, subject, details, hash) VALUES"
        " (now(), 'the house itself', 'audit_shortened', '', {}, decode({}, 'hex')) RETURNING id",
        json.dumps(details),
        forged,
    )
    verdict = await audit.verify()
    assert (verdict.broken, verdict.forged) == (row["id"], True)
    for head in (None, noted, "{}:{}".format(trail[2], "0" * 64)):
        with pytest.raises(NotPossible, match=f"line {row['id']}"):
            await commands.verify(Namespace(head=head))


@pytest.mark.parametrize("place", ["after the end", "before the first line", "far before it"])
@pytest.mark.parametrize("how", ["without a key", "under the key's name"])
async def test_the_oldest_258_of_359_lines_are_not_covered_by_a_forged_shortening(
    trail: list[int], place: str, how: str
) -> None:
    """The attack: the line before the new beginning is vouched for, and every hash that needs no
    key is right."""
    for number in range(354):
        await audit.write("Ana", "changed", f"rule {number}")
    rows = await AuditEntry.select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id)
    assert len(rows) == 359
    cut, last = rows[257], rows[-1]
    noted = f"{last['id']}:{bytes(last['hash']).hex()}"
    details = {"lines": 258, "until": cut["id"], "hash": bytes(cut["hash"]).hex()}
    at = now()
    line = [at.isoformat(), "the house itself", "audit_shortened", "", details]
    text = json.dumps(line, sort_keys=True, ensure_ascii=False).encode()
    after_end = place == "after the end"
    before = bytes(last["hash"]) if after_end else b"\0" * 32
    await tamper(f"DELETE FROM audit_entry WHERE id <= {cut['id']}")
    await AuditEntry.raw(
        "INSERT INTO audit_entry (id, at, actor, action, subject, details, hash, key) VALUES"
        " ({}, {}, 'the house itself', 'audit_shortened', '', {}, {}, {})",
        {"after the end": last["id"] + 1, "before the first line": 0, "far before it": -5}[place],
        at,
        json.dumps(details),
        hashlib.sha256(before + text).digest(),
        keyring.newest("trail").id if how != "without a key" else None,
    )
    assert (await audit.verify()).broken is not None
    for head in (None, noted):
        with pytest.raises(NotPossible, match="line"):
            await commands.verify(Namespace(head=head))


async def test_a_signed_end_from_a_year_ago_shortens_nothing(
    trail: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends are public: somebody could put an old one into a line of their own."""
    await tamper("DELETE FROM audit_entry")
    await long_ago(monkeypatch, 400, lines=3)
    line, hash = await newest_line()
    public = heads.sign(line, bytes.fromhex(hash), now() - timedelta(days=399))
    for _number in range(3):
        await audit.write("Ana", "changed", "rule")
    await tamper(f"DELETE FROM audit_entry WHERE id <= {line}")
    details = {"lines": 3, "until": line, "hash": hash, "head": public.as_text()}
    [row] = await AuditEntry.raw(
        "INSERT INTO audit_entry (at, actor, action, subject, details, hash, key) VALUES"
        " (now(), 'the house itself', 'audit_shortened', '', {}, {}, {}) RETURNING id",
        json.dumps(details),
        b"0" * 32,
        keyring.newest("trail").id,
    )
    assert (await audit.verify()).broken == row["id"]


async def test_a_trail_made_anew_without_the_key_is_noticed(trail: list[int]) -> None:
    await tamper("DELETE FROM audit_entry")
    before = b"\0" * 32
    for number in range(5):
        at = now()
        line = [at.isoformat(), "Ana", "changed", f"rule {number}", {}]
        text = json.dumps(line, sort_keys=True, ensure_ascii=False)
        before = hashlib.sha256(before + text.encode()).digest()
        await AuditEntry(
            at=at, actor="Ana", action="changed", subject=f"rule {number}", details={}, hash=before
        ).save()
    assert (await audit.verify()).broken is not None


async def test_the_chain_of_an_older_house_goes_on_under_the_key(
    record: None, own_keys: Path
) -> None:
    await tamper("DELETE FROM audit_entry")
    before, ids = b"\0" * 32, []
    for number in range(3):
        at = now()
        line = [at.isoformat(), "Ana", "changed", f"rule {number}", {}]
        text = json.dumps(line, sort_keys=True, ensure_ascii=False)
        before = hashlib.sha256(before + text.encode()).digest()
        row = AuditEntry(
            at=at, actor="Ana", action="changed", subject=f"rule {number}", details={}, hash=before
        )
        await row.save()
        ids.append(row.id)
    await audit.write("Ana", "changed", "still without")
    assert (await audit.verify()).broken is None
    await nightly.check_audit({})
    assert await Alarm.all_standing() == []
    await audit.write("Ana", "changed", "under the key")
    keyed = await AuditEntry.select(AuditEntry.action).where(AuditEntry.key.is_not_null()).order_by(
        AuditEntry.id
    )  # fmt: skip
    assert [row["action"] for row in keyed] == ["audit_keyed", "changed"]
    assert (await audit.verify()).broken is None
    await tamper(f"UPDATE audit_entry SET subject = 'x' WHERE id = {ids[1]}")
    assert (await audit.verify()).broken == ids[1]


async def test_the_end_is_handed_out_signed(
    trail: list[int], client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.get("/audit-head")).status_code == 404
    await nightly.hand_out_head({})
    answer = await client.get("/audit-head")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert set(told) == {"id", "hash", "at", "signature"}
    assert (told["id"], told["hash"]) == await newest_line()
    # As OPERATING.md tells an outside watcher to, with nothing of ours but the public half.
    public = Ed25519PublicKey.from_public_bytes(unpadded(heads.public_halves()[0]))
    text = f"confianza audit head\n{told['id']}:{told['hash']}:{told['at']}"
    public.verify(unpadded(told["signature"]), text.encode())
    text = f"{told['id']}:{told['hash']}:{told['at']}:{told['signature']}"
    async with DB.transaction() as transaction:
        in_backup = await backup._audit_head(transaction.connection, {"public.audit_head": (1, "")})
    assert in_backup == text
    assert "each follows" in await commands.verify(Namespace(head=text))
    with pytest.raises(NotPossible, match="signature"):
        await commands.verify(Namespace(head=text[:-4] + "AAAA"))


async def test_the_night_notices_what_was_cut_off_since_the_night_before(
    trail: list[int], monkeypatch: pytest.MonkeyPatch, own_keys: Path
) -> None:
    monkeypatch.setenv("ADMIN_MAIL", "ana@example.org ben@example.org")
    await nightly.check_audit({})
    letters = await work_waiting("admin_mail")
    assert [each["number"] for each in letters] == [0, 1]
    assert f"{trail[-1]}:" in letters[0]["text"]
    monkeypatch.setattr(settings, "VAR", own_keys.parent)
    await alarms.mail_admin(letters[1])
    letter = outbox.open_letter(outbox.lying()[0][0].name)
    assert letter is not None
    assert letter.to == "ben@example.org"
    noted = own_keys.with_name("audit-head.json")
    assert stat.S_IMODE(noted.stat().st_mode) == 0o600
    await tamper(f"DELETE FROM audit_entry WHERE id = {trail[-1]}")
    assert (await audit.verify()).broken is None
    with pytest.raises(NotPossible, match=f"line {trail[-1]}"):
        await commands.verify(Namespace(head=None))
    await nightly.check_audit({})
    [alarm] = await Alarm.all_standing()
    assert f"Line {trail[-1]} of the audit trail" in alarms.in_words(alarm)
    # What was noted stays as evidence.
    assert heads.noted() is not None
    assert heads.noted().line == trail[-1]  # type: ignore[union-attr]


async def newest_line() -> tuple[int, str]:
    last = await audit.last_line()
    assert last is not None
    return last[0], last[1].hex()


async def work_waiting(job: str) -> list[dict[str, Any]]:
    rows = await AuditEntry.raw(
        "SELECT payload FROM pgqueuer WHERE entrypoint = {} ORDER BY id", job
    )
    return [json.loads(row["payload"]) for row in rows]


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
