"""The house's commands: `python -m backend --help`."""

import argparse
import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from backend import settings

PURPOSES = ("sealing", "index", "vapid", "canvass", "trail", "head")
# Kept as long as a row needs them; no newer one is made.
OLD_PURPOSES = ("sealing-v1",)

BACKUP_PROMPT = "Passphrase of the backup: "
KEYS_PROMPT = "Passphrase of the private keys: "

Result = TypeVar("Result")


class Failed(Exception):
    """A command could not do its work; the message is the one sentence people read."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m backend", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    commands.add_parser("setup", help="build the browser's files").set_defaults(run=_setup)
    commands.add_parser("serve", help="start everything and serve the site").set_defaults(
        run=_serve
    )
    commands.add_parser("migrate", help="bring the database's tables up to date").set_defaults(
        run=_migrate
    )

    load = commands.add_parser("load", help="load the record from backend/policies/data")
    load.add_argument("--check", action="store_true", help="only look for mistakes")
    load.add_argument(
        "--fingerprints", action="store_true", help="print what a translation's review is of"
    )
    load.set_defaults(run=_load)

    zips = commands.add_parser("zips", help="the ZIP codes")
    zips.add_argument("action", choices=["rebuild"], help="make the data file anew")
    zips.set_defaults(run=_zips)

    export = commands.add_parser("export", help="write what the desk changed into the files")
    export.add_argument("--check", action="store_true", help="only say what differs")
    export.set_defaults(run=_export)

    _add_import(commands)
    _add_work(commands)
    _add_keys(commands)
    _add_backup(commands)

    _add_staff(commands)

    bench = commands.add_parser("bench", help="measure speed, size and memory")
    bench.set_defaults(run=_bench)

    given = parser.parse_args(arguments)
    from backend.web import logs

    logs.configure()
    try:
        _open_private_keys()
        given.run(given)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not _expected(error):
            raise
        print(f"{parser.prog} {given.command}: {error}", file=sys.stderr)
        return 1
    return 0


def _add_import(commands: Any) -> None:
    wanted = commands.add_parser("import", help="read somebody's list into the house")
    wanted.add_argument("source", metavar="SOURCE", help=f"one of: {', '.join(IMPORTERS)}")
    wanted.add_argument("file", metavar="FILE", type=Path)
    wanted.add_argument("--dry-run", action="store_true", help="only say what would change")
    wanted.add_argument(
        "--skip-mistakes", action="store_true", help="leave lines with mistakes out"
    )
    wanted.add_argument(
        "--let-vanish", action="store_true", help="even if more than a fifth would vanish"
    )
    wanted.add_argument(
        "--columns", default="", metavar="NAMES", help="like “phone=Main line; city=Town”"
    )
    wanted.set_defaults(run=_import)


def _add_work(commands: Any) -> None:
    worker = commands.add_parser("worker", help="do the background work, until told to end")
    # `serve` says so: then the worker ends when its standard input closes.
    worker.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    worker.set_defaults(run=_work)

    retention = commands.add_parser("retention", help="remove what is past its time, now")
    retention.add_argument("--dry-run", action="store_true", help="only count what would go")
    retention.set_defaults(run=_retention)


def _add_keys(commands: Any) -> None:
    keys = commands.add_parser("keys", help="the keys outside the database; none is ever shown")
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="what keys there are").set_defaults(run=_list_keys)
    for action, run, meaning in (
        ("create", _create_key, "make the first key of a purpose"),
        ("rotate", _rotate_key, "make a newer key, which from then on is used"),
        ("destroy", _destroy_key, "forget an old key for ever"),
    ):
        parser = actions.add_parser(action, help=meaning)
        old = OLD_PURPOSES if action == "destroy" else ()
        parser.add_argument("purpose", choices=(*PURPOSES, *old))
        if action == "destroy":
            parser.add_argument("id", help="its name in `keys list`")
        parser.set_defaults(run=run)
    actions.add_parser(
        "rewrap", help="put everything in the database under the newest sealing key"
    ).set_defaults(run=_rewrap)
    locking = actions.add_parser("lock", help="put the private keys under a passphrase or age key")
    locking.add_argument("--to", default="", metavar="age1…", help="an age key, not a passphrase")
    locking.set_defaults(run=_lock_keys)
    actions.add_parser("unlock", help="let the private keys lie open").set_defaults(
        run=_unlock_keys
    )


def _add_backup(commands: Any) -> None:
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


def _expected(error: Exception) -> bool:
    """Whether the error's own words are what a person should read."""
    from backend.backup import BackupError
    from backend.counties.outlines import OutlinesError
    from backend.counties.zips import ZipsError
    from backend.database import DoesNotAnswer, NotUpToDate
    from backend.policies.files import RecordError
    from backend.staff.people import NotPossible
    from backend.web.keyring import NoKey
    from backend.web.vendor import CouldNotBuild

    ours = (Failed, settings.WrongSetting, DoesNotAnswer, NotUpToDate, RecordError, CouldNotBuild)
    return isinstance(error, (*ours, NotPossible, OutlinesError, ZipsError, BackupError, NoKey))


def _setup(_given: argparse.Namespace) -> None:
    from backend.counties import phone
    from backend.web import vendor

    # Both are asked: neither may be left out because the other had something to do.
    if vendor.build() | phone.build():
        print("Built the browser's files.")


def _serve(given: argparse.Namespace) -> None:
    # Until the server listens for signals itself, a SIGTERM must still end what we started.
    signal.signal(signal.SIGTERM, _leave)
    here = settings.read()
    _check_port_is_free(here)
    _setup(given)
    from backend import database
    from backend.web import keyring
    from backend.web.supervisor import worker_beside

    with database.running(), _shared_counts(here):
        if here.serves:
            # What it may write is what people hand in: the desk loads the record.
            asyncio.run(database.migrate())
        else:
            _migrate_and_load()
            keyring.make_first()
        settings.forget_owner()
        with worker_beside() if here.worker else contextlib.nullcontext():
            _serve_until_told(here)


@contextlib.contextmanager
def _shared_counts(here: settings.Settings) -> Iterator[None]:
    """Several web processes count together in a folder of this run's own; one needs none."""
    if here.workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="confianza-metrics-") as folder:
        settings.remember_metrics(folder)
        yield


def _check_port_is_free(here: settings.Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((here.host, here.port))
        except OSError as error:
            reason = (
                f"port {here.port} is in use; choose another, like PORT={here.port + 1} make run"
                if error.errno == errno.EADDRINUSE
                else f"cannot serve on {here.host}:{here.port}: {error.strerror}"
            )
            raise Failed(reason) from None


# So many connections a web process holds; whoever comes then must wait. Granian's own 1,024 were
# used up by one machine that sent half a request on each.
CONNECTIONS = 8192
# Milliseconds for the head of a request; what its body may take is in `web/bodies.py`.
HEAD_WAIT = 10_000


def _serve_until_told(here: settings.Settings) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from backend.web import logs

    _allow_connections()
    server = Granian(
        "backend.app:app",
        address=here.host,
        port=here.port,
        interface=Interfaces.ASGI,
        workers=here.workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_WAIT),
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,
        log_dictconfig=logs.CONFIG,
        workers_kill_timeout=10,
    )
    server.on_startup(
        lambda: _say(f"Confianza: {here.site_url} (Ctrl-C ends it)", "serving", at=here.site_url)
    )
    server.serve()


def _allow_connections() -> None:
    """Many systems let a program open 1,024 files unless it asks for more."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _migrate(_given: argparse.Namespace) -> None:
    from backend import database

    with database.running():
        asyncio.run(database.migrate())


def _load(given: argparse.Namespace) -> None:
    from backend.campaigns import loading as campaigns
    from backend.detained import loading as detained
    from backend.enrollment import loading as directory
    from backend.hearings import past, sources
    from backend.policies import loading

    if given.check or given.fingerprints:
        record, (started, _consents) = loading.check(), campaigns.check()
        helpers, looked_at = directory.check(), sources.check()
        detained.check()
        past.check()
        if given.fingerprints:
            for key, fingerprint in (
                *loading.fingerprints(record),
                *campaigns.fingerprints(started),
            ):
                print(f"{fingerprint}  {key}")
        else:
            files = len(record) + len(started) + len(helpers) + (1 if looked_at else 0) + 5
            print(f"No mistakes in {files} files.")
        return
    from backend import database

    with database.running():
        asyncio.run(database.migrate())
        print(asyncio.run(loading.load()))
        print(f"Campaigns: {asyncio.run(campaigns.load())}")
        print(f"Directory of help: {asyncio.run(directory.load())}")
        print(f"Sources of hearings: {asyncio.run(sources.load())} added.")
        print(f"Past votes and forums: {asyncio.run(past.load())} added.")
        print(f"Lines and places of detention: {asyncio.run(detained.load())}")


def _migrate_and_load() -> None:
    from backend import database
    from backend.campaigns import loading as campaigns
    from backend.detained import loading as detained
    from backend.enrollment import loading as directory
    from backend.hearings import past, sources
    from backend.policies import loading

    async def prepare() -> tuple[loading.Report, campaigns.Report, directory.Report]:
        await database.migrate()
        report, started = await loading.load(), await campaigns.load()
        helpers = await directory.load()
        await sources.load()
        await past.load()
        await detained.load()
        return report, started, helpers

    report, started, helpers = asyncio.run(prepare())
    if helpers:
        _say(f"Directory of help: {helpers}", "the directory was loaded", said=str(helpers))
    if started:
        _say(f"Campaigns: {started}", "campaigns were loaded", said=str(started))
    for warning in report.warnings():
        _say(warning.strip(), "the record differs from the files", said=warning.strip())
    if report.added or report.changed or report.retired:
        loaded = str(report).splitlines()[0]
        _say(f"The record: {loaded}", "the record was loaded", said=loaded)


def _export(given: argparse.Namespace) -> None:
    from backend import database
    from backend.policies import exporting

    async def work() -> list[exporting.Difference]:
        await database.migrate()
        return await (exporting.differences() if given.check else exporting.export())

    with database.running():
        found = asyncio.run(work())
    for each in found:
        print(f"  {each}")
    conflicts = sum(each.conflict for each in found)
    if given.check and found:
        raise Failed(f"the desk changed {len(found)} facts that the files do not say")
    written = len(found) - conflicts
    print(f"{written} facts written into the files." if found else "The files say it all.")
    if conflicts:
        raise Failed(f"{conflicts} conflicts: an editor decides them at /desk/record")


# Who reads whose list: `import SOURCE FILE`. Each gets what was typed and fails with a sentence.
IMPORTERS: dict[str, Callable[[argparse.Namespace], None]] = {}


def _import(given: argparse.Namespace) -> None:
    if given.source not in IMPORTERS:
        raise Failed(f"there is no source {given.source!r}; there are: {', '.join(IMPORTERS)}")
    IMPORTERS[given.source](given)


def _import_directory(given: argparse.Namespace) -> None:
    """A list of places that help with enrollment."""
    from backend import database
    from backend.enrollment import importing

    try:
        columns = importing.read_columns(given.columns)
        file = given.file.open("rb")
    except (OSError, ValueError) as error:
        raise Failed(error.strerror if isinstance(error, OSError) else str(error)) from None
    choices = importing.Choices(given.skip_mistakes, given.let_vanish, columns)
    progress = _Progress()

    async def work() -> importing.Report:
        await database.migrate()
        return await importing.run(
            importing.SOURCES[given.source],
            file,
            choices,
            dry=given.dry_run,
            said=lambda percent: progress.say(_bar(percent)),
        )

    with file, database.running():
        report = asyncio.run(work())
    progress.end()
    print(report)
    if report.refused:
        raise Failed("nothing was changed; the lines above say why")


def _import_hearings(given: argparse.Namespace) -> None:
    """A table of hearings, each line of which becomes a proposal."""
    from backend import database
    from backend.hearings import csv_file, importing

    try:
        data = given.file.read_bytes()
    except OSError as error:
        raise Failed(f"{given.file} cannot be read: {error.strerror}") from None

    async def work() -> importing.Report:
        await database.migrate()
        return await importing.from_csv(data, None, dry=given.dry_run)

    with database.running():
        try:
            print(asyncio.run(work()))
        except csv_file.Mistakes as wrong:
            raise Failed(f"nothing was taken:\n{wrong}") from None


def _bar(percent: int) -> str:
    return f"[{'#' * (percent // 5):<20}] {percent}%"


IMPORTERS["hearings"] = _import_hearings
IMPORTERS |= dict.fromkeys(("hrsa", "cdph", "dhcs", "hsds"), _import_directory)


def _work(given: argparse.Namespace) -> None:
    if given.with_parent:
        os.nice(5)  # pages go before background work
    signal.signal(signal.SIGTERM, _leave)
    import uvloop

    from backend import database, worker
    from backend.staff import alarms
    from backend.web import jobs, keyring

    if settings.serves_public_only():
        raise Failed("a worker opens what is sealed: take SERVES out")
    if settings.ringing_keys() is None:
        raise Failed("a worker rings phones: let RINGING_KEYS name its file of keys")
    keyring.make_first()
    with database.running():
        # Beside `serve` the tables are as they must be.
        uvloop.run(
            jobs.run(
                worker.JOBS,
                worker.SCHEDULES,
                giving_up=alarms.job_given_up,
                prepare=None if given.with_parent else database.migrate,
                with_parent=given.with_parent,
            )
        )


def _retention(given: argparse.Namespace) -> None:
    from backend import database, worker
    from backend.staff import retention

    async def work() -> retention.Report:
        await database.migrate()
        return await retention.run(worker.RETENTION, dry=given.dry_run)

    with database.running():
        report = asyncio.run(work())
    print(report)
    if report.failed:
        raise Failed("some old data could not be removed; the log says where it broke")


def _zips(_given: argparse.Namespace) -> None:
    from backend.counties import zips

    zips.rebuild()


def _add_staff(commands: Any) -> None:
    staff = commands.add_parser("staff", help="the accounts of staff, and the way in for them")
    actions = staff.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, work, meaning in (
        ("add", "add", "open an account and print an invitation link"),
        ("list", "show", "who there is"),
        ("invite", "invite", "print a new link, for someone who lost every passkey"),
        ("roles", "change_roles", "give someone these roles and no others"),
        ("vouch", "vouch", "let someone you know be a second person before their seven days"),
        ("close", "close", "let someone in no more"),
        ("reopen", "reopen", "let someone in again"),
    ):
        parser = actions.add_parser(action, help=meaning)
        parser.set_defaults(run=_staff, work=work)
        if action != "list":
            parser.add_argument("name", metavar="NAME")
        if action in ("add", "roles"):
            role = "admin, editor, campaigner or canvass_lead; may be repeated"
            parser.add_argument("--role", action="append", default=[], metavar="ROLE", help=role)

    audit = commands.add_parser("audit", help="the trail of what staff did")
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="check that nothing in it was changed or removed")
    head = "a last line noted earlier, which must still be there"
    verify.add_argument("--head", metavar="ID:HASH", help=head)
    verify.set_defaults(run=_staff, work="verify")


def _staff(given: argparse.Namespace) -> None:
    from backend import database
    from backend.staff import commands

    async def work() -> str:
        await database.migrate()
        said: str = await getattr(commands, given.work)(given)
        return said

    with database.running():
        print(asyncio.run(work()))


def _bench(_given: argparse.Namespace) -> None:
    import subprocess

    started = time.monotonic()
    done = subprocess.run([sys.executable, "tests/bench/bench.py"], cwd=settings.HOUSE, check=False)
    if done.returncode:
        raise Failed("a measurement failed")
    print(f"Measured in {time.monotonic() - started:.0f} s.")


def _list_keys(_given: argparse.Namespace) -> None:
    from backend.web import keyring, vapid

    keys = keyring.every()
    halves = {(it.purpose, it.id): it for each in PURPOSES for it in keyring.halves(each)}
    in_use = {key.purpose: key.id for key in keys}
    for key in keys:
        newest = "in use" if in_use[key.purpose] == key.id else "old"
        half = halves.get((key.purpose, key.id))
        public = vapid.for_browsers(half.public) if half and key.purpose != "sealing" else ""
        print(f"{key.purpose:11} {key.id}  {key.made}  {newest:6} {public}".rstrip())
    if not keys:
        print("There are no keys yet: each is made when it is first needed.")


def _create_key(given: argparse.Namespace) -> None:
    from backend.web import keyring

    if any(key.purpose == given.purpose for key in keyring.every()):
        raise Failed(f"there is a {given.purpose} key; `keys rotate` makes a newer one")
    _add_key(given.purpose, "made_key")


def _rotate_key(given: argparse.Namespace) -> None:
    if given.purpose == "index":
        raise Failed(
            "the index key stays: with another one, nobody who signs twice would be noticed"
        )
    _add_key(given.purpose, "rotated_key")
    if given.purpose == "sealing":
        print("Now `keys rewrap` puts everything under it; then `keys destroy` ends the old one.")
    if given.purpose == "vapid":
        print("Each phone takes it when its app is next opened; until then it needs the old one.")
    if given.purpose == "canvass":
        print("Phones seal with it once they were online; what is sealed needs the old one.")


def _add_key(purpose: str, action: str) -> None:
    from backend.web import keyring

    key = keyring.add(purpose)
    print(f"Made the {purpose} key {key.id}.")
    if not settings.read().database_url and not (settings.VAR / "postgres").exists():
        return  # there is no database yet, so no trail either
    from backend.staff import audit

    try:
        _in_database(lambda: audit.write(audit.HOUSE, action, f"{purpose} key {key.id}"))
    except Failed as error:
        print(f"It is not in the audit trail: {error}.", file=sys.stderr)


def _lock_keys(given: argparse.Namespace) -> None:
    from backend.web import keyring

    typed = "" if given.to else _typed_twice(settings.private_passphrase(), KEYS_PROMPT)
    keyring.lock(keyring.Under(passphrase=typed, recipient=given.to))
    print("The private keys are locked. Who has them asks for this when started next.")


def _unlock_keys(_given: argparse.Namespace) -> None:
    from backend.web import keyring

    keyring.unlock()
    print("The private keys lie open in their file.")


def _open_private_keys() -> None:
    """Ask for the passphrase of the private keys where they need one and somebody can type it."""
    from backend.web import keyring

    given = settings.private_identity() or settings.private_passphrase()
    if not given and sys.stdin.isatty() and keyring.is_locked():
        import getpass

        settings.remember_private_passphrase(getpass.getpass(KEYS_PROMPT))


def _rewrap(_given: argparse.Namespace) -> None:
    from backend.piccolo_app import APP_CONFIG
    from backend.staff import audit
    from backend.web import keyring, rewrapping

    if not any(key.purpose == "sealing" for key in keyring.every()):
        raise Failed("there is no sealing key; restore the file of keys from a backup")
    progress = _Progress()

    async def work() -> rewrapping.Report:
        report = await rewrapping.rewrap(APP_CONFIG.table_classes, progress.say)
        newest = keyring.newest("sealing").id
        await audit.write(
            audit.HOUSE, "rewrapped_keys", f"sealing key {newest}", moved=report.moved
        )
        return report

    report = _in_database(work)
    progress.end()
    print(f"{report.moved} rows are now under the newest sealing key.")
    if report.lost:
        raise Failed(
            f"{report.lost} rows cannot be opened: their key is gone, or they were changed"
        )


def _destroy_key(given: argparse.Namespace) -> None:
    from backend.database import DB
    from backend.piccolo_app import APP_CONFIG
    from backend.push import subscriptions
    from backend.staff import audit
    from backend.web import keyring, rewrapping

    keyring.named(given.purpose, given.id)
    if given.purpose == "index":
        raise Failed("the index key stays: without it, nobody who signs twice would be noticed")

    if given.purpose in ("trail", "head"):
        raise Failed(f"the {given.purpose} keys stay: without them old lines could not be checked")

    async def work() -> None:
        async with DB.transaction():
            held = 0
            if given.purpose in ("sealing", "sealing-v1"):
                held = await rewrapping.count(APP_CONFIG.table_classes, given.id)
            if held:
                raise Failed(f"{held} rows still need this key; run `keys rewrap` first")
            if given.purpose == "vapid" and (phones := await subscriptions.count_under(given.id)):
                raise Failed(
                    f"{phones} phones subscribed under this key; each takes the newer one when "
                    "the app is next opened there"
                )
            await audit.write(audit.HOUSE, "destroyed_key", f"{given.purpose} key {given.id}")
            keyring.destroy(given.purpose, given.id)

    _in_database(work)
    print(f"The {given.purpose} key {given.id} is gone. Backups with keys in them still hold it.")


def _backup(given: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, _leave)
    from backend import backup, database

    here = settings.read()
    recipients = (*given.to,) or here.backup_recipients
    lock = backup.Lock(recipients, "" if recipients else _new_passphrase(here))
    progress = _Progress()
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
    signal.signal(signal.SIGTERM, _leave)
    from backend import backup, database

    opener = backup.Opener(given.identity, lambda: _passphrase(settings.read()))
    if given.check:
        made = backup.check(given.file, opener)
        keys = "with the keys" if made.keys else "without the keys"
        print(f"Sound: {made.rows} rows in {len(made.tables)} tables of {made.made}, {keys}.")
        return
    progress = _Progress()
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
    return here.backup_passphrase or _typed_twice("", BACKUP_PROMPT)


def _typed_twice(set_already: str, prompt: str) -> str:
    """A new passphrase, unless one is set in the environment."""
    if set_already:
        return set_already
    first = _typed(prompt)
    if len(first) < 12:
        raise Failed("a passphrase needs at least 12 characters; four words do well")
    import getpass

    if getpass.getpass("Once more: ") != first:
        raise Failed("the two passphrases differ")
    return first


def _passphrase(here: settings.Settings) -> str:
    if here.backup_passphrase:
        return here.backup_passphrase
    return _typed(BACKUP_PROMPT)


def _typed(prompt: str) -> str:
    if not sys.stdin.isatty():
        name = "BACKUP_PASSPHRASE" if prompt == BACKUP_PROMPT else "PRIVATE_KEYS_PASSPHRASE"
        raise Failed(f"nobody can type a passphrase here; set {name}, or use an age key")
    import getpass

    return getpass.getpass(prompt)


def _in_database(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
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


class _Progress:
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


def _say(to_a_person: str, event: str, **more: str) -> None:
    """What a server says while it starts: a sentence on a terminal, or else a line of the log."""
    if sys.stdout.isatty():
        print(to_a_person, flush=True)
        return
    import structlog

    structlog.get_logger().info(event, **more)


def _leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(143)


if __name__ == "__main__":
    sys.exit(main())
