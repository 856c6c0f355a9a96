"""Brotli: what takes seconds to compress is compressed once on a machine, and kept in a file for
its other processes and for the next start."""

import contextlib
import hashlib
import os
from pathlib import Path

import brotli

from backend import settings

FOLDER = settings.VAR / "brotli"
# Below this many bytes it takes less than a reader would notice.
LARGE = 100_000
# So many files are kept: a dozen for each state of the record.
MOST = 60


def compress(body: bytes) -> bytes:
    """`body` in brotli, at its strongest: for what is made once and sent often."""
    if len(body) < LARGE:
        return _strongest(body)
    file = FOLDER / hashlib.sha256(body).hexdigest()
    packed = _kept(file, body)
    if packed is None:
        packed = _strongest(body)
        # A machine whose disk is full or may not be written on compresses again.
        with contextlib.suppress(OSError):
            _keep(file, packed)
    return packed


def _strongest(body: bytes) -> bytes:
    return brotli.compress(body, quality=11, lgwin=24)  # type: ignore[no-any-return]


def _kept(file: Path, body: bytes) -> bytes | None:
    """What the file holds, unless a crash cut it off."""
    try:
        packed = file.read_bytes()
        return packed if brotli.decompress(packed) == body else None
    except (OSError, brotli.error):
        return None


def _keep(file: Path, packed: bytes) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(f".{os.getpid()}")
    half.write_bytes(packed)
    half.replace(file)
    by_age = sorted(FOLDER.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in by_age[MOST:]:
        old.unlink(missing_ok=True)
