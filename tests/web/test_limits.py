"""Limits: how often, without keeping who."""

from litestar import Request

from backend.web import limits
from backend.web.limits import Limit, client_key


def test_a_limit_lets_so_many_through_and_fills_up_evenly() -> None:
    limit = Limit(5, seconds=50)
    assert [limit.take(b"a", now=0) for _ in range(6)] == [True] * 5 + [False]
    assert limit.take(b"b", now=0)
    assert limit.wait(b"a", now=0) > 0
    assert not limit.take(b"a", now=9)
    assert limit.take(b"a", now=11)
    assert not limit.take(b"a", now=12)
    assert [limit.take(b"a", now=1000) for _ in range(6)] == [True] * 5 + [False]


def test_memory_does_not_grow_without_end(monkeypatch) -> None:
    monkeypatch.setattr(limits, "MOST_CLIENTS", 10)
    limit = Limit(5, seconds=50)
    for number in range(100):
        limit.take(str(number).encode())
    assert len(limit.due) == 10


def asked_by(address: str, forwarded: str = "") -> Request:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return Request({"type": "http", "client": (address, 1), "headers": headers, "path": "/",
                    "query_string": b"", "method": "GET"})  # fmt: skip


def test_neighbors_share_a_key_and_no_key_holds_an_address(monkeypatch) -> None:
    assert client_key(asked_by("192.0.2.1")) == client_key(asked_by("192.0.2.200"))
    assert client_key(asked_by("192.0.2.1")) != client_key(asked_by("192.0.3.1"))
    assert client_key(asked_by("2001:db8::1")) == client_key(asked_by("2001:db8::ffff"))
    assert client_key(asked_by("::ffff:192.0.2.9")) == client_key(asked_by("192.0.2.1"))
    assert len(client_key(asked_by("not an address"))) == 16
    before = client_key(asked_by("192.0.2.1"))
    monkeypatch.setattr(limits._Daily, "since", -10.0 * limits.DAY)
    assert client_key(asked_by("192.0.2.1")) != before


def test_only_our_own_proxies_are_believed(monkeypatch) -> None:
    here = client_key(asked_by("192.0.2.1", "203.0.113.7"))
    assert here == client_key(asked_by("192.0.2.1"))
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    behind = client_key(asked_by("192.0.2.1", "198.51.100.1, 203.0.113.7"))
    assert behind == client_key(asked_by("203.0.113.9"))
