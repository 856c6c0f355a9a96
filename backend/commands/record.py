"""The tables and the record: `migrate`, `load`, `export`, `zips`."""

import argparse
import asyncio
from typing import Any

from backend.commands.terminal import Failed, say


def add(commands: Any) -> None:
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


def migrate_and_load() -> None:
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
        say(f"Directory of help: {helpers}", "the directory was loaded", said=str(helpers))
    if started:
        say(f"Campaigns: {started}", "campaigns were loaded", said=str(started))
    for warning in report.warnings():
        say(warning.strip(), "the record differs from the files", said=warning.strip())
    if report.added or report.changed or report.retired:
        loaded = str(report).splitlines()[0]
        say(f"The record: {loaded}", "the record was loaded", said=loaded)


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


def _zips(_given: argparse.Namespace) -> None:
    from backend.counties import zips

    zips.rebuild()
