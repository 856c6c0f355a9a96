"""Strangers by the thousand, from networks all over: whoever has what opens the door comes in."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from html import unescape

import httpx
import pytest

from backend.staff import asking, audit, recovery
from backend.staff.tables import Account, Alarm, AuditEntry, Session
from backend.web import proof_of_work
from tests.staff.conftest import OURS, Join, Person, Stranger, account_of
from tests.web.test_proof_of_work import solved


class Networks:
    """`await networks.post(7, address, …)`: somebody in the 7th network of the attacker's."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack
        self.browsers: dict[int, httpx.AsyncClient] = {}

    async def browser(self, number: int) -> httpx.AsyncClient:
        from backend.app import app

        if number not in self.browsers:
            transport = httpx.ASGITransport(app=app, client=(f"127.{number}.1.1", 1))
            self.browsers[number] = await self.stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="https://confianza.test")
            )
        return self.browsers[number]

    async def post(self, number: int, address: str, **fields: str) -> httpx.Response:
        return await (await self.browser(number)).post(address, data=fields, headers=OURS)


@pytest.fixture
async def networks(record: None) -> AsyncIterator[Networks]:
    async with AsyncExitStack() as stack:
        yield Networks(stack)


@pytest.fixture
async def codes(record: None) -> list[str]:
    return await recovery.make_codes(await Account.open_for("Ana", ["editor"]))


@pytest.mark.slow
async def test_sign_ins_from_21_networks_keep_nobody_out_and_leave_no_heap(
    join: Join, networks: Networks
) -> None:
    ana = await join("Ana")
    await ana.send("/desk/sign-out")
    sessions, nobodys = await Session.count(), AuditEntry.actor == audit.NOBODY
    for network in range(1, 22):
        for _ in range(30):
            asked = await networks.post(network, "/desk/sign-in/challenge")
            assert asked.status_code == 200
            await networks.post(network, "/desk/sign-in", credential='{"rawId": "AAAA"}')
    assert await Session.count() == sessions
    assert await AuditEntry.count().where(nobodys) <= 31
    assert "door is tried" in [alarm.name for alarm in await Alarm.all_standing()]
    assert (await ana.sign_in()).status_code == 303
    # Not even from a network that is full of them.
    browser = await networks.browser(5)
    for _ in range(70):
        last = await networks.post(5, "/desk/sign-in", credential="{}")
    assert last.status_code == 429
    there = Person(browser, ana.passkey)
    assert (await there.sign_in()).status_code == 303


@pytest.mark.slow
async def test_recovery_codes_from_26_networks_cost_the_right_one_a_sum(
    stranger: Stranger, networks: Networks, codes: list[str]
) -> None:
    for network in range(1, 27):
        for number in range(5):
            wrong = f"{network:02}{number}2-2222-3333-4444".replace("0", "a").replace("1", "b")
            await networks.post(network, "/desk/recovery", code=wrong)
    ana = await stranger()
    asked = await ana.post("/desk/recovery", code=codes[0])
    assert asked.status_code == 429
    assert f'value="{codes[0]}"' in asked.text
    found = re.search(r'data-sum="([^"]+)"', asked.text)
    assert found
    answer = solved(unescape(found[1]))
    # What was worked out once is good for one wrong code and no more.
    wrong = await networks.post(40, "/desk/recovery", code="2222-3333-4444-5555", sum=answer)
    assert wrong.status_code == 403
    again = await ana.post("/desk/recovery", code=codes[0], sum=answer)
    assert again.status_code == 429
    found = re.search(r'data-sum="([^"]+)"', again.text)
    assert found
    answer = solved(unescape(found[1]))
    assert (await ana.post("/desk/recovery", code=codes[0], sum=answer)).status_code == 303


async def test_where_no_script_runs_the_right_code_waits_a_little(
    stranger: Stranger, networks: Networks, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.staff import sign_in_limits

    assert await sign_in_limits.WRONG_CODES_IN_ALL.take(sign_in_limits.ALL, times=120)
    ana = await stranger()
    asked = await ana.post("/desk/recovery", code=codes[0])
    assert "wait 20 seconds" in asked.text
    found = re.search(r'name="ticket" value="([^"]+)"', asked.text)
    assert found
    early = await ana.post("/desk/recovery", code=codes[0], ticket=found[1])
    assert early.status_code == 429
    now = proof_of_work._moment()
    monkeypatch.setattr(proof_of_work, "_moment", lambda: now + 21_000)
    late = await ana.post("/desk/recovery", code=codes[0], ticket=found[1])
    assert late.status_code == 303


async def test_a_right_code_counts_for_nothing(stranger: Stranger, codes: list[str]) -> None:
    ana = await stranger()
    for code in codes[:9]:
        assert (await ana.post("/desk/recovery", code=code)).status_code == 303


async def test_what_was_answered_at_the_door_is_not_answered_again(
    join: Join, stranger: Stranger
) -> None:
    ana, thief = await join("Ana"), await stranger()
    await ana.send("/desk/sign-out")
    ana.passkey.count += 1
    asked = await ana.ask("/desk/sign-in/challenge")
    shown = ana.passkey.show(asked)
    carried = ana.browser.cookies.get(asking.COOKIE) or ""
    assert (await ana.post("/desk/sign-in", credential=shown)).status_code == 303
    assert not ana.browser.cookies.get(asking.COOKIE)
    thief.browser.cookies.set(asking.COOKIE, carried, domain="confianza.test")
    assert (await thief.post("/desk/sign-in", credential=shown)).status_code == 403


async def test_a_question_of_anothers_making_old_or_for_something_else_is_none(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await join("Ana")
    await ana.send("/desk/sign-out")
    asked = await ana.ask("/desk/sign-in/challenge")
    carried = ana.browser.cookies.get(asking.COOKIE) or ""
    question = asking.Question(carried)
    assert await question.take_challenge("sign in") == asked["challenge"]
    for wrong in ("", "..", "x" * 500, carried[:-1], f"9{carried}", carried.replace(".", "", 1)):
        assert await asking.Question(wrong).take_challenge("sign in") is None
    assert await question.take_challenge("step up") is None
    now = asking.time.time()
    monkeypatch.setattr(asking.time, "time", lambda: now + 700)
    assert await question.take_challenge("sign in") is None


async def test_what_went_wrong_with_somebodys_own_passkey_is_noted_among_all_the_noise(
    join: Join, networks: Networks
) -> None:
    from backend.staff import sign_in_limits

    ana = await join("Ana")
    await ana.send("/desk/sign-out")
    assert await sign_in_limits.NOTED.take(b"", times=30)
    assert (await ana.sign_in()).status_code == 303
    await ana.send("/desk/sign-out")
    ana.passkey.count -= 1  # a copy of it
    asked = await ana.ask("/desk/sign-in/challenge")
    await ana.post("/desk/sign-in", credential=ana.passkey.show(asked))
    last = await AuditEntry.select().order_by(AuditEntry.id, ascending=False).first()
    assert last is not None
    assert last["subject"] == f"staff {(await account_of('Ana')).name}"
