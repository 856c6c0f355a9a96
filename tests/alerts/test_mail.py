"""Alerts by mail: asked for, confirmed by the mailbox's owner, changed, and left with one tap."""

import datetime
import email
import re
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend import database, settings
from backend.alerts import mailing, telling, watching
from backend.alerts.tables import AlertMail, AlertNews
from backend.push.tables import Subscription
from backend.staff.tables import now
from tests.alerts.conftest import form
from tests.hearings.saying import announced

CANARY = "rosario.canario@example.com"
OURS = {"Sec-Fetch-Site": "same-origin"}


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
        telling.MAIL_JOB: mailing.mail_news,
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
    answer = await client.post(
        "/alerts/mail", data={**form(**choices), "email": address}, headers=OURS
    )
    assert answer.status_code == 303, re.findall(r'field-error"[^>]*>([^<]*)', answer.text)
    await work_off()
    return str(answer.headers["location"])


async def confirmed(client: httpx.AsyncClient, box: Mailbox, **choices: Any) -> str:
    page = await ask(client, **choices)
    code = re.search(r"(\d{3}) (\d{3})", box.text())
    assert code is not None
    answer = await client.post(f"{page}/confirmations", data={"code": code[0]}, headers=OURS)
    assert answer.status_code == 303
    return page


async def test_an_address_hears_only_once_its_owner_typed_the_digits(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    page = await ask(client, language="es")
    [letter] = mailbox.letters()
    assert letter["To"] == CANARY
    assert "ICE" not in letter["Subject"]
    await announced()
    await watching.look(now() + datetime.timedelta(minutes=5))
    await work_off()
    assert len(mailbox.letters()) == 1, "nothing is mailed to who did not confirm"
    link = re.search(r"/alerts/mail/\S+\?code=\d{6}", mailbox.text())
    assert link is not None
    # A scanner opens the link, and nothing happens.
    opened = await client.get(link[0])
    assert opened.status_code == 200
    assert CANARY not in opened.text
    assert not (await AlertMail.objects().first()).confirmed_at
    wrong = await client.post(f"{page}/confirmations", data={"code": "1"}, headers=OURS)
    assert wrong.status_code == 422
    right = link[0][-6:]
    assert (
        await client.post(f"{page}/confirmations", data={"code": right}, headers=OURS)
    ).status_code == 303
    assert "Mis alertas" in (await client.get(page, headers={"Accept-Language": "es"})).text


async def test_news_comes_as_a_letter_that_says_nothing_outside(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    page = await confirmed(client, mailbox, language="es")
    hearing = await announced()
    await watching.look(now() + datetime.timedelta(minutes=5))
    await work_off()
    letter = mailbox.letters()[-1]
    for word in ("ICE", "alguacil", "Modoc"):
        assert word not in letter["Subject"]
    assert letter["Content-Language"] == "es"
    text = mailbox.text()
    assert "Foro sobre el alguacil e ICE" in text
    assert f"/hearings/{hearing.id}?lang=es" in text
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["List-Unsubscribe"].strip("<>").endswith(f"{page}/one-click")
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
    await watching.look(now() + datetime.timedelta(minutes=5))
    await work_off()
    assert len(mailbox.letters()) == 1


async def test_a_mail_provider_leaves_for_them_with_one_click(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    page = await confirmed(client, mailbox)
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
    page = await confirmed(client, mailbox)
    for path in ("/leave", "/choices", "/confirmations"):
        answer = await client.post(page + path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 403
    assert await AlertMail.count() == 1


async def test_they_change_what_they_hear_of_and_leave(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    page = await confirmed(client, mailbox)
    new = form(counties=frozenset({"kern"}), topics=frozenset({"health"}))
    answer = await client.post(f"{page}/choices", data=new, headers=OURS)
    assert answer.status_code == 200
    row = await AlertMail.objects().first()
    assert row.topics == ["health"]
    wrong = await client.post(f"{page}/choices", data=form(counties=frozenset()), headers=OURS)
    assert wrong.status_code == 422
    left = await client.post(f"{page}/leave", headers=OURS)
    assert left.headers["location"] == "/alerts/mail/left"
    assert (await client.get(page)).status_code == 404


async def test_a_mailbox_stands_once_whoever_confirmed_last(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    first = await confirmed(client, mailbox)
    second = await confirmed(client, mailbox, counties=frozenset({"kern"}))
    assert first != second
    assert await AlertMail.count() == 1
    assert (await client.get(first)).status_code == 404


async def test_a_stranger_learns_nothing_and_cannot_fill_a_mailbox(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await confirmed(client, mailbox)
    pages = [await ask(client) for _ in range(5)]
    for page in pages:
        shown = (await client.get(page)).text
        assert "six digits" in shown
    assert len(mailbox.letters()) == 1 + mailing.MOST_WAITING


async def test_the_digits_cannot_be_guessed(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    page = await ask(client)
    for _ in range(mailing.MOST_TRIES + 1):
        answer = await client.post(f"{page}/confirmations", data={"code": "1"}, headers=OURS)
        assert answer.status_code == 422
    code = mailing.six_digits((await AlertMail.objects().first()).id)
    answer = await client.post(f"{page}/confirmations", data={"code": code}, headers=OURS)
    assert "used up" in answer.text


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
