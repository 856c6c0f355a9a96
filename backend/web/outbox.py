"""Letters as files, for a house without a mail server: `var/outbox`, one `.eml` each.

Readable by the house's own user only. A file's name tells when it was written, never to whom.
"""

import asyncio
import contextlib
import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path

from backend import settings

KEPT = timedelta(days=7)
NAME = re.compile(r"[0-9]{8}T[0-9]{12}-[0-9a-f]{16}\.eml", re.ASCII)
MOST_SHOWN = 100


@dataclass(frozen=True)
class Lying:
    """A letter in the outbox. `name` is its file's, `at` when it was written (UTC)."""

    name: str
    at: datetime
    language: str
    subject: str


@dataclass(frozen=True)
class Opened:
    """A letter with its address and the words of its text part."""

    lying: Lying
    to: str
    text: str


def folder() -> Path:
    return settings.VAR / "outbox"


def put(message: bytes) -> str:
    """Lay a letter in. Returns the name of its file."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    folder().chmod(0o700)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(8)}.eml"
    # Written elsewhere first: whoever lists the folder meets no half letter.
    draft = folder() / f".{name}"
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(message)
    draft.rename(folder() / name)
    return name


def lying() -> tuple[list[Lying], int]:
    """The newest letters, at most MOST_SHOWN of them, newest first, and how many there are."""
    names = sorted((path.name for path in _letters()), reverse=True)
    found = (_read(name) for name in names[:MOST_SHOWN])
    return [each[0] for each in found if each], len(names)


def open_letter(name: str) -> Opened | None:
    """None when no letter has that name."""
    found = _read(name)
    if found is None:
        return None
    lying, message = found
    body = message.get_body(preferencelist=("plain",))
    # We write nothing but UTF-8; a spoiled file shows what is left of it.
    content = body.get_payload(decode=True) if body else b""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    return Opened(lying, _header(message, "To"), text.replace("\r\n", "\n"))


def is_name(text: str) -> bool:
    """Whether a letter's file can be called that. Nothing else is ever looked for."""
    return NAME.fullmatch(text) is not None


def lies(name: str) -> bool:
    return is_name(name) and (folder() / name).exists()


def remove(name: str) -> bool:
    """False when it is gone already."""
    if not is_name(name):
        return False
    try:
        (folder() / name).unlink()
    except FileNotFoundError:
        return False
    return True


async def purge_outbox(before: datetime) -> int:
    """Retention: remove what was written before then (see KEPT). Returns how many letters went."""
    return await asyncio.to_thread(_purge, before)


def _purge(before: datetime) -> int:
    gone = 0
    for path in [*_letters(), *folder().glob(".*.eml")]:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before.timestamp():
                path.unlink()
                gone += 1
    return gone


def _letters() -> list[Path]:
    return [path for path in folder().glob("*.eml") if is_name(path.name)]


def _read(name: str) -> tuple[Lying, EmailMessage] | None:
    if not is_name(name):
        return None
    try:
        written = (folder() / name).read_bytes()
    except FileNotFoundError:
        return None
    message = message_from_bytes(written, policy=SMTPUTF8)
    assert isinstance(message, EmailMessage)
    at = datetime.strptime(name[:21], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    header = _header(message, "Content-Language"), _header(message, "Subject")
    return Lying(name, at, *header), message


def _header(message: EmailMessage, name: str) -> str:
    # UTF-8 that stands there as it is (SMTPUTF8) comes as half characters.
    return str(message[name] or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
