"""Mail to one person: through the SMTP server of the settings, or else into a folder of files.

No word that leaves here holds the address, neither in a log nor in an error: a job that fails is
written down. Nothing in a letter tells us whether it was read.
"""

import asyncio
import contextlib
import ipaddress
import re
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit

from aiosmtplib import SMTP as Client
from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from backend import settings
from backend.settings import WrongSetting
from backend.web import outbox

# For one step of the talk with the server; the whole of it is a few.
SECONDS = 20.0
LONGEST_ADDRESS = 254
# Quoted-printable or base64 whatever the server can: no line is too long for anyone.
PLAIN = SMTP.clone(cte_type="7bit")
PERMANENT = range(500, 600)
BAD_ADDRESS = "BadAddress"


@dataclass(frozen=True)
class Letter:
    """What one person gets. `text` and `html` say the same; `language` is the code of theirs.
    `headers` come on top of those that every letter has."""

    to: str
    subject: str
    text: str
    html: str
    language: str
    headers: Mapping[str, str] = field(default_factory=dict)


class MailRefused(Exception):
    """This letter can never arrive: the address cannot exist, or its server says so. Do not try
    again. Holds the server's code or the kind of the error, never the address."""


class MailIsLate(Exception):
    """Not now: try again later. Holds the kind of the error, never the address."""


@dataclass(frozen=True)
class Server:
    """Where mail is handed in. `tls` from the first byte; `starttls` before anything is said."""

    host: str
    port: int
    user: str
    password: str
    tls: bool
    starttls: bool


async def send(letter: Letter) -> None:
    """Hand the letter over, or lay it into the outbox while no SMTP server is set. Returns when
    the server has taken it, which is not yet its arrival. Raises MailRefused, MailIsLate, and
    WrongSetting."""
    given = settings.read()
    sender = sender_of(given.mail_from, given.site_url, given.app_name)
    local, domain = _address(letter.to)
    message = _written(letter, sender, Address(username=local, domain=domain))
    if not given.smtp_url:
        await asyncio.to_thread(outbox.put, message.as_bytes())
        return
    trouble = await _hand_in(server_of(given.smtp_url), message, sender, f"{local}@{domain}")
    # Not raised where it happened: the first error's own words hold the address.
    if trouble is not None:
        raise trouble


@cache
def server_of(url: str) -> Server:
    """Read `smtp://user:password@host:port` (587 when no port is said) or `smtps://…` (465). By
    smtp:// the talk turns to TLS, unless the server is on this very machine or the address ends in
    `?starttls=no`, which is for a server on a network of our own. Raises WrongSetting."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise WrongSetting("SMTP_URL has no port that can exist.") from None
    wish = parse_qs(parts.query).get("starttls", [""])[-1]
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise WrongSetting("SMTP_URL must look like smtp://user:password@host:587 or smtps://….")
    if wish not in ("", "required", "no"):
        raise WrongSetting("SMTP_URL: starttls is either required or no.")
    tls = parts.scheme == "smtps"
    near = _is_loopback(parts.hostname)
    starttls = not tls and (wish == "required" or (wish == "" and not near))
    if parts.password and not (tls or starttls or near):
        raise WrongSetting("SMTP_URL would send its password in the clear. Use TLS.")
    return Server(
        host=parts.hostname,
        port=port or (465 if tls else 587),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=tls,
        starttls=starttls,
    )


@cache
def sender_of(mail_from: str, site_url: str, app_name: str) -> Address:
    """Who our letters are from: MAIL_FROM, `Name <address>` or an address alone; or nobody at the
    site's own host. Raises WrongSetting."""
    if not mail_from:
        mail_from = f"no-reply@{urlsplit(site_url).hostname or 'localhost'}"
    name, address = parseaddr(mail_from)
    try:
        local, domain = _address(address)
        return Address(_one_line(name or app_name), local.encode("ascii").decode(), domain)
    except (MailRefused, ValueError):
        raise WrongSetting("MAIL_FROM must look like Confianza <hello@example.org>.") from None


def can_be_answered() -> bool:
    """Whether our letters come from a mailbox that somebody reads. Raises WrongSetting."""
    given = settings.read()
    sender = sender_of(given.mail_from, given.site_url, given.app_name)
    return not re.match(r"no-?_?reply", sender.username, re.IGNORECASE)


def _written(letter: Letter, sender: Address, to: Address) -> EmailMessage:
    """The letter as it travels."""
    message = EmailMessage(policy=PLAIN if to.username.isascii() else PLAIN.clone(utf8=True))
    headers = {
        "From": sender,
        "To": to,
        "Subject": _one_line(letter.subject),
        "Date": format_datetime(datetime.now(UTC)),
        # The standard library would put this machine's process number and time into it.
        "Message-ID": f"<{secrets.token_hex(16)}@{sender.domain}>",
        "Auto-Submitted": "auto-generated",
        **{name: _one_line(value) for name, value in letter.headers.items()},
    }
    for name, value in headers.items():
        message[name] = value
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    # Whatever begins like this is dropped when the content is set.
    message["Content-Language"] = letter.language
    return message


async def _hand_in(
    server: Server, message: EmailMessage, sender: Address, to: str
) -> MailRefused | MailIsLate | None:
    client = Client(
        hostname=server.host,
        port=server.port,
        username=server.user or None,
        password=server.password or None,
        use_tls=server.tls,
        start_tls=server.starttls,
        tls_context=_trust() if server.tls or server.starttls else None,
        # Our own machine's name is nobody's business.
        local_hostname=sender.domain,
        timeout=SECONDS,
    )
    options = [] if to.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
    try:
        async with client:
            await client.sendmail(sender.addr_spec, [to], message.as_bytes(), mail_options=options)
    except (SMTPException, OSError, ValueError) as error:
        return _trouble(error)
    return None


def _trouble(error: Exception) -> MailRefused | MailIsLate:
    """What the sender is told. A wrong password is a 5xx too, but no fault of the letter's."""
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]
    elif isinstance(error, SMTPNotSupported) or not isinstance(error, SMTPException | OSError):
        return MailRefused(type(error).__name__)
    elif isinstance(error, SMTPResponseException) and not isinstance(error, SMTPDataError):
        return MailIsLate(f"{type(error).__name__} {error.code}")
    if not isinstance(error, SMTPResponseException):
        return MailIsLate(type(error).__name__)
    # 5.7 is the server's policy against us (RFC 3463), which its keeper or ours can mend.
    if error.code in PERMANENT and not error.message.startswith("5.7"):
        return MailRefused(str(error.code))
    return MailIsLate(str(error.code))


def _address(text: str) -> tuple[str, str]:
    """Its local part, and its domain as servers know it (in ASCII). Raises MailRefused."""
    local, at, domain = text.rpartition("@")
    odd = any(ord(sign) <= 32 or ord(sign) == 127 or sign in '<>()[],;:\\"' for sign in text)
    if not (local and at and domain) or odd or len(text) > LONGEST_ADDRESS:
        raise MailRefused(BAD_ADDRESS)
    return local, _in_ascii(domain)


def _in_ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    import idna

    encoded = b""
    with contextlib.suppress(idna.IDNAError):
        encoded = idna.encode(domain, uts46=True)
    if not encoded:
        raise MailRefused(BAD_ADDRESS)
    return encoded.decode()


def _one_line(text: str) -> str:
    """As it is. Raises ValueError when it would begin another header."""
    if any(ord(sign) < 32 or ord(sign) == 127 or sign in "\u2028\u2029\x85" for sign in text):
        raise ValueError("a header is one line")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
