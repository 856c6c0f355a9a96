"""The end of the trail, signed and handed out, so that nobody can cut lines off unnoticed: a copy
outside the database still says which line there was.

A head is `line:hash:moment:signature`: a number, SHA-256's 64 hex digits, an instant in UTC, and
Ed25519 over the text before the last colon after PREFIX, as URL-safe base64 without padding.
"""

import base64
import contextlib
import datetime
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from backend import settings
from backend.staff.tables import AuditHead, now
from backend.web import keyring

PURPOSE = "head"
PREFIX = b"confianza audit head\n"


@dataclass(frozen=True)
class Head:
    """`hash` and `signature` as text, `at` when it was the trail's end (for a shortening: when its
    line was written)."""

    line: int
    hash: str
    at: datetime.datetime
    signature: str = ""

    def as_text(self) -> str:
        return f"{self.signed_text()}:{self.signature}"

    def signed_text(self) -> str:
        return f"{self.line}:{self.hash}:{self.moment()}"

    def moment(self) -> str:
        """Without a colon, which divides the parts."""
        return self.at.astimezone(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")

    @classmethod
    def from_text(cls, text: str) -> "Head | None":
        """None for what is no head."""
        parts = text.strip().split(":")
        if len(parts) != 4:
            return None
        line, hash, moment, signature = parts
        number = line.isascii() and line.isdecimal() and len(line) < 19
        if not number or len(hash) != 64 or set(hash) - set("0123456789abcdef"):
            return None
        try:
            at = datetime.datetime.strptime(moment, "%Y%m%dT%H%M%S.%fZ")
        except ValueError:
            return None
        return cls(int(line), hash, at.replace(tzinfo=datetime.UTC), signature)


def sign(line: int, hash: bytes, at: datetime.datetime | None = None) -> Head:
    """That line as the trail's end. Makes the key when there is none yet."""
    head = Head(line, hash.hex(), at or now())
    key = Ed25519PrivateKey.from_private_bytes(keyring.newest(PURPOSE).secret)
    made = key.sign(PREFIX + head.signed_text().encode())
    return Head(head.line, head.hash, head.at, _as_text(made))


def is_ours(head: Head) -> bool:
    """Whether one of our keys, an older one too, signed it."""
    try:
        signature = base64.urlsafe_b64decode(head.signature + "=" * (-len(head.signature) % 4))
    except ValueError:
        return False
    for half in keyring.halves(PURPOSE):
        with contextlib.suppress(InvalidSignature):
            public = Ed25519PublicKey.from_public_bytes(half.public)
            public.verify(signature, PREFIX + head.signed_text().encode())
            return True
    return False


def public_halves() -> list[str]:
    """What outsiders check our signatures with: 32 bytes each as URL-safe base64, newest first."""
    return [_as_text(half.public) for half in reversed(keyring.halves(PURPOSE))]


async def keep(head: Head) -> None:
    """Into the database, for the address that hands it out."""
    await AuditHead(
        line=head.line,
        hash=bytes.fromhex(head.hash),
        at=head.at,
        key=keyring.newest(PURPOSE).id,
        signature=head.signature.encode(),
    ).save()


async def newest() -> Head | None:
    """The one that was signed last."""
    row = await AuditHead.newest()
    if row is None:
        return None
    return Head(row.line, bytes(row.hash).hex(), row.at, bytes(row.signature).decode())


def noted() -> Head | None:
    """What we wrote down outside the database, beside the keys."""
    try:
        text = json.loads(_file().read_text(encoding="utf-8"))["head"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Head.from_text(str(text))


def note(head: Head) -> None:
    """Write it down outside the database."""
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps({"head": head.as_text()}))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def set_aside() -> Path | None:
    """Move what was noted here out of the way, after an older house was restored: the next night
    notes anew. Returns where it is now, if anything was noted."""
    there = _file().with_name("audit-head.before-restore.json")
    try:
        _file().replace(there)
    except FileNotFoundError:
        return None
    return there


def _file() -> Path:
    return settings.private_keys().with_name("audit-head.json")


def _as_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
