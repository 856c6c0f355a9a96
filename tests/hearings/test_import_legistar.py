"""Legistar's Web API as it is asked: pages, agendas, votes, and what is odd there."""

import datetime
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backend.hearings import importing, proposals, queries, sources
from backend.hearings.importing import Report
from backend.hearings.kinds import Choice, Result, Status
from backend.hearings.tables import Hearing, HearingChange, HearingSource, SourceEvent
from backend.staff.tables import Account, AuditEntry
from tests.hearings import agenda_server
from tests.hearings.agenda_server import FORUM, Agendas, event, in_days, item, vote

EVENTS, ITEMS = "/v1/sonoma-county/events", "/v1/sonoma-county/events/"


@pytest.fixture
async def there(record: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Agendas]:
    async with agenda_server.agendas() as held:
        monkeypatch.setenv("DEVELOPMENT", "1")
        monkeypatch.setenv("IMPORTS_FROM", held.url)
        monkeypatch.setattr("backend.hearings.fetching.PAUSE", 0.01)
        yield held


@pytest.fixture
async def source(record: None) -> HearingSource:
    """The one that comes with the house."""
    [found] = await HearingSource.objects().where(HearingSource.name == "Sonoma (Legistar)")
    return found


@pytest.fixture
async def ana(record: None) -> Account:
    return await Account.open_for("Ana", ["editor"])


async def look(source: HearingSource) -> Report:
    report = await importing.run(source.id)
    assert report is not None
    return report


async def accepted(source: HearingSource, by: Account) -> Hearing:
    """The only thing that waits, accepted."""
    [told] = await proposals.waiting(source.id)
    hearing = await queries.one(await proposals.accept(told.id, by))
    assert hearing is not None
    return hearing


async def again(hearing: Hearing) -> Hearing:
    found = await queries.one(hearing.id)
    assert found is not None
    return found


async def words_of(source: HearingSource) -> tuple[str, str]:
    """How it does and what went wrong, as the desk says it."""
    found = await sources.one(source.id)
    assert found is not None
    return sources.state_in_words(found), sources.error_in_words(found)


# Lists.


async def test_pages_are_read_to_the_end_whatever_a_page_holds(
    there: Agendas, source: HearingSource
) -> None:
    there.most_rows = 7
    there.events = [event(id, 1 + id % 5) for id in range(1, 31)]
    report = await look(source)
    assert (report.events, report.whole) == (30, True)
    skips = [each.rpartition("=")[2] for each in there.asked_for("$skip")]
    assert skips == ["0", "7", "14", "21", "28", "30"]
    assert await SourceEvent.count() == 30


async def test_a_server_that_always_sends_the_same_page_is_left(
    there: Agendas, source: HearingSource
) -> None:
    there.faults[f"{EVENTS}?"] = agenda_server.body(json.dumps([event(1, 3)]).encode())
    assert not (await look(source)).whole
    assert (await words_of(source))[1] == "It sends the same events again and again."


async def test_what_a_broken_off_reading_saw_is_kept_and_the_next_goes_on(
    there: Agendas, source: HearingSource
) -> None:
    there.most_rows = 3
    there.events = [event(id, 10 + id, BodyName=FORUM) for id in range(1, 6)]
    there.faults[f"{EVENTS}?"] = agenda_server.after(1, agenda_server.body(b'[{"EventId"'))
    assert (await look(source)).proposals == 3
    assert (await words_of(source))[1] == "What it sent breaks off or is no JSON."
    there.faults.clear()
    assert (await look(source)).proposals == 2


async def test_an_event_without_a_day_is_told_and_takes_no_other_along(
    there: Agendas, source: HearingSource
) -> None:
    rows = [{**event(1, 5, BodyName=FORUM), "EventDate": None}, event(2, 5, BodyName=FORUM)]
    there.faults[f"{EVENTS}?"] = agenda_server.once(agenda_server.body(json.dumps(rows).encode()))
    report = await look(source)
    assert (report.events, report.undated, report.proposals) == (2, 1, 1)
    assert "1 meeting has no day." in (await words_of(source))[0]


async def test_a_known_one_that_loses_its_day_is_proposed_as_postponed(
    there: Agendas, source: HearingSource, ana: Account
) -> None:
    there.events = [event(1, 30, BodyName=FORUM)]
    await look(source)
    hearing = await accepted(source, ana)
    rows = [{**event(1, 30, BodyName=FORUM), "EventDate": None}]
    there.faults[f"{EVENTS}?"] = agenda_server.once(agenda_server.body(json.dumps(rows).encode()))
    assert (await look(source)).proposals == 1
    [told] = await proposals.waiting(source.id)
    assert "The source gives no day." in told.doubts
    await proposals.accept(told.id, ana)
    assert (await again(hearing)).status == Status.POSTPONED


# Fields.


async def test_fields_of_any_sort_take_nothing_along(there: Agendas, source: HearingSource) -> None:
    names = [name for name in event(3, 5) if name not in ("EventId", "EventDate")]
    rows: list[dict[str, Any]] = [
        dict.fromkeys(names, 7),
        dict.fromkeys(names),
        dict.fromkeys(names, "x\0<script>y</script>" * 2000),
        dict.fromkeys(names, True),
        {},
    ]
    day = f"{in_days(5)}T00:00:00"
    there.events = [{**row, "EventId": id, "EventDate": day} for id, row in enumerate(rows, 1)]
    there.events.append(event(7, 5, BodyName=f"<i>{FORUM}</i>\0", Time="\0", Location="\0\r\n"))
    report = await look(source)
    assert (report.events, report.proposals, report.whole) == (6, 1, True)
    [told] = await proposals.waiting(source.id)
    assert told.after.title.en == FORUM


@pytest.mark.parametrize(
    ("day", "time", "utc"),
    [("2026-03-08", "9:00 AM", 16), ("2026-11-01", "9:00 AM", 17), ("2026-11-01", "1:30 AM", 8)],
)
async def test_days_when_clocks_change_keep_the_time_on_the_wall(
    there: Agendas, source: HearingSource, day: str, time: str, utc: int
) -> None:
    rows = [{**event(1, 5, BodyName=FORUM, Time=time), "EventDate": f"{day}T00:00:00"}]
    there.faults[f"{EVENTS}?"] = agenda_server.once(agenda_server.body(json.dumps(rows).encode()))
    await look(source)
    told = await proposals.waiting(source.id)
    assert [each.after.starts_at.astimezone(datetime.UTC).hour for each in told] == [utc]


# What is past.


async def test_what_is_past_neither_vanishes_nor_is_off(
    there: Agendas, source: HearingSource, ana: Account
) -> None:
    there.events = [event(1, -1), event(2, 31)]
    there.items = {1: [item(5, FORUM)]}
    await look(source)
    await accepted(source, ana)
    there.items = {1: [item(6, "Minutes")]}
    assert (await look(source)).proposals == 0
    there.vanish(1)
    report = await look(source)
    assert (report.whole, report.vanished, report.proposals) == (True, 0, 0)


def held(**fields: Any) -> dict[str, Any]:
    told = {"ActionName": "Approved", "PassedFlagName": "Pass", "Tally": "4:1", **fields}
    return item(5, FORUM, **told)


async def test_outcome_and_votes_are_read_and_silence_takes_nothing_back(
    there: Agendas, source: HearingSource, ana: Account
) -> None:
    there.events = [event(1, -1)]
    there.items = {1: [item(5, FORUM)]}
    await look(source)
    hearing = await accepted(source, ana)
    there.items = {1: [held()]}
    there.votes = {
        5: [
            vote("Ana Lopez", "Aye"),
            vote("B. Chu", "Nay"),
            vote("C. Rey", "Excused"),
            vote("D. Ito", "Recused"),
            vote("", "Aye"),
            vote("E. Wu", "??"),
        ]
    }
    assert (await look(source)).proposals == 1
    [told] = await proposals.waiting(source.id)
    await proposals.accept(told.id, ana)
    entry = await queries.entry_of(await again(hearing))
    assert (entry.status, entry.result) == (Status.HELD, Result.PASSED)
    assert entry.outcome.en == "Approved (4:1)"
    assert [(each.member, each.choice) for each in entry.votes] == [
        ("Ana Lopez", Choice.YES),
        ("B. Chu", Choice.NO),
        ("C. Rey", Choice.ABSENT),
        ("D. Ito", Choice.RECUSED),
    ]
    assert (await look(source)).proposals == 0
    there.faults["/v1/sonoma-county/eventitems/5"] = agenda_server.status(410)
    assert (await look(source)).proposals == 0
    there.items = {1: [item(5, FORUM)]}
    assert (await look(source)).proposals == 0


async def test_votes_are_asked_for_only_where_they_matter(
    there: Agendas, source: HearingSource
) -> None:
    there.events = [event(1, -1), event(2, 5)]
    there.items = {1: [held(), item(6, "Minutes", PassedFlagName="Pass")], 2: [held()]}
    await look(source)
    assert [each for each in there.asked if each.endswith("/votes")] == [
        "webapi.legistar.com/v1/sonoma-county/eventitems/5/votes"
    ]


# Rules.


async def test_what_a_rule_accepts_is_written_down_as_the_houses_own_doing(
    there: Agendas, source: HearingSource, ana: Account
) -> None:
    await HearingSource.update({HearingSource.accepts: "changes"}).where(
        HearingSource.id == source.id
    )
    there.events = [event(1, 30, BodyName=FORUM)]
    assert (await look(source)).accepted == 0
    hearing = await accepted(source, ana)
    there.events = [event(1, 33, BodyName=FORUM)]
    report = await look(source)
    assert (report.proposals, report.accepted) == (1, 1)
    assert (await again(hearing)).status == Status.MOVED
    [change, _announced] = await HearingChange.objects().order_by(HearingChange.id, ascending=False)
    assert (change.made_by, change.source) == (None, "Sonoma (Legistar)")
    [line] = await AuditEntry.objects().where(AuditEntry.action == "hearing_moved")
    assert line.actor == "the house itself"
    assert "accepted by a rule" in str(report)
