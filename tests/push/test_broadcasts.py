"""Who hears of a ring, how many that will be, and what cannot be rung."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend import database
from backend.push import audience, broadcasts, fan_out, quiet_hours
from backend.push.audience import Audience
from backend.push.broadcasts import CannotRing
from backend.push.tables import Ring
from backend.web.clock import CALIFORNIA
from tests.push.conftest import WORDS, House
from tests.push.crowd import fill, rows

SOON = timedelta(hours=1)


# Ids are drawn by lot.
ONLY: dict[int, int] = {}


@pytest.fixture
async def people(house: House) -> House:
    kern = await house.phone("kern", everywhere=False, counties=(15,))
    await house.phone("both", everywhere=False, counties=(15, 19), kinds=("announced",))
    await house.phone("all", language="es", remind_day=True)
    state = await house.phone(
        "state", everywhere=False, topics=("help", "holds"), remind_hours=True
    )
    await house.phone("help", topics=("help",))
    ONLY.update({1: kern.subscription, 4: state.subscription})
    return house


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Audience(), "kern both all state help"),
        (Audience(counties=(15,)), "kern both all help"),
        (Audience(counties=(19, 58)), "both all help"),
        (Audience(counties=()), "all help"),
        (Audience(topics=("help",)), "state help"),
        (Audience(counties=(15,), topics=("holds",)), "kern both all"),
        (Audience(kinds=("announced",)), "both"),
        (Audience(kinds=("announced", "moved"), languages=("en",)), "kern both state help"),
        (Audience(reminder="day"), "all"),
        (Audience(reminder="hours"), "state"),
        (Audience(only=(1, 4)), "kern state"),
        (Audience(languages=("vi",)), ""),
    ],
)
async def test_those_hear_of_it_who_chose_it(people: House, wanted: Audience, names: str) -> None:
    wanted = replace(wanted, only=tuple(ONLY[it] for it in wanted.only))
    assert Audience.of(wanted.as_json()) == wanted
    guess = await audience.estimate(wanted)
    assert (guess.devices, guess.exact) == (len(names.split()), True)
    found = await people.until_done(await people.ring(audience=wanted))
    assert found.queued == guess.devices
    assert sorted(each.name for each in people.service.messages) == sorted(names.split())


async def test_each_page_is_written_down_once_whoever_does_it(house: House) -> None:
    async with database.connection() as connection:
        await fill(connection, rows(range(1, 12_001), house.host, house.service.endpoint))
    ring = await broadcasts.ring("x", WORDS, "/", "x", Audience(), datetime.now(UTC) + SOON)
    await asyncio.gather(*(fan_out.resolve({"ring": ring.id}) for _ in range(3)))
    ids = await house.ask("SELECT unnest(remaining) AS id FROM ring_batch ORDER BY 1")
    assert [row["id"] for row in ids] == list(range(1, 12_001))
    assert (await house.progress(ring)).queued == 12_000
    most = await house.value("SELECT max(cardinality(remaining)) FROM ring_batch")
    assert most <= 500


async def test_among_very_many_an_estimate_comes_near(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "COUNTED", 1000)
    monkeypatch.setattr(audience, "LOOKED_AT", 4000)
    counties = list(range(1, 59))
    async with database.connection() as connection:
        await fill(connection, rows(range(1, 12_001), house.host, house.service.endpoint, counties))
    await house.ask("ANALYZE subscription")
    for wanted in (Audience(), Audience(languages=("es",)), Audience(counties=(19,))):
        where, values = wanted.condition()
        truth = await house.value(f"SELECT count(*) FROM subscription WHERE {where}", *values)
        guess = await audience.estimate(wanted)
        assert abs(guess.devices - truth) < 0.15 * truth
    await house.ask("UPDATE subscription SET counties = '{58}', everywhere = false WHERE id < 5")
    await house.ask("UPDATE subscription SET counties = '{}' WHERE id >= 5 AND 58 = ANY(counties)")
    rare = await audience.estimate(Audience(counties=(58,), languages=("en",), topics=("laws",)))
    assert rare.devices >= 0


async def test_a_ring_exists_exactly_if_its_transaction_commits(house: House) -> None:
    async with database.DB.transaction() as transaction:
        await broadcasts.ring("x", WORDS, "/", "x", Audience(), datetime.now(UTC) + SOON)
        await transaction.rollback()
    assert await Ring.count() == 0
    assert await house.value("SELECT count(*) FROM pgqueuer") == 0


async def test_a_ring_waits_for_its_time(house: House) -> None:
    due = datetime.now(UTC) + timedelta(minutes=30)
    ring = await broadcasts.ring(
        "x", WORDS, "/", "x", Audience(), datetime.now(UTC) + SOON, due_at=due
    )
    assert (await house.progress(ring)).state == "waiting"
    after = await house.value("SELECT execute_after FROM pgqueuer")
    assert abs(after - due) < timedelta(seconds=5)


def said(title: str = "T", body: str = "B") -> dict[str, Any]:
    words = {"title": title, "body": body}
    return {"neutral": words, "full": words}


@pytest.mark.parametrize(
    "changed",
    [
        {"words": {"es": said()}},
        {"words": {}},
        {"words": {"en": {"neutral": {"title": "T", "body": "B"}}}},
        {"words": {"en": said(title=" ")}},
        {"words": {"en": said(body="")}},
        {"words": {"en": said(body="x" * 4000)}},
        {"words": {"en": said(), "es": said(body="ñ" * 2000)}},
        {"navigate": "https://evil.example/"},
        {"navigate": "//evil.example/"},
        {"navigate": "/" + "x" * 300},
        {"expires_at": datetime.now(UTC) - timedelta(seconds=1)},
        {"due_at": datetime.now(UTC) + timedelta(hours=2)},
    ],
)
async def test_what_cannot_be_rung_is_refused_in_words(
    record: None, allowed: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    given: dict[str, Any] = {
        "words": {"en": said()},
        "navigate": "/",
        "subject": "x",
        "audience": Audience(),
        "expires_at": datetime.now(UTC) + SOON,
        **changed,
    }
    with pytest.raises(CannotRing) as caught:
        await broadcasts.ring("x", **given)
    assert caught.value.words
    assert await Ring.count() == 0


@pytest.mark.parametrize("id", [0, -1, 2**31, 2**63 - 1, 2**63, 10**30])
async def test_a_ring_that_does_not_exist_is_none(record: None, id: int) -> None:
    assert await broadcasts.progress(id) is None
    assert not await broadcasts.cancel(id)


async def test_a_test_rings_one_phone_at_once(house: House) -> None:
    held = await house.phone("mine", quiet_from=0, quiet_until=1439)
    await house.phone("other")
    ring = await broadcasts.ring_one(held.subscription, "test 1", WORDS, "/alerts")
    await fan_out.resolve({"ring": ring.id})
    assert (await house.until_done(ring)).accepted == 1
    assert [message.name for message in house.service.messages] == ["mine"]


def at(hour: int, minute: int = 0, day: int = 15, month: int = 6) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=CALIFORNIA)


def again(hour: int, minute: int) -> datetime:
    """The second time in the night in which clocks are set back."""
    return at(hour, minute, day=1, month=11).replace(fold=1)


@pytest.mark.parametrize(
    ("start", "end", "now", "until"),
    [
        (None, None, at(3), None),
        (60, 60, at(1), None),
        (22 * 60, 7 * 60, at(21, 59), None),
        (22 * 60, 7 * 60, at(22), at(7, day=16)),
        (22 * 60, 7 * 60, at(3), at(7)),
        (22 * 60, 7 * 60, at(7), None),
        (13 * 60, 15 * 60, at(14), at(15)),
        (13 * 60, 15 * 60, at(12, 59), None),
        (22 * 60, 0, at(23), at(0, day=16)),
        # The night in March that has no 2:30 in the morning.
        (22 * 60, 7 * 60, at(23, day=7, month=3), at(7, day=8, month=3)),
        (22 * 60, 150, at(1, day=8, month=3), at(3, 30, day=8, month=3)),
        # The night in November in which 1:30 comes twice.
        (22 * 60, 7 * 60, at(23, day=31, month=10), at(7, day=1, month=11)),
        (22 * 60, 90, at(1, day=1, month=11), at(1, 30, day=1, month=11)),
        (22 * 60, 90, at(1, 40, day=1, month=11), None),
        (22 * 60, 90, again(1, 10), again(1, 30)),
        (22 * 60, 7 * 60, again(1, 10), at(7, day=1, month=11)),
    ],
)
def test_quiet_hours_are_those_of_the_clock_on_the_wall(
    start: int | None, end: int | None, now: datetime, until: datetime | None
) -> None:
    found = quiet_hours.until(start, end, now.astimezone(UTC))
    # Two moments of one zone are compared by what the clock on the wall says.
    assert (found and found.astimezone(UTC)) == (until and until.astimezone(UTC))
