"""Envelope encryption: sealed fields; what the database keeps of a person cannot be read without a
key outside it.

A row's fields are sealed with a key of its own, and that key to the public half of the house's
(HPKE, RFC 9180): whoever writes a row cannot open it again. What opens is with worker and desk.
"""

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from backend.web import keyring

NONCE = 12
APART = "apart|"
# What somebody may write who cannot open the row. An address is none of it: whoever can write into
# the database shall not lead a letter elsewhere that was meant for the person in the row.
MAY_BE_APART = ("name", "receipt", "token")
# Base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
# Seconds for which a process seals with one key of its own: sealing that one to the house costs
# more than all else of a row.
SENDER_FOR = 60


class CannotOpen(Exception):
    """A sealed text was changed, moved to another row or column, or its key is gone."""


@dataclass(frozen=True)
class DataKey:
    """A person's own key: 256 bits that seal the fields of one row, AES-256-GCM with a random
    96-bit nonce for each field. The row keeps it wrapped; when the key outside the database that
    opens it is destroyed, the row cannot be opened any more, not in a backup either."""

    secret: bytes
    table: str
    row: str
    _cipher: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Making a cipher ready takes longer than opening a short text with it.
        object.__setattr__(self, "_cipher", AESGCM(self.secret))

    @classmethod
    def new(cls, table: str, row: object) -> "DataKey":
        return cls(AESGCM.generate_key(bit_length=256), table, str(row))

    @classmethod
    def unwrap(
        cls,
        wrapped: str,
        table: str,
        row: object,
        find: Callable[[str, str], keyring.Key] = keyring.named,
    ) -> "DataKey":
        """Raises CannotOpen, and keyring.NoKey when the key that opens it is gone or not for this
        process. Who opens thousands of rows in a second gives a `find` that remembers the keys it
        found."""
        if wrapped.startswith("v1:"):
            key_id, packed = _parts(wrapped)
            cipher = _wrapping(find("sealing-v1", key_id).secret)
        else:
            key_id, enclosed, packed = _sent_parts(wrapped)
            cipher = _opened_sender(find("sealing", key_id), enclosed)
        place = f"{table}|data_key|{row}|{key_id}"
        return cls(_decrypt(cipher, packed, place), table, str(row))

    def wrapped(self) -> str:
        """The key for its row to keep: `v2:<key id>:<the sender's key, sealed>:<base64>`."""
        sender = _sender()
        place = f"{self.table}|data_key|{self.row}|{sender.key_id}"
        packed = _encrypt(sender.cipher, self.secret, place)
        return f"v2:{sender.key_id}:{sender.enclosed}:{packed}"

    def seal(self, column: str, text: str) -> str:
        """A text for that column of this row: `v1:row:<base64>`."""
        return f"v1:row:{_encrypt(self._cipher, text.encode(), self._place(column))}"

    def open(self, column: str, sealed: str) -> str:
        """Raises CannotOpen."""
        if sealed.startswith(APART):
            if column not in MAY_BE_APART:
                raise CannotOpen("this was not sealed by who made the row")
            wrapped, _, sealed = sealed.removeprefix(APART).partition("|")
            return DataKey.unwrap(wrapped, self.table, self.row).open(column, sealed)
        _key, packed = _parts(sealed)
        return _decrypt(self._cipher, packed, self._place(column)).decode()

    def _place(self, column: str) -> str:
        return f"{self.table}|{column}|{self.row}|row"


def seal_apart(table: str, row: object, column: str, text: str) -> str:
    """A text for a column of a row whose own data key is not at hand, under one of its own. The
    row's key opens it like any other."""
    key = DataKey.new(table, row)
    return f"{APART}{key.wrapped()}|{key.seal(column, text)}"


def is_apart(sealed: str | None) -> bool:
    return (sealed or "").startswith(APART)


def rewrap(wrapped: str, table: str, row: object) -> str:
    """The same data key under the newest wrapping key."""
    return DataKey.unwrap(wrapped, table, row).wrapped()


def wrapped_with(wrapped: str) -> str:
    """The id of the key that opens it."""
    return wrapped.split(":")[1]


def forms_under(key_id: str) -> tuple[str, ...]:
    """How what is wrapped under a key of that name begins, in this release and in earlier ones."""
    return f"v2:{key_id}:", f"v1:{key_id}:"


def blind_index(purpose: str, normalized: str) -> bytes:
    """32 bytes that are the same for the same text and purpose, and tell nothing of the text
    without the key: for finding duplicates. A key for each purpose is derived from one."""
    own = _key_for(purpose, keyring.newest("index").secret)
    return hmac.digest(own, normalized.encode(), "sha256")


@lru_cache(maxsize=50)
def _key_for(purpose: str, key: bytes) -> bytes:
    return hmac.digest(key, b"purpose|" + purpose.encode(), "sha256")


@dataclass(frozen=True)
class _Sender:
    """A key with which this process wraps those of rows for a minute, and itself `enclosed`: sealed
    to the house."""

    key_id: str
    enclosed: str
    cipher: AESGCM
    until: float


_sending: _Sender | None = None


def _sender() -> _Sender:
    global _sending
    half = keyring.newest_half("sealing")
    known = _sending
    if known is not None and known.key_id == half.id and time.monotonic() < known.until:
        return known
    secret = AESGCM.generate_key(bit_length=256)
    public = X25519PublicKey.from_public_bytes(half.public)
    enclosed = base64.b64encode(_SUITE.encrypt(secret, public, _of_sender(half.id))).decode()
    _sending = _Sender(half.id, enclosed, AESGCM(secret), time.monotonic() + SENDER_FOR)
    return _sending


@lru_cache(maxsize=50_000)
def _opened_sender(key: keyring.Key, enclosed: str) -> AESGCM:
    private = X25519PrivateKey.from_private_bytes(key.secret)
    try:
        sealed = binascii.a2b_base64(enclosed, strict_mode=True)
        return AESGCM(_SUITE.decrypt(sealed, private, _of_sender(key.id)))
    except (InvalidTag, ValueError):
        raise CannotOpen("this was changed, or does not belong here") from None


def _of_sender(key_id: str) -> bytes:
    return f"confianza data keys v2|{key_id}".encode()


@lru_cache(maxsize=20)
def _wrapping(key: bytes) -> AESGCM:
    return AESGCM(key)


def _encrypt(cipher: AESGCM, text: bytes, place: str) -> str:
    nonce = secrets.token_bytes(NONCE)
    return base64.b64encode(nonce + cipher.encrypt(nonce, text, place.encode())).decode()


def _decrypt(cipher: AESGCM, packed: bytes, place: str) -> bytes:
    try:
        return cipher.decrypt(packed[:NONCE], packed[NONCE:], place.encode())
    except (InvalidTag, ValueError):
        raise CannotOpen("this was changed, or does not belong here") from None


def _parts(sealed: str) -> tuple[str, bytes]:
    try:
        version, key_id, packed = sealed.split(":")
        if version == "v1":
            return key_id, binascii.a2b_base64(packed, strict_mode=True)
    except (ValueError, binascii.Error):
        pass
    raise CannotOpen("this is not a sealed text")


def _sent_parts(wrapped: str) -> tuple[str, str, bytes]:
    try:
        version, key_id, enclosed, packed = wrapped.split(":")
        if version == "v2":
            return key_id, enclosed, binascii.a2b_base64(packed, strict_mode=True)
    except (ValueError, binascii.Error):
        pass
    raise CannotOpen("this is not a sealed key")
