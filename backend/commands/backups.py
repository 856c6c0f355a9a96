"""Saving everything, and the way back: `backup`, `restore`."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Any

from backend import settings
from backend.commands.terminal import BACKUP_PROMPT, Progress, leave, typed, typed_twice


def add(commands: Any) -> None:
    backup = commands.add_parser("backup", help="save the database and the keys, encrypted")
    backup.add_argument("file", type=Path)
    backup.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="age1…",
        help="for whom, instead of a passphrase (or BACKUP_RECIPIENT); may be repeated",
    )
    backup.add_argument("--without-keys", action="store_true", help="leave the keys out")
    backup.add_argument("--force", action="store_true", help="overwrite the file")
    backup.set_defaults(run=_backup)

    restore = commands.add_parser("restore", help="fill an empty database from a backup")
    restore.add_argument("file", type=Path)
    restore.add_argument("--identity", type=Path, help="a file with the private age key")
    restore.add_argument("--check", action="store_true", help="only read all of the backup")
    restore.add_argument("--force", action="store_true", help="overwrite other keys")
    restore.set_defaults(run=_restore)


def _backup(given: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, leave)
    from backend import backup, database

    here = settings.read()
    recipients = (*given.to,) or here.backup_recipients
    lock = backup.Lock(recipients, "" if recipients else _new_passphrase(here))
    progress = Progress()
    with database.running(), database.as_backup():
        made = backup.back_up(
            given.file,
            lock,
            with_keys=not given.without_keys,
            force=given.force,
            said=progress.say,
        )
    progress.end()
    keys = "with the keys" if made.keys else "without the keys"
    size = given.file.stat().st_size / 1e6
    print(f"Saved {made.rows} rows in {len(made.tables)} tables, {keys}: {size:.1f} MB.")


def _restore(given: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, leave)
    from backend import backup, database

    opener = backup.Opener(given.identity, lambda: _passphrase(settings.read()))
    if given.check:
        made = backup.check(given.file, opener)
        keys = "with the keys" if made.keys else "without the keys"
        print(f"Sound: {made.rows} rows in {len(made.tables)} tables of {made.made}, {keys}.")
        return
    progress = Progress()
    with database.running():
        with database.as_owner():
            made, wrote = backup.restore(given.file, opener, force=given.force, said=progress.say)
        asyncio.run(database.grant())
    progress.end()
    from backend.staff import heads

    if kept := heads.set_aside():
        print(f"What was noted of the audit trail here before is now {kept.name}.")
    print(f"Restored {made.rows} rows in {len(made.tables)} tables of {made.made}; all compared.")
    if not made.keys:
        print("The backup holds no keys: bring the file of keys from where it is kept.")
    else:
        print("The keys were restored." if wrote else "The keys were here already.")


def _new_passphrase(here: settings.Settings) -> str:
    return here.backup_passphrase or typed_twice("", BACKUP_PROMPT)


def _passphrase(here: settings.Settings) -> str:
    if here.backup_passphrase:
        return here.backup_passphrase
    return typed(BACKUP_PROMPT)
