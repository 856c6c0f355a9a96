"""The house's commands: `python -m backend --help`."""

import argparse
import asyncio
import errno
import signal
import socket
import sys
import time
from typing import NoReturn

from backend import settings


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

    bench = commands.add_parser("bench", help="measure speed, size and memory")
    bench.set_defaults(run=_bench)

    given = parser.parse_args(arguments)
    try:
        given.run(given)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not _expected(error):
            raise
        print(f"{parser.prog} {given.command}: {error}", file=sys.stderr)
        return 1
    return 0


def _expected(error: Exception) -> bool:
    """Whether the error's own words are what a person should read."""
    from backend.counties.outlines import OutlinesError
    from backend.counties.zips import ZipsError
    from backend.database import DoesNotAnswer
    from backend.policies.files import RecordError
    from backend.web.vendor import CouldNotBuild

    ours = (Failed, settings.WrongSetting, DoesNotAnswer, RecordError, CouldNotBuild)
    return isinstance(error, (*ours, OutlinesError, ZipsError))


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

    with database.running():
        _migrate_and_load()
        _serve_until_told(here)


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


def _serve_until_told(here: settings.Settings) -> None:
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    server = Granian(
        "backend.app:app",
        address=here.host,
        port=here.port,
        interface=Interfaces.ASGI,
        workers=here.workers,
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,
        workers_kill_timeout=10,
    )
    server.on_startup(lambda: print(f"Confianza: {here.site_url} (Ctrl-C ends it)", flush=True))
    server.serve()


def _migrate(_given: argparse.Namespace) -> None:
    from backend import database

    with database.running():
        asyncio.run(database.migrate())


def _load(given: argparse.Namespace) -> None:
    from backend.policies import loading

    if given.check or given.fingerprints:
        record = loading.check()
        if given.fingerprints:
            for key, fingerprint in loading.fingerprints(record):
                print(f"{fingerprint}  {key}")
        else:
            print(f"No mistakes in {len(record)} files.")
        return
    from backend import database

    with database.running():
        asyncio.run(database.migrate())
        print(asyncio.run(loading.load()))


def _migrate_and_load() -> None:
    from backend import database
    from backend.policies import loading

    async def prepare() -> loading.Report:
        await database.migrate()
        return await loading.load()

    report = asyncio.run(prepare())
    if report.added or report.changed or report.retired:
        print(f"The record: {str(report).splitlines()[0]}", flush=True)


def _zips(_given: argparse.Namespace) -> None:
    from backend.counties import zips

    zips.rebuild()


def _bench(_given: argparse.Namespace) -> None:
    import subprocess

    started = time.monotonic()
    done = subprocess.run([sys.executable, "tests/bench/bench.py"], cwd=settings.HOUSE, check=False)
    if done.returncode:
        raise Failed("a measurement failed")
    print(f"Measured in {time.monotonic() - started:.0f} s.")


def _leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(143)


if __name__ == "__main__":
    sys.exit(main())
