"""Databases of a test's own, and the commands that work on them."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import asyncpg

from tests.serving import HOUSE


@contextlib.contextmanager
def empty_database(server_url: str, name: str) -> Iterator[str]:
    """The address of a new database, which is gone after the block."""
    name = f"confianza_{name}_{os.getpid()}"
    execute(server_url, f'CREATE DATABASE "{name}"')
    before, _, query = server_url.partition("?")
    try:
        yield f"{before.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    finally:
        execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def copied(server_url: str, name: str) -> Iterator[str]:
    """The address of a copy of this run's database, with the whole record, which is gone after the
    block: for whatever saves what another test must not meet, as every served site and worker
    does."""
    template, name = f"confianza_test_{os.getpid()}", f"confianza_{name}_{os.getpid()}"
    # Somebody connected to the original, if only to listen, would be in the way.
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
    execute(
        server_url,
        f"{ended}'{template}'",
        f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
        f'CREATE DATABASE "{name}" TEMPLATE "{template}"',
    )
    before, _, query = server_url.partition("?")
    try:
        yield f"{before.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    finally:
        execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


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
