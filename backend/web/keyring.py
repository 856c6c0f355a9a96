"""The keys that never enter the database, in two files.

Every process of the house has the first (KEYS): keys that blind, count and limit, and the public
halves of pairs. Who has only that can seal to us and opens nothing. The second (PRIVATE_KEYS) is
for worker and desk: what opens names and contacts, signs alerts and the audit trail. It may lie
under a passphrase or an age key that is given at start, so that a disk alone opens nothing either.
"""

import contextlib
import fcntl
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from backend import settings
from backend.web import key_files, vapid
from backend.web.key_files import Half, Held, Key, NoKey, Under

__all__ = ["Half", "Key", "NoKey", "Under"]


@dataclass(frozen=True)
class _Pair:
    """`make` gives the private bytes of a new pair, `half` their public ones."""

    make: Callable[[], bytes]
    half: Callable[[bytes], bytes]


# A key of any other purpose is 32 random bytes. `sealing` is what data keys are sealed to
# (X25519), `canvass` what sign-ups are sealed to on a canvasser's phone (P-256), `vapid` how push
# services know us (P-256), `head` what signs the end of the audit trail (Ed25519).
_PAIRS = {
    "sealing": _Pair(
        partial(secrets.token_bytes, 32),
        lambda secret: X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw(),
    ),
    "canvass": _Pair(vapid.new_secret, vapid.public_half),
    "vapid": _Pair(vapid.new_secret, vapid.public_half),
    "head": _Pair(
        partial(secrets.token_bytes, 32),
        lambda secret: Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw(),
    ),
}
# What processes that serve the public alone never hold. `sealing-v1` wrapped data keys before they
# were sealed to a public half; `door` signs what staff are asked at sign-in.
PRIVATE = frozenset({*_PAIRS, key_files.SEALING_V1, "trail", "door"})
# Made before the first page is served, so that whoever serves it needs to write nothing.
_AT_START = (*_PAIRS, "index", "codes", "puzzle", "rate limits")


def newest(purpose: str) -> Key:
    """The key that new things of this purpose are made with; the first is made when asked for.
    Raises NoKey, also where this process may not have it."""
    found = None if purpose in PRIVATE else _open_to_all().newest.get(purpose)
    return found or _newest(purpose)


def _newest(purpose: str) -> Key:
    found = _of(purpose, _secrets(purpose))
    if not found:
        with _alone():
            # Another process may have been first.
            found = _of(purpose, _secrets(purpose)) or [_append(purpose, None)]
    return found[-1]


def named(purpose: str, id: str) -> Key:
    """The key of that name. Raises NoKey: it was destroyed, belongs to another house, or is not for
    this process."""
    for key in _secrets(purpose):
        if (key.purpose, key.id) == (purpose, id):
            return key
    raise NoKey(f"the {purpose} key {id!r} is not among our keys")


def newest_half(purpose: str) -> Half:
    """The public half of the newest pair of this purpose; the first pair is made when asked for,
    where that may be. Raises NoKey."""
    found = _open_to_all().newest_half.get(purpose)
    if found is None:
        newest(purpose)
        settle()
        found = halves(purpose)[-1]
    return found


def halves(purpose: str) -> list[Half]:
    """The public halves of all pairs of this purpose that we hold, oldest first."""
    return [half for half in _open_to_all().halves if half.purpose == purpose]


def every() -> list[Key]:
    """All keys this process may have, oldest first within a purpose. Raises NoKey."""
    if settings.serves_public_only():
        return [key for key in _open_to_all().keys if key.purpose not in PRIVATE]
    # One that was moved is in both files, where moving ended in between.
    return list(dict.fromkeys([*_open_to_all().keys, *_private()]))


def left() -> list[Key]:
    """The same where the private ones may be missing, as before they are restored. Raises NoKey."""
    with contextlib.suppress(NoKey):
        return every()
    return list(_open_to_all().keys)


def add(purpose: str, secret: bytes | None = None) -> Key:
    """Make a new key, which from now on is the newest of its purpose."""
    with _alone():
        return _append(purpose, secret)


def destroy(purpose: str, id: str) -> None:
    """Forget a key for ever: what it sealed cannot be opened again. Raises NoKey when it is not
    there or is the newest."""
    with _alone():
        keys = every()
        of_purpose = _of(purpose, keys)
        if id not in [key.id for key in of_purpose]:
            raise NoKey(f"the {purpose} key {id!r} is not among our keys")
        if of_purpose[-1].id == id and purpose != key_files.SEALING_V1:
            raise NoKey(f"the {purpose} key {id!r} is in use; make a newer one first")
        _write([key for key in keys if (key.purpose, key.id) != (purpose, id)])


def replace(keys: list[Key]) -> None:
    """Put these keys in the place of all there are: after restoring a backup."""
    with _alone():
        _write(keys)


def settle() -> None:
    """Put every key in its file, as after an earlier release or an end in between."""
    with _alone():
        open_to_all = _open_to_all()
        keys = _whole()
        apart = not any(key.purpose in PRIVATE for key in open_to_all.keys)
        if not apart or list(open_to_all.halves) != _halves_of(keys):
            _write(keys)


def make_first() -> None:
    """Make what is missing of the keys that processes without the private file need."""
    settle()
    for purpose in _AT_START:
        newest(purpose)


def is_locked() -> bool:
    """Whether the private keys lie under a passphrase or an age key."""
    return not settings.serves_public_only() and key_files.is_locked(settings.private_keys())


def lock(under: Under) -> None:
    """Put the private keys under a passphrase or an age key, from now on."""
    with _alone():
        key_files.write(settings.private_keys(), Held(tuple(_private())), under)


def unlock() -> None:
    """Let the private keys lie open again."""
    with _alone():
        key_files.write(settings.private_keys(), Held(tuple(_private())), None)


def _of(purpose: str, keys: list[Key]) -> list[Key]:
    return [key for key in keys if key.purpose == purpose]


def _secrets(purpose: str) -> list[Key]:
    if purpose not in PRIVATE:
        return list(_open_to_all().keys)
    if settings.serves_public_only():
        raise NoKey(f"this process serves the public alone: it has no {purpose} key")
    return every()


def _open_to_all() -> Held:
    return key_files.read(settings.keys())


def _private() -> list[Key]:
    """Raises NoKey where they were and are no more: new ones in their place would open nothing that
    was sealed before, and take its halves away."""
    keys = key_files.read(settings.private_keys()).keys
    if not keys and _open_to_all().halves:
        raise NoKey(
            "the file of private keys is missing: bring it to where PRIVATE_KEYS says, or restore "
            "it from a backup"
        )
    return list(keys)


def _append(purpose: str, secret: bytes | None) -> Key:
    if purpose in PRIVATE and settings.serves_public_only():
        raise NoKey(f"this process serves the public alone: it makes no {purpose} key")
    made = datetime.now(UTC).isoformat(timespec="seconds")
    pair = _PAIRS.get(purpose)
    fresh = pair.make() if pair else secrets.token_bytes(32)
    key = Key(purpose, secrets.token_hex(4), made, secret or fresh)
    _write([*_whole(), key])
    return key


def _whole() -> list[Key]:
    """Every key, to be written with what is new. Raises NoKey where the file of all processes was
    and is no more: with a new `index` key nobody who signs twice would be noticed."""
    keys = every()
    if not settings.keys().exists():
        if keys or settings.serves_public_only():
            raise NoKey(
                "the file of keys is missing: bring it to where KEYS says, or restore it from a "
                "backup; in a new house start desk or worker first"
            )
        # Before the private one, so that an end in between is no loss.
        key_files.write(settings.keys(), Held(), None)
    return keys


def _write(keys: list[Key]) -> None:
    """The private ones first: a half of which nobody has the other opens nothing ever."""
    private = [key for key in keys if key.purpose in PRIVATE]
    if settings.serves_public_only():
        if any(key.purpose in PRIVATE for key in _open_to_all().keys):
            raise NoKey("private keys lie among those of every process; start worker or desk first")
        halves = list(_open_to_all().halves)
    else:
        halves, path = _halves_of(private), settings.private_keys()
        if tuple(private) != key_files.read(path).keys:
            key_files.write(path, Held(tuple(private)), key_files.under_now(path))
    rest = [key for key in keys if key.purpose not in PRIVATE]
    key_files.write(settings.keys(), Held(tuple(rest), tuple(halves)), None)


def _halves_of(keys: list[Key]) -> list[Half]:
    return [
        Half(key.purpose, key.id, key.made, _PAIRS[key.purpose].half(key.secret))
        for key in keys
        if key.purpose in _PAIRS
    ]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    path: Path = settings.keys()
    if path == settings.private_keys():
        raise NoKey("KEYS and PRIVATE_KEYS name the same file; each needs one of its own")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            key_files.look_again()
            yield
    except OSError as error:
        raise NoKey(f"the file of keys cannot be written: {error.strerror}") from None
