"""Other people’s lists: `import SOURCE FILE`."""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backend.commands.terminal import Failed, Progress, bar


def add(commands: Any) -> None:
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
    progress = Progress()

    async def work() -> importing.Report:
        await database.migrate()
        return await importing.run(
            importing.SOURCES[given.source],
            file,
            choices,
            dry=given.dry_run,
            said=lambda percent: progress.say(bar(percent)),
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


# Who reads whose list. Each gets what was typed and fails with a sentence.
IMPORTERS: dict[str, Callable[[argparse.Namespace], None]] = {
    "hearings": _import_hearings,
    **dict.fromkeys(("hrsa", "cdph", "dhcs", "hsds"), _import_directory),
}
