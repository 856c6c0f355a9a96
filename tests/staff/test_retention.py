"""What is past its time goes every night, unless a hold stands; and the house says what it did."""

import asyncio
import datetime
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from backend import worker
from backend.staff import alarms, audit, nightly, retention
from backend.staff.retention import Keep
from backend.staff.tables import (
    Account,
    Alarm,
    AuditEntry,
    Invitation,
    RetentionHold,
    RetentionRun,
    Session,
    now,
)
from backend.web import jobs, queue_status
from tests.serving import HOUSE
from tests.staff.conftest import long_ago

DAY = timedelta(days=1)


@pytest.fixture
async def old_things(record: None) -> None:
    """One of each that is past its time, and one that is not."""
    await Alarm.raw("DELETE FROM pgqueuer")  # a site served for other tests has its own
    ana = await Account.open_for("Ana", ["admin"])
    for number, ended in enumerate((now() - 2 * DAY, now() + DAY)):
        await Session(account=ana.id, token_hash=bytes([number]), ends_at=ended).save()
    for number, (ended, used) in enumerate(
        [(now() - 31 * DAY, None), (now() + DAY, now() - 31 * DAY), (now() + DAY, None)]
    ):
        await Invitation(
            account=ana.id, token_hash=bytes([number]), ends_at=ended, used_at=used
        ).save()
    for name, settled in (("old", now() - 91 * DAY), ("new", now() - DAY)):
        await Alarm.raise_(name, "words")
        [alarm] = await Alarm.all_standing()
        assert await alarm.settle("Ana")
        await Alarm.update({Alarm.settled_at: settled}).where(Alarm.id == alarm.id)
    await Alarm.raise_("standing", "words")
    await Alarm.update({Alarm.last_at: now() - 900 * DAY}).where(Alarm.name == "standing")
    for age in (15, 13):
        job = await jobs.enqueue("nothing", {})
        await Alarm.raw(
            "UPDATE pgqueuer SET status = 'failed', updated = {} WHERE id = {}",
            now() - age * DAY,
            job,
        )
    await jobs.enqueue("nothing", {})
    await audit.write("Ana", "changed", "rule x")


async def counts() -> dict[str, int]:
    return {
        "sessions": await Session.count(),
        "invitations": await Invitation.count(),
        "alarms": await Alarm.count(),
        "jobs": (await Alarm.raw("SELECT count(*) AS n FROM pgqueuer"))[0]["n"],
    }


async def test_a_run_removes_what_is_past_its_time_and_nothing_else(old_things: None) -> None:
    assert await counts() == {"sessions": 2, "invitations": 3, "alarms": 3, "jobs": 3}
    report = await retention.run(worker.RETENTION)
    assert {rule.name: rule.removed for rule in report.rules if rule.removed} == {
        "sessions": 1,
        "invitations": 2,
        "alarms": 1,
        "jobs": 1,
    }
    assert await counts() == {"sessions": 1, "invitations": 1, "alarms": 2, "jobs": 2}
    assert not report.held
    assert not report.failed
    assert (await retention.run(worker.RETENTION)).rules[1].removed == 0


async def test_a_run_says_what_it_removed_in_the_trail_and_on_the_desk(old_things: None) -> None:
    await retention.run(worker.RETENTION)
    run = await RetentionRun.last()
    assert run is not None
    by_name = {rule["name"]: rule for rule in run.rules}
    assert by_name["invitations"]["removed"] == 2
    assert by_name["invitations"]["days"] == 30
    line = await AuditEntry.select().order_by(AuditEntry.id, ascending=False).first()
    assert (line["actor"], line["action"]) == (audit.HOUSE, "retention_ran")
    assert line["details"]["removed"]["invitations"] == 2


async def test_a_dry_run_counts_and_leaves_everything_as_it_is(old_things: None) -> None:
    before, lines = await counts(), await AuditEntry.count()
    report = await retention.run(worker.RETENTION, dry=True)
    assert {rule.name: rule.removed for rule in report.rules}["invitations"] == 2
    assert await counts() == before
    assert await AuditEntry.count() == lines
    assert await RetentionRun.last() is None


async def test_the_audit_trail_is_kept_a_year(
    record: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    [rule] = [rule for rule in worker.RETENTION if rule.name == "audit"]
    assert rule.kept_for == timedelta(days=365)
    await long_ago(monkeypatch, 366, lines=3)
    await long_ago(monkeypatch, 364, lines=2)
    report = await retention.run([rule])
    assert report.rules[0].removed == 3
    tomorrow = Keep(rule.name, rule.what, -DAY, rule.purge)
    report = await retention.run([tomorrow])
    assert report.rules[0].removed == 0
    assert (await audit.verify()).broken is None


async def test_a_hold_stops_all_removal_until_it_is_lifted(old_things: None) -> None:
    before = await counts()
    assert await retention.hold("Ana", "Order 26-cv-1") is True
    assert await retention.hold("Ben", "another") is False
    report = await retention.run(worker.RETENTION)
    assert report.held
    assert {rule.removed for rule in report.rules} == {None}
    assert await counts() == before
    run = await RetentionRun.last()
    assert run is not None
    assert run.held

    assert await retention.lift("Ben") is True
    assert await retention.lift("Ben") is False
    assert not (await retention.run(worker.RETENTION)).held
    assert await counts() != before
    hold = await RetentionHold.objects().first()
    assert (hold.set_by, hold.reason, hold.lifted_by) == ("Ana", "Order 26-cv-1", "Ben")
    assert hold.lifted_at is not None
    said = await AuditEntry.select(AuditEntry.actor, AuditEntry.action).where(
        AuditEntry.action.is_in(["retention_held", "retention_released"])
    )
    assert [(line["actor"], line["action"]) for line in said] == [
        ("Ana", "retention_held"),
        ("Ben", "retention_released"),
    ]


async def test_a_rule_that_fails_is_undone_and_keeps_no_other_from_its_work(
    old_things: None,
) -> None:
    async def half(_before: datetime.datetime) -> int:
        await Session.delete(force=True)
        await Session.raw("SELECT 'Rosario Canario'::int")
        return 1

    broken = Keep("broken", "words", DAY, half)
    report = await retention.run([broken, *worker.RETENTION])
    assert report.rules[0].failed == "InvalidTextRepresentationError"
    assert report.rules[0].removed is None
    assert await Session.count() == 1
    alarm = (await Alarm.all_standing())[0]
    assert alarms.in_words(alarm) == "Old data could not be removed: broken."
    assert "Canario" not in str(report)


async def test_an_alarm_stands_once_and_counts(record: None) -> None:
    for kind in ("KeyError", "ValueError"):
        await alarms.job_given_up("export", kind)
    [alarm] = await Alarm.all_standing()
    assert alarm.times == 2
    assert alarms.in_words(alarm) == "A background job failed for good: export (ValueError)."
    assert alarms.what_to_do(alarm).startswith("Find the cause.")
    assert await alarm.settle("Ana") is True
    assert await alarm.settle("Ben") is False
    assert await Alarm.all_standing() == []
    await alarms.job_given_up("export", "KeyError")
    [alarm] = await Alarm.all_standing()
    assert alarm.times == 1


async def test_the_night_logs_the_end_of_the_trail_outside_the_database(
    record: None, own_keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await audit.write("Ana", "changed", "rule x")
    await nightly.check_audit({})
    verdict = await audit.verify()
    assert verdict.last is not None
    written = capsys.readouterr().out
    assert str(verdict.last[0]) in written
    assert verdict.last[1] in written
    assert await Alarm.all_standing() == []


async def test_a_broken_trail_raises_an_alarm(record: None, own_keys: Path) -> None:
    for number in range(3):
        await audit.write("Ana", "changed", f"rule {number}")
    ids = await AuditEntry.select(AuditEntry.id).order_by(AuditEntry.id).output(as_list=True)
    await AuditEntry.raw("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
    await AuditEntry.raw("UPDATE audit_entry SET actor = 'Ben' WHERE id = {}", ids[-2])
    await AuditEntry.raw("ALTER TABLE audit_entry ENABLE TRIGGER ALL")
    await nightly.check_audit({})
    [alarm] = await Alarm.all_standing()
    assert alarms.in_words(alarm) == f"The audit trail was changed at line {ids[-2]}."


async def test_the_first_run_may_take_two_days_and_every_later_one_too(record: None) -> None:
    ana = await Account.open_for("Ana", ["admin"])
    assert not await retention.is_late(None)
    await Account.update({Account.made_at: now() - 3 * DAY}).where(Account.id == ana.id)
    assert await retention.is_late(None)
    await retention.run([])
    assert not await retention.is_late(await RetentionRun.last())
    await RetentionRun.update({RetentionRun.ended_at: now() - 3 * DAY}, force=True)
    assert await retention.is_late(await RetentionRun.last())


async def test_forgetting_jobs_forgets_their_log_too(record: None) -> None:
    await jobs.enqueue("nothing", {})
    await queue_status.forget(now() + DAY)
    assert (await Alarm.raw("SELECT count(*) AS n FROM pgqueuer_log"))[0]["n"] == 0


def test_the_command_counts_without_removing(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backend", "retention", "--dry-run"],
        cwd=HOUSE,
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Sessions of staff that ended" in done.stdout
    assert asyncio.run(runs()) == 0


async def runs() -> int:
    return int(await RetentionRun.count())
