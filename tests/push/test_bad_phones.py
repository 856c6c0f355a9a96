"""Anybody can register phones that are always refused. They hold up nobody else, and when it is we
who are refused, nobody is deleted for it."""

import asyncio
import time

import pytest

from backend.push import sender, subscriptions, tuning
from backend.push import vapid as push_vapid
from backend.push.subscriptions import Wishes
from backend.web import keyring, vapid
from tests.push.conftest import House
from tests.push.service import Message, Reply, base64url

BAD = "bad"


def refusing(status: int) -> object:
    """Their endpoints were made under another site's key."""
    return lambda message: Reply(status if message.name.startswith(BAD) else 201)


async def paused(house: House) -> bool:
    return bool(
        await house.value("SELECT count(*) FROM push_host WHERE paused_until > clock_timestamp()")
    )


async def reached(house: House) -> int:
    return len({it.name for it in house.service.messages if not it.name.startswith(BAD)})


async def test_three_hundred_bad_phones_of_nine_hundred_hold_up_nobody(house: House) -> None:
    await house.phones(300, named=BAD)
    await house.phones(600)
    house.service.reply = refusing(403)
    found = await house.until_done(await house.ring(), 40)
    assert (found.accepted, found.failed) == (600, 300)
    assert not await paused(house)
    [alarm] = await house.ask("SELECT name, to_do FROM alarm")
    assert alarm["name"] == f"push {house.host} some"
    assert "PUSH_CONTACT" not in alarm["to_do"]


async def test_nor_do_they_where_everybody_else_was_rung_before(house: House) -> None:
    """What was seen when the house was attacked: an urgent ring right after reaches everybody."""
    await house.phones(60, named=BAD)
    await house.phones(240, proven=True)
    house.service.reply = refusing(401)
    await house.until_done(await house.ring(), 40)
    house.service.messages.clear()
    urgent = await house.ring("two", subject="hearing 2", urgent=True)
    await house.once()
    assert await reached(house) == 240
    assert (await house.until_done(urgent, 40)).accepted == 240


async def test_six_bad_phones_that_had_proved_themselves_do_not_stop_a_service(
    house: House,
) -> None:
    """6 of 3,000 as it was; here 6 of 600, and every one is found to be at fault itself."""
    await house.phones(6, named=BAD, proven=True)
    await house.phones(594, proven=True)
    house.service.reply = refusing(403)
    found = await house.until_done(await house.ring(), 40)
    assert (found.accepted, found.failed) == (594, 6)
    assert not await paused(house)


async def test_what_is_refused_at_once_is_not_judged_before_what_is_taken_slowly(
    house: House,
) -> None:
    await house.phones(12, named=BAD, proven=True)
    await house.phones(52, proven=True)
    house.service.reply = lambda message: (
        Reply(403) if message.name.startswith(BAD) else Reply(after=0.5)
    )
    await house.ring()
    await house.once()
    assert await reached(house) == 52
    assert not await paused(house)


async def test_redirected_phones_among_many_cost_the_others_nothing(house: House) -> None:
    """54 of 10,000 answered 301: what had to be tried again then waited ten minutes."""
    await house.phones(27, named=BAD)
    names = await house.phones(473, proven=True)
    slow = set(names[:20])

    def reply(message: Message) -> Reply:
        if message.name.startswith(BAD):
            return Reply(301, {"Location": "/elsewhere"})
        again = message.name not in slow or len(house.service.got(message.name)) > 1
        return Reply() if again else Reply(503)

    house.service.reply = reply
    begun = time.monotonic()
    found = await house.until_done(await house.ring(), 40)
    assert (found.accepted, found.failed) == (473, 27)
    assert time.monotonic() - begun < 30


async def test_bad_phones_alone_in_the_second_pass_stop_nothing(house: House) -> None:
    await house.phones(8, named=BAD, proven=True)
    await house.phones(60, proven=True)
    house.service.reply = refusing(403)
    await house.ring()
    await house.once()
    left = await house.ask("SELECT remaining, tries FROM ring_batch")
    assert [(len(row["remaining"]), row["tries"] > 0) for row in left] in ([(8, True)], [])
    await asyncio.sleep(0.3)
    await house.once()
    assert not await paused(house)
    later = await house.ring("two", subject="hearing 2")
    await house.until_done(later)
    assert len([it for it in house.service.messages if it.name.endswith("-59")]) == 2


async def test_a_phone_refused_while_others_are_not_is_set_aside_and_then_deleted(
    house: House,
) -> None:
    [bad] = await house.phones(1, named=BAD, proven=True)
    await house.phones(20, proven=True)
    house.service.reply = refusing(403)
    here = tuning.current
    sent = []
    for number in range(1 + here.struck - here.aside):
        await house.until_done(await house.ring(f"ring {number}", subject=f"hearing {number}"))
        sent.append(len(house.service.got(bad)))
    # One more where it was asked before anybody else was.
    assert sent in ([3, 4, 5, 6], [4, 5, 6, 7])
    assert await house.value("SELECT count(*) FROM subscription") == 20


async def test_a_phone_that_is_taken_again_is_as_before(house: House) -> None:
    await house.phones(1, named=BAD, proven=True)
    await house.phones(20, proven=True)
    house.service.reply = refusing(403)
    await house.until_done(await house.ring())
    assert await house.value("SELECT max(refused) FROM subscription") == 3
    house.service.reply = lambda _message: Reply()
    assert (await house.until_done(await house.ring("two", subject="x"))).accepted == 21
    assert await house.value("SELECT max(refused) FROM subscription") == 0


@pytest.mark.parametrize("proven", [True, False])
async def test_when_all_are_refused_nobody_is_deleted_however_often(
    house: House, proven: bool
) -> None:
    """A bad subject, over many rings and nights."""
    await house.phones(8, proven=proven)
    house.service.reply = lambda _message: Reply(403, body=b'{"reason":"BadJwtToken"}')
    for number in range(7):
        await house.ring(f"ring {number}", subject=f"hearing {number}")
        for _ in range(2):
            await house.ask("UPDATE ring_batch SET due_at = now()")
            await house.ask("UPDATE push_host SET paused_until = now() - interval '1 second'")
            await house.once()
    assert await house.value("SELECT count(*) FROM subscription WHERE refused = 0") == 8
    [alarm] = await house.ask("SELECT name, words, to_do FROM alarm")
    assert alarm["name"] == f"push {house.host}" + ("" if proven else " new")
    assert "PUSH_CONTACT" in alarm["to_do"]


async def test_new_phones_that_are_all_refused_stop_nobody(house: House) -> None:
    """Where only new phones are rung, nothing shows at first whose fault it is."""
    await house.phones(60, named=BAD)
    [good] = await house.phones(1)
    house.service.reply = refusing(403)
    await house.ring()
    await house.once()
    assert house.service.got(good)
    assert not await paused(house)


async def test_new_phones_are_rung_after_those_that_proved_themselves(house: House) -> None:
    await house.phones(10, named=BAD)
    await house.phones(10, proven=True)
    await house.until_done(await house.ring())
    assert {it.name.startswith(BAD) for it in house.service.messages[:10]} == {False}


async def test_phones_are_rung_by_lot(house: House) -> None:
    names = await house.phones(40, proven=True)
    await house.until_done(await house.ring())
    assert [it.name for it in house.service.messages] != names


async def test_one_message_sees_whether_a_service_that_stands_still_takes_what_is_urgent(
    house: House,
) -> None:
    await house.phones(40, proven=True)
    house.service.reply = lambda _message: Reply(403)
    first = await house.ring()
    await house.once()
    assert await paused(house)
    sent = len(house.service.messages)
    urgent = await house.ring("two", subject="hearing 2", urgent=True)
    await house.once()
    await house.once()
    assert len(house.service.messages) == sent + 1, "one, and not one each time"
    assert await paused(house)
    # It is well again, though the pause goes on for minutes.
    house.service.reply = lambda _message: Reply()
    await house.ask("UPDATE push_host SET probed_at = now() - interval '1 minute'")
    assert (await house.until_done(urgent)).accepted == 40
    assert (await house.until_done(first)).accepted == 40


async def test_what_is_not_urgent_waits_for_the_end_of_a_pause(house: House) -> None:
    await house.phones(40, proven=True)
    house.service.reply = lambda _message: Reply(403)
    await house.ring()
    await house.once()
    sent = len(house.service.messages)
    await house.ring("two", subject="hearing 2")
    await house.once()
    assert len(house.service.messages) == sent


async def test_no_urgent_message_goes_where_the_service_asked_for_time(house: House) -> None:
    await house.phones(5, proven=True)
    house.service.reply = lambda _message: Reply(429, {"Retry-After": "100"})
    await house.ring()
    await house.once()
    sent = len(house.service.messages)
    await house.ring("two", subject="hearing 2", urgent=True)
    await house.once()
    assert len(house.service.messages) == sent


async def test_a_phone_that_moves_must_prove_itself_again(house: House) -> None:
    """Else one that was fine once could be turned into one that is always refused."""
    held = await house.phone("one")
    await house.prove([held.subscription])
    old = keyring.newest("vapid")
    keyring.add("vapid")
    phone = house.service.phone("one")
    keys = (base64url(phone.p256dh), base64url(phone.auth), push_vapid.public_key())
    await subscriptions.subscribe(house.service.endpoint("two"), *keys, Wishes(), held.secret)
    assert await house.value("SELECT accepted_at FROM subscription") is None
    await house.prove([held.subscription])
    keys = (*keys[:2], vapid.for_browsers(vapid.public_half(old.secret)))
    await subscriptions.subscribe(house.service.endpoint("two"), *keys, Wishes(), held.secret)
    assert await house.value("SELECT accepted_at FROM subscription") is None


async def test_what_another_machine_gets_taken_is_no_proof_against_a_phone(house: House) -> None:
    """One of two machines has a bad subject: it must not delete what the other can ring."""
    await house.phones(10, proven=True)
    house.service.reply = lambda _message: Reply(403)
    for number in range(8):
        await house.ask(
            "INSERT INTO push_host (host, reason, pauses, accepted_at) VALUES ($1, '', 0, now())"
            " ON CONFLICT (host) DO UPDATE SET accepted_at = now()",
            house.host,
        )
        await house.ring(f"ring {number}", subject=f"hearing {number}")
        await house.once()
    assert not sender._took
    assert await house.value("SELECT count(*) FROM subscription WHERE refused = 0") == 10
