"""Staff and trail from the command line."""

import datetime
import os
import subprocess
import sys
from argparse import Namespace

import pytest

from backend.staff import audit, commands
from backend.staff.people import NotPossible
from backend.staff.tables import AuditEntry, Session
from tests.serving import HOUSE
from tests.staff.conftest import Join, account_of, last_lines, long_ago


async def say(work: str, name: str = "", *roles: str, head: str | None = None) -> str:
    """What the command prints."""
    said: str = await getattr(commands, work)(Namespace(name=name, role=list(roles), head=head))
    return said


def run(database_url: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "backend", *words],
        cwd=HOUSE,
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_fails_with_one_clear_sentence(database_url: str) -> None:
    done = run(database_url, "staff", "invite", "Nobody Known")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "python -m backend staff: there is nobody named “Nobody Known”; "
        "staff list shows who there is\n"
    )
    done = run(database_url, "staff", "add", "Ana", "--role", "boss")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "There is no role “boss”." in done.stderr


def test_the_trail_is_verified_by_command(database_url: str) -> None:
    done = run(database_url, "audit", "verify")
    assert done.returncode == 0, done.stderr
    assert "each follows from the one before" in done.stdout
    done = run(database_url, "audit", "verify", "--head", "1:zz")
    assert done.returncode == 1
    assert "64 hex digits" in done.stderr


async def test_an_account_is_opened_with_a_link(record: None) -> None:
    said = await say("add", "Ana  Núñez", "editor", "admin", "admin")
    assert "http://localhost:8000/desk/invitations#" in said
    assert "24 hours" in said
    assert (await account_of("ana núñez")).roles == ["admin", "editor"]
    lines = await last_lines(2)
    assert [line["action"] for line in lines] == ["invited", "account_opened"]
    assert {line["actor"] for line in lines} == {audit.HOUSE}
    assert said.split("/")[-1] not in str(lines)
    assert "Ana Núñez: admin, editor (0 passkeys)" in await say("show")


@pytest.mark.parametrize(
    ("name", "roles", "sentence"),
    [
        ("", ["admin"], "Write a name."),
        ("   ", ["admin"], "Write a name."),
        ("x" * 61, ["admin"], "60 letters are the most"),
        ("Ana\x07", ["admin"], "cannot be seen"),
        ("Ana\0", ["admin"], "cannot be seen"),
        ("Ana\u200b", ["admin"], "cannot be seen"),
        ("\udcff", ["admin"], "cannot be seen"),
        ("Ben", [], "at least one role"),
        ("Ben", ["admin", "boss"], "There is no role “boss”."),
        ("nobody", ["admin"], "already"),
        ("The House Itself", ["admin"], "already"),
        ("ANA", ["editor"], "already"),
        ("Ana", ["editor"], "already"),
    ],
)
async def test_what_cannot_be_is_told_in_a_sentence(
    record: None, name: str, roles: list[str], sentence: str
) -> None:
    await say("add", "Ana", "editor")
    with pytest.raises(NotPossible, match=sentence):
        await say("add", name, *roles)


@pytest.mark.parametrize("work", ["invite", "change_roles", "close", "reopen"])
@pytest.mark.parametrize("name", ["Ana", "x\0y", "\udcff", "x" * 10_000])
async def test_a_name_that_nobody_has_is_told(record: None, work: str, name: str) -> None:
    with pytest.raises(NotPossible, match="nobody named"):
        await say(work, name, "editor")


async def test_other_roles_end_all_sessions(join: Join) -> None:
    ana = await join("Ana", "editor")
    assert "just these roles" in await say("change_roles", "ana", "editor")
    assert (await ana.get("/desk")).status_code == 200
    await say("change_roles", "ana", "campaigner")
    assert (await ana.get("/desk")).status_code == 303
    assert (await last_lines())[0]["details"] == {"before": ["editor"], "after": ["campaigner"]}


async def test_a_closed_account_is_out_until_it_is_reopened(join: Join) -> None:
    ana = await join("Ana", "admin")
    await say("close", "Ana")
    assert not await Session.exists().where(Session.account == (await account_of("Ana")).id)
    for work, sentence in (("close", "closed already"), ("invite", "Reopen it first")):
        with pytest.raises(NotPossible, match=sentence):
            await say(work, "Ana")
    assert "closed)" in await say("show")
    await say("reopen", "Ana")
    with pytest.raises(NotPossible, match="is open"):
        await say("reopen", "Ana")
    assert (await ana.sign_in()).status_code == 303


async def test_lines_cut_off_at_the_end_are_noticed_by_a_noted_head(record: None) -> None:
    await audit.write("Ana", "signed_in")
    await audit.write("Ana", "signed_out")
    head = (await say("verify")).rpartition(" ")[2]
    assert "each follows" in await say("verify", head=head)
    number, _, hash = head.partition(":")
    for wrong in (f"{number}:{'0' * 64}", f"{int(number) + 1}:{hash}", f"{10**17}:{hash}"):
        with pytest.raises(NotPossible, match="cut off at the end"):
            await say("verify", head=wrong)
    for nonsense in ("x", "1", f"-1:{hash}", f"{10**30}:{hash}", f"1:{hash[:-1]}", "²:" + hash):
        with pytest.raises(NotPossible, match="64 hex digits"):
            await say("verify", head=nonsense)
    await AuditEntry.raw("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
    await AuditEntry.delete().where(AuditEntry.id == int(number))
    await AuditEntry.raw("ALTER TABLE audit_entry ENABLE TRIGGER ALL")
    assert (await audit.verify()).broken is None
    with pytest.raises(NotPossible, match="cut off at the end"):
        await say("verify", head=head)


async def test_a_broken_line_is_named(record: None) -> None:
    await audit.write("Ana", "signed_in")
    await audit.write("Ana", "signed_out")
    id = (await last_lines(2))[1]["id"]
    await AuditEntry.raw("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
    await AuditEntry.raw("UPDATE audit_entry SET actor = 'Ben' WHERE id = {}", id)
    await AuditEntry.raw("ALTER TABLE audit_entry ENABLE TRIGGER ALL")
    with pytest.raises(NotPossible, match=f"breaks at line {id}:"):
        await say("verify")


async def test_a_head_that_retention_removed_is_vouched_for(
    record: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await long_ago(monkeypatch, 366, lines=2)
    head = (await say("verify")).rpartition(" ")[2]
    await audit.shorten(before=datetime.datetime.now(datetime.UTC))
    assert "each follows" in await say("verify", head=head)
