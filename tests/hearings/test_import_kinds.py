"""PrimeGov, calendar feeds, Open States and tables: each in its real shape, faults included."""

import datetime
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backend.hearings import csv_file, importing, proposals, queries, sources
from backend.hearings.entry import Entry
from backend.hearings.importing import Report
from backend.hearings.kinds import Choice, Kind, Result, Status
from backend.hearings.tables import Hearing, HearingSource, Proposal, SourceEvent
from backend.staff.tables import Account, AuditEntry, now
from backend.web.clock import CALIFORNIA
from backend.web.errors import Refused
from tests.hearings import agenda_server
from tests.hearings.agenda_server import Agendas, in_days

FEED = "https://calendar.example.org/board.ics"
TABLE = "https://tables.example.org/hearings.csv"


@pytest.fixture
async def there(record: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Agendas]:
    await sources.load()
    async with agenda_server.agendas() as held:
        monkeypatch.setenv("DEVELOPMENT", "1")
        monkeypatch.setenv("IMPORTS_FROM", held.url)
        monkeypatch.setenv("OPENSTATES_KEY", "the key")
        monkeypatch.setattr("backend.hearings.fetching.PAUSE", 0.01)
        yield held


@pytest.fixture
async def ana(record: None) -> Account:
    return await Account.open_for("Ana", ["editor"])


async def named(name: str) -> HearingSource:
    [found] = [each for each in await sources.all_sources() if each.name == name]
    return found


async def look(source: HearingSource) -> Report:
    report = await importing.run(source.id)
    assert report is not None
    return report


async def error_of(source: HearingSource) -> str:
    return sources.error_in_words(await named(source.name))


async def only() -> proposals.Told:
    [told] = await proposals.waiting()
    return told


async def says(id: int) -> Entry:
    hearing = await queries.one(id)
    assert hearing is not None
    return await queries.entry_of(hearing)


def at(days: int, hour: int, minute: int = 0) -> datetime.datetime:
    return datetime.datetime.combine(in_days(days), datetime.time(hour, minute), CALIFORNIA)


# PrimeGov.


def listed(id: int, days: int, title: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": id,
        "title": title,
        "dateTime": f"{in_days(days)}T09:00:00",
        "committeeId": 3,
        "videoUrl": None,
        "documentList": [
            {"templateId": 41, "templateName": "Agenda", "compileOutputType": 1},
            {"templateId": 42, "templateName": "HTML Agenda", "compileOutputType": 3},
        ],
        **fields,
    }


async def test_primegov_tells_meetings_and_the_names_of_their_documents(
    there: Agendas, ana: Account
) -> None:
    documents = [{"templateId": 9, "templateName": "SB 54 report", "compileOutputType": 1}]
    there.meetings = (
        [
            listed(1, 6, "TRUTH Act Forum"),
            listed(2, 7, "Board of Supervisors"),
            listed(3, 8, "Board of Supervisors", documentList=documents),
            listed(4, 8, "TRUTH Act Forum", dateTime=f"{in_days(8)}T00:00:00"),
            listed(5, 8, "TRUTH Act Forum", dateTime=None, documentList=None),
        ],
        [listed(6, -400, "TRUTH Act Forum"), {"id": None}],
    )
    shasta = await named("Shasta (PrimeGov)")
    report = await look(shasta)
    assert (report.events, report.proposals, report.undated) == (5, 3, 1)
    assert all("shastacounty.primegov.com" in asked for asked in there.asked)
    told = {each.after.title.en + str(each.after.time_known): each.after
            for each in await proposals.waiting()}  # fmt: skip
    forum = told["TRUTH Act ForumTrue"]
    assert (forum.starts_at, forum.county, forum.kind) == (at(6, 9), "shasta", Kind.FORUM)
    assert forum.agenda_url == (
        "https://shastacounty.primegov.com/Public/CompiledDocument"
        "?meetingTemplateId=41&compileOutputType=1"
    )
    assert told["TRUTH Act ForumFalse"].starts_at == at(8, 12)
    assert (await look(shasta)).proposals == 0
    [first] = [each for each in await proposals.waiting() if each.after.starts_at == at(6, 9)]
    await proposals.accept(first.id, ana)
    ahead, past = there.meetings
    there.meetings = (ahead[1:], past)
    await look(shasta)
    [gone] = [each for each in await proposals.waiting() if each.action == "cancel"]
    assert gone.hearing is not None


# Calendar feeds.


def ics(*events: str, zone: str = "") -> str:
    blocks = "".join(f"BEGIN:VEVENT\r\n{each}\r\nEND:VEVENT\r\n" for each in events)
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//County//Board//EN\r\n"
    return f"{head}{zone}{blocks}END:VCALENDAR\r\n"


def vevent(uid: str, start: str, summary: str, *more: str) -> str:
    return "\r\n".join(
        [f"UID:{uid}", "DTSTAMP:20261101T000000Z", start, f"SUMMARY:{summary}", *more]
    )


def stamp(days: int, time: str = "T090000") -> str:
    return f"{in_days(days):%Y%m%d}{time}"


@pytest.fixture
async def feed(there: Agendas, ana: Account) -> HearingSource:
    made = await sources.add_source(
        ana, name="Alameda feed", kind="icalendar", place=FEED, county="alameda"
    )
    await sources.change_source(
        made.id, ana, place=FEED, words=["TRUTH Act", "peña"], accepts="", enabled=True
    )
    return await named("Alameda feed")


def publish(there: Agendas, text: str | bytes, media: str = "text/calendar; charset=utf-8") -> None:
    body = text.encode() if isinstance(text, str) else text
    there.pages["/board.ics"] = (body, media)


async def test_a_feed_tells_events_of_every_kind_of_time(
    there: Agendas, feed: HearingSource
) -> None:
    publish(
        there,
        ics(
            vevent("a", f"DTSTART;TZID=America/Los_Angeles:{stamp(5)}", "TRUTH Act\\, forum",
                   f"DTEND;TZID=America/Los_Angeles:{stamp(5, 'T110000')}",
                   "LOCATION:Room 2\\nhttps://meet.example.org/1", "URL:https://example.org/a"),
            vevent("b", f"DTSTART:{stamp(6, 'T180000Z')}", "TRUTH Act"),
            vevent("c", f"DTSTART:{stamp(7)}", "TRUTH Act"),
            vevent("d", f"DTSTART;VALUE=DATE:{stamp(8, '')}", "TRUTH Act", "STATUS:TENTATIVE"),
            vevent("e", f"DTSTART;TZID=Pacific Standard Time:{stamp(9)}", "TRUTH Act"),
            vevent("f", f"DTSTART:{stamp(9)}", "Bake sale", "DESCRIPTION:after the Truth-Act"),
            vevent("g", f"DTSTART:{stamp(9)}", "Bake sale"),
            vevent("h", "DTSTART:99991231T090000", "TRUTH Act"),
        ),
    )  # fmt: skip
    report = await look(feed)
    assert await error_of(feed) == ""
    assert (report.events, report.proposals, report.undated) == (8, 6, 1)
    a, b, c, d, *_rest = await proposals.waiting()
    assert a.after.title.en == "TRUTH Act, forum"
    assert (a.after.starts_at, a.after.ends_at) == (at(5, 9), at(5, 11))
    assert (a.after.place, a.after.remote_url) == ("Room 2", "https://meet.example.org/1")
    assert b.after.starts_at.astimezone(datetime.UTC).hour == 18
    assert c.after.starts_at == at(7, 9)
    assert (d.after.starts_at, d.after.time_known) == (at(8, 12), False)
    assert d.doubts == ["The source is not sure of it yet."]
    assert (await look(feed)).proposals == 0
    assert await Proposal.count() == 6


async def test_an_unchanged_feed_is_not_read_again_and_nothing_vanishes(
    there: Agendas, feed: HearingSource, ana: Account
) -> None:
    publish(there, ics(vevent("a", f"DTSTART:{stamp(5)}", "TRUTH Act")))
    assert (await look(feed)).events == 1
    await proposals.accept((await only()).id, ana)
    report = await look(feed)
    assert (report.events, report.vanished) == (0, 0)
    assert await proposals.how_many() == 0
    publish(there, ics(vevent("b", f"DTSTART:{stamp(6)}", "Other")))
    assert (await look(feed)).vanished == 1
    assert (await only()).action == "cancel"


async def test_moved_and_called_off_events_change_their_hearings(
    there: Agendas, feed: HearingSource, ana: Account
) -> None:
    publish(there, ics(vevent("a", f"DTSTART:{stamp(5)}", "TRUTH Act")))
    await look(feed)
    id = await proposals.accept((await only()).id, ana)
    publish(there, ics(vevent("a", f"DTSTART:{stamp(6)}", "TRUTH Act", "SEQUENCE:1")))
    await look(feed)
    await proposals.accept((await only()).id, ana)
    assert (await says(id)).status == Status.MOVED
    publish(there, ics(vevent("a", f"DTSTART:{stamp(6)}", "TRUTH Act", "STATUS:CANCELLED")))
    await look(feed)
    await proposals.accept((await only()).id, ana)
    assert (await says(id)).status == Status.CANCELLED


@pytest.mark.parametrize(
    ("charset", "media"),
    [
        ("cp1252", "text/calendar; charset=windows-1252"),
        ("cp1252", "text/calendar"),
        ("cp1252", "text/calendar; charset=utf-8"),
        ("iso-8859-1", "text/calendar; charset=iso-8859-1"),
        ("utf-16", "text/calendar"),
        ("utf-8-sig", "text/calendar"),
        ("utf-8", "text/calendar; charset=x-unknown"),
    ],
)
async def test_a_feed_in_another_encoding_is_read(
    there: Agendas, feed: HearingSource, charset: str, media: str
) -> None:
    publish(
        there, ics(vevent("a", f"DTSTART:{stamp(5)}", "Señor Peña speaks")).encode(charset), media
    )
    assert (await look(feed)).proposals == 1
    assert (await only()).after.title.en == "Señor Peña speaks"


async def test_what_comes_again_keeps_its_time_over_the_change_of_clocks(
    there: Agendas, feed: HearingSource, ana: Account
) -> None:
    zone = "DTSTART;TZID=America/Los_Angeles"
    first = stamp(1)
    apart = f"{in_days(15):%Y%m%d}T090000"
    publish(
        there,
        ics(
            vevent("a", f"{zone}:{first}", "TRUTH Act", "RRULE:FREQ=WEEKLY;COUNT=30",
                   f"EXDATE;TZID=America/Los_Angeles:{stamp(8)}"),
            vevent("a", f"{zone}:{stamp(15, 'T140000')}", "TRUTH Act, later",
                   f"RECURRENCE-ID;TZID=America/Los_Angeles:{apart}"),
        ),
    )  # fmt: skip
    report = await look(feed)
    assert report.proposals == 29
    told = await proposals.waiting()
    hours = {each.after.starts_at.astimezone(CALIFORNIA).hour for each in told}
    assert hours == {9, 14}
    offsets = {each.after.starts_at.astimezone(CALIFORNIA).utcoffset() for each in told}
    assert len(offsets) == 2  # some in winter, some in summer
    assert not [each for each in told if each.after.starts_at == at(8, 9)]
    [moved] = [each for each in told if each.after.title.en == "TRUTH Act, later"]
    assert moved.after.starts_at == at(15, 14)
    assert (await look(feed)).proposals == 0


async def test_a_broken_event_takes_no_other_along_and_has_not_vanished(
    there: Agendas, feed: HearingSource, ana: Account
) -> None:
    sound = vevent("a", f"DTSTART:{stamp(5)}", "TRUTH Act")
    publish(there, ics(sound, vevent("b", f"DTSTART:{stamp(6)}", "TRUTH Act")))
    await look(feed)
    for told in await proposals.waiting():
        await proposals.accept(told.id, ana)
    for broken in (
        "UID:b\r\nDTSTART:nonsense\r\nSUMMARY:TRUTH Act",
        "UID:b\r\nno colon here",
        vevent("b", f"DTSTART:{stamp(6)}", "TRUTH Act", "RRULE:FREQ=SECONDLY"),
        vevent("b", f"DTSTART:{stamp(6)}", "TRUTH Act", "RRULE:FREQ=NEVER"),
    ):
        publish(there, ics(sound, broken))
        report = await look(feed)
        assert (report.proposals, report.whole) == (0, False), broken
        assert "1 part of it could not be read." in sources.state_in_words(await named(feed.name))
    assert await proposals.how_many() == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>Please log in</html>", "What it sent is no calendar."),
        (b"", "What it sent is no calendar."),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\n", "breaks off in the middle"),
        (b"\x00\xff\xfe\x80", "What it sent is no calendar."),
    ],
)
async def test_what_is_no_calendar_is_said_and_changes_nothing(
    there: Agendas, feed: HearingSource, ana: Account, body: bytes, words: str
) -> None:
    publish(there, ics(vevent("a", f"DTSTART:{stamp(5)}", "TRUTH Act")))
    await look(feed)
    await proposals.accept((await only()).id, ana)
    publish(there, body)
    await look(feed)
    assert words in await error_of(feed)
    assert await proposals.how_many() == 0


async def test_a_feed_made_to_take_for_ever_does_not(
    there: Agendas, feed: HearingSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that never end, one that is huge, and rules for a day that never comes."""
    monkeypatch.setattr("backend.hearings.icalendar_feed.PATIENCE", 0.5)
    began = time.monotonic()
    publish(there, "BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\n" * 500_000 + "END:VCALENDAR\n")
    await look(feed)
    assert await error_of(feed) == "It sends more events than any county has."
    publish(there, ics(vevent("a", f"DTSTART:{stamp(5)}", "x" * 2_000_000)))
    assert (await look(feed)).unreadable == 1
    never = "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
    publish(there, ics(*[vevent("a", f"DTSTART:{stamp(5)}", "TRUTH Act", never)] * 1000))
    await look(feed)
    assert await error_of(feed) == "Reading all of it took too long."
    assert time.monotonic() - began < 60


async def test_a_feed_that_is_gone_is_said(there: Agendas, feed: HearingSource) -> None:
    there.faults["/board.ics"] = agenda_server.status(410)
    await look(feed)
    assert await error_of(feed) == "It hides this from the public (it answered 410)."


# Open States.


STATE = "California (Open States)"


def state_event(id: str, days: int, name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"ocd-event/{id}",
        "name": name,
        "jurisdiction": {"id": "ocd-jurisdiction/country:us/state:ca/government"},
        "description": "",
        "classification": "committee-meeting",
        "start_date": f"{at(days, 9).astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%S+00:00}",
        "end_date": "",
        "all_day": False,
        "status": "confirmed",
        "deleted": False,
        "location": {"name": "1021 O Street, Room 2100", "url": ""},
        "sources": [{"url": "https://www.assembly.ca.gov/schedules", "note": ""}],
        "agenda": [],
        **fields,
    }


def bill(identifier: str, title: str, *votes: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"ocd-bill/{identifier}",
        "session": "20252026",
        "identifier": identifier,
        "title": title,
        "openstates_url": f"https://openstates.org/ca/bills/20252026/{identifier}/",
        "votes": list(votes),
    }


FLOOR = {
    "id": "ocd-vote/1",
    "motion_text": "Do pass",
    "start_date": "",
    "result": "pass",
    "organization": {"name": "Assembly", "classification": "lower"},
    "votes": [
        {"option": "yes", "voter_name": "Bonta"},
        {"option": "no", "voter_name": "Gallagher"},
        {"option": "not voting", "voter_name": "Hart"},
        {"option": "other", "voter_name": "Nobody"},
    ],
}


async def test_open_states_tells_hearings_and_votes_on_bills(there: Agendas, ana: Account) -> None:
    agenda = [{"description": "SB 54: immigration enforcement",
               "related_entities": [{"name": "AB 937"}]}]  # fmt: skip
    there.state_events = [
        state_event("1", 6, "Assembly Public Safety Committee", agenda=agenda),
        state_event("2", 7, "Senate Rules"),
        state_event("3", 8, "Hearing on immigration enforcement", status="cancelled"),
        *(state_event(f"x{number}", 9, "Others") for number in range(45)),
    ]
    vote = {**FLOOR, "start_date": f"{in_days(-3)}T00:00:00+00:00"}
    there.bills = [bill("AB 937", "Immigration enforcement.", vote), bill("AB 1", "Parks.", vote)]
    state = await named(STATE)
    report = await look(state)
    assert await error_of(state) == ""
    assert report.events == 48 + 1
    hearing_told, vote_told = sorted(
        await proposals.waiting(), key=lambda told: told.after.kind != Kind.COMMITTEE
    )
    hearing = hearing_told.after
    assert (hearing.kind, hearing.county, hearing.starts_at) == (Kind.COMMITTEE, "", at(6, 9))
    assert hearing.file_number == "AB 937"
    voted = vote_told.after
    assert (voted.kind, voted.status, voted.result) == (Kind.VOTE, Status.HELD, Result.PASSED)
    assert (voted.body, voted.title.en) == ("Assembly", "AB 937: Immigration enforcement.")
    assert [(each.member, each.choice) for each in voted.votes] == [
        ("Bonta", Choice.YES),
        ("Gallagher", Choice.NO),
        ("Hart", Choice.ABSTAINED),
    ]
    id = await proposals.accept(vote_told.id, ana)
    assert (await says(id)).votes == voted.votes
    # Patchy: what is not told has not vanished.
    there.state_events = []
    again = await look(state)
    assert (again.proposals, again.vanished) == (0, 0)
    assert (await named(STATE)).next_at > now() + datetime.timedelta(hours=11)


async def test_open_states_is_off_without_a_key_and_says_so(
    there: Agendas, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENSTATES_KEY", "")
    state = await named(STATE)
    assert "OPENSTATES_KEY" in sources.state_in_words(state)
    assert not sources.is_due(state)
    with pytest.raises(Refused, match="OPENSTATES_KEY"):
        await sources.look_now(state.id, ana)
    monkeypatch.setenv("OPENSTATES_KEY", "a wrong one")
    await look(state)
    assert await error_of(state) == "It does not let us in (it answered 403)."


# Tables.


HEAD = "title,kind,county,date,time,source_url"
LINE = "Forum,forum,sonoma,{day},1:30 PM,https://example.org/notice"


def table(*lines: str, head: str = HEAD) -> bytes:
    return "\r\n".join([head, *lines]).encode()


def line(**fields: str) -> str:
    cells = {"title": "Forum", "kind": "forum", "county": "sonoma", "date": f"{in_days(9)}",
             "time": "1:30 PM", "source_url": "https://example.org/notice", **fields}  # fmt: skip
    return ",".join(cells.values())


async def test_a_table_by_hand_becomes_proposals_twice_without_doubles(
    there: Agendas, ana: Account
) -> None:
    head = (
        f"{HEAD},ends,body,topics,decides,decides_es,votes,speak_by,remote_speaking,"
        "source_grade,status"
    )
    full = (
        ',3:30 PM,Board of Supervisors,forums jails,"Nothing, really",Nada,,'
        f"{in_days(8)} 17:00,yes,B,scheduled"
    )
    data = table(
        line() + full, line(title="Rally", kind="rally", time="") + ",,,,,,,,,,", head=head
    )
    tried = await importing.from_csv(data, ana, dry=True)
    assert (tried.events, tried.proposals) == (2, 2)
    assert await Proposal.count() == await SourceEvent.count() == 0
    assert await AuditEntry.count() == 0
    report = await importing.from_csv(data, ana)
    assert (report.events, report.proposals) == (2, 2)
    assert (await importing.from_csv(data, ana)).proposals == 0
    told = {each.after.title.en: each for each in await proposals.waiting()}
    forum = told["Forum"].after
    assert (forum.starts_at, forum.ends_at) == (at(9, 13, 30), at(9, 15, 30))
    assert (forum.decides.en, forum.decides.es) == ("Nothing, really", "Nada")
    assert (forum.topics, forum.remote_speaking) == (["forums", "jails"], True)
    assert forum.speak_by == at(8, 17)
    assert (forum.sources[0].url, forum.sources[0].grade) == ("https://example.org/notice", "B")
    assert not told["Rally"].after.time_known
    [entry, _again] = await AuditEntry.objects()
    assert (entry.actor, entry.action, entry.details) == (
        "Ana",
        "hearings_imported",
        {"lines": 2, "proposals": 2},
    )


async def test_a_table_with_a_key_moves_a_hearing(there: Agendas, ana: Account) -> None:
    head = f"key,{HEAD}"
    await importing.from_csv(table(f"k1,{line()}", head=head), ana)
    id = await proposals.accept((await only()).id, ana)
    await importing.from_csv(table(f"k1,{line(time='2:00 PM')}", head=head), ana)
    told = await only()
    assert (told.action, told.fields) == ("change", ["starts_at"])
    await proposals.accept(told.id, ana)
    assert (await says(id)).status == Status.MOVED
    assert await Hearing.count() == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"date": "tomorrow"}, "Line 2, date: give a day, like 2026-12-15"),
        ({"date": "2026-02-30"}, "Line 2, date: give a day, like 2026-12-15"),
        ({"date": "12026-01-01"}, "Line 2, date: give a day, like 2026-12-15"),
        ({"date": "2026-03-08", "time": "2:30 AM"}, "Line 2, time: that day there is no such time"),
        ({"time": "soon"}, "Line 2, time: give a time, like 9:00 AM or 13:30"),
        ({"kind": "party"}, "Line 2, kind: write one of: hearing, vote, forum"),
        ({"county": "atlantis"}, "Line 2, county: no county is called that"),
        ({"title": ""}, "Line 2, title: give it a title in English"),
        ({"title": "x" * 5000}, "Line 2, title: this is too long"),
        ({"source_url": "javascript:alert(1)"}, "Line 2, source_url: give the address"),
        ({"source_url": "https://example.org/" + "x" * 600}, "Line 2, source_url: this is too"),
    ],
)
def test_a_mistake_names_its_line_and_column(fields: dict[str, str], sentence: str) -> None:
    with pytest.raises(csv_file.Mistakes) as told:
        csv_file.read(table(line(**fields)))
    assert told.value.mistakes[0].startswith(sentence)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The column title is missing."),
        (b"\x00\x01\x02", "The column title is missing."),
        (b"title,kind,date\n", "The column source_url is missing."),
        (table(head=f"{HEAD},shoe size"), "We know no column shoe_size."),
        (table(head=f"{HEAD},title"), "The column title is there twice."),
        (table(), "There is no hearing in this table."),
        (table(line(), line()), "Line 3, key: the same as line 2; give each a key"),
        (table('"' + line()), "Line 2: a quotation mark is not closed"),
        (table(line(title="x" * 200_000)), "Line 2: a quotation mark is not closed"),
        (table(*([line(date="no")] * 60)), "Line 2, date"),
    ],
)
def test_what_is_no_table_of_hearings_is_said(data: bytes, sentence: str) -> None:
    with pytest.raises(csv_file.Mistakes) as told:
        csv_file.read(data)
    assert told.value.mistakes[0].startswith(sentence)
    assert len(told.value.mistakes) <= 51


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("comma", [",", ";", "\t"])
def test_a_spreadsheets_own_way_of_writing_is_read(charset: str, comma: str) -> None:
    text = table(line(title="Foro de Peña")).decode().replace(",", comma)
    [meeting] = csv_file.read(text.encode(charset))
    assert meeting.title == "Foro de Peña"


async def test_a_table_at_an_address_is_read_and_its_mistakes_are_said(
    there: Agendas, ana: Account
) -> None:
    made = await sources.add_source(ana, name="A partner", kind="csv", place=TABLE)
    there.pages["/hearings.csv"] = (table(line()), "text/csv")
    await HearingSource.update({HearingSource.words: []}).where(HearingSource.id == made.id)
    source = await named("A partner")
    assert (await look(source)).proposals == 1
    there.pages["/hearings.csv"] = (table(line(date="never")), "text/csv")
    await look(source)
    assert await error_of(source) == (
        "The table has mistakes, so nothing was taken. The first: "
        "Line 2, date: give a day, like 2026-12-15"
    )
    assert await proposals.how_many() == 1


# The list of sources.


def test_the_list_that_comes_with_the_house_has_no_mistakes() -> None:
    files = {file.name: file for file in sources.check()}
    on = [file for file in files.values() if not file.off]
    assert sum(file.kind == "legistar" for file in on) == 17
    assert files["Santa Clara (Legistar)"].off
    assert all(file.evidence for file in files.values())


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("icalendar", "http://calendar.example.org/a.ics"),
        ("icalendar", "https://127.0.0.1/a.ics"),
        ("icalendar", "https://[::1]/a.ics"),
        ("icalendar", "https://localhost/a.ics"),
        ("icalendar", "https://2130706433/a.ics"),
        ("icalendar", "https://example.org:8443/a.ics"),
        ("icalendar", "https://user:secret@example.org/a.ics"),
        ("icalendar", "https://example.org/" + "x" * 300),
        ("icalendar", "https://example.org/a b"),
        ("icalendar", ""),
        ("csv", "ftp://example.org/a.csv"),
        ("legistar", "sonoma-county.legistar.com"),
        ("legistar", "../x"),
        ("legistar", ""),
        ("primegov", "evil.example.org/"),
        ("openstates", "us"),
        ("telepathy", "x"),
    ],
)
async def test_a_place_that_no_source_has_is_refused(ana: Account, kind: str, place: str) -> None:
    with pytest.raises(Refused):
        await sources.add_source(ana, name="New", kind=kind, place=place)


async def test_what_the_desk_made_of_a_source_outlives_the_next_load(ana: Account) -> None:
    await sources.load()
    sonoma = await named("Sonoma (Legistar)")
    await sources.change_source(
        sonoma.id, ana, place="sonoma-county", words=["SB 54"], accepts="changes", enabled=False
    )
    assert await sources.load() == 0
    again = await named("Sonoma (Legistar)")
    assert (again.words, again.accepts, again.enabled) == (["SB 54"], "changes", False)
