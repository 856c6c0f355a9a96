"""The limits of one process."""

from backend.web import limits
from backend.web.limits import Limit


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
