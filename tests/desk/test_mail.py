"""Mail at the desk: letters that lie here are seen by few, and each look is written down."""

from pathlib import Path

import httpx
import pytest

from backend import settings
from backend.staff import names
from backend.staff.tables import Account, AuditEntry
from backend.web import mail, outbox
from backend.web.mail import Letter
from tests.desk.test_desk import AtTheDesk
from tests.web.test_mail import Inbox, answering

TO = "quetzal.canario@example.org"
LETTER = Letter(TO, "Su código: 123 456", "¡Hola! <b>uno</b>", "<p onclick=x>¡Hola!</p>", "es")


@pytest.fixture(autouse=True)
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An outbox of its own and no settings from outside."""
    monkeypatch.setattr(settings, "VAR", tmp_path)
    for name in ("SMTP_URL", "MAIL_FROM"):
        monkeypatch.delenv(name, raising=False)


async def put() -> str:
    await mail.send(LETTER)
    return outbox.lying()[0][0].name


async def written() -> list[tuple[str, str, str, object]]:
    rows = await AuditEntry.select().order_by(AuditEntry.id)
    return [(row["actor"], row["action"], row["subject"], row["details"]) for row in rows]


async def test_the_list_says_when_and_what_but_not_to_whom(at_the_desk: AtTheDesk) -> None:
    campaigner = await at_the_desk("campaigner", fresh=True)
    empty = await campaigner.get("/desk/outbox")
    assert empty.status_code == 200
    assert "None." in empty.text
    assert "No mail server is set" in empty.text
    name = await put()
    listed = await campaigner.get("/desk/outbox")
    assert f'href="/desk/outbox/{name}"' in listed.text
    assert "Su código: 123 456" in listed.text
    assert "Español" in listed.text
    assert "quetzal" not in listed.text
    assert await written() == []


async def test_who_opens_a_letter_is_written_down(at_the_desk: AtTheDesk) -> None:
    campaigner = await at_the_desk("campaigner", name="Ana", fresh=True)
    name = await put()
    shown = await campaigner.get(f"/desk/outbox/{name}")
    assert shown.status_code == 200
    assert TO in shown.text
    assert "¡Hola! &lt;b&gt;uno&lt;/b&gt;" in shown.text
    assert "onclick" not in shown.text, "its HTML is never shown"
    assert shown.headers["cache-control"] == "no-store"
    assert await written() == [("Ana", "saw_mail", f"mail {name}", {})]
    assert "quetzal" not in str(await written())


async def test_a_letter_is_opened_after_a_passkey_and_counts_as_a_name(
    at_the_desk: AtTheDesk,
) -> None:
    name = await put()
    stale = await at_the_desk("campaigner", name="Stale")
    answer = await stale.get(f"/desk/outbox/{name}")
    assert answer.headers["location"].startswith("/desk/step-up?next=/desk/outbox/")
    ana = await at_the_desk("campaigner", name="Ana", fresh=True)
    account = await Account.named("Ana")
    assert account is not None
    await names.saw(account, names.A_DAY - 1)
    assert (await ana.get(f"/desk/outbox/{name}")).status_code == 200
    refused = await ana.get(f"/desk/outbox/{name}")
    assert refused.status_code == 429
    assert TO not in refused.text


async def test_a_letter_can_be_deleted_once(at_the_desk: AtTheDesk) -> None:
    campaigner = await at_the_desk("campaigner", name="Ana", fresh=True)
    name = await put()
    gone = await campaigner.post(f"/desk/outbox/{name}/removal")
    assert (gone.status_code, gone.headers["location"]) == (303, "/desk/outbox")
    assert outbox.lying() == ([], 0)
    again = await campaigner.post(f"/desk/outbox/{name}/removal")
    assert again.status_code == 404
    assert "It may be deleted already" in again.text
    assert (await campaigner.get(f"/desk/outbox/{name}")).status_code == 404
    assert await written() == [("Ana", "removed_mail", f"mail {name}", {})]


@pytest.mark.parametrize("role", ["editor", "canvass_lead"])
async def test_who_may_not_see_people_sees_no_mail(at_the_desk: AtTheDesk, role: str) -> None:
    colleague = await at_the_desk(role, fresh=True)
    name = await put()
    for answer in (
        await colleague.get("/desk/outbox"),
        await colleague.get(f"/desk/outbox/{name}"),
        await colleague.post(f"/desk/outbox/{name}/removal"),
        await colleague.post("/desk/outbox/tests", to="me@example.org"),
    ):
        assert answer.status_code == 403
        assert "quetzal" not in answer.text
    assert [each.name for each in outbox.lying()[0]] == [name]


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2fkeys%2fkeys.json",
        "..%5ckeys.json",
        "secret.eml",
        "%2e%2e",
        "20261124T134500000000-0000000000000000.eml",
        "99999999T999999999999-0000000000000000.eml",
        "٢٠٢٦1124T134500000000-0000000000000000.eml",
        "x" * 3000,
    ],
)
async def test_an_address_leads_to_letters_only(at_the_desk: AtTheDesk, name: str) -> None:
    campaigner = await at_the_desk("campaigner", fresh=True)
    await put()
    (outbox.folder() / "secret.eml").write_text("To: secret")
    (outbox.folder().parent / "keys.json").write_text("secret")
    shown = await campaigner.get(f"/desk/outbox/{name}")
    assert shown.status_code == 404
    assert "secret" not in shown.text.replace("secret.eml", "")
    assert (await campaigner.post(f"/desk/outbox/{name}/removal")).status_code == 404
    assert (outbox.folder() / "secret.eml").exists()
    assert (outbox.folder().parent / "keys.json").exists()
    assert await written() == []


async def test_a_broken_file_breaks_no_page(at_the_desk: AtTheDesk) -> None:
    campaigner = await at_the_desk("campaigner", fresh=True)
    name = await put()
    for content in (
        b"",
        b"\xff\xfe\0",
        b"Subject: =?x?q?a?=\nContent-Type: text/plain; charset=no\n\n\xff",
    ):
        (outbox.folder() / name).write_bytes(content)
        assert (await campaigner.get("/desk/outbox")).status_code == 200
        assert (await campaigner.get(f"/desk/outbox/{name}")).status_code == 200


async def test_a_test_letter_lands_here_when_no_server_is_set(at_the_desk: AtTheDesk) -> None:
    campaigner = await at_the_desk("campaigner", name="Ana", fresh=True)
    done = await campaigner.post("/desk/outbox/tests", to=" me@example.org ")
    assert (done.status_code, done.headers["location"]) == (303, "/desk/outbox?tried=yes")
    told = await campaigner.get(done.headers["location"])
    assert "It went nowhere" in told.text
    [lying], _number = outbox.lying()
    letter = outbox.open_letter(lying.name)
    assert letter is not None
    assert letter.to == "me@example.org"
    assert await written() == [("Ana", "tried_mail", "", {})]


async def test_a_test_letter_goes_through_the_server(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigner = await at_the_desk("campaigner", fresh=True)
    inbox = Inbox()
    async with answering(inbox) as port:
        monkeypatch.setenv("SMTP_URL", f"smtp://desk:p4ssw0rd@127.0.0.1:{port}")
        shown = await campaigner.get("/desk/outbox")
        assert "Mail goes out through this server" in shown.text
        assert "p4ssw0rd" not in shown.text
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        done = await campaigner.post("/desk/outbox/tests", to="me@example.org")
    assert done.status_code == 303
    assert inbox.taken[0][1] == ["me@example.org"]
    assert inbox.only()["Subject"] == "A test: mail works"
    assert outbox.lying() == ([], 0)
    assert "The mail server took it" in (await campaigner.get("/desk/outbox?tried=yes")).text


@pytest.mark.parametrize(
    ("answer", "says"),
    [("550 no", "this address gets no mail (550)"), ("451 later", "did not take it now (451)")],
)
async def test_what_the_server_says_against_it_is_told(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch, answer: str, says: str
) -> None:
    campaigner = await at_the_desk("campaigner", fresh=True)
    async with answering(Inbox(answer)) as port:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        told = await campaigner.post("/desk/outbox/tests", to="me@example.org")
    assert told.status_code == 422
    assert says in told.text
    assert 'value="me@example.org"' in told.text
    assert await written() == []


@pytest.mark.parametrize(
    "typed", ["", "nobody", "a@b\r\nBcc: victim@example.org", "\0@x.example", "x" * 10_000, "<b>@b"]
)
async def test_a_wrong_address_is_told_and_kept_in_the_form(
    at_the_desk: AtTheDesk, typed: str
) -> None:
    campaigner = await at_the_desk("campaigner", fresh=True)
    told = await campaigner.post("/desk/outbox/tests", to=typed)
    assert told.status_code == 422
    assert "<title>Error: Mail" in told.text
    assert "cannot be right" in told.text
    assert "<b>@b" not in told.text
    assert outbox.lying() == ([], 0)


async def test_wrong_settings_are_told_without_what_is_in_them(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigner = await at_the_desk("campaigner", fresh=True)
    monkeypatch.setenv("SMTP_URL", "smtp://u:p4ssw0rd@mail.example?starttls=no")
    for answer in (
        await campaigner.get("/desk/outbox"),
        await campaigner.post("/desk/outbox/tests", to="me@example.org"),
    ):
        assert "would send its password in the clear" in answer.text
        assert "p4ssw0rd" not in answer.text


async def test_nobody_can_fill_a_mailbox_from_here(at_the_desk: AtTheDesk) -> None:
    campaigner, other = await at_the_desk("campaigner", fresh=True), await at_the_desk("admin")
    answers: list[httpx.Response] = []
    for _ in range(6):
        answers.append(await campaigner.post("/desk/outbox/tests", to="me@example.org"))
    assert [each.status_code for each in answers] == [303] * 5 + [422]
    assert "That was often" in answers[-1].text
    assert outbox.lying()[1] == 5
    other_sends = await other.post("/desk/outbox/tests", to="me@example.org")
    assert other_sends.status_code == 303
