"""A hearing is announced, moved, cancelled and held, and its history tells of each."""

import datetime
from typing import Any

import pytest

from backend.hearings import changes, past, queries, wording
from backend.hearings import entry as entries
from backend.hearings.entry import Entry, Said, Vote
from backend.hearings.kinds import Choice, Kind, Noted, Status, Topic
from backend.hearings.tables import Hearing
from backend.policies.days import Day
from backend.policies.files import SourceEntry
from backend.staff.tables import Account, AuditEntry
from backend.web.clock import CALIFORNIA, today
from backend.web.errors import Refused


def in_days(days: int, hour: int = 9, minute: int = 30) -> datetime.datetime:
    day = today() + datetime.timedelta(days=days)
    return datetime.datetime.combine(day, datetime.time(hour, minute), CALIFORNIA)


def forum(**fields: Any) -> Entry:
    what = {
        "kind": Kind.FORUM,
        "title": Said(en="Forum on what the sheriff did for ICE"),
        "starts_at": in_days(40),
        "county": "sonoma",
        "body": "Board of Supervisors",
        "place": "Board chambers",
        "topics": [Topic.FORUMS],
    }
    return Entry(**{**what, **fields})


@pytest.fixture
async def ana(record: None) -> Account:
    return await Account.open_for("Ana", ["editor"])


async def again(id: int) -> tuple[Hearing, Entry]:
    hearing = await queries.one(id)
    assert hearing is not None
    return hearing, await queries.entry_of(hearing)


async def test_what_was_announced_reads_as_it_was_written(ana: Account) -> None:
    made = forum(
        status=Status.HELD,
        starts_at=in_days(-3),
        ends_at=in_days(-3, 12),
        votes=[Vote(member="A. Member", choice=Choice.YES), Vote(member="B", choice=Choice.ABSENT)],
        decides=Said(en="Nothing is decided.", es="No se decide nada."),
        noticed_on=today() - datetime.timedelta(days=40),
        remote_speaking=True,
    )
    hearing = await changes.announce(made, ana)
    _hearing, read = await again(hearing.id)
    assert read == entries.read(entries.plain(made))
    assert entries.differing(made, read) == []
    assert await changes.change(hearing.id, read, ana) is None


async def test_a_new_time_is_a_move_and_raises_the_sequence(ana: Account) -> None:
    hearing = await changes.announce(forum(), ana)
    noted = await changes.change(hearing.id, forum(starts_at=in_days(41)), ana, why="New day")
    assert noted == Noted.MOVED
    now, _entry = await again(hearing.id)
    assert (now.status, now.sequence, now.starts_at) == (Status.MOVED, 1, in_days(41))
    newest, oldest = await queries.history(hearing.id)
    assert (newest.noted, newest.fields, newest.why) == (
        "moved",
        ["starts_at", "status"],
        "New day",
    )
    assert oldest.noted == "announced"
    lines = await AuditEntry.select(AuditEntry.action).order_by(AuditEntry.id)
    assert [line["action"] for line in lines] == ["hearing_announced", "hearing_moved"]


async def test_a_place_that_becomes_known_is_no_move(ana: Account) -> None:
    hearing = await changes.announce(forum(place=""), ana)
    assert await changes.change(hearing.id, forum(), ana) == Noted.CHANGED
    assert (await again(hearing.id))[0].status == Status.SCHEDULED


async def test_a_cancelled_one_stays_in_sight_and_can_come_back(ana: Account) -> None:
    hearing = await changes.announce(forum(), ana)
    assert await changes.change(hearing.id, forum(status=Status.CANCELLED), ana) == "cancelled"
    assert [each.id for each in await queries.coming(county="sonoma")] == [hearing.id]
    assert await changes.change(hearing.id, forum(), ana) == Noted.BACK_ON
    assert (await again(hearing.id))[0].sequence == 2


async def test_what_should_not_be_there_is_taken_out(ana: Account) -> None:
    hearing = await changes.announce(forum(), ana)
    await changes.take_out(hearing.id, ana, "It was another county's")
    assert await queries.one(hearing.id) is None
    assert await queries.coming() == []
    with pytest.raises(Refused):
        await changes.change(hearing.id, forum(), ana)


async def test_two_editors_do_not_overwrite_each_other(ana: Account) -> None:
    hearing = await changes.announce(forum(), ana)
    seen = await queries.last_change(hearing.id)
    await changes.change(hearing.id, forum(place="Elsewhere"), ana, seen=seen)
    with pytest.raises(Refused, match="meanwhile"):
        await changes.change(hearing.id, forum(place="Nowhere"), ana, seen=seen)


@pytest.mark.parametrize(
    "fields",
    [
        {"county": "atlantis"},
        {"title": Said(es="Solo en español")},
        {"ends_at": in_days(39)},
        {"starts_at": datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC)},
        {"status": Status.HELD},
        {"votes": [Vote(member="A", choice=Choice.NO)]},
    ],
)
async def test_what_cannot_be_is_refused_in_words(ana: Account, fields: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await changes.announce(forum(**fields), ana)


async def test_a_countys_list_has_the_states_hearings_too(ana: Account) -> None:
    for county in ("sonoma", "", "modoc"):
        await changes.announce(forum(county=county), ana)
    assert len(await queries.coming()) == 3
    assert len(await queries.coming(county="sonoma")) == 2
    assert len(await queries.coming(county="")) == 1
    assert len(await queries.coming(county="sonoma", topic=Topic.FORUMS)) == 2
    assert await queries.coming(topic=Topic.HEALTH) == []
    assert await queries.coming(kind=Kind.RALLY) == []


async def test_without_a_time_it_lasts_until_the_end_of_its_day(ana: Account) -> None:
    hearing = await changes.announce(forum(starts_at=in_days(0, 0), time_known=False), ana)
    now, _entry = await again(hearing.id)
    assert now.starts_at == in_days(0, 12, 0)
    assert [each.id for each in await queries.coming()] == [hearing.id]


async def test_it_was_looked_at_when_its_sources_were_read(ana: Account) -> None:
    """Never on the day it was loaded, put in or changed."""
    sources = [
        SourceEntry(title="Item", publisher="Sonoma County", url=f"https://example.org/{day}",
                    grade="A", read_on=Day.parse(day))
        for day in ("2026-11-20", "2026-11-24")
    ]  # fmt: skip
    made = forum(sources=sources)
    hearing = await changes.announce(made, ana)
    assert hearing.checked_on.isoformat() == "2026-11-24"
    await changes.change(hearing.id, made, ana)
    await changes.change(hearing.id, forum(sources=sources, place="Hall B"), ana)
    assert (await again(hearing.id))[0].checked_on.isoformat() == "2026-11-24"


async def test_what_was_loaded_of_the_past_says_when_its_sources_were_read(record: None) -> None:
    await past.load()
    held = await Hearing.objects()
    read = {max(source["read_on"] for source in each.sources) for each in held}
    assert {each.checked_on.isoformat() for each in held} == read
    assert today().isoformat() not in read
    [first] = [each for each in held if each.file_number == "25-965"]
    assert wording.result(first) == "First vote: yes. Final vote not found"
