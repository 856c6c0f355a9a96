"""Every answer of a push service, and what becomes of the phone, the ring and the service."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from backend.database import DB
from backend.push import broadcasts, delivery, push_services, tuning
from backend.push.audience import Audience
from backend.push.gauges import gauges
from backend.web import keyring
from backend.web.clock import CALIFORNIA
from tests.push.conftest import CANARY, House
from tests.push.service import Message, Reply, decoded


def alternate(manner_: tuning.Manner, **changed: object) -> tuning.Manner:
    return tuning.Manner(**{**vars(manner_), **changed})


@pytest.fixture
def hurry(allowed: pytest.MonkeyPatch, house: House) -> object:
    """`hurry(refusals=2)` turns one of the numbers."""

    def turn(**changed: object) -> None:
        allowed.setattr(tuning, "current", alternate(tuning.current, **changed))

    return turn


async def test_every_phone_gets_one_message_that_it_alone_can_read(house: House) -> None:
    await house.phone("ana")
    await house.phone("luz", language="es", wording="full")
    found = await house.until_done(await house.ring())
    assert (found.state, found.queued, found.accepted) == ("finished", 2, 2)
    [ana], [luz] = house.service.got("ana"), house.service.got("luz")
    assert ana.notification["title"] == "New update"
    assert ana.notification["navigate"] == "http://localhost:8000/hearings/1"
    assert (luz.notification["title"], luz.notification["lang"]) == ("Cambió la audiencia", "es")
    assert ana.notification["tag"] == luz.notification["tag"] == ana.headers["topic"]
    assert len(ana.plain) == len(luz.plain) == 1024
    assert len({ana.body[:16], luz.body[:16]}) == 2


async def test_a_message_says_how_long_it_is_worth_something(house: House) -> None:
    await house.phone("ana")
    await house.until_done(await house.ring())
    [message] = house.service.messages
    assert 7100 < int(message.headers["ttl"]) <= 7200
    assert message.headers["urgency"] == "high", "it is today"
    assert message.headers["content-encoding"] == "aes128gcm"
    assert message.headers["content-type"] == "application/octet-stream"
    topic = message.headers["topic"]
    assert len(topic) == 32
    assert topic == broadcasts.topic("hearing 1") != broadcasts.topic("hearing 2")


@pytest.mark.parametrize(
    ("left", "ttl"),
    [
        (timedelta(seconds=20), range(60, 61)),
        (timedelta(days=60), range(28 * 86400, 28 * 86400 + 1)),
    ],
)
async def test_the_life_of_a_message_has_bounds(house: House, left: timedelta, ttl: range) -> None:
    await house.phone("ana")
    await house.until_done(await house.ring(expires_at=datetime.now(UTC) + left))
    assert int(house.service.messages[0].headers["ttl"]) in ttl


async def test_what_is_over_is_not_sent(house: House) -> None:
    await house.phone("ana")
    ring = await house.ring()
    await house.ask("UPDATE ring SET expires_at = now() - interval '1 second'")
    found = await house.until_done(ring)
    assert (found.accepted, found.failed) == (0, 1)
    assert house.service.messages == []


@pytest.mark.parametrize(
    ("news", "urgency"), [({}, "normal"), ({"urgent": True}, "high"), ({"pressing": True}, "high")]
)
async def test_what_cannot_wait_says_so(house: House, news: dict[str, bool], urgency: str) -> None:
    await house.phone("ana")
    in_two_days = datetime.now(UTC) + timedelta(days=2)
    await house.until_done(await house.ring(expires_at=in_two_days, **news))
    assert house.service.messages[0].headers["urgency"] == urgency


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_a_message_is_accepted(house: House, status: int) -> None:
    await house.phone("ana")
    house.service.reply = lambda _message: Reply(status)
    assert (await house.until_done(await house.ring())).accepted == 1
    assert await house.value("SELECT accepted_at IS NOT NULL FROM subscription")


@pytest.mark.parametrize("status", [404, 410])
async def test_only_these_two_delete_a_subscription(house: House, status: int) -> None:
    await house.phone("ana")
    await house.phone("luz")
    house.service.reply = lambda message: Reply(status if message.name == "ana" else 201)
    found = await house.until_done(await house.ring())
    assert (found.gone, found.accepted) == (1, 1)
    assert await house.value("SELECT count(*) FROM subscription") == 1
    assert await house.value("SELECT count(*) FROM alarm") == 0


async def test_a_phone_that_came_back_meanwhile_is_not_deleted(house: House) -> None:
    """The 410 is about the endpoint it had."""
    held = await house.phone("ana")

    async def moves() -> None:
        while not house.service.messages:
            await asyncio.sleep(0.005)
        await house.ask(
            "UPDATE subscription SET place = sha256(place) WHERE id = $1", held.subscription
        )

    house.service.reply = lambda _message: Reply(410, after=0.3)
    ring = await house.ring()
    await asyncio.gather(moves(), house.until_done(ring))
    assert await house.value("SELECT count(*) FROM subscription") == 1


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_what_is_our_own_fault_stops_the_service_and_deletes_nobody(
    house: House, status: int
) -> None:
    """A bad VAPID subject, as Apple answers it."""
    await house.phones(20, proven=True)
    body = b'{"reason": "BadJwtToken", "of": "' + CANARY.encode() + b'"}'
    house.service.reply = lambda _message: Reply(status, body=body)
    ring = await house.ring()
    await house.once()
    found = await house.progress(ring)
    assert (found.queued, found.waiting, found.failed) == (20, 20, 0)
    assert [(each.host, each.reason) for each in found.paused] == [(house.host, "refused")]
    assert await house.value("SELECT count(*) FROM subscription") == 20
    [alarm] = await house.ask("SELECT name, details::text FROM alarm")
    assert alarm["name"] == f"push {house.host}"
    assert f"{status} BadJwtToken" in alarm["details"]
    assert CANARY not in alarm["details"]
    sent = len(house.service.messages)
    assert sent <= 20
    await house.once()
    assert len(house.service.messages) == sent
    # Somebody mends it: everybody is rung after all.
    house.service.reply = lambda _message: Reply()
    await push_services.resume(house.host)
    assert (await house.until_done(ring)).accepted == 20


async def test_a_bad_subject_deletes_nobody_and_raises_an_alarm(
    house: House, allowed: pytest.MonkeyPatch
) -> None:
    """As Apple has it: one service minds the subject of our token, the others do not look."""
    allowed.setenv("PUSH_CONTACT", "mailto:alerts@localhost")

    def reply(message: Message) -> Reply:
        token = message.headers["authorization"].split("t=")[1].split(",")[0]
        subject = json.loads(decoded(token.split(".")[1]))["sub"]
        fine = subject == "mailto:alerts@confianza.example.org"
        return Reply() if fine else Reply(403, body=b'{"reason":"BadJwtToken"}')

    house.service.reply = reply
    await house.phones(300, proven=True)
    ring = await house.ring()
    for _ in range(4):
        sent = len(house.service.messages)
        await house.once()
        await house.once()  # it stands still
        most = tuning.current.window + tuning.current.refusals
        assert 0 < len(house.service.messages) - sent <= most
        # The night goes by, and nobody has looked.
        await house.ask("UPDATE push_host SET paused_until = now() - interval '1 second'")
        await house.ask("UPDATE ring_batch SET due_at = now() WHERE tries = 0")
    assert await house.value("SELECT count(*) FROM subscription WHERE refused = 0") == 300
    [alarm] = await house.ask("SELECT details::text, times FROM alarm WHERE standing IS NOT NULL")
    assert "403 BadJwtToken" in alarm["details"]
    assert alarm["times"] == 4
    allowed.setenv("PUSH_CONTACT", "mailto:alerts@confianza.example.org")
    await push_services.resume(house.host)
    assert (await house.until_done(ring)).accepted == 300


async def test_a_message_that_was_too_large_is_our_bug_and_not_tried_again(house: House) -> None:
    await house.phone("ana")
    house.service.reply = lambda _message: Reply(413)
    found = await house.until_done(await house.ring())
    assert (found.failed, len(house.service.messages)) == (1, 1)
    [alarm] = await house.ask("SELECT details::text FROM alarm")
    assert '"why": "413"' in alarm["details"]
    assert '"bytes": 1' in alarm["details"]
    assert await house.value("SELECT count(*) FROM subscription") == 1


@pytest.mark.parametrize("as_date", [False, True])
async def test_a_busy_service_is_left_alone_for_as_long_as_it_says(
    house: House, as_date: bool
) -> None:
    await house.phones(3)
    after = datetime.now(UTC) + timedelta(seconds=100)
    header = format_datetime(after, usegmt=True) if as_date else "100"
    house.service.reply = lambda _message: Reply(429, {"Retry-After": header})
    ring = await house.ring()
    await house.once()
    [paused] = (await house.progress(ring)).paused
    assert paused.reason == "busy"
    assert abs((paused.until - after).total_seconds()) < 5
    sent = len(house.service.messages)
    await house.once()
    assert len(house.service.messages) == sent
    # The next lane is asked for when the pause is over, not before.
    wait = await house.value(
        "SELECT max(extract(epoch FROM execute_after - now()))::float FROM pgqueuer"
        " WHERE entrypoint = 'ring_lane'"
    )
    assert 80 < wait < 120


async def test_a_pause_holds_for_every_ring_and_ends_by_itself(house: House) -> None:
    await house.phones(3)
    house.service.reply = lambda _message: Reply(429, {"Retry-After": "3"})
    first = await house.ring()
    await house.once()
    sent = len(house.service.messages)
    second = await house.ring("two", subject="hearing 2")
    await house.once()
    assert len(house.service.messages) == sent
    house.service.reply = lambda _message: Reply()
    for ring in (first, second):
        assert (await house.until_done(ring)).accepted == 3
    assert await house.value("SELECT pauses FROM push_host") == 0


async def test_what_its_life_has_outlived_is_dropped_after_a_pause(house: House) -> None:
    await house.phones(2)
    house.service.reply = lambda _message: Reply(429, {"Retry-After": "1"})
    ring = await house.ring(expires_at=datetime.now(UTC) + timedelta(seconds=1))
    await house.once()
    found = await house.until_done(ring)
    assert (found.accepted, found.failed) == (0, 2)


async def test_pauses_that_name_no_time_grow(house: House) -> None:
    until = []
    for _ in range(4):
        await push_services.pause(house.host, "busy")
        [paused] = await push_services.paused()
        until.append((paused.until - datetime.now(UTC)).total_seconds())
        await house.ask("UPDATE push_host SET paused_until = now() - interval '1 second'")
    assert all(60 * 2**n * 0.95 < it < 60 * 2**n * 1.35 for n, it in enumerate(until))


@pytest.mark.parametrize("trouble", [Reply(500), Reply(503), Reply(raw=b"HELLO\r\n\r\n"), None])
async def test_a_service_in_trouble_is_tried_again_until_it_is_well(
    house: House, trouble: Reply | None
) -> None:
    await house.phones(4)

    def reply(message: Message) -> Reply:
        if len(house.service.got(message.name)) > 2:
            return Reply()
        return trouble or Reply(hang=True)

    house.service.reply = reply
    found = await house.until_done(await house.ring())
    assert (found.accepted, found.failed) == (4, 0)
    assert all(len(house.service.got(name)) == 3 for name in house.service.phones)


async def test_trouble_that_does_not_end_ends_with_the_life_of_the_message(house: House) -> None:
    await house.phones(2)
    house.service.reply = lambda _message: Reply(502)
    found = await house.until_done(
        await house.ring(expires_at=datetime.now(UTC) + timedelta(seconds=1))
    )
    assert (found.accepted, found.failed) == (0, 2)
    assert await house.value("SELECT count(*) FROM subscription") == 2


async def test_tries_come_ever_later(house: House, hurry: object) -> None:
    hurry(first_wait=timedelta(seconds=60))
    await house.phone("ana")
    house.service.reply = lambda _message: Reply(500)
    await house.ring()
    waits = []
    for _ in range(3):
        await house.once()
        waits.append(
            await house.value("SELECT extract(epoch FROM due_at - now())::float FROM ring_batch")
        )
        await house.ask("UPDATE ring_batch SET due_at = now()")
    assert [60 * 2**n * 0.75 < it < 60 * 2**n * 1.25 for n, it in enumerate(waits)] == [True] * 3


async def test_a_service_that_never_answers_is_left_alone(house: House, hurry: object) -> None:
    hurry(silences=3, window=2)
    await house.phones(6, proven=True)
    house.service.reply = lambda _message: Reply(500)
    ring = await house.ring()
    await house.once()
    assert [each.reason for each in (await house.progress(ring)).paused] == ["down"]
    assert len(house.service.messages) <= 4


async def test_nobody_is_led_elsewhere(house: House) -> None:
    """pywebpush would send the message to whomever a redirect names."""
    await house.phones(2)
    await house.phone("thief")
    away = house.service.endpoint("thief") + "-too"
    house.service.reply = lambda message: (
        Reply(307, {"Location": away}) if message.name != "thief" else Reply()
    )
    ring = await house.ring()
    await house.once()
    assert not house.service.got("thief-too")
    found = await house.progress(ring)
    assert (found.accepted, found.waiting) == (1, 2)
    assert await house.value("SELECT count(*) FROM subscription") == 3


async def test_one_slow_phone_does_not_hold_up_the_others(house: House) -> None:
    await house.phones(30)
    await house.phone("slow")
    house.service.reply = lambda message: Reply(hang=message.name == "slow")
    ring = await house.ring()
    going = asyncio.create_task(house.once())
    while (await house.progress(ring)).accepted < 30:
        assert not going.done() or (await house.progress(ring)).accepted == 30
        await asyncio.sleep(0.01)
    assert len(house.service.messages) == 31
    await going


async def test_connections_are_used_again(house: House) -> None:
    await house.phones(200)
    await house.until_done(await house.ring())
    assert len(house.service.messages) == 200
    assert house.service.connections <= tuning.current.window


async def test_no_more_are_sent_a_minute_than_the_pace_allows(
    house: House, allowed: pytest.MonkeyPatch
) -> None:
    allowed.setenv("PUSH_PACE", f"{house.host}=1200")
    await house.phones(21)
    begun = asyncio.get_running_loop().time()
    await house.until_done(await house.ring())
    assert asyncio.get_running_loop().time() - begun > 0.9
    assert len(house.service.messages) == 21


async def test_lanes_share_one_pace(house: House, allowed: pytest.MonkeyPatch) -> None:
    allowed.setenv("PUSH_PACE", f"{house.host}=1200")
    await house.phones(20)
    rings_ = [await house.ring(f"ring {n}", subject=f"hearing {n}") for n in range(2)]
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*(house.until_done(ring) for ring in rings_))
    assert asyncio.get_running_loop().time() - begun > 1.8
    assert len(house.service.messages) == 40


async def test_a_sleeping_phone_is_rung_when_its_quiet_ends(house: House) -> None:
    now = datetime.now(CALIFORNIA)
    minute = now.hour * 60 + now.minute
    quiet = {"quiet_from": (minute - 60) % 1440, "quiet_until": (minute + 60) % 1440}
    await house.phone("asleep", **quiet)
    await house.phone("awake")
    ring = await house.ring()
    await house.once()
    await house.once()
    assert [message.name for message in house.service.messages] == ["awake"]
    assert (await house.progress(ring)).waiting == 1
    due = await house.value("SELECT due_at FROM ring_batch")
    assert timedelta(minutes=58) < due - now <= timedelta(minutes=60)
    await house.ask("UPDATE ring_batch SET due_at = now()")
    await house.ask("UPDATE subscription SET quiet_from = NULL, quiet_until = NULL")
    assert (await house.until_done(ring)).accepted == 2


async def test_what_is_over_before_the_quiet_ends_is_skipped(house: House) -> None:
    now = datetime.now(CALIFORNIA)
    minute = now.hour * 60 + now.minute
    await house.phone("asleep", quiet_from=(minute - 60) % 1440, quiet_until=(minute + 180) % 1440)
    found = await house.until_done(await house.ring())
    assert (found.skipped, house.service.messages) == (1, [])


async def test_urgent_news_wakes(house: House) -> None:
    now = datetime.now(CALIFORNIA)
    minute = now.hour * 60 + now.minute
    await house.phone("asleep", quiet_from=(minute - 60) % 1440, quiet_until=(minute + 60) % 1440)
    assert (await house.until_done(await house.ring(urgent=True))).accepted == 1


async def test_a_ring_can_be_called_off_while_it_is_sent(house: House, hurry: object) -> None:
    hurry(batch=20, window=2, unnoted=2)
    await house.phones(60)
    house.service.reply = lambda _message: Reply(after=0.02)
    ring = await house.ring()
    going = asyncio.create_task(house.once())
    while len(house.service.messages) < 5:
        await asyncio.sleep(0.005)
    assert await broadcasts.cancel(ring.id)
    await going
    found = await house.until_done(ring)
    assert found.state == "cancelled"
    assert len(house.service.messages) < 30
    assert found.accepted + found.skipped == 60
    assert found.accepted == len(house.service.messages)
    assert not await broadcasts.cancel(ring.id)
    assert await house.value("SELECT count(*) FROM ring_batch") == 0


async def test_whoever_asks_twice_rings_once(house: House) -> None:
    await house.phones(3)
    first = await house.ring("moved event 7")
    await house.until_done(first)
    again = await house.ring("moved event 7")
    assert again.id == first.id
    await house.until_done(again)
    assert len(house.service.messages) == 3


async def test_who_left_meanwhile_is_skipped(house: House) -> None:
    await house.phones(2)
    ring = await house.ring()
    await house.ask("DELETE FROM subscription WHERE id = (SELECT min(id) FROM subscription)")
    found = await house.until_done(ring)
    assert (found.accepted, found.skipped) == (1, 1)


async def test_a_phone_is_rung_under_the_key_it_subscribed_under(house: House) -> None:
    await house.phone("old")
    keyring.add("vapid")
    await house.phone("new")
    await house.until_done(await house.ring())
    keys = {
        message.name: message.headers["authorization"].rpartition("k=")[2]
        for message in house.service.messages
    }
    assert keys["old"] != keys["new"]


async def test_a_phone_whose_key_is_gone_fails_alone(house: House) -> None:
    old = await house.phone("old")
    await house.phone("new")
    await house.ask("UPDATE subscription SET vapid_key = 'gone' WHERE id = $1", old.subscription)
    found = await house.until_done(await house.ring())
    assert (found.accepted, found.failed) == (1, 1)


async def test_urgent_rings_go_first(house: House) -> None:
    await house.phones(5)
    slow = await house.ring("slow", subject="slow")
    fast = await house.ring("fast", subject="fast", urgent=True)
    await house.until_done(slow)
    assert [message.headers["urgency"] for message in house.service.messages[:5]] == ["high"] * 5
    assert (await house.progress(fast)).state == "finished"


async def test_what_a_dead_worker_held_is_taken_up_again(house: House) -> None:
    await house.phones(2)
    ring = await house.ring()
    await house.ask("UPDATE ring_batch SET holder = 'dead', held_until = now() + interval '1 hour'")
    await house.once()
    assert house.service.messages == []
    await house.ask("UPDATE ring_batch SET held_until = now() - interval '1 second'")
    await house.ask("DELETE FROM pgqueuer")
    await delivery.tend({})
    assert await house.value("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'ring_lane'") > 0
    assert (await house.until_done(ring)).accepted == 2


async def test_a_lane_that_lost_its_batch_stops(house: House, hurry: object) -> None:
    hurry(window=1, unnoted=1)
    await house.phones(10)
    house.service.reply = lambda _message: Reply(after=0.02)
    await house.ring()
    going = asyncio.create_task(house.once())
    while not house.service.messages:
        await asyncio.sleep(0.005)
    await house.ask(
        "UPDATE ring_batch SET holder = 'another', held_until = now() + interval '1 hour'"
    )
    await going
    assert len(house.service.messages) < 6
    assert await house.value("SELECT holder FROM ring_batch") == "another"


async def test_a_ring_that_nobody_resolved_is_resolved(house: House) -> None:
    ring = await house.ring()
    await house.ask("UPDATE ring SET resolved_at = NULL, finished_at = NULL")
    await house.ask("DELETE FROM pgqueuer")
    await delivery.tend({})
    assert await house.value("SELECT payload FROM pgqueuer") == b'{"ring": %d}' % ring.id


async def test_an_operator_sees_how_much_waits(house: House) -> None:
    await house.phones(3)
    await house.ring()
    await push_services.pause(house.host, "busy")
    found = {each.name: each.samples[0].value for each in await gauges()}
    assert found == {
        "confianza_rings_under_way": 1,
        "confianza_rings_waiting_phones": 3,
        "confianza_push_services_paused": 1,
    }


async def test_only_numbers_stay(house: House) -> None:
    held = await house.phone("ana")
    ring = await house.ring(audience=Audience(only=(held.subscription,)))
    await house.until_done(ring)
    assert await house.value("SELECT count(*) FROM ring_batch") == 0
    assert await house.value("SELECT audience::text FROM ring") == "{}"


async def test_nothing_that_finds_a_phone_is_written_anywhere(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    names = await house.phones(3)
    statuses = iter([403, 500, 413])
    answers = {name: Reply(next(statuses), body=name.encode()) for name in names}
    house.service.reply = lambda message: answers[message.name]
    await house.ring(expires_at=datetime.now(UTC) + timedelta(seconds=1))
    await house.once()
    written = capsys.readouterr()
    assert CANARY not in written.out + written.err
    assert "refused" in written.out
    for table in ("subscription", "ring", "ring_batch", "push_host", "alarm", "pgqueuer"):
        rows = await house.ask(f"SELECT * FROM {table}")
        assert CANARY not in repr(rows)
    assert DB.pool is not None
