"""Sums and tickets: what is asked for above a threshold, each good once."""

import asyncio
import base64
import hashlib
import json
import sys
from pathlib import Path

import pytest

from backend.web import proof_of_work
from tests.serving import HOUSE
from tests.web.test_rate_limits import asked_by


def solved(asked: str) -> str:
    """What a phone makes of it."""
    given = json.loads(asked)
    for number in range(given.pop("maxnumber") + 1):
        if hashlib.sha256(f"{given['salt']}{number}".encode()).hexdigest() == given["challenge"]:
            return base64.b64encode(json.dumps({**given, "number": number}).encode()).decode()
    raise AssertionError("it has no answer")


async def test_a_sum_is_good_once(record: None) -> None:
    answer = solved(proof_of_work.new(hardness=0.1))
    assert await proof_of_work.is_solved(answer)
    assert not await proof_of_work.is_solved(answer)


async def test_only_answers_to_sums_of_ours_count(record: None) -> None:
    given = json.loads(proof_of_work.new(hardness=0.1))
    for nonsense in (
        "",
        "x",
        "é" * 10,
        "[" * 1900,
        base64.b64encode(b"[1]").decode(),
        base64.b64encode(json.dumps({**given, "number": -1}).encode()).decode(),
        base64.b64encode(json.dumps({**given, "number": 0, "signature": "0"}).encode()).decode(),
        "x" * 5000,
    ):
        assert not await proof_of_work.is_solved(nonsense)


def test_a_harder_sum_takes_as_many_times_longer() -> None:
    hardest = [json.loads(proof_of_work.new(hardness))["maxnumber"] for hardness in (1, 3, 10_000)]
    assert hardest == [60_000, 180_000, 1_200_000]


async def test_a_ticket_is_good_once_and_after_twenty_seconds(
    record: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = asked_by("192.0.2.1")
    ticket = proof_of_work.ticket()
    now = proof_of_work._moment()
    assert not await proof_of_work.has_waited(ticket, here)
    monkeypatch.setattr(proof_of_work, "_moment", lambda: now + 19_000)
    assert not await proof_of_work.has_waited(ticket, here)
    monkeypatch.setattr(proof_of_work, "_moment", lambda: now + 20_000)
    assert await proof_of_work.has_waited(ticket, here)
    assert not await proof_of_work.has_waited(ticket, here)
    late = proof_of_work.ticket()
    monkeypatch.setattr(proof_of_work, "_moment", lambda: now + 1_300_000)
    assert not await proof_of_work.has_waited(late, here)


async def test_a_ticket_of_ones_own_making_is_none(
    record: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = proof_of_work.ticket()
    now = proof_of_work._moment()
    monkeypatch.setattr(proof_of_work, "_moment", lambda: now + 30_000)
    other = ("B" if ticket[12] == "A" else "A").join((ticket[:12], ticket[13:]))
    for wrong in (other, "", "é", "x" * 5000, ticket[:-4], ticket[:5]):
        assert not await proof_of_work.has_waited(wrong, asked_by("192.0.2.1"))
    assert await proof_of_work.has_waited(ticket, asked_by("192.0.2.1"))


async def test_who_takes_a_thousand_tickets_at_once_may_spend_ten(
    record: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets = [proof_of_work.ticket() for _ in range(100)]
    now = proof_of_work._moment()
    monkeypatch.setattr(proof_of_work, "_moment", lambda: now + 30_000)
    spent = [await proof_of_work.has_waited(each, asked_by("192.0.2.1")) for each in tickets]
    assert sum(spent) == 10
    assert await proof_of_work.has_waited(proof_of_work.ticket(), asked_by("198.51.100.1")) is False
    assert await proof_of_work.has_waited(tickets[50], asked_by("198.51.100.1"))


ASKING = """
import asyncio, sys
from backend import database, settings
from backend.web import proof_of_work, rate_limits

async def ask():
    print(await proof_of_work.is_solved(sys.argv[1]))
    await rate_limits.close()

database.use(settings.read().database_url)
asyncio.run(ask())
"""


async def test_two_processes_take_one_sum_once(
    own_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", own_url)
    monkeypatch.setenv("KEYS", str(tmp_path / "keys.json"))
    answer = solved(proof_of_work.new(hardness=0.1))
    both = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", ASKING, answer, cwd=HOUSE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = [(await each.communicate())[0].split() for each in both]
    assert sorted(said) == [[b"False"], [b"True"]]
