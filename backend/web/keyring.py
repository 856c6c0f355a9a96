"""The keys that never enter the database: one file, readable by its owner only."""

import base64
import binascii
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from backend import settings
from backend.web import vapid

# How a key of each purpose is made; one of any other is 32 random bytes.
# `canvass` is what sign-ups are sealed to on a canvasser's phone: a pair on the same curve.
_MAKERS = {"vapid": vapid.new_secret, "canvass": vapid.new_secret}


class NoKey(Exception):
    """A key that is needed is not there, or the file of keys cannot be read."""


@dataclass(frozen=True)
class Key:
    """`purpose` is what it is for, `id` is unique within the purpose, `made` an ISO instant in UTC,
    `secret` the key's bytes: 32 random ones unless the purpose says otherwise."""

    purpose: str
    id: str
    made: str
    secret: bytes


def newest(purpose: str) -> Key:
    """The key that new things of this purpose are made with; the first is made when asked for."""
    for attempt in (_read, _read_or_make):
        found = [key for key in attempt(purpose) if key.purpose == purpose]
        if found:
            return found[-1]
    raise NoKey(f"there is no {purpose} key")


def named(purpose: str, id: str) -> Key:
    """The key of that name. Raises NoKey: it was destroyed, or belongs to another house."""
    for key in _read(purpose):
        if (key.purpose, key.id) == (purpose, id):
            return key
    raise NoKey(f"the {purpose} key {id!r} is not among our keys")


def every() -> list[Key]:
    """All keys, oldest first within a purpose."""
    return _read("")


def add(purpose: str, secret: bytes | None = None) -> Key:
    """Make a new key, which from now on is the newest of its purpose."""
    with _alone():
        return _append(purpose, secret)


def destroy(purpose: str, id: str) -> None:
    """Forget a key for ever: what it sealed cannot be opened again. Raises NoKey when it is not
    there or is the newest."""
    with _alone():
        keys = _read("")
        of_purpose = [key for key in keys if key.purpose == purpose]
        if id not in [key.id for key in of_purpose]:
            raise NoKey(f"the {purpose} key {id!r} is not among our keys")
        if of_purpose[-1].id == id:
            raise NoKey(f"the {purpose} key {id!r} is in use; make a newer one first")
        _write([key for key in keys if (key.purpose, key.id) != (purpose, id)])


def replace(keys: list[Key]) -> None:
    """Put these keys in the place of all there are: after restoring a backup."""
    with _alone():
        _write(keys)


def as_json(keys: list[Key]) -> str:
    return json.dumps(
        {
            "keys": [
                {
                    "purpose": key.purpose,
                    "id": key.id,
                    "made": key.made,
                    "secret": base64.b64encode(key.secret).decode(),
                }
                for key in keys
            ]
        },
        indent=1,
    )


def from_json(text: str) -> list[Key]:
    """Raises NoKey when it is not what `as_json` writes."""
    try:
        return [
            Key(each["purpose"], each["id"], each["made"], base64.b64decode(each["secret"]))
            for each in json.loads(text)["keys"]
        ]
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise NoKey("the file of keys cannot be read; restore it from a backup") from None


# What was read stays until the file is another one: pages ask for keys many times a second.
_held: tuple[Any, list[Key]] | None = None


def _read(_purpose: str) -> list[Key]:
    global _held
    path = settings.keys()
    try:
        status = path.stat()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NoKey(f"the file of keys cannot be read: {error.strerror}") from None
    stamp = (path, status.st_mtime_ns, status.st_size, status.st_ino)
    if _held is None or _held[0] != stamp:
        try:
            _held = (stamp, from_json(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise NoKey(f"the file of keys cannot be read: {error.strerror}") from None
    return list(_held[1])


def _read_or_make(purpose: str) -> list[Key]:
    with _alone():
        # Another process may have been first.
        if not any(key.purpose == purpose for key in _read(purpose)):
            _append(purpose, None)
    return _read(purpose)


def _append(purpose: str, secret: bytes | None) -> Key:
    keys = _read("")
    made = datetime.now(UTC).isoformat(timespec="seconds")
    fresh = _MAKERS.get(purpose, partial(secrets.token_bytes, 32))
    key = Key(purpose, secrets.token_hex(4), made, secret or fresh())
    _write([*keys, key])
    return key


def _write(keys: list[Key]) -> None:
    path = settings.keys()
    fresh = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(as_json(keys))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    path: Path = settings.keys()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
