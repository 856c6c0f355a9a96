"""The house's commands: `python -m backend --help`."""

import argparse
import sys

from backend import settings
from backend.commands import (
    backups,
    bench,
    importing,
    keys,
    record,
    serving,
    staff,
    working,
)
from backend.commands.terminal import Failed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m backend", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (serving, record, importing, working, keys, backups, staff, bench):
        module.add(commands)
    given = parser.parse_args(arguments)
    from backend.web import logs

    logs.configure()
    try:
        keys.open_private_keys()
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


if __name__ == "__main__":
    sys.exit(main())
