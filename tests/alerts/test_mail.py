"""Alerts by mail: asked for, confirmed by the mailbox's owner, changed, and left with one tap."""

import asyncio
import datetime
import email
import re
from email.message import EmailMessage
from email.policy import default
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend import database, settings
from backend.alerts import mail_pages, mailing, publishing, triggers
from backend.alerts.tables import AlertMail, AlertNews
from backend.campaigns import contacts
from backend.push.subscriptions import Wishes
from backend.push.tables import Subscription
from backend.staff.tables import now
from backend.web import proof_of_work
from backend.web.rate_limits import Limit
from tests.alerts.conftest import form
from tests.hearings.saying import announced
from tests.push.conftest import House, allowed, house  # noqa: F401
from tests.web.test_proof_of_work import solved

CANARY = "rosario.canario@example.com"
OURS = {"Sec-Fetch-Site": "same-origin"}
MINE = "/alerts/mail/mine"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Mailbox":
    monkeypatch.setattr(settings, "VAR", tmp_path)
    monkeypatch.setenv("KEYS", str(tmp_path / "keys" / "keys.json"))
    monkeypatch.setenv("DEVELOPMENT", "1")
    return Mailbox(tmp_path)


class Mailbox:
    """What lands in the outbox."""

    def __init__(self, var: Path) -> None:
        self.var = var

    def letters(self) -> list[EmailMessage]:
        files = sorted(self.var.rglob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        return [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]  # type: ignore[arg-type,misc]

    def text(self) -> str:
        part = self.letters()[-1].get_body(("plain",))
        assert part is not None
        return str(part.get_content())


async def work_off() -> None:
    """Do what waits, as a worker would."""
    jobs: dict[str, Any] = {
        mailing.CONFIRM_JOB: mailing.mail_confirmation,
        publishing.MAIL_JOB: mailing.mail_news,
        mailing.LETTER_JOB: mailing.mail_letter,
    }
    import json

    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(
                "DELETE FROM pgqueuer WHERE entrypoint = ANY($1) RETURNING entrypoint, payload",
                list(jobs),
            )
        if not rows:
            return
        for row in rows:
            await jobs[row["entrypoint"]](json.loads(row["payload"]))


async def ask(client: httpx.AsyncClient, address: str = CANARY, **choices: Any) -> str:
    """What their browser holds then: a token that is in no address."""
    answer = await client.post(
        "/alerts/mail", data={**form(**choices), "email": address}, headers=OURS
    )
    assert answer.status_code == 303, re.findall(r'field-error"[^>]*>([^<]*)', answer.text)
    assert answer.headers["location"] == MINE
    await work_off()
    return held(answer)


def held(answer: httpx.Response) -> str:
    found = re.match(r"alerts=([\w-]+);", answer.headers["set-cookie"])
    assert found is not None
    for word in ("HttpOnly", "SameSite=lax", "Max-Age=3600", "Path=/"):
        assert word in answer.headers["set-cookie"]
    return found[1]


async def confirmed(client: httpx.AsyncClient, box: Mailbox, **choices: Any) -> str:
    """The token of their own page, once they typed the digits."""
    asker = await ask(client, **choices)
    answer = await type_in(client, asker, digits_in(box))
    assert answer.status_code == 303
    assert answer.headers["location"] == MINE
    return held(answer)


def digits_in(box: Mailbox) -> str:
    code = re.search(r"\d{3} \d{3}", box.text())
    assert code is not None
    return code[0]


def link_in(box: Mailbox) -> str:
    """What follows the # of the link to one's own page."""
    link = re.search(r"/alerts/mail#([\w-]+)", box.text())
    assert link is not None
    return link[1]


async def type_in(client: httpx.AsyncClient, token: str, code: str) -> httpx.Response:
    data = {"token": token, "code": code}
    return await client.post("/alerts/mail/confirmations", data=data, headers=OURS)


async def own_page(client: httpx.AsyncClient, token: str, language: str = "en") -> httpx.Response:
    client.cookies.clear()
    return await client.get(
        MINE, headers={"Cookie": f"alerts={token}", "Accept-Language": language}
    )


async def test_an_address_hears_only_once_its_owner_typed_the_digits(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    asker = await ask(client, language="es")
    [letter] = mailbox.letters()
    assert letter["To"] == CANARY
    assert "ICE" not in letter["Subject"]
    await announced()
    await triggers.look(now() + datetime.timedelta(minutes=5))
    await work_off()
    assert len(mailbox.letters()) == 1, "nothing is mailed to who did not confirm"
    # A scanner opens the link, and even hands it in, and nothing happens.
    opened = await client.get("/alerts/mail")
    assert opened.status_code == 200
    handed = await client.post(MINE, data={"token": link_in(mailbox)}, headers=OURS)
    assert handed.headers["location"] == MINE
    shown = await own_page(client, held(handed))
    assert CANARY not in shown.text
    assert not (await AlertMail.objects().first()).confirmed_at
    assert (await type_in(client, asker, "1")).status_code == 422
    right = await type_in(client, asker, digits_in(mailbox))
    assert right.status_code == 303
    assert "Mis alertas" in (await own_page(client, held(right), "es")).text


async def test_the_link_in_the_letter_confirms_with_one_button(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await ask(client)
    link = link_in(mailbox)
    shown = (await own_page(client, link)).text
    assert 'name="code"' not in shown
    right = await client.post("/alerts/mail/confirmations", data={"token": link}, headers=OURS)
    assert right.status_code == 303
    assert "My alerts" in (await own_page(client, held(right))).text
    assert (await own_page(client, link)).status_code == 404, "a new one from now on"


@pytest.mark.parametrize("by", ["digits", "link"])
async def test_who_typed_a_strangers_address_holds_nothing_once_the_stranger_confirmed(
    client: httpx.AsyncClient, mailbox: Mailbox, by: str
) -> None:
    """They read the stranger's county, and ended their alerts."""
    attacker = await ask(client)
    if by == "digits":
        stranger = await type_in(client, await ask(client), digits_in(mailbox))
    else:
        data = {"token": link_in(mailbox)}
        stranger = await client.post("/alerts/mail/confirmations", data=data, headers=OURS)
    assert stranger.status_code == 303
    unknown = await own_page(client, "x" * 32)
    mine = await own_page(client, attacker)
    assert (mine.status_code, mine.text) == (404, unknown.text)
    for path in ("confirmations", "choices"):
        data = {**form(counties=frozenset({"kern"})), "token": attacker, "code": "1"}
        answer = await client.post(f"/alerts/mail/{path}", data=data, headers=OURS)
        assert answer.status_code == 404
    assert (await client.get(f"/alerts/mail/{attacker}")).status_code == 404
    await client.post("/alerts/mail/leave", data={"token": attacker}, headers=OURS)
    await client.post(f"/alerts/mail/{attacker}/one-click", data={"List-Unsubscribe": "One-Click"})
    assert await AlertMail.count() == 1


async def test_who_asked_cannot_confirm_without_the_digits(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    asker = await ask(client)
    for data in ({"token": asker}, {"token": asker, "code": ""}):
        answer = await client.post("/alerts/mail/confirmations", data=data, headers=OURS)
        assert answer.status_code == 422
    # Nor who asked under an earlier release, whose token was the letter's too.
    row = await AlertMail.objects().first()
    await AlertMail.update({AlertMail.asker_hash: None}).where(AlertMail.id == row.id)
    answer = await client.post(
        "/alerts/mail/confirmations", data={"token": link_in(mailbox)}, headers=OURS
    )
    assert answer.status_code == 422
    assert (await type_in(client, link_in(mailbox), digits_in(mailbox))).status_code == 303


async def test_twenty_networks_that_ask_for_one_mailbox_send_three_letters(
    client: httpx.AsyncClient, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under all its names."""
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    for number in range(20):
        name = f"r.osario{'+' + str(number) if number else ''}@gmail.com"
        network = {"X-Forwarded-For": f"127.{number}.9.1"}
        data = {**form(), "email": name}
        answer = await client.post("/alerts/mail", data=data, headers={**OURS, **network})
        assert answer.status_code == 303
    await work_off()
    assert len(mailbox.letters()) == 3


async def test_twenty_asks_at_once_send_three_letters(house: House) -> None:  # noqa: F811
    await house.ask("TRUNCATE alert_mail, letter_budget")
    contact = contacts.read(CANARY)
    asked = [mailing.ask(contact, Wishes(everywhere=True)) for _ in range(20)]
    assert len(set(await asyncio.gather(*asked))) == 20
    letters = "SELECT count(*) FROM pgqueuer WHERE entrypoint = $1"
    assert await house.value(letters, mailing.CONFIRM_JOB) == 3
    await house.ask("TRUNCATE alert_mail, letter_budget")


async def test_an_ask_without_a_letter_is_confirmed_by_no_digits(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    """The eighth ask could be, by its own, which can be guessed without end."""
    await confirmed(client, mailbox)
    askers = [await ask(client) for _ in range(8)]
    rows = await AlertMail.objects().where(AlertMail.confirmed_at.is_null()).order_by(AlertMail.id)
    assert [row.mailed for row in rows] == [True, True] + [False] * 6
    answer = await type_in(client, askers[-1], mailing.six_digits(rows[-1].id))
    assert answer.status_code == 422
    assert await AlertMail.count() == 9
    pages = {re.sub(r'value="[\w-]{32}"', "", (await own_page(client, it)).text) for it in askers}
    assert len(pages) == 1, "nobody sees whether a letter left"


async def test_tries_are_counted_by_the_mailbox_however_often_somebody_asks(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    tried = 0
    for _ in range(3):
        asker = await ask(client)
        for _ in range(3):
            answer = await type_in(client, asker, "1")
            tried += "not the six digits" in answer.text
        await client.post("/alerts/mail/leave", data={"token": asker}, headers=OURS)
    assert tried == mailing.MOST_TRIES
    # Its owner is not locked out: their letter has a link.
    data = {"token": link_in(mailbox)}
    await AlertMail.delete(force=True)
    await ask(client, "other@example.com")
    data = {"token": link_in(mailbox)}
    answer = await client.post("/alerts/mail/confirmations", data=data, headers=OURS)
    assert answer.status_code == 303


async def test_no_address_has_what_opens_somebodys_page(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    token = await confirmed(client, mailbox)
    hearing = await announced()
    await triggers.look(now() + datetime.timedelta(minutes=5))
    await work_off()
    assert hearing
    assert f"/alerts/mail#{token}" in mailbox.text()
    shown = await own_page(client, token)
    assert not re.search(rf'(action|href)="[^"]*{token}', shown.text)
    # Who has no scripts hands in the link, or what follows its #.
    for typed in (token, f"http://localhost:8000/alerts/mail#{token}", f"  {token} "):
        handed = await client.post(MINE, data={"token": typed}, headers=OURS)
        assert held(handed) == token
    for typed in ("", "x" * 40, f"{token}x", "é#"):
        assert (await client.post(MINE, data={"token": typed}, headers=OURS)).status_code == 404


async def test_a_link_of_an_older_letter_leaves_the_address(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    token = await confirmed(client, mailbox)
    for path in ("", "/one-click", "?code=123456"):
        answer = await client.get(f"/alerts/mail/{token}{path}")
        assert (answer.status_code, answer.headers["location"]) == (303, MINE)
        assert held(answer) == token


async def test_who_has_no_cookie_is_asked_for_the_link(client: httpx.AsyncClient) -> None:
    client.cookies.clear()
    answer = await client.get(MINE)
    assert answer.headers["location"] == "/alerts/mail"
    shown = await client.get("/alerts/mail")
    assert 'action="/alerts/mail/mine"' in shown.text
    assert shown.headers["cache-control"] == "no-store"


async def test_the_cookie_is_bound_to_the_host_where_there_is_tls(
    client: httpx.AsyncClient, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_URL", "https://confianza.example")
    answer = await client.post("/alerts/mail", data={**form(), "email": CANARY}, headers=OURS)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-alerts=")
    assert "Secure" in cookie


async def test_news_comes_as_a_letter_that_says_nothing_outside(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    token = await confirmed(client, mailbox, language="es")
    hearing = await announced()
    await triggers.look(now() + datetime.timedelta(minutes=5))
    await work_off()
    letter = mailbox.letters()[-1]
    for word in ("ICE", "alguacil", "Modoc"):
        assert word not in letter["Subject"]
    assert letter["Content-Language"] == "es"
    text = mailbox.text()
    assert "Foro sobre el alguacil e ICE" in text
    assert f"/hearings/{hearing.id}?lang=es" in text
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["List-Unsubscribe"].strip("<>").endswith(f"/alerts/mail/{token}/one-click")
    [news] = await AlertNews.objects()
    assert news.mailed == 1
    # Again, as after a crash: the list is not made twice.
    await mailing.mail_news({"news": news.id})
    await work_off()
    assert len(mailbox.letters()) == 2


async def test_other_counties_and_topics_are_not_mailed(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await confirmed(client, mailbox, counties=frozenset({"kern"}))
    await announced()
    await triggers.look(now() + datetime.timedelta(minutes=5))
    await work_off()
    assert len(mailbox.letters()) == 1


async def test_a_mail_provider_leaves_for_them_with_one_click(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    page = f"/alerts/mail/{await confirmed(client, mailbox)}"
    # From its server: no page of ours, no origin. Anything else than the one word changes nothing.
    nothing = await client.post(f"{page}/one-click", data={"x": "y"})
    assert nothing.status_code == 400
    assert await AlertMail.count() == 1
    left = await client.post(f"{page}/one-click", data={"List-Unsubscribe": "One-Click"})
    assert left.status_code == 200
    assert await AlertMail.count() == 0
    again = await client.post(f"{page}/one-click", data={"List-Unsubscribe": "One-Click"})
    assert again.status_code == 200


async def test_no_other_address_is_open_to_other_sites(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    token = await confirmed(client, mailbox)
    for path in ("leave", "choices", "confirmations", "mine"):
        data = {"token": token, "List-Unsubscribe": "One-Click"}
        answer = await client.post(f"/alerts/mail/{path}", data=data)
        assert answer.status_code == 403
    assert await AlertMail.count() == 1


async def test_they_change_what_they_hear_of_and_leave(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    token = await confirmed(client, mailbox)
    new = form(counties=frozenset({"kern"}), topics=frozenset({"health"})) | {"token": [token]}
    answer = await client.post("/alerts/mail/choices", data=new, headers=OURS)
    assert answer.status_code == 200
    row = await AlertMail.objects().first()
    assert row.topics == ["health"]
    wrong = form(counties=frozenset()) | {"token": [token]}
    answer = await client.post("/alerts/mail/choices", data=wrong, headers=OURS)
    assert answer.status_code == 422
    left = await client.post("/alerts/mail/leave", data={"token": token}, headers=OURS)
    assert left.headers["location"] == "/alerts/mail/left"
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert (await own_page(client, token)).status_code == 404


async def test_a_mailbox_stands_once_whoever_confirmed_last(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    first = await confirmed(client, mailbox)
    second = await confirmed(client, mailbox, counties=frozenset({"kern"}))
    assert first != second
    assert await AlertMail.count() == 1
    assert (await own_page(client, first)).status_code == 404


async def test_the_digits_cannot_be_guessed(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    asker = await ask(client)
    for _ in range(mailing.MOST_TRIES + 1):
        assert (await type_in(client, asker, "1")).status_code == 422
    code = mailing.six_digits((await AlertMail.objects().first()).id)
    answer = await type_in(client, asker, code)
    assert "too many tries today" in answer.text


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@b", "x" * 400 + "@example.com", "a\x00@example.com", "530-555-0100"],
)
async def test_what_is_no_address_is_told_and_nothing_is_lost(
    client: httpx.AsyncClient, mailbox: Mailbox, address: str
) -> None:
    answer = await client.post(
        "/alerts/mail", data={**form(topics=frozenset({"jails"})), "email": address}, headers=OURS
    )
    assert answer.status_code == 422
    assert "letter by letter" in answer.text
    assert re.search(r'value="modoc" checked', answer.text)
    assert re.search(r'value="jails" checked', answer.text)
    assert not re.search(r'value="holds" checked', answer.text)
    assert await AlertMail.count() == 0


async def test_a_program_that_fills_in_everything_is_sent_away(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    data = {**form(), "email": CANARY, "website": "x"}
    answer = await client.post("/alerts/mail", data=data, headers=OURS)
    assert answer.status_code == 303
    assert await AlertMail.count() == 0


async def test_too_many_from_one_network_wait(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    for number in range(10):
        await ask(client, f"somebody{number}@example.com")
    data = {**form(), "email": CANARY}
    answer = await client.post("/alerts/mail", data=data, headers=OURS)
    assert answer.status_code == 429
    assert "too often" in answer.text


async def test_no_address_stands_in_the_database_and_none_beside_a_phone(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await confirmed(client, mailbox)
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT alert_mail::text AS row FROM alert_mail")
        queue = await connection.fetch("SELECT payload FROM pgqueuer")
    kept = "".join(row["row"] for row in rows) + "".join(str(row["payload"]) for row in queue)
    for word in (CANARY, "canario"):
        assert word not in kept
        assert word.encode().hex() not in kept
    columns = {column._meta.name for column in Subscription._meta.columns}
    assert not columns & {"mail", "address", "account", "name"}


async def test_what_nobody_confirmed_goes_after_a_week(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await confirmed(client, mailbox)
    await ask(client, "other@example.com")
    assert await mailing.remove_unconfirmed(now() - datetime.timedelta(days=7)) == 0
    assert await mailing.remove_unconfirmed(now() + datetime.timedelta(minutes=1)) == 1
    assert await AlertMail.count() == 1


@pytest.mark.parametrize("token", ["x", "a" * 3000, "%00", "..%2f", "é"])
async def test_a_link_of_nobodys_leads_on(
    client: httpx.AsyncClient, mailbox: Mailbox, token: str
) -> None:
    answer = await client.get(f"/alerts/mail/{token}")
    assert answer.status_code in (400, 404)


async def test_however_many_letters_are_asked_for_the_next_one_only_needs_a_sum_or_a_while(
    client: httpx.AsyncClient, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_pages, "EVERYONE", Limit("so many", 1, 3600, closed=True))
    assert await mail_pages.EVERYONE.take(mail_pages.ALL)

    async def post(**more: str) -> httpx.Response:
        fields = {**form(), "email": CANARY, **more}
        return await client.post("/alerts/mail", data=fields, headers=OURS)

    asked = await post()
    assert asked.status_code == 429
    assert f'value="{CANARY}"' in asked.text
    found = re.search(r'data-sum="([^"]+)"', asked.text)
    ticket = re.search(r'name="ticket" value="([^"]+)"', asked.text)
    assert found
    assert ticket
    assert (await post(sum=solved(unescape(found[1])))).status_code == 303
    assert (await post(ticket=ticket[1])).status_code == 429
    now = proof_of_work._moment()
    monkeypatch.setattr(proof_of_work, "_moment", lambda: now + 21_000)
    assert (await post(ticket=ticket[1])).status_code == 303
