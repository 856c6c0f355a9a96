"""From the news to the phone: the way of what rings by itself, over a real push service."""

import datetime
from typing import Any

import pytest

from backend.alerts import publishing, triggers
from backend.alerts.tables import AlertNews
from backend.hearings import changes
from backend.hearings.kinds import Status
from backend.policies.tables import Change, ChangedFact
from backend.push import fan_out, timing
from backend.push.broadcasts import Progress
from backend.push.tables import Ring
from backend.staff.tables import now
from backend.web.clock import CALIFORNIA
from tests.hearings.saying import announced, forum
from tests.push.conftest import House, allowed, house  # noqa: F401

HOUR = datetime.timedelta(hours=1)
EVERYTHING: dict[str, Any] = {
    "topics": ("forums",),
    "kinds": ("announced", "moved", "cancelled"),
    "remind_day": True,
    "remind_hours": True,
}


def quiet(begins: datetime.timedelta, ends: datetime.timedelta) -> dict[str, int]:
    """Hours as a phone has them, so long from now."""
    start, end = (datetime.datetime.now(CALIFORNIA) + each for each in (begins, ends))
    return {
        "quiet_from": start.hour * 60 + start.minute,
        "quiet_until": end.hour * 60 + end.minute,
    }


@pytest.fixture
async def town(house: House) -> House:  # noqa: F811
    """Nothing was announced there yet."""
    await house.ask(
        "TRUNCATE alert_news, heard_change, change, changed_fact, hearing_change, member_vote,"
        " hearing RESTART IDENTITY CASCADE"
    )
    return house


async def ring_all(town: House) -> list[Progress]:
    """Let everything ring that was told, as far as it can now."""
    rings = await Ring.objects().order_by(Ring.id)
    for ring in rings:
        await fan_out.resolve({"ring": ring.id})
    for _ in range(4):
        await town.once()
    return [await town.progress(ring) for ring in rings]


@pytest.mark.parametrize(("reminder", "left"), [("day", 23 * HOUR), ("hours", 1.9 * HOUR)])
async def test_a_reminder_is_urgent_to_carry_and_wakes_nobody(
    town: House, reminder: str, left: datetime.timedelta
) -> None:
    hearing = await announced(county="", starts_at=now() + left)
    await triggers.reminders(now())
    await town.phone("awake", **EVERYTHING)
    await town.phone("asleep", **EVERYTHING, **quiet(-1 * HOUR, 1 * HOUR))
    await town.phone("asleep-until-it-is-over", **EVERYTHING, **quiet(-HOUR, 1.95 * HOUR))
    await ring_all(town)
    [message] = town.service.messages
    assert message.name == "awake"
    assert message.headers["urgency"] == "high"
    left_then = (hearing.starts_at - now()).total_seconds()
    assert left_then - 400 < int(message.headers["ttl"]) < left_then - 250
    batches = await town.ask("SELECT due_at, remaining FROM ring_batch ORDER BY due_at")
    dues = [round((batch["due_at"] - now()) / HOUR, 1) for batch in batches]
    # In two hours' time there is nothing left to be reminded of.
    assert dues == ([1.0, 1.9] if reminder == "day" else [1.0])
    assert all(len(batch["remaining"]) == 1 for batch in batches)


async def test_quiet_hours_hold_across_midnight(
    town: House,
    allowed: pytest.MonkeyPatch,  # noqa: F811
) -> None:
    """Told at eleven in the evening, rung at seven."""
    evening = datetime.datetime(2027, 6, 15, 23, tzinfo=CALIFORNIA)

    await announced(county="", starts_at=evening + 12 * HOUR)
    await triggers.reminders(evening)
    await town.phone("asleep", **EVERYTHING, quiet_from=22 * 60, quiet_until=7 * 60)
    allowed.setattr(timing, "now", lambda: evening)
    await ring_all(town)
    assert town.service.messages == []
    due = await town.value("SELECT due_at FROM ring_batch")
    assert due.astimezone(CALIFORNIA) == evening.replace(day=16, hour=7)


async def test_what_is_cancelled_overnight_is_all_that_rings_in_the_morning(town: House) -> None:
    hearing = await announced(county="", starts_at=now() + 30 * HOUR)
    await town.phone("asleep", **EVERYTHING, **quiet(-HOUR, HOUR))
    await triggers.hearings(now() + datetime.timedelta(minutes=5))
    await ring_all(town)
    entry = forum(county="", starts_at=hearing.starts_at, status=Status.CANCELLED)
    await changes.change(hearing.id, entry, None)
    await triggers.hearings(now() + datetime.timedelta(minutes=5))
    first, second = await ring_all(town)
    assert (first.state, second.state) == ("cancelled", "ringing")
    assert town.service.messages == []
    await town.ask("UPDATE subscription SET quiet_from = NULL, quiet_until = NULL")
    await town.ask("UPDATE ring_batch SET due_at = now()")
    await ring_all(town)
    [message] = town.service.messages
    [_announced, cancelled] = await AlertNews.objects().order_by(AlertNews.id)
    assert cancelled.kind == "cancelled"
    assert message.notification["title"] == "New update"


async def test_a_hearing_today_that_is_cancelled_wakes(town: House) -> None:
    hearing = await announced(county="", starts_at=now() + 9 * HOUR)
    await triggers.hearings(now() + datetime.timedelta(minutes=5))
    entry = forum(county="", starts_at=hearing.starts_at, status=Status.CANCELLED)
    await changes.change(hearing.id, entry, None)
    await triggers.hearings(now() + datetime.timedelta(minutes=5))
    await town.phone("asleep", wording="full", **EVERYTHING, **quiet(-HOUR, HOUR))
    await ring_all(town)
    [message] = town.service.messages
    assert message.notification["title"].startswith("Cancelled: ")
    assert message.headers["urgency"] == "high"


async def approve(why: str, *files: str) -> None:
    made = Change(
        state="approved", action="add", decided_at=now(), public=True, why={"en": why, "es": why}
    )
    await made.save()
    for file in files:
        await ChangedFact(change=made.id, file=file, kind="law", entry_id="x", after={}).save()


async def test_each_change_of_the_record_rings_once(
    town: House,
    allowed: pytest.MonkeyPatch,  # noqa: F811
) -> None:
    """Also when one file cannot be told of, and when more is approved before the next look."""
    real = publishing.tell

    async def tell(what: str, *given: Any, **more: Any) -> Any:
        if what.startswith("record other"):
            raise ValueError
        return await real(what, *given, **more)

    await approve("First.", "other", "state")
    allowed.setattr(publishing, "tell", tell)
    later = now() + datetime.timedelta(minutes=5)
    with pytest.raises(ValueError):
        await triggers.record(later)
    allowed.setattr(publishing, "tell", real)
    await approve("Second.", "state")
    await triggers.record(later)
    await triggers.record(later)
    found = await AlertNews.objects().order_by(AlertNews.id)
    assert [(each.what.split()[1], each.words["en"]["full"]["body"]) for each in found] == [
        ("state", "First."),
        ("other", "First."),
        ("state", "Second."),
    ]
