"""Upload: a file that was saved on a phone, handed in at the desk; taken a few sign-ups at a time
by a job, each of them counted by what became of it. Handing it in again changes nothing."""

import asyncio
import json
import zlib
from datetime import datetime, timedelta
from typing import Any

from backend.canvass import files, intake
from backend.canvass.files import CannotRead
from backend.canvass.intake import NotTaken, Sent
from backend.canvass.states import RecordState
from backend.canvass.tables import CanvassFile, CanvassRecord
from backend.database import DB
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account, now
from backend.web import jobs

JOB = "take_canvass_file"
AT_ONCE = 100
# The sealed sign-ups leave the row when they are taken; of a job that never ended, then.
CONTENT_KEPT = timedelta(days=14)
KEPT = timedelta(days=90)
DAMAGED = "damaged"


async def hand_in(by: Account, content: bytes) -> int:
    """Keep the file and ask that it be taken. Returns its number. Raises CannotRead when there is
    not one whole sign-up in it."""
    sent, damaged = await asyncio.to_thread(_read, content)
    devices = {each.device for each in sent}
    async with DB.transaction():
        file = CanvassFile(
            device=devices.pop() if len(devices) == 1 else None,
            records=len(sent) + damaged,
            done=damaged,
            outcomes=json.dumps({DAMAGED: damaged} if damaged else {}),
            content=zlib.compress(content, 6),
            made_by=by.id,
        )
        await file.save()
        number = int(file.id)
        await audit.write(by.name, "canvass_file", f"file {number}", records=len(sent) + damaged)
        await jobs.enqueue(JOB, {"file": number})
    return number


async def take_file(data: dict[str, Any]) -> None:
    """The job: `{file: id}`. What was done before a crash is not done again, nor counted again."""
    id = int(data["file"])
    row = await CanvassFile.select(CanvassFile.content).where(CanvassFile.id == id).first()
    if row is None or row["content"] is None:
        return
    content = zlib.decompress(bytes(row["content"]))
    sent, damaged = await asyncio.to_thread(_read, content)
    while await _take_some(id, sent, damaged):
        pass


async def with_id(id: int) -> dict[str, Any] | None:
    """All but the file itself."""
    rows = await _rows(CanvassFile.id == id) if 0 < id <= LARGEST_ID else []
    return rows[0] if rows else None


async def latest(by: Account, everybodys: bool) -> list[dict[str, Any]]:
    """The newest first: one's own, or everybody's."""
    return await _rows(CanvassFile.id > 0 if everybodys else CanvassFile.made_by == by.id)


async def remove_old(before: datetime) -> int:
    """Retention: the numbers of files that were handed in."""
    return len(
        await CanvassFile.delete().where(CanvassFile.made_at < before).returning(CanvassFile.id)
    )


async def remove_content(before: datetime) -> int:
    """Retention: sealed sign-ups of a file whose job never ended."""
    return len(
        await CanvassFile.update({CanvassFile.content: None})
        .where(CanvassFile.made_at < before, CanvassFile.content.is_not_null())
        .returning(CanvassFile.id)
    )


async def _rows(where: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await (
        CanvassFile.select(
            CanvassFile.id,
            CanvassFile.records,
            CanvassFile.done,
            CanvassFile.outcomes,
            CanvassFile.made_at,
            CanvassFile.made_by,
            CanvassFile.made_by.name.as_alias("by"),
            CanvassFile.done_at,
        )
        .where(where)
        .order_by(CanvassFile.id, ascending=False)
        .limit(20)
    )
    return found


async def _take_some(id: int, sent: list[Sent], damaged: int) -> bool:
    """The next few, with the note that they are done. False when there are no more."""
    async with DB.transaction():
        row = await (
            CanvassFile.select(CanvassFile.done, CanvassFile.outcomes)
            .where(CanvassFile.id == id, CanvassFile.content.is_not_null())
            .lock_rows("UPDATE")
            .first()
        )
        if row is None:
            return False
        begin = row["done"] - damaged
        now_taken = sent[begin : begin + AT_ONCE]
        outcomes: dict[str, int] = dict(row["outcomes"])
        for outcome in await _outcomes(now_taken):
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        columns: dict[Any, Any] = {
            CanvassFile.done: row["done"] + len(now_taken),
            CanvassFile.outcomes: json.dumps(outcomes),
        }
        more: bool = begin + len(now_taken) < len(sent)
        if not more:
            columns |= {CanvassFile.content: None, CanvassFile.done_at: now()}
        await CanvassFile.update(columns).where(CanvassFile.id == id)
    return more


async def _outcomes(sent: list[Sent]) -> list[str]:
    found = []
    for each in sent:
        there = await CanvassRecord.exists().where(CanvassRecord.id == each.id)
        try:
            await intake.take_from_file(each)
        except NotTaken as refused:
            found.append(refused.code)
        else:
            found.append("before" if there else await _state(each))
    return found


async def _state(sent: Sent) -> str:
    [row] = await CanvassRecord.select(CanvassRecord.state).where(CanvassRecord.id == sent.id)
    return "review" if row["state"] == RecordState.REVIEW else "taken"


def _read(content: bytes) -> tuple[list[Sent], int]:
    """What is whole in it, and how many are not. Raises CannotRead when nothing is."""
    try:
        return files.read_file(content), 0
    except CannotRead as error:
        if not error.whole:
            raise
        return error.whole, error.damaged
