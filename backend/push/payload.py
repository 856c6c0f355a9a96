"""What a phone gets: the notification as Declarative Web Push has it, sealed so that only that
phone can read it (RFC 8291).

PyPI `pywebpush` seals with `http_ece`, one layer of general code over another. The same steps with
`cryptography` alone take two thirds of its time, and time is what decides when the last phone
rings; a test holds the two against each other and against the RFC's own example, and so does each
worker before it rings anybody. Single messages go through `pywebpush` (`single`).
"""

import hmac
import json
import os
import struct
from functools import cache
from typing import Any

import http_ece
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.web.email_layout import our_page
from backend.web.language import ENGLISH, LANGUAGES

# A body of 4,096 bytes, less what sealing adds: what every push service takes.
LARGEST = 3993
# Everything is made as long as the next of these: the length of a text tells which it is.
SIZES = (1024, 2048, 3072, LARGEST)
NUMBER = 8030  # that of the RFC; browsers know by it that they may show it by themselves

POINT, SECRET, SALT = 65, 16, 16
CURVE = ec.SECP256R1()
RECORD = 4096

Words = dict[str, str]


class NotAKey(Exception):
    """These are not the keys of a push subscription."""


class TooLong(Exception):
    """The words do not fit into a message."""


def check_keys(p256dh: bytes, auth: bytes) -> None:
    """Raises NotAKey unless the first is an uncompressed point on the curve P-256 and the second 16
    bytes long."""
    if len(p256dh) != POINT or p256dh[0] != 4 or len(auth) != SECRET:
        raise NotAKey("a key has the wrong length or form")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, p256dh)
    except (ValueError, UnsupportedAlgorithm):
        raise NotAKey("the key is no point on the curve") from None


def notification(words: Words, language: str, navigate: str, tag: str) -> dict[str, Any]:
    """The message before it is sealed. `navigate` is a path of ours."""
    reader = LANGUAGES.get(language, ENGLISH)
    return {
        "web_push": NUMBER,
        "notification": {
            "title": words["title"],
            "body": words["body"],
            "lang": reader.code,
            "dir": reader.direction,
            "navigate": our_page(navigate),
            "tag": tag,
            "silent": False,
        },
    }


def padded(message: dict[str, Any]) -> bytes:
    """As JSON with spaces behind it, up to one of few sizes. Raises TooLong."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    for size in SIZES:
        if len(text) <= size:
            return text.ljust(size)
    raise TooLong(f"{len(text)} bytes, of {LARGEST} at most")


def seal(plain: bytes, p256dh: bytes, auth: bytes) -> bytes:
    """For one phone, with a key pair and a salt that are used once (content coding aes128gcm).
    Raises TooLong, and NotAKey for a point that is not on the curve."""
    if len(plain) > LARGEST:
        raise TooLong(f"{len(plain)} bytes, of {LARGEST} at most")
    return _seal(plain, p256dh, auth, ec.generate_private_key(CURVE), os.urandom(SALT))


@cache
def is_right() -> bool:
    """Whether PyPI `http_ece`, the reference, opens what we seal. Looked at once in a process."""
    pair, auth, plain = ec.generate_private_key(CURVE), os.urandom(SECRET), os.urandom(SIZES[0])
    try:
        opened = http_ece.decrypt(
            seal(plain, _public(pair), auth),
            private_key=pair,
            auth_secret=auth,
            version="aes128gcm",
        )
    except (http_ece.ECEException, NotAKey, ValueError):
        return False
    return bool(opened == plain)


def _public(pair: ec.EllipticCurvePrivateKey) -> bytes:
    return pair.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _seal(
    plain: bytes, p256dh: bytes, auth: bytes, pair: ec.EllipticCurvePrivateKey, salt: bytes
) -> bytes:
    ours = _public(pair)
    try:
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, p256dh)
    except ValueError:
        raise NotAKey("the key is no point on the curve") from None
    shared = pair.exchange(_DH, theirs)
    # Each HKDF of RFC 5869 is one extraction and one block, since nothing longer is asked for.
    both = _INFO + p256dh + ours + b"\x01"
    secret = hmac.digest(hmac.digest(auth, shared, "sha256"), both, "sha256")
    pseudorandom = hmac.digest(salt, secret, "sha256")
    key = hmac.digest(pseudorandom, _KEY, "sha256")[:16]
    nonce = hmac.digest(pseudorandom, _NONCE, "sha256")[:12]
    # The one 2 ends the last record: padding of our own stands before it, as spaces.
    return salt + _HEADER + ours + AESGCM(key).encrypt(nonce, plain + b"\x02", None)


_DH = ec.ECDH()
_INFO = b"WebPush: info\x00"
_KEY = b"Content-Encoding: aes128gcm\x00\x01"
_NONCE = b"Content-Encoding: nonce\x00\x01"
_HEADER = struct.pack("!LB", RECORD, POINT)
