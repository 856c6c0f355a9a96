"""Sign-ups as they come from a phone: sealed with HPKE (RFC 9180) to a key of the house.

Base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one message each. Nothing on the
phone opens one, so a lost phone tells of nobody. Everything that says where a sign-up belongs is
bound into it: moved to another id, phone or text, it does not open.
"""

import binascii
import hashlib
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from backend.web import keyring, vapid
from backend.web.keyring import NoKey

PURPOSE = "canvass"
PROTOCOL = "confianza canvass v1"
# What a message is padded to, and what sealing adds: the phone's one-time point and a tag.
SIZES = (512, 1024)
ADDED = 65 + 16

_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class CannotOpen(Exception):
    """It is not what a phone of ours sealed for this place, or its key is gone."""


@dataclass(frozen=True)
class Place:
    """What a sign-up is bound to. `shown` names the texts on the screen."""

    key_id: str
    record: UUID
    device: UUID
    shown: str

    def info(self) -> bytes:
        parts = (PROTOCOL, self.key_id, str(self.record), str(self.device), self.shown)
        return "|".join(parts).encode()


def public_key() -> tuple[str, str]:
    """Id and public half of the key that phones seal to: the uncompressed point in base64url."""
    half = keyring.newest_half(PURPOSE)
    return half.id, vapid.for_browsers(half.public)


def is_key(id: str) -> bool:
    """Whether a sign-up that was sealed to that key can be opened here, by who may."""
    return any(half.id == id for half in keyring.halves(PURPOSE))


def unpack(text: str) -> bytes:
    """The bytes of what was sent. Raises CannotOpen when it cannot be a sealed sign-up."""
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise CannotOpen("this is not base64url") from None
    if len(sealed) - ADDED not in SIZES:
        raise CannotOpen("this has a length that no sign-up has")
    return sealed


def open_sealed(sealed: bytes, place: Place) -> bytes:
    """What the phone sealed, with its padding. Raises CannotOpen."""
    try:
        secret = keyring.named(PURPOSE, place.key_id).secret
        return _SUITE.decrypt(sealed, vapid.private_key(secret), place.info())
    except NoKey:
        raise CannotOpen("its key is gone") from None
    except (InvalidTag, ValueError):
        raise CannotOpen("it was changed, or does not belong here") from None


def digest(sealed: bytes) -> bytes:
    return hashlib.sha256(sealed).digest()
