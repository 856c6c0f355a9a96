"""A source is read again and again: what matters is proposed once, and what changes once more."""

import datetime
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from backend.hearings import changes, importing, proposals, queries, sources
from backend.hearings import entry as entries
from backend.hearings.entry import Entry, Said
from backend.hearings.importing import Report
from backend.hearings.kinds import Choice, Kind, Result, Status
from backend.hearings.tables import Hearing, HearingChange, HearingSource, Proposal, SourceEvent
from backend.staff.tables import Account, Alarm, AuditEntry, now
from backend.web.clock import CALIFORNIA
from backend.web.errors import Refused
from tests.hearings import agenda_server
from tests.hearings.agenda_server import FORUM, Agendas, event, in_days, item, vote
from tests.serving import SHARED

SAMPLE = SHARED / "data" / "legistar_event_sample_maui.json"


@pytest.fixture
async def ana(record: None) -> Account:
    return await Account.open_for("Ana", ["editor"])


@pytest.fixture
async def there(record: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Agendas]:
    await sources.load()
    async with agenda_server.agendas() as held:
        monkeypatch.setenv("DEVELOPMENT", "1")
        monkeypatch.setenv("IMPORTS_FROM", held.url)
        monkeypatch.setattr("backend.hearings.fetching.PAUSE", 0.01)
        yield held


async def source_of(name: str = "Sonoma (Legistar)") -> HearingSource:
    [found] = [each for each in await sources.all_sources() if each.name == name]
    return found


async def look(name: str = "Sonoma (Legistar)") -> Report:
    report = await importing.run((await source_of(name)).id)
    assert report is not None
    return report


async def look_well(name: str = "Sonoma (Legistar)") -> Report:
    report = await look(name)
    assert sources.error_in_words(await source_of(name)) == ""
    assert report.whole
    return report


async def only() -> proposals.Told:
    [told] = await proposals.waiting()
    return told


async def accepted(ana: Account) -> int:
    """The hearing's id."""
    return await proposals.accept((await only()).id, ana)


async def says(id: int) -> Entry:
    hearing = await queries.one(id)
    assert hearing is not None
    return await queries.entry_of(hearing)


def at(days: int, hour: int, minute: int = 0) -> datetime.datetime:
    return datetime.datetime.combine(in_days(days), datetime.time(hour, minute), CALIFORNIA)


def a_forum(there: Agendas, days: int = 9, **fields: Any) -> None:
    there.events = [event(2854, days, **fields), event(2855, days + 1)]
    there.items = {2854: [item(70, "Approve the minutes"), item(77, FORUM)], 2855: [item(90, "x")]}


# The real shapes.


async def test_a_replay_makes_the_right_proposals_twice_without_doubles(there: Agendas) -> None:
    if not SAMPLE.exists():
        pytest.skip("needs ../shared/data, which is not there")
    [real] = json.loads(SAMPLE.read_text("utf-8"))["events"]
    later_on = {**real, "EventDate": f"{in_days(12)}T00:00:00", "EventComment": None}
    there.events = [
        {**later_on, "EventId": number, "EventTime": time, "EventLocation": where}
        for number, (time, where) in enumerate(
            [
                ("1:30 PM", real["EventLocation"]),
                ("1:30 P.M. or soon after", None),
                (None, ""),
                ("9:00 AM & 2:00 PM", "Chambers"),
                ("Immediately following the 9:00 AM meeting", "Chambers"),
            ],
            2854,
        )
    ]
    there.items = {
        each["EventId"]: [item(each["EventId"] * 10, f"<p><b>{FORUM}</b>&nbsp;</p>")]
        for each in there.events
    }
    first = await look_well()
    assert (first.events, first.relevant, first.proposals) == (5, 5, 5)
    told = {each.url.partition("LEGID=")[2][:4]: each for each in await proposals.waiting()}
    assert len(told) == 1  # all carry the page of the real one
    by_time = {each.after.time_text: each.after for each in await proposals.waiting()}
    assert by_time["1:30 P.M. or soon after"].starts_at == at(12, 13, 30)
    assert not by_time["Immediately following the 9:00 AM meeting"].time_known
    assert by_time["9:00 AM & 2:00 PM"].starts_at == at(12, 9)
    [online] = [e.after for e in await proposals.waiting() if e.after.place == "Online Only"]
    assert online.remote_url == "https://bluejeans.com/798867277"
    assert "Phone testimony: 408-915-6290" in online.remote_how
    assert online.title.en == FORUM
    assert online.kind == Kind.FORUM
    assert online.body == "Affordable Housing Committee"
    assert online.county == "sonoma"
    assert online.file_number == "26-123"
    before = [each["id"] for each in await Proposal.select(Proposal.id)]
    for _turn in range(2):
        again = await look_well()
        assert (again.events, again.proposals) == (5, 0)
    assert [each["id"] for each in await Proposal.select(Proposal.id)] == before
    assert await SourceEvent.count() == 5


async def test_words_are_shown_with_where_they_stand(there: Agendas) -> None:
    there.events = [event(1, 5), event(2, 6), event(3, 7)]
    there.items = {
        1: [item(10, "Sheriff’s report", "Attachment A: Truth-Act   presentation.pdf")],
        2: [item(20, "Resolution on SB 540"), item(21, FORUM, AgendaSequence=None)],
        3: [item(30, "Opinion on S.B. 54 and <i>immigration\nenforcement</i>")],
    }
    report = await look_well()
    assert (report.events, report.agendas, report.proposals) == (3, 3, 2)
    one, three = await proposals.waiting()
    assert [(m.word, m.found_in) for m in one.matched] == [("TRUTH Act", "attachment")]
    assert one.matched[0].text == "Attachment A: Truth-Act presentation.pdf"
    assert {m.word for m in three.matched} == {"SB-54", "immigration enforcement"}
    assert three.after.title.en == "Opinion on S.B. 54 and immigration enforcement"


async def test_two_meetings_at_once_are_two(there: Agendas) -> None:
    there.events = [event(1, 5), event(2, 5)]
    there.items = {1: [item(10, FORUM)], 2: [item(20, FORUM)]}
    assert (await look_well()).proposals == 2


async def test_two_items_of_a_meeting_are_two_hearings(there: Agendas, ana: Account) -> None:
    a_forum(there)
    there.items[2854].append(item(103, "Letter on immigration enforcement", AgendaNumber="12."))
    assert (await look_well()).proposals == 2
    numbers = {told.after.agenda_item for told in await proposals.waiting()}
    assert numbers == {"9.", "12."}
    for told in await proposals.waiting():
        await proposals.accept(told.id, ana)
    assert (await look_well()).proposals == 0
    # One of them is taken off the agenda.
    there.items[2854].pop()
    there.one(2854)["EventLastModifiedUtc"] = f"{now():%Y-%m-%dT%H:%M:%S}"
    assert (await look_well()).proposals == 1
    gone = await only()
    assert (gone.action, gone.before and gone.before.agenda_item) == ("cancel", "12.")
    assert gone.doubts[0] == "The words are no longer on this meeting’s agenda."


# Accepting, and what changes afterwards.


async def test_what_an_editor_accepts_is_public_and_follows_its_source(
    there: Agendas, ana: Account
) -> None:
    a_forum(there)
    await look_well()
    told = await only()
    mended = entries.read(
        {**entries.plain(told.after), "title": {"en": "Forum", "es": "Foro"}, "place": "Room 1"}
    )
    id = await proposals.accept(told.id, ana, mended)
    assert await proposals.waiting() == []
    there.one(2854)["EventTime"] = "2:00 PM"
    assert (await look_well()).proposals == 1
    told = await only()
    assert (told.action, told.fields) == ("change", ["starts_at"])
    await proposals.accept(told.id, ana)
    now_says = await says(id)
    assert now_says.status == Status.MOVED
    assert now_says.starts_at == at(9, 14)
    # The editor's own words stay.
    assert (now_says.title.es, now_says.place) == ("Foro", "Room 1")
    assert (await look_well()).proposals == 0


async def test_an_editors_change_meanwhile_is_kept(there: Agendas, ana: Account) -> None:
    a_forum(there)
    await look_well()
    id = await accepted(ana)
    there.one(2854)["EventTime"] = "2:00 PM"
    await look_well()
    here = await says(id)
    decides = {**entries.plain(here), "decides": {"en": "Nothing is decided."}}
    await changes.change(id, entries.read(decides), ana)
    await proposals.accept((await only()).id, ana)
    assert (await says(id)).decides.en == "Nothing is decided."
    assert (await says(id)).starts_at == at(9, 14)


async def test_what_an_editor_knew_before_its_source_is_no_news(
    there: Agendas, ana: Account
) -> None:
    a_forum(there)
    await look_well()
    id = await accepted(ana)
    here = entries.plain(await says(id))
    moved = {**here, "starts_at": at(9, 14).isoformat()}
    await changes.change(id, entries.read(moved), ana)
    there.one(2854)["EventTime"] = "2:00 PM"
    assert (await look_well()).proposals == 0


async def test_a_newer_proposal_overtakes_an_older_one(there: Agendas, ana: Account) -> None:
    a_forum(there)
    await look_well()
    old = await only()
    there.one(2854)["EventTime"] = "3:00 PM"
    assert (await look_well()).proposals == 1
    new = await only()
    assert new.after.starts_at == at(9, 15)
    with pytest.raises(Refused, match="newer"):
        await proposals.accept(old.id, ana)
    id = await proposals.accept(new.id, ana)
    with pytest.raises(Refused, match="already"):
        await proposals.accept(new.id, ana)
    assert await Hearing.count() == 1
    assert (await says(id)).starts_at == at(9, 15)
    assert await Proposal.count().where(Proposal.state == "overtaken") == 1


async def test_a_change_that_is_taken_back_is_proposed_no_more(
    there: Agendas, ana: Account
) -> None:
    a_forum(there)
    await look_well()
    await accepted(ana)
    there.one(2854)["EventTime"] = "3:00 PM"
    await look_well()
    there.one(2854)["EventTime"] = "1:30 PM"
    assert (await look_well()).proposals == 0
    assert await proposals.how_many() == 0


async def test_what_was_turned_down_comes_back_only_with_new_words(
    there: Agendas, ana: Account
) -> None:
    a_forum(there)
    await look_well()
    await proposals.turn_down((await only()).id, ana, "Of another county")
    there.one(2854)["EventTime"] = "3:00 PM"
    assert (await look_well()).proposals == 0
    there.items[2854].append(item(60, "Letter on the Values Act"))
    there.one(2854)["EventRowVersion"] = "changed"
    there.one(2854)["EventComment"] = "Revised"
    assert (await look_well()).proposals > 0
    lines = await AuditEntry.select(AuditEntry.action)
    assert [line["action"] for line in lines] == ["proposal_turned_down"]


async def test_a_change_turned_down_is_not_asked_again(there: Agendas, ana: Account) -> None:
    a_forum(there)
    await look_well()
    id = await accepted(ana)
    there.one(2854)["EventLocation"] = "Room 2"
    await look_well()
    await proposals.turn_down((await only()).id, ana, "It is a mistake")
    assert (await look_well()).proposals == 0
    assert (await says(id)).place == "Board Chambers"
    there.one(2854)["EventTime"] = "4:00 PM"
    await look_well()
    assert (await only()).fields == ["starts_at"]


async def test_what_is_there_already_can_be_joined(there: Agendas, ana: Account) -> None:
    mine = await changes.announce(
        Entry(kind=Kind.FORUM, title=Said(en="Our forum"), starts_at=at(9, 13, 30),
              county="sonoma"), ana)  # fmt: skip
    a_forum(there)
    await look_well()
    told = await only()
    assert told.alike == [mine.id]
    assert await proposals.accept(told.id, ana, into=mine.id) == mine.id
    assert (await says(mine.id)).title.en == "Our forum"
    assert await Hearing.count() == 1
    there.one(2854)["EventTime"] = "2:00 PM"
    await look_well()
    await proposals.accept((await only()).id, ana)
    assert (await says(mine.id)).starts_at == at(9, 14)


async def test_the_agenda_that_comes_out_later_adds_its_item(there: Agendas, ana: Account) -> None:
    """First only the meeting's name has the words; then its agenda does."""
    there.events = [event(2854, 30, BodyName="TRUTH Act Community Forum", AgendaFile=None,
                          AgendaStatusName="Draft")]  # fmt: skip
    await look_well()
    told = await only()
    assert told.after.kind == Kind.FORUM
    assert told.doubts == ["The agenda is a draft, so it may change."]
    id = await proposals.accept(told.id, ana)
    there.one(2854).update(
        EventAgendaStatusName="Final", EventAgendaFile="https://example.org/agenda.pdf"
    )
    there.items = {2854: [item(77, "Receive the report on ICE access")]}
    assert (await look_well()).proposals == 1
    told = await only()
    assert (told.action, told.hearing) == ("change", id)
    assert set(told.fields) == {"agenda_url", "agenda_item", "file_number"}


# Cancelled, vanished, held.


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"EventComment": "MEETING CANCELLED"}, Status.CANCELLED),
        ({"EventComment": "Canceled"}, Status.CANCELLED),
        ({"EventAgendaStatusName": "Cancelled"}, Status.CANCELLED),
        ({"EventComment": "Postponed, a new day will be told"}, Status.POSTPONED),
    ],
)
async def test_what_its_source_calls_off_is_proposed_so(
    there: Agendas, ana: Account, fields: dict[str, str], status: Status
) -> None:
    a_forum(there)
    await look_well()
    id = await accepted(ana)
    there.one(2854).update(fields)
    await look_well()
    told = await only()
    assert (told.after.status, told.fields) == (status, ["status"])
    assert told.action == ("cancel" if status == Status.CANCELLED else "change")
    await proposals.accept(told.id, ana)
    assert (await says(id)).status == status


async def test_what_vanishes_is_proposed_as_cancelled_and_can_come_back(
    there: Agendas, ana: Account
) -> None:
    a_forum(there)
    await look_well()
    id = await accepted(ana)
    row = there.one(2854)
    there.vanish(2854)
    report = await look_well()
    assert (report.vanished, report.proposals) == (1, 1)
    told = await only()
    assert told.action == "cancel"
    assert "no longer lists it" in told.doubts[0]
    assert (await look_well()).proposals == 0
    await proposals.accept(told.id, ana)
    there.events.append(row)
    assert (await look_well()).proposals == 1
    await proposals.accept((await only()).id, ana)
    assert (await says(id)).status == Status.SCHEDULED


async def test_what_vanished_and_is_back_waits_no_more(there: Agendas, ana: Account) -> None:
    a_forum(there)
    await look_well()
    await accepted(ana)
    row = there.one(2854)
    there.vanish(2854)
    await look_well()
    there.events.append(row)
    await look_well()
    assert await proposals.how_many() == 0


async def test_what_a_list_skipped_but_is_there_has_not_vanished(
    there: Agendas, ana: Account
) -> None:
    a_forum(there)
    there.items[2854].append(item(103, "Letter on immigration enforcement"))
    await look_well()
    for told in await proposals.waiting():
        await proposals.accept(told.id, ana)
    listed = there.events
    there.events = listed[1:]
    there.faults["/v1/sonoma-county/events/2854"] = agenda_server.body(
        json.dumps(listed[0]).encode()
    )
    report = await look_well()
    assert (report.proposals, report.vanished) == (0, 0)


async def test_a_proposal_of_what_vanishes_waits_no_more(there: Agendas) -> None:
    a_forum(there)
    await look_well()
    there.vanish(2854)
    await look_well()
    assert await proposals.how_many() == 0


async def test_nothing_at_all_is_no_reason_to_cancel_everything(
    there: Agendas, ana: Account
) -> None:
    a_forum(there)
    await look_well()
    await accepted(ana)
    there.events = []
    assert (await look()).vanished == 0
    assert await proposals.how_many() == 0


async def test_outcome_and_votes_come_after_it_was_held(there: Agendas, ana: Account) -> None:
    a_forum(there, days=-2)
    await look_well()
    id = await accepted(ana)
    assert (await says(id)).status == Status.SCHEDULED
    there.items[2854][1].update(
        EventItemActionName="Approved as recommended",
        EventItemPassedFlagName="Pass",
        EventItemTally="3:1:1",
    )
    there.votes = {77: [vote("A. Gorin", "Aye"), vote("B. Rabbitt", "No"),
                        vote("C. Coursey", "Absent"), vote("", "Aye"),
                        vote("D", "Something else")]}  # fmt: skip
    await look_well()
    await proposals.accept((await only()).id, ana)
    held = await says(id)
    assert held.status == Status.HELD
    assert held.outcome.en == "Approved as recommended (3:1:1)"
    assert held.result == Result.PASSED
    assert [(v.member, v.choice) for v in held.votes] == [
        ("A. Gorin", Choice.YES),
        ("B. Rabbitt", Choice.NO),
        ("C. Coursey", Choice.ABSENT),
    ]
    # Votes that are not shown any more take nothing back.
    there.items[2854][1].update(EventItemPassedFlagName=None, EventItemTally=None,
                                EventItemActionName=None)  # fmt: skip
    await look_well()
    assert await proposals.how_many() == 0


# Rules.


async def with_rule(ana: Account, accepts: str) -> None:
    source = await source_of()
    words: Any = source.words
    await sources.change_source(
        source.id, ana, place=source.place, words=words, accepts=accepts, enabled=True
    )


async def test_a_rule_for_changes_waits_for_an_editor_first(there: Agendas, ana: Account) -> None:
    await with_rule(ana, "changes")
    a_forum(there)
    assert (await look_well()).accepted == 0
    id = await accepted(ana)
    there.one(2854)["EventTime"] = "2:00 PM"
    report = await look_well()
    assert (report.proposals, report.accepted) == (1, 1)
    assert (await says(id)).starts_at == at(9, 14)
    last = await HearingChange.objects().order_by(HearingChange.id, ascending=False).first()
    assert last is not None
    assert (last.made_by, last.source) == (None, "Sonoma (Legistar)")


async def test_a_rule_for_all_never_takes_what_is_doubtful(there: Agendas, ana: Account) -> None:
    await with_rule(ana, "all")
    there.events = [event(1, 5), event(2, 6, Time="9:00 AM & 2:00 PM")]
    there.items = {1: [item(10, FORUM)], 2: [item(20, FORUM)]}
    report = await look_well()
    assert (report.proposals, report.accepted) == (2, 1)
    assert "more than one time" in (await only()).doubts[0]
    there.vanish(1)
    await look_well()
    assert [told.action for told in await proposals.waiting()] == ["cancel", "add"]
    assert await Hearing.count().where(Hearing.status == "cancelled") == 0


async def test_words_that_an_editor_adds_find_what_was_read_before(
    there: Agendas, ana: Account
) -> None:
    there.events, there.items = [event(1, 20)], {1: [item(10, "Contract with GEO Group")]}
    assert (await look_well()).proposals == 0
    assert (await look_well()).agendas == 0
    source = await source_of()
    await sources.change_source(
        source.id, ana, place=source.place, words=["GEO Group"], accepts="", enabled=True
    )
    assert (await look_well()).proposals == 1


# Which agendas are read.


async def test_agendas_are_read_again_when_they_may_have_changed(there: Agendas) -> None:
    old = (now() - datetime.timedelta(days=9)).isoformat()[:19]
    recent = (now() - datetime.timedelta(hours=60)).isoformat()[:19]
    there.events = [
        event(1, 20, LastModifiedUtc=old),
        event(2, 20, LastModifiedUtc=recent),
        event(3, 1, LastModifiedUtc=old),
        event(4, -1, LastModifiedUtc=None),
    ]
    await look_well()
    there.asked.clear()
    await look_well()
    asked = {int(path.split("/events/")[1].split("/")[0]) for path in
             there.asked_for("/eventitems")}  # fmt: skip
    assert asked == {2, 3, 4}
    await SourceEvent.update({SourceEvent.agenda_at: now() - datetime.timedelta(hours=21)}).where(
        SourceEvent.key == "1"
    )
    there.asked.clear()
    await look_well()
    assert len(there.asked_for("/eventitems")) == 4


@pytest.mark.parametrize("code", [410, 503, 404])
async def test_a_hidden_agenda_takes_nothing_back(there: Agendas, ana: Account, code: int) -> None:
    a_forum(there)
    await look_well()
    id = await accepted(ana)
    there.faults["/v1/sonoma-county/events/2854/"] = agenda_server.status(code)
    there.one(2854)["EventLocation"] = "Room 2"
    report = await look_well()
    assert report.hidden == 1
    told = await only()
    assert (told.fields, told.after.agenda_item) == (["place", "remote_url", "remote_how"], "9.")
    assert (await says(id)).place == "Board Chambers"


# What goes wrong.


async def test_an_error_in_the_middle_keeps_what_came_before(there: Agendas, ana: Account) -> None:
    a_forum(there, days=3)
    await look_well()
    await accepted(ana)
    there.vanish(2854)
    there.events = [event(number, 5) for number in range(1, 8)]
    there.items = {1: [item(10, FORUM)]}
    there.most_rows = 3
    there.faults["/v1/sonoma-county/events?"] = agenda_server.after(2, agenda_server.status(500))
    report = await look()
    assert (report.whole, report.events, report.proposals) == (False, 6, 1)
    # What was not read has not vanished.
    assert report.vanished == 0
    source = await source_of()
    assert sources.error_in_words(source) == "It answered with the error 500."
    assert (source.failures, source.began_at) == (1, None)
    there.faults.clear()
    assert (await look_well()).proposals == 1  # now the first one has
    assert (await source_of()).failures == 0


Change = Callable[[Agendas], None]


def fault(made: agenda_server.Fault) -> Change:
    return lambda there: there.faults.__setitem__("/v1/sonoma-county/events?", made)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (fault(agenda_server.body(b'[{"EventId": 1}, {"Ev')), "breaks off"),
        (fault(agenda_server.body(b'{"Message": "Token required"}')), "does not look as it should"),
        (fault(agenda_server.status(410)), "hides this from the public"),
        (fault(agenda_server.status(503)), "closed for now"),
        (fault(agenda_server.to("https://10.0.0.1/")), "a place that it was not set up for"),
        (fault(agenda_server.break_off), "broke in the middle"),
        (fault(agenda_server.endless(40)), "more than 20 MB at once"),
    ],
)
async def test_what_goes_wrong_is_said_on_the_desk_and_nothing_is_lost(
    there: Agendas, ana: Account, change: Change, words: str
) -> None:
    a_forum(there)
    await look_well()
    id = await accepted(ana)
    change(there)
    report = await look()
    assert not report.whole
    source = await source_of()
    assert words in sources.error_in_words(source)
    assert "secret" not in json.dumps(source.last)
    assert source.next_at is not None
    assert source.next_at > now()
    assert (await says(id)).status == Status.SCHEDULED
    assert await proposals.how_many() == 0


async def test_a_list_that_is_too_large_is_asked_for_in_smaller_pieces(there: Agendas) -> None:
    a_forum(there)
    there.faults["/v1/sonoma-county/events?"] = agenda_server.once(agenda_server.endless(25))
    assert (await look_well()).proposals == 1
    assert "top=200" in there.asked_for("/events?")[1]


async def test_one_agenda_of_40_mb_does_not_hide_the_others(there: Agendas) -> None:
    a_forum(there)
    there.faults["/v1/sonoma-county/events/2855/"] = agenda_server.endless(40)
    report = await look_well()
    assert (report.unreadable, report.proposals) == (1, 1)


async def test_agendas_that_all_fail_are_not_asked_for_by_the_hundred(there: Agendas) -> None:
    there.events = [event(number, 5) for number in range(1, 300)]
    there.faults["/v1/sonoma-county/events/"] = agenda_server.status(500)
    report = await look()
    assert not report.whole
    assert len(there.asked_for("/eventitems")) < 40


@pytest.mark.parametrize("day", [None, "", "soon", "0001-01-01T00:00:00", "9999-12-31T00:00:00"])
async def test_a_day_that_is_none_is_counted_and_harms_nobody(there: Agendas, day: Any) -> None:
    a_forum(there)
    odd = {**event(3000, 4), "EventDate": day, "EventBodyName": "TRUTH Act forum"}
    answer = agenda_server.body(json.dumps([odd, *there.events]).encode())
    there.faults["/v1/sonoma-county/events?"] = agenda_server.once(answer)
    there.items[3000] = [item(3001, FORUM)]
    report = await look_well()
    assert (report.events, report.undated, report.proposals) == (3, 1, 1)


async def test_odd_fields_are_taken_as_they_are(there: Agendas) -> None:
    a_forum(there, Location=17, Comment="\x00 nul \x07", BodyName="<b>Board</b> &amp; more",
            AgendaFile="javascript:alert(1)", InSiteURL=None, Time=930)  # fmt: skip
    there.items[2854].append(item(78, "x" * 9000 + " TRUTH Act", AgendaNumber=7))
    there.events.append({**event(1, 3), "EventId": None})
    there.events.append({**event(1, 2), "EventId": 4, "Surprise": {"new": [1]}})
    await look_well()
    first, second = await proposals.waiting()
    assert first.after.body == "Board & more"
    assert first.after.agenda_url == ""
    assert len(second.after.title.en) + len(first.after.title.en) < 1000


# Failing sources.


async def test_who_fails_is_asked_less_often_and_alarms_after_a_day(there: Agendas) -> None:
    there.faults["/"] = agenda_server.status(429, **{"Retry-After": "30000"})
    await look()
    source = await source_of()
    assert source.next_at is not None
    assert source.next_at > now() + datetime.timedelta(hours=8)
    there.faults["/"] = agenda_server.status(403)
    waits = []
    for _turn in range(6):
        await look()
        source = await source_of()
        assert source.next_at is not None
        waits.append(round((source.next_at - now()).total_seconds() / 60))
    assert waits == sorted(waits)
    assert waits[-1] == 720
    assert await Alarm.all_standing() == []
    await HearingSource.update(
        {HearingSource.failing_since: now() - datetime.timedelta(hours=25)}
    ).where(HearingSource.id == source.id)
    await look()
    await look()
    [alarm] = await Alarm.all_standing()
    assert (alarm.name, alarm.times) == (f"hearings {source.id}", 1)
    there.faults.clear()
    await look_well()
    source = await source_of()
    assert (source.next_at, source.alarmed_at, source.failing_since) == (None, None, None)


async def test_a_failing_source_never_stops_the_others(there: Agendas) -> None:
    a_forum(there)
    there.faults["/v1/solano"] = agenda_server.status(403)
    await look("Solano (Legistar)")
    assert (await look_well()).proposals == 1


async def test_only_one_reads_a_source_at_a_time(there: Agendas) -> None:
    source = await source_of()
    await HearingSource.update({HearingSource.began_at: now()}).where(HearingSource.id == source.id)
    assert await importing.run(source.id) is None
    assert there.asked == []
    # Who began long ago has died.
    await HearingSource.update({HearingSource.began_at: now() - datetime.timedelta(hours=1)}).where(
        HearingSource.id == source.id
    )
    await look_well()


async def test_every_hour_each_source_that_is_due_is_a_job(there: Agendas) -> None:
    source = await source_of("Solano (Legistar)")
    rests = {HearingSource.next_at: now() + datetime.timedelta(hours=2)}
    await HearingSource.update(rests).where(HearingSource.id == source.id)
    await sources.look_for_hearings({})
    await sources.look_for_hearings({})
    jobs = await HearingSource.raw(
        "SELECT convert_from(payload, 'UTF8') AS data FROM pgqueuer"
        " WHERE entrypoint = 'import_hearings'"
    )
    asked = {json.loads(job["data"])["source"] for job in jobs}
    names = {each.name for each in await sources.all_sources() if each.id in asked}
    assert len(jobs) == len(asked) == 21
    assert {"Sonoma (Legistar)", "Shasta (PrimeGov)"} <= names
    assert not {"Solano (Legistar)", "Santa Clara (Legistar)", "Tables by hand"} & names
    assert "California (Open States)" not in names


# Days on which the clocks change.


@pytest.mark.parametrize(
    ("day", "time", "utc", "doubt"),
    [
        ("2026-03-08", "1:30 AM", "2026-03-08T09:30:00+00:00", ""),
        ("2026-03-08", "9:00 AM", "2026-03-08T16:00:00+00:00", ""),
        ("2026-03-08", "2:30 AM", "2026-03-08T19:00:00+00:00", "there is no such time"),
        ("2026-03-09", "9:00 AM", "2026-03-09T16:00:00+00:00", ""),
        ("2026-10-31", "9:00 AM", "2026-10-31T16:00:00+00:00", ""),
        ("2026-11-01", "1:30 AM", "2026-11-01T08:30:00+00:00", "comes twice"),
        ("2026-11-01", "9:00 AM", "2026-11-01T17:00:00+00:00", ""),
        ("2026-11-01", None, "2026-11-01T20:00:00+00:00", ""),
    ],
)
async def test_over_the_change_of_clocks_it_is_the_clock_on_the_wall_that_counts(
    there: Agendas,
    monkeypatch: pytest.MonkeyPatch,
    day: str,
    time: str | None,
    utc: str,
    doubt: str,
) -> None:
    on = datetime.date.fromisoformat(day)
    monkeypatch.setattr("backend.hearings.legistar.today", lambda: on)
    there.events = [{**event(1, 0, Time=time), "EventDate": f"{day}T00:00:00"}]
    there.items = {1: [item(10, FORUM)]}
    await look_well()
    told = await only()
    assert entries.plain(told.after)["starts_at"] == utc
    assert told.after.time_known == (time is not None and "no such" not in doubt)
    assert doubt in " ".join(told.doubts)
    assert bool(doubt) == bool(told.doubts)
