"""What commands share: how they fail, ask for a passphrase, and say how far they are."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

Result = TypeVar("Result")
BACKUP_PROMPT = "Passphrase of the backup: "


class Failed(Exception):
    """A command could not do its work; the message is the one sentence people read."""


def typed_twice(set_already: str, prompt: str) -> str:
    """A new passphrase, unless one is set in the environment."""
    if set_already:
        return set_already
    first = typed(prompt)
    if len(first) < 12:
        raise Failed("a passphrase needs at least 12 characters; four words do well")
    import getpass

    if getpass.getpass("Once more: ") != first:
        raise Failed("the two passphrases differ")
    return first


def typed(prompt: str) -> str:
    if not sys.stdin.isatty():
        name = "BACKUP_PASSPHRASE" if prompt == BACKUP_PROMPT else "PRIVATE_KEYS_PASSPHRASE"
        raise Failed(f"nobody can type a passphrase here; set {name}, or use an age key")
    import getpass

    return getpass.getpass(prompt)


def in_database(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """What `work` finds in the database. Raises Failed when there is none, or an empty one."""
    import asyncpg

    from backend import database

    with database.running():
        try:
            return asyncio.run(work())
        except asyncpg.UndefinedTableError:
            raise Failed("the database has no tables; is DATABASE_URL the right one?") from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise Failed(f"the database does not answer ({type(error).__name__})") from None


class Progress:
    """How far a long command is: on a terminal only, and only after two seconds."""

    def __init__(self) -> None:
        self.shown = False
        self.next = time.monotonic() + 2

    def say(self, what: str) -> None:
        if sys.stderr.isatty() and time.monotonic() >= self.next:
            self.shown, self.next = True, time.monotonic() + 0.2
            print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def bar(percent: int) -> str:
    return f"[{'#' * (percent // 5):<20}] {percent}%"


def say(to_a_person: str, event: str, **more: str) -> None:
    """What a server says while it starts: a sentence on a terminal, or else a line of the log."""
    if sys.stdout.isatty():
        print(to_a_person, flush=True)
        return
    import structlog

    structlog.get_logger().info(event, **more)


def leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(143)
