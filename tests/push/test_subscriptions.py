"""A phone turns its alerts on, changes its wishes, shows that it is there, and leaves."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from backend.database import DB
from backend.push import days, delivery, fan_out, jobs, subscriptions, vapid
from backend.push.audience import Audience
from backend.push.subscriptions import CannotSubscribe, Held, Wishes
from backend.push.tables import (
    FIRST_BY_LOT,
    UNCONFIRMED_KEPT,
    WARNED_BEFORE,
    Ring,
    Subscription,
)
from backend.web import keyring
from backend.web.rewrapping import wrapping
from backend.web.sealing import DataKey
from tests.databases import command
from tests.push.conftest import CANARY, House
from tests.push.service import Phone, base64url

ADDRESS = f"https://fcm.googleapis.com/fcm/send/{CANARY}"


async def turn_on(phone: Phone, address: str = ADDRESS, **more: Any) -> Held:
    wishes = more.pop("wishes", Wishes(counties=(3, 1), topics=("holds",)))
    return await subscriptions.subscribe(
        address,
        more.pop("p256dh", base64url(phone.p256dh)),
        more.pop("auth", base64url(phone.auth)),
        more.pop("public_key", vapid.public_key()),
        wishes,
        **more,
    )


@pytest.fixture
def phone(record: None, allowed: pytest.MonkeyPatch) -> Phone:
    return Phone("ana")


async def only() -> Subscription:
    [found] = await Subscription.objects()
    return found


async def age(**columns: timedelta) -> None:
    now = datetime.now(UTC)
    changed: dict[Any, Any] = {name: now - old for name, old in columns.items()}
    await Subscription.update(changed, force=True)


async def test_what_finds_the_phone_is_sealed(phone: Phone) -> None:
    held = await turn_on(phone)
    [row] = await Subscription.raw("SELECT * FROM subscription")
    assert CANARY not in repr(row)
    assert phone.auth.hex() not in repr(row)
    assert phone.auth not in row.values()
    assert held.secret not in repr(row)
    key = DataKey.unwrap(row["data_key"], "subscription", row["id"])
    assert key.open("endpoint", row["endpoint"]) == ADDRESS
    assert key.open("auth", row["auth"]) == phone.auth.hex()
    assert row["host"] == "fcm.googleapis.com"
    assert (row["counties"], row["topics"], row["wording"]) == ([1, 3], ["holds"], "neutral")


def test_its_data_keys_move_to_a_newer_key_with_all_others() -> None:
    assert [column._meta.name for _table, column in wrapping([Subscription])] == ["data_key"]


async def test_the_same_endpoint_again_is_the_same_subscription(phone: Phone) -> None:
    first = await turn_on(phone)
    second = await turn_on(phone, wishes=Wishes(language="es"))
    assert second.subscription == first.subscription
    assert (await only()).language == "es"
    assert await subscriptions.held_by(first.secret) is None
    assert await subscriptions.held_by(second.secret) is not None


async def test_a_phone_with_a_new_endpoint_keeps_its_row(phone: Phone) -> None:
    first = await turn_on(phone)
    second = await turn_on(Phone("again"), f"{ADDRESS}-new", secret=first.secret)
    assert second.subscription == first.subscription
    row = await only()
    key = DataKey.unwrap(row.data_key, "subscription", row.id)
    assert key.open("endpoint", row.endpoint) == f"{ADDRESS}-new"


async def test_two_rows_of_one_phone_become_one(phone: Phone) -> None:
    first = await turn_on(phone)
    await turn_on(Phone("again"), f"{ADDRESS}-new")
    both = await turn_on(Phone("again"), f"{ADDRESS}-new", secret=first.secret)
    assert both.subscription == first.subscription == (await only()).id


async def test_a_wrong_token_is_no_way_into_another_row(phone: Phone) -> None:
    first = await turn_on(phone)
    other = await turn_on(Phone("luz"), f"{ADDRESS}-luz", secret="guessed")
    assert other.subscription != first.subscription
    for secret in ("", "guessed", "x" * 10_000, "\x00"):
        assert await subscriptions.held_by(secret) is None
        assert not await subscriptions.change(secret, Wishes())
        assert not await subscriptions.unsubscribe(secret)
        assert not await subscriptions.received(secret)
        assert await subscriptions.reconcile(secret, ADDRESS, None) == "unknown"
    assert await Subscription.count() == 2


async def test_two_taps_at_once_make_one_row(house: House) -> None:
    assert DB.pool is not None
    await asyncio.gather(*(house.phone("ana") for _ in range(5)))
    assert await house.value("SELECT count(*) FROM subscription") == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"p256dh": ""}, "keys"),
        ({"p256dh": base64url(b"\x04" + b"\x01" * 64)}, "keys"),
        ({"p256dh": "%%%"}, "keys"),
        ({"p256dh": "A" * 100_000}, "keys"),
        ({"p256dh": "é" * 87}, "keys"),
        ({"auth": ""}, "keys"),
        ({"auth": base64url(b"x" * 17)}, "keys"),
        ({"public_key": base64url(Phone("other").p256dh)}, "key"),
        ({"public_key": "\x00"}, "key"),
        ({"wishes": Wishes(language="xx")}, "wishes"),
        ({"wishes": Wishes(wording="loud")}, "wishes"),
        ({"wishes": Wishes(counties=(10_000,))}, "wishes"),
        ({"wishes": Wishes(counties=(2**63,))}, "wishes"),
        ({"wishes": Wishes(counties=(-1,))}, "wishes"),
        ({"wishes": Wishes(topics=("",))}, "wishes"),
        ({"wishes": Wishes(topics=("a\x00b",))}, "wishes"),
        ({"wishes": Wishes(topics=("x" * 41,))}, "wishes"),
        ({"wishes": Wishes(kinds=tuple(map(str, range(61))))}, "wishes"),
        ({"wishes": Wishes(quiet_from=60)}, "wishes"),
        ({"wishes": Wishes(quiet_from=60, quiet_until=1440)}, "wishes"),
        ({"wishes": Wishes(quiet_from=-1, quiet_until=5)}, "wishes"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_kept(
    phone: Phone, changed: dict[str, Any], code: str
) -> None:
    with pytest.raises(CannotSubscribe) as caught:
        await turn_on(phone, **changed)
    assert caught.value.code == code
    assert caught.value.words
    assert await Subscription.count() == 0


async def test_a_house_that_nobody_can_write_to_rings_nobody(
    phone: Phone, allowed: pytest.MonkeyPatch
) -> None:
    allowed.delenv("DEVELOPMENT")
    assert not vapid.is_ready()
    with pytest.raises(CannotSubscribe) as caught:
        await turn_on(phone)
    assert caught.value.code == "off"
    allowed.setenv("PUSH_CONTACT", "mailto:alerts@confianza.example.org")
    assert vapid.is_ready()


async def test_wishes_are_changed_by_the_phone_that_holds_them(phone: Phone) -> None:
    held = await turn_on(phone)
    wishes = Wishes(
        language="es",
        everywhere=True,
        topics=("b", "a", "a"),
        wording="full",
        quiet_from=1320,
        quiet_until=420,
        remind_day=True,
    )
    assert await subscriptions.change(held.secret, wishes)
    found = subscriptions.wishes_of(await only())
    assert found == await wishes.checked()
    assert found.topics == ("a", "b")


async def test_leaving_leaves_nothing(phone: Phone) -> None:
    held = await turn_on(phone)
    assert await subscriptions.unsubscribe(held.secret)
    assert await Subscription.count() == 0
    assert not await subscriptions.unsubscribe(held.secret)


async def test_opening_the_app_confirms_and_finds_what_does_not_fit(phone: Phone) -> None:
    held = await turn_on(phone)
    await age(confirmed_at=timedelta(days=110), warned_at=timedelta(days=4))
    ours = vapid.public_key()
    assert await subscriptions.reconcile(held.secret, ADDRESS, ours) == "fine"
    found = await only()
    assert found.confirmed_at == days.today()
    assert found.warned_at is None
    assert await subscriptions.reconcile(held.secret, f"{ADDRESS}-new", ours) == "subscribe"
    assert await subscriptions.reconcile(held.secret, None, None) == "subscribe"
    assert await subscriptions.reconcile(held.secret, "x" * 100_000, ours) == "subscribe"
    keyring.add("vapid")
    assert await subscriptions.reconcile(held.secret, ADDRESS, ours) == "subscribe"
    # Its token stays the same: the answer may be lost on the way.
    assert await turn_on(phone, secret=held.secret) == held
    assert await subscriptions.reconcile(held.secret, ADDRESS, vapid.public_key()) == "fine"


async def test_a_phone_tells_that_a_test_was_shown_and_of_nothing_else(phone: Phone) -> None:
    held = await turn_on(phone)
    assert await subscriptions.received(held.secret)
    assert (await only()).received_at is None, "an alert that was shown is nobody's business"
    await subscriptions.await_test(held.subscription)
    assert await subscriptions.received(held.secret)
    found = await only()
    assert (found.received_at, found.awaits_test) == (days.today(), False)


async def test_a_row_keeps_days_and_no_number_that_tells_who_came_when(phone: Phone) -> None:
    held = await turn_on(phone)
    await subscriptions.await_test(held.subscription)
    await subscriptions.received(held.secret)
    await subscriptions.reconcile(held.secret, ADDRESS, vapid.public_key())
    await subscriptions.change(held.secret, Wishes(everywhere=True))
    found = await only()
    for moment in (found.made_at, found.confirmed_at, found.received_at):
        assert (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    others = [subscriptions.new_id() for _ in range(50)]
    assert sorted(others) != others
    assert len({found.id, *others}) == 51
    assert min(found.id, *others) >= FIRST_BY_LOT


async def test_a_row_from_before_gets_a_number_by_lot_and_is_rung_as_ever(house: House) -> None:
    held = await house.phone("ana")
    busy = await house.phone("luz")
    for old, subscription in ((7, held.subscription), (8, busy.subscription)):
        await _as_before(house, old, subscription)
    ring = await house.ring(audience=Audience(only=(8,)))
    await jobs.draw_lots({})
    ids = [row["id"] for row in await house.ask("SELECT id FROM subscription ORDER BY id")]
    assert ids[0] == 8, "whoever is being rung is left alone"
    assert ids[1] >= FIRST_BY_LOT
    assert (await house.until_done(ring)).accepted == 1
    await jobs.draw_lots({})
    assert await house.value("SELECT min(id) FROM subscription") >= FIRST_BY_LOT
    moments = await house.ask("SELECT made_at, confirmed_at FROM subscription")
    # Days, of UTC here: what was a moment says no more.
    assert {it.time() for row in moments for it in row.values()} == {time()}
    assert (await house.until_done(await house.ring("two", subject="x"))).accepted == 2
    assert await subscriptions.held_by(held.secret)


async def _as_before(house: House, old: int, id: int) -> None:
    [row] = await house.ask("SELECT * FROM subscription WHERE id = $1", id)
    was, key = DataKey.unwrap(row["data_key"], "subscription", id), DataKey.new("subscription", old)
    await house.ask(
        "UPDATE subscription SET id = $1, data_key = $2, endpoint = $3, auth = $4, made_at = now(),"
        " confirmed_at = now() WHERE id = $5",
        old,
        key.wrapped(),
        key.seal("endpoint", was.open("endpoint", row["endpoint"])),
        key.seal("auth", was.open("auth", row["auth"])),
        id,
    )


async def test_an_older_key_may_go_when_no_phone_needs_it(phone: Phone) -> None:
    await turn_on(phone)
    old = keyring.newest("vapid").id
    keyring.add("vapid")
    assert await subscriptions.count_under(old) == 1
    await turn_on(phone)
    assert await subscriptions.count_under(old) == 0


async def test_the_command_destroys_no_key_that_a_phone_needs(house: House) -> None:
    await house.phone("ana")
    old = keyring.newest("vapid").id
    keyring.add("vapid")
    words = ("keys", "destroy", "vapid", old)
    refused = await asyncio.to_thread(command, *words, DATABASE_URL=house.url)
    assert refused.returncode == 1
    assert "1 phones subscribed under this key" in refused.stderr
    await house.phone("ana")
    done = await asyncio.to_thread(command, *words, DATABASE_URL=house.url)
    assert done.returncode == 0, done.stderr
    assert old not in [key.id for key in keyring.every()]


async def test_a_phone_is_warned_once_and_forgotten_when_it_stays_away(phone: Phone) -> None:
    await turn_on(phone)
    await age(confirmed_at=UNCONFIRMED_KEPT - WARNED_BEFORE - timedelta(days=1))
    await jobs.warn_unconfirmed({})
    assert await Ring.count() == 0
    await age(confirmed_at=UNCONFIRMED_KEPT - WARNED_BEFORE + timedelta(hours=1))
    await jobs.warn_unconfirmed({})
    await jobs.warn_unconfirmed({})
    [ring] = await Ring.objects()
    words: Any = ring.words
    assert set(words) >= {"en", "es"}
    assert words["es"]["neutral"] != words["en"]["neutral"]
    assert (await only()).warned_at is not None
    before = datetime.now(UTC) - UNCONFIRMED_KEPT
    assert await jobs.remove_unconfirmed(before) == 0
    await age(confirmed_at=UNCONFIRMED_KEPT + timedelta(days=1), warned_at=timedelta(days=13))
    assert await jobs.remove_unconfirmed(before) == 0
    await age(warned_at=timedelta(days=15))
    assert await jobs.remove_unconfirmed(before) == 1


async def test_whom_no_warning_reached_is_not_kept_for_ever(phone: Phone) -> None:
    await turn_on(phone)
    await age(confirmed_at=UNCONFIRMED_KEPT + timedelta(days=31))
    assert await jobs.remove_unconfirmed(datetime.now(UTC) - UNCONFIRMED_KEPT) == 1


async def test_the_warning_rings_only_those_it_is_for(house: House) -> None:
    away = await house.phone("away", language="es")
    await house.phone("here")
    await house.ask(
        "UPDATE subscription SET confirmed_at = now() - interval '107 days' WHERE id = $1",
        away.subscription,
    )
    await jobs.warn_unconfirmed({})
    [row] = await house.ask("SELECT id FROM ring")
    await delivery.tend({})
    ring = await Ring.objects().get(Ring.id == row["id"])
    await fan_out.resolve({"ring": row["id"]})
    assert (await house.until_done(ring)).accepted == 1
    [message] = house.service.messages
    assert message.name == "away"
    assert message.notification["lang"] == "es"


async def test_whom_a_ring_did_not_reach_is_forgotten_after_a_week(house: House) -> None:
    await house.phones(3)
    ring = await house.ring(expires_at=datetime.now(UTC) + timedelta(days=20))
    before = datetime.now(UTC) - timedelta(days=7)
    assert await jobs.remove_batches(before) == 0
    await house.ask("UPDATE ring_batch SET made_at = now() - interval '8 days'")
    assert await jobs.remove_batches(before) == 1
    await delivery.tend({})
    found = await house.progress(ring)
    assert (found.state, found.failed) == ("finished", 3)
    await house.ask("UPDATE ring SET finished_at = now() - interval '366 days'")
    assert await jobs.remove_rings(datetime.now(UTC) - timedelta(days=365)) == 1
