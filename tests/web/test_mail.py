"""Mail: handed to a real server on loopback, or laid into the outbox, and told to nobody else."""

import asyncio
import contextlib
import datetime
import logging
import os
import socket
import ssl
import stat
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backend import settings
from backend.settings import WrongSetting
from backend.web import mail, outbox
from backend.web.mail import Letter, MailIsLate, MailRefused, server_of

TO = "quetzal.canario@example.org"
LETTER = Letter(TO, "Your code", "Hello Ana", "<p>Hello Ana</p>", "en")


class Inbox:
    """A mail server's end: keeps what it takes, or answers as told."""

    def __init__(self, to_recipient: str = "", to_data: str = "250 taken") -> None:
        self.to_recipient = to_recipient
        self.to_data = to_data
        self.taken: list[tuple[str, list[str], bytes]] = []
        self.greeted: list[str] = []
        self.encrypted: list[bool] = []

    async def handle_EHLO(
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.greeted.append(hostname)
        return answers

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.to_recipient:
            return self.to_recipient.replace("ADDRESS", address)
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.encrypted.append(session.ssl is not None or server.transport.get_extra_info("cipher"))
        content = envelope.original_content
        assert isinstance(content, bytes)
        self.taken.append((envelope.mail_from or "", envelope.rcpt_tos, content))
        return self.to_data

    def only(self) -> EmailMessage:
        [(_from, _to, content)] = self.taken
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        return message


@contextlib.asynccontextmanager
async def answering(
    inbox: Inbox, encrypted: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[int]:
    """A server in this process that speaks SMTP, on a port of its own."""
    loop = asyncio.get_running_loop()

    def talk() -> SMTP:
        return SMTP(inbox, hostname="mx.example", loop=loop, **options)

    server = await loop.create_server(talk, "127.0.0.1", 0, ssl=encrypted)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture(autouse=True)
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A house with an outbox of its own and no settings from outside."""
    monkeypatch.setattr(settings, "VAR", tmp_path / "var")
    monkeypatch.setenv("SITE_URL", "https://confianza.example")
    for name in ("SMTP_URL", "MAIL_FROM", "APP_NAME"):
        monkeypatch.delenv(name, raising=False)


def use_server(monkeypatch: pytest.MonkeyPatch, port: int, rest: str = "") -> None:
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}{rest}")


async def sent(monkeypatch: pytest.MonkeyPatch, letter: Letter) -> Inbox:
    inbox = Inbox()
    async with answering(inbox, enable_SMTPUTF8=True) as port:
        use_server(monkeypatch, port)
        await mail.send(letter)
    return inbox


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


async def test_a_letter_arrives_with_both_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = await sent(monkeypatch, Letter(TO, "Su código", "¡Hola!", "<p>¡Hola!</p>", "es"))
    message = inbox.only()
    assert message.get_content_type() == "multipart/alternative"
    assert part(message, "plain") == "¡Hola!\n"
    assert part(message, "html") == "<p>¡Hola!</p>\n"
    assert message["Subject"] == "Su código"
    assert message["To"] == TO
    assert message["From"] == "Confianza <no-reply@confianza.example>"
    assert message["Content-Language"] == "es"
    assert message["Auto-Submitted"] == "auto-generated"
    assert inbox.taken[0][:2] == ("no-reply@confianza.example", [TO])
    assert inbox.taken[0][2].isascii(), "servers that know only ASCII take it too"
    age = datetime.datetime.now(datetime.UTC) - message["Date"].datetime
    assert datetime.timedelta(0) <= age + datetime.timedelta(seconds=1) < datetime.timedelta(0, 60)


async def test_a_letter_names_no_machine_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = await sent(monkeypatch, LETTER)
    assert inbox.greeted == ["confianza.example"]
    assert inbox.only()["Message-ID"].endswith("@confianza.example>")
    content = inbox.taken[0][2].decode()
    assert socket.gethostname() not in content
    assert str(os.getpid()) not in inbox.only()["Message-ID"].split("@")[0][1:8]
    assert "+0000" in inbox.only()["Date"], "nor where it stands"
    other = await sent(monkeypatch, LETTER)
    assert other.only()["Message-ID"] != inbox.only()["Message-ID"]


async def test_who_it_is_from_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", "Confianza ñ <hola@mail.example>")
    inbox = await sent(monkeypatch, LETTER)
    assert inbox.only()["From"].addresses[0].display_name == "Confianza ñ"
    assert inbox.taken[0][0] == "hola@mail.example"
    assert inbox.only()["Message-ID"].endswith("@mail.example>")
    assert mail.can_be_answered()
    monkeypatch.delenv("MAIL_FROM")
    assert not mail.can_be_answered()


@pytest.mark.parametrize(
    "wrong", ["nobody", "a@", "A <b>", "ñ@example.org", "A\x0b <a@example.org>"]
)
async def test_a_wrong_sender_is_told_in_words(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("MAIL_FROM", wrong)
    with pytest.raises(WrongSetting, match="MAIL_FROM"):
        await mail.send(LETTER)


@pytest.mark.parametrize(
    ("written", "reached"),
    [
        ("ana@españa.example", "ana@xn--espaa-rta.example"),
        ("ana+pledge@example.org", "ana+pledge@example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("ñandú@example.org", "ñandú@example.org"),
        ("ñandú@españa.example", "ñandú@xn--espaa-rta.example"),
    ],
)
async def test_addresses_beyond_ascii_are_reached(
    monkeypatch: pytest.MonkeyPatch, written: str, reached: str
) -> None:
    inbox = await sent(monkeypatch, Letter(written, "Código", "x", "<p>x</p>", "es"))
    assert inbox.taken[0][1] == [reached]
    assert f"To: {reached}\r\n".encode() in inbox.taken[0][2]


async def test_a_server_without_unicode_addresses_refuses_them_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inbox = Inbox()
    async with answering(inbox) as port:
        use_server(monkeypatch, port)
        with pytest.raises(MailRefused):
            await mail.send(Letter("ñandú@example.org", "x", "x", "x", "es"))
    assert inbox.taken == []


@pytest.mark.parametrize(
    "odd", ["\u202eevil\u202c", "Ana " * 50, "علی رضایی", "𝒜 🌮 ñ", "x" * 3000]
)
async def test_odd_words_arrive_as_they_were(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    inbox = await sent(monkeypatch, Letter(TO, odd.strip(), odd, f"<p>{odd}</p>", "en"))
    assert inbox.only()["Subject"] == odd.strip()
    assert part(inbox.only(), "plain") == f"{odd}\n"
    assert part(inbox.only(), "html") == f"<p>{odd}</p>\n"
    assert max(map(len, inbox.taken[0][2].split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "bad",
    [
        "ana@example.org\r\nBcc: victim@example.org",
        "ana@example.org\nX: y",
        "ana@example.org,victim@example.org",
        "ana@example.org, victim@example.org",
        "Ana <ana@example.org>",
        "ana@exa mple.org",
        "ana\0@example.org",
        "@example.org",
        "ana@",
        "ana",
        "",
        "a" * 300 + "@example.org",
        "ana@" + "ñ" * 100 + ".example",
        '"ana"@example.org',
        "ana@example..org",
    ],
)
async def test_an_address_that_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    inbox = Inbox()
    async with answering(inbox, enable_SMTPUTF8=True) as port:
        use_server(monkeypatch, port)
        with pytest.raises(MailRefused) as told:
            await mail.send(Letter(bad, "x", "x", "x", "en"))
    assert inbox.taken == []
    assert "ana" not in str(told.value)
    assert told.value.__context__ is None


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\0"])
async def test_nobody_can_slip_in_a_header(monkeypatch: pytest.MonkeyPatch, sign: str) -> None:
    inbox = Inbox()
    async with answering(inbox) as port:
        use_server(monkeypatch, port)
        for letter in (
            Letter(TO, f"Hello{sign}Bcc: victim@example.org", "x", "x", "en"),
            Letter(TO, "Hello", "x", "x", "en", {"List-Unsubscribe": f"<x>{sign}Bcc: v@e.org"}),
        ):
            with pytest.raises(ValueError, match="one line"):
                await mail.send(letter)
    assert inbox.taken == []


@pytest.mark.parametrize("line", [".", "..", ".\r\nMAIL FROM:<x@example.org>", "\r\n.\r\nQUIT"])
async def test_a_letter_cannot_end_the_talk_early(
    monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    inbox = await sent(monkeypatch, Letter(TO, "x", f"before\n{line}\nafter", "<p>x</p>", "en"))
    assert part(inbox.only(), "plain").splitlines()[-1] == "after"


@pytest.mark.parametrize(
    ("recipient", "data", "error", "says"),
    [
        ("550 5.1.1 no mailbox ADDRESS here", "", MailRefused, "550"),
        ("553 what is ADDRESS", "", MailRefused, "553"),
        ("451 4.7.1 ADDRESS is new, come back", "", MailIsLate, "451"),
        ("554 5.7.1 ADDRESS: relay access denied", "", MailIsLate, "554"),
        ("", "552 5.3.4 too large", MailRefused, "552"),
        ("", "452 disk is full", MailIsLate, "452"),
        ("", "554 5.7.1 looks like spam", MailIsLate, "554"),
    ],
)
async def test_what_the_server_answers_decides_whether_to_try_again(
    monkeypatch: pytest.MonkeyPatch, recipient: str, data: str, error: type[Exception], says: str
) -> None:
    async with answering(Inbox(recipient, data)) as port:
        use_server(monkeypatch, port)
        with pytest.raises(error) as told:
            await mail.send(LETTER)
    assert str(told.value) == says
    assert told.value.__context__ is None, "the first error holds the address"


async def test_a_server_that_says_nothing_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail, "SECONDS", 0.2)
    asked = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await _reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    use_server(monkeypatch, server.sockets[0].getsockname()[1])
    async with asyncio.timeout(5):
        with pytest.raises(MailIsLate, match="Timeout"):
            await mail.send(LETTER)
    assert asked.is_set()
    server.close()
    await server.wait_closed()


async def test_no_server_at_all_means_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        use_server(monkeypatch, free.getsockname()[1])
        with pytest.raises(MailIsLate, match="SMTPConnectError"):
            await mail.send(LETTER)


def guard(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    assert isinstance(given, LoginPassword)
    return AuthResult(
        handled=False, success=given == LoginPassword(b"house@example.org", b"p:ss/w\xc3\xb6rd")
    )


# aiosmtpd still sets this attribute of its own.
@pytest.mark.filterwarnings("ignore:Session.login_data is deprecated:DeprecationWarning")
async def test_the_password_is_shown_where_one_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inbox = Inbox()
    options = {"authenticator": guard, "auth_require_tls": False}  # on loopback
    async with answering(inbox, **options) as port:
        at = f"127.0.0.1:{port}"
        right = "house%40example.org:p%3Ass%2Fw%C3%B6rd"
        monkeypatch.setenv("SMTP_URL", f"smtp://{right}@{at}")
        await mail.send(LETTER)
        assert len(inbox.taken) == 1
        monkeypatch.setenv("SMTP_URL", f"smtp://house%40example.org:wrong@{at}")
        with pytest.raises(MailIsLate, match="SMTPAuthenticationError 535"):
            await mail.send(LETTER)
    assert len(inbox.taken) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's own, for localhost, that only who is told trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "certificate.pem", tmp_path / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    return context, paths[0]


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, certificate: tuple[ssl.SSLContext, Path]) -> Any:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    mail._trust.cache_clear()
    yield
    mail._trust.cache_clear()


@pytest.mark.parametrize("way", ["smtps", "smtp"])
async def test_the_talk_is_encrypted(
    monkeypatch: pytest.MonkeyPatch,
    certificate: tuple[ssl.SSLContext, Path],
    trusted: None,
    way: str,
) -> None:
    inbox = Inbox()
    if way == "smtps":
        options: dict[str, Any] = {"encrypted": certificate[0]}
    else:
        options = {"tls_context": certificate[0], "require_starttls": True}
    async with answering(inbox, **options) as port:
        monkeypatch.setenv("SMTP_URL", f"{way}://localhost:{port}?starttls=required")
        await mail.send(LETTER)
    assert len(inbox.taken) == 1
    assert all(inbox.encrypted)


@pytest.mark.parametrize("way", ["smtps", "smtp"])
async def test_a_stranger_in_the_middle_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, certificate: tuple[ssl.SSLContext, Path], way: str
) -> None:
    inbox = Inbox()
    options: dict[str, Any] = (
        {"encrypted": certificate[0]} if way == "smtps" else {"tls_context": certificate[0]}
    )
    async with answering(inbox, **options) as port:
        monkeypatch.setenv("SMTP_URL", f"{way}://localhost:{port}?starttls=required")
        with pytest.raises(MailIsLate):
            await mail.send(LETTER)
    assert inbox.taken == []


async def test_without_the_encryption_that_is_asked_for_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inbox = Inbox()
    async with answering(inbox) as port:
        use_server(monkeypatch, port, "?starttls=required")
        with pytest.raises(MailIsLate):
            await mail.send(LETTER)
    assert inbox.taken == []


def test_only_a_server_of_our_own_may_be_spoken_to_in_the_clear() -> None:
    assert server_of("smtp://u:p@mail.example").starttls
    assert server_of("smtp://u:p@mail.example").port == 587
    assert server_of("smtps://u:p@mail.example").port == 465
    assert not server_of("smtps://u:p@mail.example").starttls
    assert not server_of("smtp://localhost:25").starttls
    assert not server_of("smtp://[::1]:25").starttls
    assert not server_of("smtp://mail:25?starttls=no").starttls
    with pytest.raises(WrongSetting, match="in the clear"):
        server_of("smtp://u:p@mail:25?starttls=no")


@pytest.mark.parametrize(
    "wrong",
    ["mail.example", "http://mail.example", "smtp://", "smtp://mail:99999", "smtp://m?starttls=x"],
)
def test_a_wrong_server_is_told_in_words(wrong: str) -> None:
    with pytest.raises(WrongSetting, match="SMTP_URL") as told:
        server_of(wrong)
    assert "mail.example" not in str(told.value), "what was given may hold a password"


async def test_nothing_of_it_is_in_a_log(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    for answer in ("", "550 no ADDRESS", "451 later, ADDRESS"):
        async with answering(Inbox(answer)) as port:
            use_server(monkeypatch, port)
            with contextlib.suppress(MailRefused, MailIsLate):
                await mail.send(LETTER)
    # aiosmtpd is not ours: it plays the other side.
    ours = [record for record in caplog.records if record.name != "mail.log"]
    written = "".join(logging.Formatter().format(record) for record in ours)
    written += "".join(capfd.readouterr())
    assert "quetzal" not in written
    assert "Hello Ana" not in written


async def test_without_a_server_a_letter_lies_in_the_outbox() -> None:
    await mail.send(Letter(TO, "Su código", "¡Hola!", "<p>¡Hola!</p>", "es"))
    [path] = outbox.folder().iterdir()
    assert outbox.is_name(path.name)
    assert "quetzal" not in path.name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(outbox.folder().stat().st_mode) == 0o700
    [found], number = outbox.lying()
    assert (number, found.language, found.subject) == (1, "es", "Su código")
    assert abs(datetime.datetime.now(datetime.UTC) - found.at) < datetime.timedelta(minutes=1)
    letter = outbox.open_letter(found.name)
    assert letter is not None
    assert (letter.to, letter.text) == (TO, "¡Hola!\n")


async def test_an_address_beyond_ascii_can_be_read_in_the_outbox() -> None:
    await mail.send(Letter("ñandú@españa.example", "Ñ" * 300, "x", "x", "es"))
    [found], _number = outbox.lying()
    letter = outbox.open_letter(found.name)
    assert letter is not None
    assert letter.to == "ñandú@xn--espaa-rta.example"
    assert letter.lying.subject == "Ñ" * 300


async def test_the_newest_letter_is_first_and_a_folder_that_is_not_there_is_empty() -> None:
    assert outbox.lying() == ([], 0)
    for number in range(3):
        await mail.send(Letter(TO, f"Letter {number}", "x", "x", "en"))
    letters, number = outbox.lying()
    assert [each.subject for each in letters] == ["Letter 2", "Letter 1", "Letter 0"]
    assert number == 3


@pytest.mark.parametrize(
    "name",
    [
        "../../keys/keys.json",
        "..",
        "",
        "x.eml",
        "/etc/passwd",
        "20261124T134500000000-0000000000000000",
        "20261124T134500000000-0000000000000000.eml\n",
        "20261124T134500000000-..%2f.eml",
    ],
)
async def test_no_other_file_can_be_opened_or_removed(name: str) -> None:
    await mail.send(LETTER)
    (outbox.folder() / "x.eml").write_text("not ours")
    assert outbox.open_letter(name) is None
    assert not outbox.remove(name)
    assert (outbox.folder() / "x.eml").exists()
    assert outbox.lying()[1] == 1


async def test_old_letters_are_removed() -> None:
    for _ in range(2):
        await mail.send(LETTER)
    old, new = sorted(path.name for path in outbox.folder().iterdir())
    week_ago = datetime.datetime.now(datetime.UTC) - outbox.KEPT
    before = week_ago.timestamp() - 60
    os.utime(outbox.folder() / old, (before, before))
    assert await outbox.purge_outbox(week_ago) == 1
    assert [path.name for path in outbox.folder().iterdir()] == [new]
    assert await outbox.purge_outbox(week_ago) == 0
