"""The door: sessions that nobody can plant, forms that nobody can forge."""

from collections.abc import Awaitable, Callable

import httpx

from backend.staff.auth import COOKIE, next_page
from backend.staff.tables import Account, AuditEntry, Session
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]
OURS = {"Sec-Fetch-Site": "same-origin"}


async def test_an_id_that_a_stranger_chose_is_nobodys_session(client: httpx.AsyncClient) -> None:
    for planted in ("attackerchosen", "", "x" * 3000, "1", "' OR 1=1 --"):
        answer = await client.get("/desk", headers={"Cookie": f"{COOKIE}={planted}"})
        assert answer.status_code == 303
        assert planted == "" or planted not in answer.headers.get("set-cookie", "")


async def test_a_session_that_is_not_signed_in_opens_nothing(client: httpx.AsyncClient) -> None:
    _session, token = await Session.begin(data={"challenge": "x"})
    answer = await client.get("/desk", headers={"Cookie": f"{COOKIE}={token}"})
    assert answer.status_code == 303


async def test_the_database_does_not_hold_what_the_cookie_carries(record: None) -> None:
    session, token = await Session.begin()
    assert token.encode() not in bytes(session.token_hash)


async def test_signing_out_ends_the_session_for_who_copied_it(at_the_desk: AtTheDesk) -> None:
    editor = await at_the_desk("editor")
    copied = editor.browser.cookies[COOKIE]
    answer = await editor.post("/desk/sign-out")
    assert answer.headers["location"] == "/desk/sign-in"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    editor.browser.cookies.set(COOKIE, copied)
    assert (await editor.get("/desk")).status_code == 303


async def test_a_form_needs_its_token_and_our_own_page(at_the_desk: AtTheDesk) -> None:
    editor = await at_the_desk("editor")
    for data in ({}, {"form_token": "0" * 32}, {"form_token": "é" * 10_000}):
        answer = await editor.browser.post("/desk/sign-out", data=data, headers=OURS)
        assert answer.status_code == 403
    right = {"form_token": editor.form_token}
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    answer = await editor.browser.post("/desk/sign-out", data=right, headers=elsewhere)
    assert answer.status_code == 403
    assert (await editor.get("/desk")).status_code == 200


async def test_a_closed_account_is_out_at_once(at_the_desk: AtTheDesk) -> None:
    editor = await at_the_desk("editor")
    await Account.raw("UPDATE account SET closed_at = now() WHERE name = {}", editor.name)
    assert (await editor.get("/desk")).status_code == 303


async def test_an_ended_session_opens_nothing(at_the_desk: AtTheDesk) -> None:
    editor = await at_the_desk("editor")
    await Session.raw("UPDATE session SET ends_at = now() - interval '1 second'")
    assert (await editor.get("/desk")).status_code == 303


async def test_a_refusal_is_written_down(at_the_desk: AtTheDesk) -> None:
    lead = await at_the_desk("canvass_lead")
    assert (await lead.get("/desk/audit?actor=Ana")).status_code == 403
    last = await AuditEntry.select().order_by(AuditEntry.id, ascending=False).first()
    assert (last["actor"], last["action"]) == ("the canvass_lead", "refused")
    assert last["subject"] == "/desk/audit"


def test_what_comes_after_signing_in_is_a_page_of_the_desk() -> None:
    assert next_page("/desk/record?county=sonoma") == "/desk/record?county=sonoma"
    for elsewhere in (
        "//evil.test",
        "https://evil.test",
        "/",
        "/desk\r\nSet-Cookie: x",
        "/desk\\x",
    ):
        assert next_page(elsewhere) == "/desk"
