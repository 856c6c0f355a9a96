"""Sealed fields: what the database keeps of a person cannot be read without a key outside it."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.web import keyring

NONCE = 12
APART = "apart|"


class CannotOpen(Exception):
    """A sealed text was changed, moved to another row or column, or its key is gone."""


@dataclass(frozen=True)
class DataKey:
    """A person's own key: 256 bits that seal the fields of one row, AES-256-GCM with a random
    96-bit nonce for each field. The row keeps it wrapped; when the wrapping key outside the
    database is destroyed, the row cannot be opened any more, not in a backup either."""

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
        """Raises CannotOpen, and keyring.NoKey when the wrapping key is gone. Who opens thousands
        of rows in a second gives a `find` that remembers the keys it found."""
        _version, key_id, packed = _parts(wrapped)
        key = find("sealing", key_id)
        place = f"{table}|data_key|{row}|{key_id}"
        return cls(_decrypt(_wrapping(key.secret), packed, place), table, str(row))

    def wrapped(self) -> str:
        """The key for its row to keep: `v1:<key id>:<base64>`."""
        key = keyring.newest("sealing")
        place = f"{self.table}|data_key|{self.row}|{key.id}"
        return f"v1:{key.id}:{_encrypt(_wrapping(key.secret), self.secret, place)}"

    def seal(self, column: str, text: str) -> str:
        """A text for that column of this row: `v1:row:<base64>`."""
        return f"v1:row:{_encrypt(self._cipher, text.encode(), self._place(column))}"

    def open(self, column: str, sealed: str) -> str:
        """Raises CannotOpen."""
        if sealed.startswith(APART):
            wrapped, _, sealed = sealed.removeprefix(APART).partition("|")
            return DataKey.unwrap(wrapped, self.table, self.row).open(column, sealed)
        _version, _key, packed = _parts(sealed)
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
    """The id of the key that wraps it."""
    return _parts(wrapped)[1]


def blind_index(purpose: str, normalized: str) -> bytes:
    """32 bytes that are the same for the same text and purpose, and tell nothing of the text
    without the key: for finding duplicates. A key for each purpose is derived from one."""
    own = _key_for(purpose, keyring.newest("index").secret)
    return hmac.digest(own, normalized.encode(), "sha256")


@lru_cache(maxsize=50)
def _key_for(purpose: str, key: bytes) -> bytes:
    return hmac.digest(key, b"purpose|" + purpose.encode(), "sha256")


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


def _parts(sealed: str) -> tuple[str, str, bytes]:
    try:
        version, key_id, packed = sealed.split(":")
        if version == "v1":
            return version, key_id, binascii.a2b_base64(packed, strict_mode=True)
    except (ValueError, binascii.Error):
        pass
    raise CannotOpen("this is not a sealed text")
