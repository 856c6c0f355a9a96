"""Limits: how often, counted once for all processes, without keeping who."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Request

from backend import database
from backend.database import DB
from backend.web import keyring, rate_limits
from backend.web.rate_limits import Limit, NetworkLimit, address_of, client_key
from backend.web.tables import RateLimit, RateLimitSalt
from tests.databases import execute, fetch
from tests.serving import HOUSE


def asked_by(address: str, forwarded: str = "") -> Request:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return Request({"type": "http", "client": (address, 1), "headers": headers, "path": "/",
                    "query_string": b"", "method": "GET"})  # fmt: skip


@pytest.fixture
def nobody_answers(record: None) -> Iterator[None]:
    """The database is not to be had, for counting."""
    url = DB.config["dsn"]
    database.use("postgresql://nobody@127.0.0.1:1/nothing")
    yield
    database.use(url)


async def test_a_limit_lets_so_many_through_and_fills_up_evenly(record: None) -> None:
    limit = Limit("test", 5, seconds=2.5)
    assert [await limit.take(b"a") for _ in range(6)] == [True] * 5 + [False]
    assert await limit.take(b"b")
    assert not await limit.is_free(b"a")
    assert await limit.wait(b"a") == 1
    assert await limit.wait(b"b") == 0
    await asyncio.sleep(0.55)
    assert await limit.is_free(b"a")
    assert await limit.take(b"a")
    assert not await limit.take(b"a")


async def test_looking_counts_nothing_and_several_count_at_once_or_not_at_all(
    record: None,
) -> None:
    limit = Limit("test", 5, seconds=3600)
    for _ in range(20):
        assert await limit.is_free(b"a")
    assert not await limit.take(b"a", times=6)
    assert await limit.take(b"a", times=4)
    assert not await limit.take(b"a", times=2)
    assert await limit.take(b"a")
    assert not await limit.take(b"a")


async def test_limits_of_other_names_count_apart(record: None) -> None:
    one, other = Limit("one", 1, 3600), Limit("other", 1, 3600)
    assert await one.take(b"a")
    assert not await one.take(b"a")
    assert await other.take(b"a")


async def test_many_at_the_same_moment_get_exactly_what_there_is(record: None) -> None:
    limit = Limit("test", 30, seconds=3600)
    taken = await asyncio.gather(*(limit.take(b"a") for _ in range(100)))
    assert sum(taken) == 30


async def test_a_try_stays_a_try_when_all_else_is_rolled_back(record: None) -> None:
    limit = Limit("test", 1, seconds=3600)
    with contextlib.suppress(ValueError):
        async with DB.transaction():
            assert await limit.take(b"a")
            raise ValueError
    assert not await limit.take(b"a")


async def test_more_open_transactions_than_connections_do_not_wait_for_each_other(
    record: None,
) -> None:
    limit = Limit("test", 1000, seconds=3600)

    async def one() -> bool:
        async with DB.transaction():
            return await limit.take(b"a")

    assert all(await asyncio.wait_for(asyncio.gather(*(one() for _ in range(30))), 20))


async def test_neighbors_share_a_count_and_so_do_their_wider_networks_with_more_room(
    record: None,
) -> None:
    limit = NetworkLimit("test", 2, seconds=3600)
    tens = [asked_by(f"2001:db8:0:{number:x}::7") for number in range(100)]
    assert await limit.take(tens[0])
    assert await limit.take(asked_by("2001:db8::ffff"))
    assert not await limit.take(tens[0])
    # A /56 of four times that: six more, whichever of its networks they come from.
    assert sum([await limit.take(each) for each in tens]) == 6
    # Another /56 of the same /48 has room.
    assert await limit.take(asked_by("2001:db8:0:4200::1"))


async def test_a_whole_provider_of_networks_is_one_network_at_last(record: None) -> None:
    limit = NetworkLimit("test", 1, seconds=3600)
    many = [asked_by(f"2001:db8:{number:x}::1") for number in range(100)]
    assert sum([await limit.take(each) for each in many]) == 64
    assert await limit.take(asked_by("2001:db9::1"))
    fours = [asked_by(f"192.0.{number}.1") for number in range(30)]
    assert sum([await limit.take(each) for each in fours]) == 16
    assert await limit.take(asked_by("192.1.0.1"))


async def test_who_is_refused_at_one_rung_is_counted_at_none(record: None) -> None:
    limit = NetworkLimit("test", 1, seconds=3600)
    for _ in range(50):
        await limit.take(asked_by("2001:db8::1"))
    assert await limit.take(asked_by("2001:db8:0:1::1"))


async def test_those_without_an_address_do_not_share_a_count(
    record: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    limit = NetworkLimit("test", 1, seconds=3600, closed=True)
    for _ in range(5):
        assert await limit.take(asked_by("127.0.0.1"))
    assert await limit.take(asked_by("127.0.0.1", "192.0.2.1"))
    assert not await limit.take(asked_by("127.0.0.1", "192.0.2.1"))


def test_only_our_own_proxies_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(address_of(asked_by("192.0.2.1", "203.0.113.7"))) == "192.0.2.1"
    assert str(address_of(asked_by("::ffff:192.0.2.9"))) == "192.0.2.9"
    assert address_of(asked_by("not an address")) is None
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    assert str(address_of(asked_by("127.0.0.1", "198.51.100.1, 203.0.113.7"))) == "203.0.113.7"
    assert address_of(asked_by("127.0.0.1")) is None
    monkeypatch.setenv("TRUSTED_PROXIES", "2")
    assert str(address_of(asked_by("127.0.0.1", "198.51.100.1, 203.0.113.7"))) == "198.51.100.1"
    assert address_of(asked_by("127.0.0.1", "203.0.113.7")) is None


def test_a_client_key_is_its_network_and_holds_no_address() -> None:
    assert client_key(asked_by("192.0.2.1")) == client_key(asked_by("192.0.2.200"))
    assert client_key(asked_by("192.0.2.1")) != client_key(asked_by("192.0.3.1"))
    assert client_key(asked_by("2001:db8::1")) == client_key(asked_by("2001:db8::ffff"))
    assert len(client_key(asked_by("not an address"))) == 16


async def test_what_is_kept_says_nothing_and_yesterdays_nothing_at_all(
    database_url: str, record: None
) -> None:
    secret = keyring.newest("rate limits").secret
    limit = Limit("test", 5, seconds=3600)
    assert await limit.take(b"198.51.100.7")
    [before] = await asyncio.to_thread(fetch, database_url, "SELECT * FROM rate_limit")
    assert len(before["key"]) == 16
    [salt] = await asyncio.to_thread(fetch, database_url, "SELECT * FROM rate_limit_salt")
    assert len(salt["salt"]) == 32
    assert secret not in bytes(salt["salt"])
    # On the next day the salt is another one, and the old one is nowhere.
    await asyncio.to_thread(execute, database_url, "UPDATE rate_limit_salt SET day = day - 1")
    assert await limit.take(b"198.51.100.7")
    after = await asyncio.to_thread(fetch, database_url, "SELECT * FROM rate_limit_salt")
    assert len(after) == 1
    assert after[0]["salt"] != salt["salt"]
    assert len(await asyncio.to_thread(fetch, database_url, "SELECT key FROM rate_limit")) == 2


async def test_no_replica_and_no_log_of_the_database_has_it(record: None) -> None:
    rows = await DB.run_ddl(
        "SELECT relname, relpersistence::text AS kind FROM pg_class WHERE relname IN"
        f" ('{RateLimit._meta.tablename}', '{RateLimitSalt._meta.tablename}')"
    )
    assert {row["relname"]: row["kind"] for row in rows} == {
        "rate_limit": "u",
        "rate_limit_salt": "u",
    }


async def test_what_has_passed_is_deleted(database_url: str, record: None) -> None:
    assert await Limit("short", 1000, seconds=1).take(b"a")
    assert await Limit("long", 1, seconds=3600).take(b"a")
    await asyncio.sleep(0.01)
    await rate_limits.forget_past()
    # Within the test's transaction only it sees the deletion.
    [left] = await DB.run_ddl("SELECT count(*) AS number FROM rate_limit")
    assert left["number"] == 1


async def test_without_the_database_reading_goes_on_and_guessing_does_not(
    nobody_answers: None,
) -> None:
    limit, codes = Limit("test", 1, 60), Limit("codes", 1, 60, closed=True)
    assert [await limit.take(b"a") for _ in range(3)] == [True] * 3
    assert await limit.is_free(b"a")
    assert await limit.wait(b"a") == 0
    assert not await codes.take(b"a")
    assert not await codes.is_free(b"a")
    assert await codes.wait(b"a") > 0
    network = NetworkLimit("codes", 1, 60, closed=True)
    assert not await network.take(asked_by("192.0.2.1"))


async def test_counting_goes_on_after_the_connection_was_cut(server_url: str, record: None) -> None:
    limit = Limit("test", 2, 3600, closed=True)
    assert await limit.take(b"a")
    rows = await asyncio.to_thread(
        fetch,
        server_url,
        "SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity"
        " WHERE query LIKE 'SELECT take_rate_limits%' AND state = 'idle'",
    )
    assert rows
    await asyncio.sleep(0.1)
    assert await limit.take(b"a")
    assert not await limit.take(b"a")


async def test_what_was_refused_is_not_asked_again_and_memory_does_not_grow_without_end(
    record: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "MOST_REMEMBERED", 10)
    limit = Limit("test", 1, seconds=3600)
    for number in range(50):
        for _ in range(2):
            await limit.take(str(number).encode())
    assert len(rate_limits._refused) == 10
    url = DB.config["dsn"]
    await rate_limits.close()
    database.use("postgresql://nobody@127.0.0.1:1/nothing")
    try:
        assert not await limit.take(b"49")
    finally:
        database.use(url)


TAKING = """
import asyncio, sys
from backend import database, settings
from backend.web import rate_limits
from backend.web.rate_limits import Limit

async def take():
    limit = Limit("two processes", 500, 3600)
    taken = await asyncio.gather(*(limit.take(b"a") for _ in range(400)))
    await rate_limits.close()
    print(sum(taken))

database.use(settings.read().database_url)
asyncio.run(take())
"""


async def test_two_processes_count_together_to_the_last_try(
    own_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", own_url)
    monkeypatch.setenv("KEYS", str(tmp_path / "keys.json"))
    both = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", TAKING, cwd=HOUSE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    taken = [int((await each.communicate())[0]) for each in both]
    assert sum(taken) == 500
