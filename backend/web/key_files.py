"""How keys are written down: a file of JSON that only its owner reads, as it is or under a
passphrase or an age key (https://age-encryption.org/v1)."""

import base64
import binascii
import contextlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyrage
from pyrage import passphrase, x25519

from backend import settings

SEALING_V1 = "sealing-v1"
VERSION = 2
AGE = b"age-encryption.org/"


class NoKey(Exception):
    """A key that is needed is not there, or a file of keys cannot be read."""


@dataclass(frozen=True)
class Key:
    """`purpose` is what it is for, `id` is unique within the purpose, `made` an ISO instant in UTC,
    `secret` the key's bytes: 32 random ones unless the purpose says otherwise."""

    purpose: str
    id: str
    made: str
    secret: bytes


@dataclass(frozen=True)
class Half:
    """What everybody may know of a pair. `public` are its bytes: 32 on X25519 and Ed25519, the 65
    of an uncompressed point on P-256."""

    purpose: str
    id: str
    made: str
    public: bytes


@dataclass(frozen=True)
class Held:
    """What a file holds, oldest first within a purpose."""

    keys: tuple[Key, ...] = ()
    halves: tuple[Half, ...] = ()

    @cached_property
    def newest(self) -> dict[str, Key]:
        """By purpose."""
        return {key.purpose: key for key in self.keys}

    @cached_property
    def newest_half(self) -> dict[str, Half]:
        return {half.purpose: half for half in self.halves}


@dataclass(frozen=True)
class Under:
    """What a file lies under: a passphrase, or an age key's public half ("age1…")."""

    passphrase: str = ""
    recipient: str = ""


@dataclass
class _Known:
    """What was read stays until the file is another one, and that is looked at ten times a second
    at most: a page asks for keys a dozen times."""

    stamp: tuple[int, int, int]
    held: Held
    looked: float


LOOK = 0.1
_read: dict[Path, _Known] = {}


def look_again() -> None:
    """Before keys are written or destroyed nothing is taken from memory."""
    _read.clear()


def read(path: Path) -> Held:
    """Nothing where there is no file. What was locked since, or spoilt, is as it was read before
    until this process starts anew. Raises NoKey."""
    known = _read.get(path)
    now = time.monotonic()
    if known is not None and now - known.looked < LOOK:
        return known.held
    try:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if known is None or known.stamp != stamp:
            known = _read[path] = _Known(stamp, _anew(path, known), now)
    except FileNotFoundError:
        _read.pop(path, None)
        return Held()
    except OSError as error:
        raise NoKey(f"the file of keys cannot be read: {error.strerror}") from None
    known.looked = now
    return known.held


def _anew(path: Path, known: _Known | None) -> Held:
    try:
        return _from_bytes(path.read_bytes())
    except NoKey:
        if known is None:
            raise
        return known.held


def write(path: Path, held: Held, under: Under | None) -> None:
    """In the place of what is there, all or nothing. Raises OSError."""
    data = as_json(held.keys, held.halves).encode()
    _put(path, _sealed(data, under) if under else data)


def kept(path: Path) -> bytes | None:
    """What is in the file, open or locked, for `put_back`. Raises OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def put_back(path: Path, data: bytes | None) -> None:
    """Raises OSError."""
    if data is not None:
        _put(path, data)
        return
    path.unlink(missing_ok=True)
    _read.pop(path, None)


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    # The files may lie on several disks: one is sure of its name before the other is written.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    _read.pop(path, None)


def is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(AGE)) == AGE
    except OSError:
        return False


def under_now(path: Path) -> Under | None:
    """What the file shall lie under when it is written anew. Raises NoKey."""
    if not is_locked(path):
        return None
    identity = _identity()
    if identity is not None:
        return Under(recipient=str(identity.to_public()))
    return Under(passphrase=settings.private_passphrase())


def as_json(keys: Sequence[Key], halves: Sequence[Half] = ()) -> str:
    lines: dict[str, Any] = {"version": VERSION, "keys": [_line(key, key.secret) for key in keys]}
    if halves:
        lines["halves"] = [_line(half, half.public) for half in halves]
    return json.dumps(lines, indent=1)


def from_json(text: str) -> Held:
    """Raises NoKey when it is not what `as_json` writes. What sealed before there were pairs is
    known by the version."""
    try:
        said = json.loads(text)
        old = "version" not in said
        keys = [Key(*_parts(each, "secret")) for each in said["keys"]]
        halves = [Half(*_parts(each, "public")) for each in said.get("halves", [])]
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise NoKey("the file of keys cannot be read; restore it from a backup") from None
    if old:
        keys = [_of_before(key) for key in keys]
    return Held(tuple(keys), tuple(halves))


def _of_before(key: Key) -> Key:
    return Key(SEALING_V1, key.id, key.made, key.secret) if key.purpose == "sealing" else key


def _line(key: Key | Half, data: bytes) -> dict[str, str]:
    what = "secret" if isinstance(key, Key) else "public"
    written = base64.b64encode(data).decode()
    return {"purpose": key.purpose, "id": key.id, "made": key.made, what: written}


def _parts(line: dict[str, str], what: str) -> tuple[str, str, str, bytes]:
    return line["purpose"], line["id"], line["made"], base64.b64decode(line[what])


def _from_bytes(data: bytes) -> Held:
    opened = _opened(data) if data.startswith(AGE) else data
    return from_json(opened.decode("utf-8", "replace"))


def _opened(data: bytes) -> bytes:
    identity, typed = _identity(), settings.private_passphrase()
    if identity is None and not typed:
        raise NoKey(
            "the private keys are locked: set PRIVATE_KEYS_IDENTITY or PRIVATE_KEYS_PASSPHRASE"
        )
    try:
        if identity is not None:
            return bytes(pyrage.decrypt(data, [identity]))
        return bytes(passphrase.decrypt(data, typed))
    except pyrage.DecryptError:
        raise NoKey("the private keys do not open: the passphrase or age key is another") from None


def _sealed(data: bytes, under: Under) -> bytes:
    if under.passphrase:
        return bytes(passphrase.encrypt(data, under.passphrase))
    try:
        return bytes(pyrage.encrypt(data, [x25519.Recipient.from_str(under.recipient)]))
    except pyrage.RecipientError:
        raise NoKey(f"{under.recipient[:80]!r} is no age public key") from None


def _identity() -> x25519.Identity | None:
    """From the file that PRIVATE_KEYS_IDENTITY names, as `age-keygen` writes it."""
    path = settings.private_identity()
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        [line] = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        return x25519.Identity.from_str(line)
    except (OSError, UnicodeDecodeError, ValueError, pyrage.IdentityError):
        raise NoKey("PRIVATE_KEYS_IDENTITY names no file with one private age key") from None
