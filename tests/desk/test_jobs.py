"""What the desk shows of the background, what waits for whom, and the switch that stops removal."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest

from backend.staff import alarms, retention
from backend.staff.tables import Alarm, AuditEntry, RetentionHold, RetentionRun, now
from backend.web import jobs, queue_status
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]


@pytest.fixture(autouse=True)
async def quiet(record: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site served for other tests has a worker and jobs of its own."""
    monkeypatch.setattr(queue_status, "WORKER", "worker of this test")
    await Alarm.raw("DELETE FROM pgqueuer")


async def failed_job(name: str = "count", kind: str = "KeyError") -> int:
    """A job as it stands when its last try failed."""
    job = await jobs.enqueue(name, {})
    await Alarm.raw("UPDATE pgqueuer SET status = 'failed', attempts = 6 WHERE id = {}", job)
    await Alarm.raw(
        "INSERT INTO pgqueuer_log (job_id, status, priority, entrypoint, traceback) VALUES"
        " ({}, 'failed', 0, {}, jsonb_build_object('exception_message', {}::text))",
        job,
        name,
        kind,
    )
    return job


async def status(job: int) -> str | None:
    rows = await Alarm.raw("SELECT status::text AS it FROM pgqueuer WHERE id = {}", job)
    return rows[0]["it"] if rows else None


async def actions() -> list[tuple[str, str]]:
    lines = await AuditEntry.select().order_by(AuditEntry.id)
    return [(line["action"], line["subject"]) for line in lines]


async def test_the_page_counts_what_waits_runs_and_failed(at_the_desk: AtTheDesk) -> None:
    admin = await at_the_desk("admin")
    for _ in range(3):
        await jobs.enqueue("letters", {})
    await jobs.enqueue("letters", {}, after=timedelta(hours=1))
    await Alarm.raw("UPDATE pgqueuer SET execute_after = now() - interval '42 minutes'"
                    " WHERE id = (SELECT min(id) FROM pgqueuer)")  # fmt: skip
    await failed_job("import", "TimeoutError")
    page = (await admin.get("/desk/work")).text
    tallies = dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", page))
    assert tallies == {"waiting": "3", "in hand": "0", "for later": "1", "failed": "1"}
    assert "The oldest waits for 42 minutes." in page
    assert "TimeoutError" in page
    assert "7 tries" in page
    assert "No worker is running" in page


async def test_htmx_receives_the_part_that_changes(at_the_desk: AtTheDesk) -> None:
    admin = await at_the_desk("admin")
    part = await admin.get(
        "/desk/work", headers={"HX-Request": "true", "HX-Request-Type": "partial"}
    )
    assert part.status_code == 200
    assert "tallies" in part.text
    assert "<html" not in part.text


async def test_a_failed_job_can_try_again(at_the_desk: AtTheDesk) -> None:
    admin = await at_the_desk("admin")
    job = await failed_job()
    answer = await admin.post(f"/desk/work/{job}/again")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/work")
    assert await status(job) == "queued"
    assert ("job_tried_again", f"count {job}") in await actions()
    second = await admin.post(f"/desk/work/{job}/again")
    assert second.status_code == 404
    assert "does not stand as failed any more" in second.text


async def test_a_failed_job_can_be_dropped(at_the_desk: AtTheDesk) -> None:
    admin = await at_the_desk("admin")
    job = await failed_job()
    assert (await admin.post(f"/desk/work/{job}/drop")).status_code == 303
    assert await status(job) is None
    assert ("job_dropped", f"count {job}") in await actions()


@pytest.mark.parametrize("what", ["again", "drop"])
async def test_a_job_that_waits_is_not_dropped(at_the_desk: AtTheDesk, what: str) -> None:
    admin = await at_the_desk("admin")
    job = await jobs.enqueue("count", {})
    assert (await admin.post(f"/desk/work/{job}/{what}")).status_code == 404
    assert await status(job) == "queued"


@pytest.mark.parametrize("id", ["0", "-1", "9" * 19, "9" * 30, "one", "1.5"])
async def test_an_id_that_is_none_is_told_in_words(at_the_desk: AtTheDesk, id: str) -> None:
    admin = await at_the_desk("admin")
    for address in (f"/desk/work/{id}/again", f"/desk/work/{id}/drop", f"/desk/alarms/{id}/settle"):
        answer = await admin.post(address)
        assert answer.status_code == 404, address
        assert "<h1" in answer.text


async def test_the_first_page_shows_alarms_with_what_to_do(at_the_desk: AtTheDesk) -> None:
    admin, editor = await at_the_desk("admin"), await at_the_desk("editor")
    await alarms.job_given_up("export", "OSError")
    page = (await admin.get("/desk")).text
    assert "A background job failed for good: export (OSError)." in page
    assert "Find the cause." in page
    assert "export (OSError)" not in (await editor.get("/desk")).text
    spanish = (await admin.get("/desk?lang=es")).text
    assert "export (OSError)" in spanish
    assert "A background job" not in spanish

    [alarm] = await Alarm.all_standing()
    answer = await admin.post(f"/desk/alarms/{alarm.id}/settle")
    assert answer.headers["location"] == "/desk"
    assert "export (OSError)" not in (await admin.get("/desk?lang=en")).text
    assert ("alarm_settled", "job export") in await actions()
    assert (await admin.post(f"/desk/alarms/{alarm.id}/settle")).status_code == 303
    assert (await actions()).count(("alarm_settled", "job export")) == 1


async def test_the_first_page_tells_each_role_only_what_it_can_act_on(
    at_the_desk: AtTheDesk,
) -> None:
    await failed_job()
    await Alarm.raw("UPDATE rule SET review_by = '2020-01-01' WHERE id IN (SELECT id FROM rule"
                    " WHERE retired_at IS NULL LIMIT 1)")  # fmt: skip
    for role, sees_jobs, sees_facts in (
        ("admin", True, True),
        ("editor", False, True),
        ("canvass_lead", False, False),
    ):
        page = (await (await at_the_desk(role)).get("/desk")).text
        assert ("failed for good" in page) == sees_jobs, role
        assert ("due for review" in page) == sees_facts, role
    assert "Nothing waits for you." in page


async def test_work_that_waits_too_long_and_no_worker_are_told(
    at_the_desk: AtTheDesk, database_url: str
) -> None:
    admin = await at_the_desk("admin")
    assert "No worker is running" in (await admin.get("/desk")).text
    await jobs.enqueue("count", {})
    await Alarm.raw("UPDATE pgqueuer SET execute_after = now() - interval '11 minutes'")
    stands_for_a_worker = await asyncpg.connect(
        database_url, server_settings={"application_name": queue_status.WORKER}
    )
    await Alarm.raw("SELECT pg_stat_clear_snapshot()")
    page = (await admin.get("/desk")).text
    await stands_for_a_worker.close()
    assert "No worker is running" not in page
    assert "Background work is behind" in page


async def test_the_last_removal_is_on_the_first_page_and_loud_when_it_is_late(
    at_the_desk: AtTheDesk,
) -> None:
    admin = await at_the_desk("admin")
    assert "nothing was removed yet" in (await admin.get("/desk")).text
    await retention.run(retention.RULES)
    page = (await admin.get("/desk")).text
    assert "Old data was last removed on" in page
    assert "more than two days" not in page
    await RetentionRun.update({RetentionRun.ended_at: now() - timedelta(days=3)}, force=True)
    assert "Old data was not removed for more than two days" in (await admin.get("/desk")).text


async def test_a_hold_is_set_and_lifted_on_the_desk_after_the_passkey(
    at_the_desk: AtTheDesk,
) -> None:
    stale = await at_the_desk("admin", name="Ben")
    assert "Stop all removal" not in (await stale.get("/desk/retention")).text
    answer = await stale.post("/desk/retention/hold", reason="Order 26-cv-1")
    assert answer.headers["location"] == "/desk/step-up?next=/desk/retention"
    assert await RetentionHold.now_standing() is None

    ana = await at_the_desk("admin", name="Ana", fresh=True)
    assert "Stop all removal" in (await ana.get("/desk/retention")).text
    answer = await ana.post("/desk/retention/hold", reason=" Order 26-cv-1,\r\nkeep all ")
    assert answer.status_code == 303
    page = (await ana.get("/desk/retention")).text
    assert "Order 26-cv-1" in page
    assert "A hold stops all removal since" in page
    assert "A hold stops all removal of old data" in (await ana.get("/desk")).text

    assert (await ana.post("/desk/retention/lift")).status_code == 303
    assert await RetentionHold.now_standing() is None
    page = (await ana.get("/desk/retention")).text
    assert "Earlier holds" in page
    assert [action for action, _subject in await actions()][-2:] == [
        "retention_held",
        "retention_released",
    ]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "Write the reason."),
        ("   \n ", "Write the reason."),
        ("x" * 501, "The reason is too long"),
        ("x" * 30_000, "The reason is too long"),
        ("a\x00b", "signs that cannot be seen"),
    ],
)
async def test_a_hold_without_a_good_reason_is_refused_and_loses_nothing(
    at_the_desk: AtTheDesk, reason: str, said: str
) -> None:
    ana = await at_the_desk("admin", fresh=True)
    answer = await ana.post("/desk/retention/hold", reason=reason)
    assert answer.status_code == 422
    assert said in answer.text
    assert reason.replace("\x00", "")[:400].strip() in answer.text.replace("\x00", "")
    assert await RetentionHold.now_standing() is None


async def test_retention_shows_its_last_run_rule_by_rule(at_the_desk: AtTheDesk) -> None:
    admin = await at_the_desk("admin")
    assert "It has not run yet." in (await admin.get("/desk/retention")).text
    await retention.run(retention.RULES)
    page = (await admin.get("/desk/retention")).text
    for rule in retention.RULES:
        assert rule.what in page
    assert "365 days" in page


async def test_the_backlog_sees_no_worker_where_none_is(record: None) -> None:
    assert (await queue_status.look()).workers == []
