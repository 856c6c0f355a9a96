"""Importer: files of other people's lists, read into the directory; first looked at, then applied.

Nothing is changed when a file cannot be read to its end, when a line of it is wrong (unless those
lines shall be left out) or when a fifth of a source's places would vanish (unless they shall).
"""

import asyncio
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from backend import database
from backend.database import announce_change, one_at_a_time
from backend.enrollment import cdph, hrsa, hsds_in, offices, storing
from backend.enrollment.found import Found, Mistake, Reader, Told, Unusable
from backend.enrollment.storing import Difference
from backend.web.clock import today
from backend.web.language import later

# More of a source's places than these, and more than one in five of them, do not vanish by chance.
FEW = 20


@dataclass(frozen=True)
class Source:
    """A list we can read. `endings` are those of its files' names, `columns` whether the operator
    may say what its columns are called."""

    name: str
    label: str
    read: Reader
    endings: tuple[str, ...] = (".csv",)
    columns: bool = False


SOURCES: Mapping[str, Source] = {
    each.name: each
    for each in (
        Source("hrsa", later("Health center sites (HRSA, CSV)"), hrsa.read),
        Source("cdph", later("Licensed clinics (CDPH, CSV)"), cdph.read),
        Source(
            "dhcs",
            later("Medi-Cal county offices (DHCS, GeoJSON or CSV)"),
            offices.read,
            (".geojson", ".json", ".csv"),
            columns=True,
        ),
        Source(
            "hsds",
            later("Another directory (HSDS 3, JSON or a ZIP of CSV files)"),
            hsds_in.read,
            (".json", ".zip"),
        ),
    )
}


@dataclass(frozen=True)
class Choices:
    """What the operator decided: leave out lines with mistakes, let many places vanish, and what
    the file calls its columns."""

    skip_mistakes: bool = False
    let_vanish: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Report:
    """What became of a file. `refused` is why nothing was or would be changed; `number` is how many
    mistakes there are in all, of which the first are told."""

    source: str
    lines: int = 0
    used: int = 0
    left_out: int = 0
    number: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    difference: Difference = field(default_factory=Difference)
    refused: str = ""
    applied: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        change = self.difference
        lines = [
            f"{self.lines:,} lines read, {self.used:,} places used, {self.left_out:,} left out.",
            f"{change.new:,} new, {change.changed:,} changed, {change.same:,} the same, "
            f"{change.vanished:,} vanished, {change.back:,} back again.",
        ]
        for kind in ("new", "changed", "vanished", "back"):
            lines += [f"  {kind}: {_in_words(each)}" for each in change.samples.get(kind, [])]
        if self.number:
            lines.append(f"{self.number:,} mistakes:")
            lines += [f"  {mistake}" for mistake in self.mistakes]
        if self.refused:
            lines.append(f"Nothing was changed: {self.refused}")
        elif self.applied:
            lines.append("Done." if change else "Nothing had changed.")
        else:
            lines.append("Only looked: nothing was changed.")
        return "\n".join(lines)


WRONG_LINES = later("some lines are wrong. Mend them, or leave them out.")
UNREADABLE = later("the file cannot be read to its end.")
TOO_MANY_VANISH = later("more than a fifth of what this source named would vanish. Is it whole?")
NOTHING_IN_IT = later("there is no place in it that we could use.")

Said = Callable[[int], Any]


async def run(
    source: Source,
    file: IO[bytes],
    choices: Choices,
    *,
    dry: bool,
    said: Said = lambda _percent: None,
) -> Report:
    """Look at the file, and unless `dry` put it into the directory, in one transaction. `said` gets
    how far it is, in percent."""
    size = max(1, file.seek(0, io.SEEK_END))
    file.seek(0)
    told, report = Told(), Report(source.name)

    async def progress(_number: int) -> None:
        answer = said(min(90, 90 * _told_at(file) // size))
        if asyncio.iscoroutine(answer):
            await answer
        await asyncio.sleep(0)

    async with database.connection() as connection:
        # Two imports at once would each miss what the other brings.
        await one_at_a_time("directory")
        read = _whole(source.read(file, choices.columns, told), told)
        report.used = await storing.stage(connection, read, source.name, progress)
        for key in await storing.repeated_keys(connection) if not told.unusable else ():
            told.mistake(0, "", f"“{key}” is there twice.")
            told.wrong.add(key)
        if told.wrong:
            await connection.execute(
                "DELETE FROM help_stage WHERE key = ANY($1)", sorted(told.wrong)
            )
        report.lines, report.left_out = told.lines, told.left_out
        report.number, report.mistakes = told.number, told.mistakes
        if not told.unusable:
            report.difference = await storing.compare(connection, source.name, told.wrong)
        report.refused = await _refused(connection, source, told, choices, report)
        if not dry and not report.refused:
            await storing.store(connection, source.name, told.wrong, today())
            report.applied = True
            if report.difference:
                await announce_change()
        await connection.execute("DROP TABLE IF EXISTS help_stage")
    return report


def read_columns(text: str) -> dict[str, str]:
    """ "phone=Main line; city=Town" as a mapping. Raises ValueError with a sentence."""
    found = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        ours, equals, theirs = (each.strip() for each in part.partition("="))
        if not equals or not theirs or ours not in offices.COLUMNS:
            known = ", ".join(offices.COLUMNS)
            raise ValueError(f"“{part[:60]}” is not like “phone=Main line”. We know: {known}.")
        found[ours] = theirs
    return found


def _whole(found: Iterator[Found], told: Told) -> Iterator[Found]:
    """The places until the file's end, or until it cannot be read any more."""
    try:
        yield from found
    except Unusable:
        told.unusable = True


async def _refused(
    connection: Any, source: Source, told: Told, choices: Choices, report: Report
) -> str:
    if told.unusable:
        return UNREADABLE
    if told.number and not choices.skip_mistakes:
        return WRONG_LINES
    if not report.used:
        return NOTHING_IN_IT
    there = await connection.fetchval(
        "SELECT count(*) FROM help_place WHERE source = $1 AND vanished_on IS NULL", source.name
    )
    gone = report.difference.vanished
    if gone > FEW and gone * 5 > there and not choices.let_vanish:
        return TOO_MANY_VANISH
    return ""


def _told_at(file: IO[bytes]) -> int:
    try:
        return file.tell()
    except (OSError, ValueError):
        return 0


def _in_words(sample: dict[str, Any]) -> str:
    fields = sample.get("fields")
    if not fields:
        return str(sample["name"])
    changes = "; ".join(
        f"{name}: “{before}” -> “{after}”{' (the desk’s own stays)' if own else ''}"
        for name, (before, after, own) in fields.items()
    )
    return f"{sample['name']}: {changes}"
