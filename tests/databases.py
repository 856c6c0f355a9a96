"""Databases of a test's own, and the commands that work on them."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import fasteners

from backend import database, settings
from tests.serving import HOUSE


@contextlib.contextmanager
def with_the_record(folder: Path) -> Iterator[str]:
    """The address of a server of our own in this folder, where the record is loaded. That is done
    once for each state of the code, and kept in var/: a run works on a copy."""
    kept = settings.VAR / "tests" / RECORD
    kept.parent.mkdir(parents=True, exist_ok=True)
    with fasteners.InterProcessLock(kept.parent.with_suffix(".lock")):
        if not kept.exists():
            for old in kept.parent.glob("confianza_record_*"):
                shutil.rmtree(old)
            half = kept.with_suffix(".half")
            with database.running(half) as url:
                # A machine that fails takes the copies along, which is no loss.
                execute(url, "ALTER SYSTEM SET fsync = off")
                make_record(url)
            os.environ.pop("DATABASE_URL")
            half.rename(kept)
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", kept, folder], check=True)
    with database.running(folder) as url:
        yield url


def make_record(server_url: str) -> None:
    """The database that others are copies of, migrated and loaded, unless it is there."""
    if fetch(server_url, "SELECT FROM pg_database WHERE datname = $1", RECORD):
        return
    half = f"{RECORD}_{os.getpid()}"
    execute(server_url, f'CREATE DATABASE "{half}"')
    url = _with_database(server_url, half)
    settings.remember_database(url)
    database.use(url)
    asyncio.run(_load())
    # Of two who made it at once the second is not needed.
    with contextlib.suppress(asyncpg.DuplicateDatabaseError):
        execute(server_url, f'ALTER DATABASE "{half}" RENAME TO "{RECORD}"')


async def _load() -> None:
    from backend.campaigns import loading as campaigns
    from backend.detained import loading as detained
    from backend.enrollment import loading as directory
    from backend.hearings import sources
    from backend.policies import loading

    await database.migrate()
    for each in (loading, campaigns, directory, sources, detained):
        await each.load()


def _state_of_the_code() -> str:
    """Changes with whatever the tables and the record are made from."""
    files = [
        path
        for folder in ("backend", "migrations")
        for path in sorted((HOUSE / folder).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    ]
    state = hashlib.sha256()
    for path in files:
        state.update(f"{path.relative_to(HOUSE)} {path.stat().st_size} ".encode())
        state.update(path.read_bytes())
    return state.hexdigest()[:12]


RECORD = f"confianza_record_{_state_of_the_code()}"


@contextlib.contextmanager
def empty_database(server_url: str, name: str, template: str = "template1") -> Iterator[str]:
    """The address of a new database, which is gone after the block."""
    name = f"confianza_{name}_{os.getpid()}"
    execute(
        server_url,
        # Left by a run that was killed and had this number.
        f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
        f'CREATE DATABASE "{name}" TEMPLATE "{template}"',
    )
    try:
        yield _with_database(server_url, name)
    finally:
        execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def copied(server_url: str, name: str) -> contextlib.AbstractContextManager[str]:
    """The address of a database with the whole record, which is gone after the block: for whatever
    saves what another test must not meet, as every served site and worker does."""
    return empty_database(server_url, name, RECORD)


def _with_database(url: str, name: str) -> str:
    before, _, query = url.partition("?")
    return f"{before.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


def execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def fetch(url: str, question: str, *values: Any) -> list[asyncpg.Record]:
    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(question, *values))
        finally:
            await connection.close()

    return asyncio.run(run())


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m backend …`, to its end."""
    return run([sys.executable, "-m", "backend", *arguments], **environment)


def run(words: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=HOUSE,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
