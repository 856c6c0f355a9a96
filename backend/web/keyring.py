"""Key management: the keys that never enter the database, in three files.

Every process of the house has the first (KEYS): keys that blind, count and limit, and the public
halves of pairs. Who has only that can seal to us and opens nothing. The second (PRIVATE_KEYS) is
for worker and desk: what opens names and contacts, and signs the audit trail. The third
(RINGING_KEYS) is for the worker: what push services know us by. The last two may lie under a
passphrase or an age key that is given at start, so that a disk alone opens nothing either.
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
# What the desk need not hold either.
RINGING = frozenset({"vapid"})
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
    """All keys this process may have, oldest first within a purpose. Raises NoKey, also where some
    were and are no more: new ones in their place would open nothing that was sealed before, and
    take its halves away."""
    found = _found()
    purposes = {key.purpose for key in found}
    for half in _open_to_all().halves:
        if (path := _file_of(half.purpose)) and half.purpose not in purposes:
            name = "RINGING_KEYS" if path == settings.ringing_keys() else "PRIVATE_KEYS"
            raise NoKey(
                f"the file of private keys is missing: bring it to where {name} says, or "
                "restore it from a backup"
            )
    return found


def of_the_house() -> list[Key]:
    """The same for who needs all there are, as a backup does. Raises NoKey where some are for
    another process."""
    _must_be_all()
    return every()


def left() -> list[Key]:
    """The same where the private ones may be missing, as before they are restored. Raises NoKey."""
    with contextlib.suppress(NoKey):
        return _found()
    return list(_open_to_all().keys)


def awaited() -> list[str]:
    """The purposes of pairs that another process has to make first."""
    return [each for each in _PAIRS if not _file_of(each) and not halves(each)]


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


@contextlib.contextmanager
def replaced(keys: list[Key]) -> Iterator[None]:
    """Put these keys in the place of all there are, as when a backup is restored; when the block
    fails, every file is again what it was. Raises NoKey."""
    _must_be_all()
    with _alone():
        before = {path: key_files.kept(path) for path in _files()}
    try:
        with _alone():
            _write(keys)
        yield
    except BaseException:
        with _alone():
            for path, data in before.items():
                key_files.put_back(path, data)
        raise


def settle() -> None:
    """Put every key in its file, as after an earlier release or an end in between."""
    with _alone():
        keys = _whole()
        if any(_strays(path) for path in _files()) or {*_halves(keys)} != {*_open_to_all().halves}:
            _write(keys)


def make_first() -> None:
    """Make what is missing of the keys that processes without the private files need."""
    settle()
    for purpose in _AT_START:
        if _file_of(purpose):
            newest(purpose)


def is_locked() -> bool:
    """Whether private keys of this process lie under a passphrase or an age key."""
    return any(key_files.is_locked(path) for path in _closed() if path)


def lock(under: Under) -> None:
    """Put the private keys of this process under a passphrase or an age key, from now on."""
    _relock(under)


def unlock() -> None:
    """Let the private keys lie open again."""
    _relock(None)


def _relock(under: Under | None) -> None:
    with _alone():
        every()
        for path in _closed():
            if path and path.exists():
                key_files.write(path, key_files.read(path), under)


def _of(purpose: str, keys: list[Key]) -> list[Key]:
    return [key for key in keys if key.purpose == purpose]


def _secrets(purpose: str) -> list[Key]:
    if purpose not in PRIVATE:
        return list(_open_to_all().keys)
    if not _file_of(purpose):
        raise NoKey(f"the {purpose} key is not for this process")
    return every()


def _open_to_all() -> Held:
    return key_files.read(settings.keys())


def _file_of(purpose: str) -> Path | None:
    """Where keys of this purpose lie; None where they are not for this process."""
    if purpose not in PRIVATE:
        return settings.keys()
    private, ringing = _closed()
    return ringing if purpose in RINGING else private


def _closed() -> tuple[Path | None, Path | None]:
    """The files of private keys and of what rings; None for one that is not for this process."""
    if settings.serves_public_only():
        return None, None
    return settings.private_keys(), settings.ringing_keys()


def _files() -> list[Path]:
    """Those of this process, in the order they are written: a half of which nobody has the other
    opens nothing ever, and what moves is in both files until it is in the right one."""
    private, ringing = _closed()
    return [path for path in (ringing, private, settings.keys()) if path]


def _must_be_all() -> None:
    if None in _closed():
        raise NoKey("the keys that ring phones are for the worker alone: run this where it runs")


def _strays(path: Path) -> list[Key]:
    """What lies in this file and belongs in another."""
    return [key for key in key_files.read(path).keys if _file_of(key.purpose) != path]


def _found() -> list[Key]:
    """One that was moved is in two files, where moving ended in between."""
    keys = (key for path in reversed(_files()) for key in key_files.read(path).keys)
    return list(dict.fromkeys(key for key in keys if _file_of(key.purpose)))


def _append(purpose: str, secret: bytes | None) -> Key:
    if not _file_of(purpose):
        raise NoKey(f"the {purpose} key is not for this process, which makes none")
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
    """Each into its file; a file that would hold nothing is not made."""
    stray = {key.purpose for path in _files() for key in _strays(path)}
    if unheld := sorted(purpose for purpose in stray if not _file_of(purpose)):
        raise NoKey(
            f"a key that is not for this process ({', '.join(unheld)}) lies where it can be read: "
            "start a worker first, which puts it where it belongs"
        )
    halves = _halves(keys)
    under = next((it for path in _closed() if path and (it := key_files.under_now(path))), None)
    for path in _files():
        mine = tuple(key for key in keys if _file_of(key.purpose) == path)
        if path == settings.keys():
            key_files.write(path, Held(mine, tuple(halves)), None)
        elif mine != key_files.read(path).keys:
            key_files.write(path, Held(mine), under)


def _halves(keys: list[Key]) -> list[Half]:
    """Of these pairs, and of those that other processes hold."""
    ours = [
        Half(key.purpose, key.id, key.made, _PAIRS[key.purpose].half(key.secret))
        for key in keys
        if key.purpose in _PAIRS
    ]
    return [*ours, *(half for half in _open_to_all().halves if not _file_of(half.purpose))]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    path, files = settings.keys(), _files()
    if len({*files}) < len(files):
        raise NoKey("KEYS, PRIVATE_KEYS and RINGING_KEYS name the same file; each needs its own")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            key_files.look_again()
            yield
    except OSError as error:
        raise NoKey(f"the file of keys cannot be written: {error.strerror}") from None
