"""A message to one phone alone, through pywebpush, and what a worker makes sure of first."""

import pytest

from backend.push import broadcasts, fan_out, payload, single
from backend.push.tables import Ring
from tests.push.conftest import WORDS, House
from tests.push.service import Reply


async def to_one(house: House, name: str) -> Ring:
    held = await house.phone(name)
    ring = await broadcasts.ring_one(held.subscription, f"test {name}", WORDS, "/alerts")
    await fan_out.resolve({"ring": ring.id})
    return ring


async def test_it_is_sealed_signed_and_sent_by_pywebpush(house: House) -> None:
    found = await house.until_done(await to_one(house, "ana"))
    assert (found.accepted, found.queued) == (1, 1)
    [message] = house.service.messages
    assert message.headers["user-agent"].startswith("python-requests/")
    assert message.headers["authorization"].startswith("vapid t=")
    assert message.headers["content-encoding"] == "aes128gcm"
    assert message.headers["urgency"] == "high"
    assert 0 < int(message.headers["ttl"]) <= 600
    assert message.headers["topic"] == message.notification["tag"]
    assert len(message.plain) == 1024


async def test_many_do_not_go_through_it(house: House) -> None:
    await house.phones(3)
    await house.until_done(await house.ring())
    assert all("user-agent" not in message.headers for message in house.service.messages)


async def test_its_answers_mean_what_they_mean_for_many(house: House) -> None:
    house.service.reply = lambda _message: Reply(410)
    found = await house.until_done(await to_one(house, "gone"))
    assert found.gone == 1
    assert await house.value("SELECT count(*) FROM subscription") == 0


async def test_it_follows_no_redirect(house: House) -> None:
    away = house.service.endpoint("thief")
    house.service.reply = lambda _message: Reply(307, {"Location": away})
    await to_one(house, "ana")
    await house.once()
    assert [message.name for message in house.service.messages] == ["ana"]


async def test_silence_and_nonsense_are_no_answer(house: House) -> None:
    house.service.reply = lambda _message: Reply(raw=b"what?\r\n\r\n")
    ring = await to_one(house, "ana")
    await house.once()
    assert (await house.progress(ring)).waiting == 1
    house.service.reply = lambda _message: Reply(hang=True)
    ring = await to_one(house, "luz")
    await house.once()
    assert (await house.progress(ring)).waiting == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\nonly the beginning",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["broken off", "no chunk"],
)
async def test_an_answer_that_breaks_off_breaks_no_lane(house: House, raw: bytes) -> None:
    house.service.reply = lambda _message: Reply(raw=raw)
    ring = await to_one(house, "ana")
    await house.once()
    assert (await house.progress(ring)).waiting == 1
    house.service.reply = lambda _message: Reply()
    assert (await house.until_done(ring)).accepted == 1


async def test_what_says_that_it_is_packed_and_is_not_breaks_no_lane(house: House) -> None:
    raw = b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
    house.service.reply = lambda _message: Reply(raw=raw)
    assert (await house.until_done(await to_one(house, "ana"))).accepted == 1


@pytest.mark.parametrize("key", [b"\x04" + b"\x01" * 64, b"\x04", b""])
async def test_a_phone_whose_keys_were_spoiled_breaks_no_lane(house: House, key: bytes) -> None:
    ring = await to_one(house, "ana")
    await house.ask("UPDATE subscription SET p256dh = $1", key)
    found = await house.until_done(ring)
    assert (found.accepted, found.failed) == (0, 1)
    assert house.service.messages == []


async def test_no_more_of_an_answer_is_read_than_is_needed(house: House) -> None:
    house.service.reply = lambda _message: Reply(400, body=b"x" * 3_000_000)
    ring = await to_one(house, "ana")
    await house.once()
    assert (await house.progress(ring)).accepted == 0
    assert single.MOST_BODY == 4096


async def test_a_worker_that_seals_wrongly_rings_nobody_and_tells(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert payload.is_right()
    payload.is_right.cache_clear()
    monkeypatch.setattr(payload, "_NONCE", b"Content-Encoding: ounce\x00\x01")
    try:
        await house.phones(2)
        ring = await house.ring()
        await house.once()
        assert house.service.messages == []
        assert (await house.progress(ring)).waiting == 2
        assert await house.value("SELECT count(*) FROM alarm WHERE name = 'push sealing'") == 1
    finally:
        payload.is_right.cache_clear()
