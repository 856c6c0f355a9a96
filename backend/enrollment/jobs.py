"""The directory's background work: a file that was handed in at the desk is looked at, and applied
when somebody has seen what it would change."""

import json
import tempfile
import zlib
from datetime import datetime, timedelta
from typing import IO, Any

from backend import database
from backend.database import DB
from backend.enrollment import importing
from backend.enrollment.importing import Choices
from backend.enrollment.tables import DirectoryImport
from backend.staff import audit
from backend.staff.tables import Account, now
from backend.web import jobs

JOB = "import_directory"
CHUNK = 1_000_000
# Who handed in what stays in the audit trail; the reports are of no use for longer.
KEPT = timedelta(days=90)


def packed(file: bytes) -> bytes:
    return zlib.compress(file, 6)


async def hand_in(by: Account, source: str, name: str, file: bytes, columns: str) -> int:
    """Keep the file and ask that it be looked at. Returns the import's number."""
    async with DB.transaction():
        rows = await DirectoryImport.insert(
            DirectoryImport(source=source, file_name=name, file=packed(file), columns=columns,
                            made_by=by.id)
        )  # fmt: skip
        number = int(rows[0]["id"])
        await audit.write(by.name, "directory_file", f"import {number}", source=source)
        await jobs.enqueue(JOB, {"import": number})
    return number


async def look_again(id: int, by: Account, *, skip_mistakes: bool, let_vanish: bool) -> bool:
    """Ask that it be applied. False when it does not wait for that any more."""
    async with DB.transaction():
        rows = await (
            DirectoryImport.update(
                {
                    DirectoryImport.state: "asked",
                    DirectoryImport.skip_mistakes: skip_mistakes,
                    DirectoryImport.let_vanish: let_vanish,
                    DirectoryImport.progress: 0,
                    DirectoryImport.applied_by: by.id,
                }
            )
            .where(DirectoryImport.id == id, DirectoryImport.state == "looked")
            .returning(DirectoryImport.id)
        )
        if rows:
            await jobs.enqueue(JOB, {"import": id})
    return bool(rows)


async def drop(id: int, by: Account) -> None:
    """Forget the file; nothing was changed by it."""
    async with DB.transaction():
        rows = await (
            DirectoryImport.update({DirectoryImport.state: "dropped", DirectoryImport.file: None})
            .where(DirectoryImport.id == id, DirectoryImport.state.is_in(["waiting", "looked"]))
            .returning(DirectoryImport.id)
        )
        if rows:
            await audit.write(by.name, "directory_dropped", f"import {id}")


async def import_directory(data: dict[str, Any]) -> None:
    """The job: `{import: id}`. What was done already is not done again."""
    id = int(data["import"])
    row = await (
        DirectoryImport.select(
            *DirectoryImport.all_columns(), DirectoryImport.applied_by.name.as_alias("by")
        )
        .where(DirectoryImport.id == id)
        .first()
    )
    if row is None or row["file"] is None or row["state"] not in ("waiting", "asked"):
        return
    dry = row["state"] == "waiting"
    progress = _Progress(id)
    choices = Choices(
        row["skip_mistakes"], row["let_vanish"], importing.read_columns(row["columns"])
    )
    with tempfile.TemporaryFile() as file:
        _unpack(bytes(row["file"]), file)
        try:
            async with DB.transaction():
                report = await importing.run(
                    importing.SOURCES[row["source"]], file, choices, dry=dry, said=progress.say
                )
                applied = report.applied
                await DirectoryImport.update(
                    {
                        DirectoryImport.state: "applied" if applied else "looked",
                        DirectoryImport.report: json.dumps(report.as_json(), ensure_ascii=False),
                        DirectoryImport.progress: 100,
                        **({DirectoryImport.file: None, DirectoryImport.applied_at: now()}
                           if applied else {}),
                    }
                ).where(DirectoryImport.id == id)  # fmt: skip
                if applied:
                    change = report.difference
                    await audit.write(
                        row["by"] or audit.HOUSE, "directory_imported", f"import {id}",
                        source=row["source"], new=change.new, changed=change.changed,
                        vanished=change.vanished,
                    )  # fmt: skip
        finally:
            await progress.end()


def _unpack(packed: bytes, file: IO[bytes]) -> None:
    """A piece at a time: the file may be large, and memory is for everyone."""
    unpacking = zlib.decompressobj()
    rest = packed
    while rest:
        file.write(unpacking.decompress(rest, CHUNK))
        rest = unpacking.unconsumed_tail
    file.write(unpacking.flush())
    file.seek(0)


class _Progress:
    """Told through a connection of its own: what happens in a transaction nobody sees until its
    end."""

    def __init__(self, id: int) -> None:
        self.id, self.last = id, 0
        self.connection: Any = None

    async def say(self, percent: int) -> None:
        if percent < self.last + 5:
            return
        self.last = percent
        if self.connection is None:
            self.connection = await DB.get_new_connection()
        await self.connection.execute(
            "UPDATE directory_import SET progress = $2 WHERE id = $1", self.id, percent
        )

    async def end(self) -> None:
        if self.connection is not None:
            await self.connection.close()


async def remove_old(before: datetime) -> int:
    """Retention: files handed in before then, whatever became of them."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "DELETE FROM directory_import WHERE made_at < $1 RETURNING id", before
        )
    return len(rows)
