"""Calendars are read by a real parser: what was announced, moved, cancelled and taken out."""

import datetime
import re
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import httpx
import pytest
from icalendar import Calendar, Event

from backend.hearings import calendars, changes
from backend.hearings.entry import Said
from backend.hearings.kinds import Kind, Status, Topic
from backend.hearings.tables import Hearing
from backend.policies import queries as policies
from backend.staff.tables import Account
from backend.web.clock import CALIFORNIA, today
from tests.hearings.saying import announced, changed, in_days

ATOM = "{http://www.w3.org/2005/Atom}"


async def events(client: httpx.AsyncClient, address: str = "/hearings.ics") -> list[Event]:
    answer = await client.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return list(Calendar.from_ical(answer.content).walk("VEVENT"))


async def the_one(client: httpx.AsyncClient, address: str = "/hearings.ics") -> Event:
    [event] = await events(client, address)
    return event


async def test_an_event_says_when_where_and_how_often_it_changed(
    client: httpx.AsyncClient,
) -> None:
    hearing = await announced(
        ends_at=in_days(40, 11, 30), decides=Said(en="Nothing; the sheriff answers, and you ask.")
    )
    event = await the_one(client)
    assert event["UID"] == f"{hearing.uid}@confianza"
    assert event["SEQUENCE"] == 0
    assert event["STATUS"] == "CONFIRMED"
    assert event["SUMMARY"] == "Forum on the sheriff & ICE"
    assert event.decoded("DTSTART") == in_days(40)
    assert event["DTSTART"].params["TZID"] == "America/Los_Angeles"
    assert event.decoded("DTEND") == in_days(40, 11, 30)
    assert event["LOCATION"] == "Board chambers, 204 South Court Street, Alturas"
    assert "Nothing; the sheriff answers, and you ask." in event["DESCRIPTION"]
    assert event["URL"].endswith(f"/hearings/{hearing.id}?lang=en")
    moment = hearing.changed_at.replace(microsecond=0)
    assert event.decoded("LAST-MODIFIED") == event.decoded("DTSTAMP") == moment
    alarms = [alarm.decoded("TRIGGER") for alarm in event.walk("VALARM")]
    assert alarms == [datetime.timedelta(days=-1), datetime.timedelta(hours=-2)]


async def test_a_move_keeps_the_uid_and_raises_the_sequence(client: httpx.AsyncClient) -> None:
    hearing = await announced()
    before = await the_one(client)
    await changed(hearing, starts_at=in_days(41, 14))
    after = await the_one(client)
    assert after["UID"] == before["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert after.decoded("DTSTART") == in_days(41, 14)
    assert after["STATUS"] == "CONFIRMED"
    assert after["SUMMARY"] == "Moved: Forum on the sheriff & ICE"


async def test_postponed_is_tentative_and_cancelled_is_cancelled(client: httpx.AsyncClient) -> None:
    hearing = await announced()
    for status, told, sequence in (
        (Status.POSTPONED, "TENTATIVE", 1),
        (Status.CANCELLED, "CANCELLED", 2),
    ):
        await changed(hearing, status=status)
        event = await the_one(client)
        assert (event["STATUS"], event["SEQUENCE"]) == (told, sequence)
        assert event["SUMMARY"].startswith(f"{status.capitalize()}: ")
        assert "do not go" in event["DESCRIPTION"]
        assert event.walk("VALARM") == [], "nobody is woken for it"
    await changed(hearing)
    event = await the_one(client)
    assert (event["STATUS"], event["SEQUENCE"]) == ("CONFIRMED", 3)


async def test_what_was_taken_out_stays_cancelled_for_60_days(client: httpx.AsyncClient) -> None:
    hearing = await announced(decides=Said(en="A mistake."))
    ana = await Account.open_for("Ana", ["editor"])
    await changes.take_out(hearing.id, ana, "Not ours")
    policies.forget()
    event = await the_one(client)
    assert (event["STATUS"], event["SEQUENCE"]) == ("CANCELLED", 1)
    assert event["UID"] == calendars.uid(hearing)
    assert "DESCRIPTION" not in event
    assert "URL" not in event
    for days, left in ((59, 1), (61, 0)):
        at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
        await Hearing.update({Hearing.taken_out_at: at}).where(Hearing.id == hearing.id)
        policies.forget()
        assert len(await events(client)) == left


async def test_what_was_held_lately_stays_in_the_calendar(client: httpx.AsyncClient) -> None:
    await announced(title=Said(en="Lately"), starts_at=in_days(-59), status=Status.HELD)
    await announced(title=Said(en="Long ago"), starts_at=in_days(-61), status=Status.HELD)
    event = await the_one(client)
    assert event["SUMMARY"] == "Lately"
    assert event["STATUS"] == "CONFIRMED"


async def test_a_day_without_a_time_is_all_day(client: httpx.AsyncClient) -> None:
    await announced(starts_at=in_days(40, 0), time_known=False)
    event = await the_one(client)
    day = today() + datetime.timedelta(days=40)
    assert event.decoded("DTSTART") == day
    assert event.decoded("DTEND") == day + datetime.timedelta(days=1)
    assert [alarm.decoded("TRIGGER") for alarm in event.walk("VALARM")] == [
        datetime.timedelta(hours=-15)
    ]


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        ("2027-03-14T09:59:00+00:00", "DTSTART;TZID=America/Los_Angeles:20270314T015900"),
        ("2027-03-14T10:00:00+00:00", "DTSTART;TZID=America/Los_Angeles:20270314T030000"),
        ("2027-11-07T08:30:00+00:00", "DTSTART;TZID=America/Los_Angeles:20271107T013000"),
        # The second 1:30 of that night: a local time there means the first.
        ("2027-11-07T09:30:00+00:00", "DTSTART:20271107T093000Z"),
        ("2027-11-07T10:00:00+00:00", "DTSTART;TZID=America/Los_Angeles:20271107T020000"),
        ("2027-01-01T08:00:00+00:00", "DTSTART;TZID=America/Los_Angeles:20270101T000000"),
        ("2027-01-01T07:59:00+00:00", "DTSTART;TZID=America/Los_Angeles:20261231T235900"),
    ],
)
async def test_no_moment_is_lost_or_doubled_when_clocks_or_years_change(
    client: httpx.AsyncClient, moment: str, written: str
) -> None:
    starts = datetime.datetime.fromisoformat(moment)
    hearing = await announced(starts_at=starts)
    text = (await client.get(f"/hearings/{hearing.id}.ics")).text
    assert written in text.splitlines()
    event = await the_one(client, f"/hearings/{hearing.id}.ics")
    # As numbers: Python calls two times of that hour unequal in two zones.
    assert event.decoded("DTSTART").timestamp() == starts.timestamp()


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-08", -7), ("2026-11-01", -8), ("2026-03-07", -8), ("2026-10-31", -7)],
)
async def test_on_the_days_of_the_change_nine_is_nine(
    client: httpx.AsyncClient, day: str, hours: int
) -> None:
    nine = datetime.datetime.combine(
        datetime.date.fromisoformat(day),
        datetime.time(9),
        datetime.timezone(datetime.timedelta(hours=hours)),
    )
    hearing = await announced(starts_at=nine)
    text = (await client.get(f"/hearings/{hearing.id}.ics")).text
    assert f"DTSTART;TZID=America/Los_Angeles:{day.replace('-', '')}T090000" in text


async def test_the_files_own_time_zone_is_californias(client: httpx.AsyncClient) -> None:
    """Its rules, not its name: a reader without a list of zones reckons the same."""
    calendar = Calendar.from_ical((await client.get("/hearings.ics")).content)
    [zone] = calendar.walk("VTIMEZONE")
    assert zone["TZID"] == "America/Los_Angeles"
    ours = zone.to_tz(lookup_tzid=False)
    theirs = ZoneInfo("America/Los_Angeles")
    hour = datetime.timedelta(hours=1)
    for year in (1999, 2006, 2007, 2026, 2027, 2035):
        at = datetime.datetime(year, 1, 1, tzinfo=datetime.UTC)
        while at.year == year:
            assert at.astimezone(ours).utcoffset() == at.astimezone(theirs).utcoffset(), at
            at += 7 * hour


async def test_words_are_escaped_folded_and_plain(client: httpx.AsyncClient) -> None:
    title = "Foro; sobre, “ICE” \\ y <b>más</b>\nñ" + "é" * 900
    hearing = await announced(title=Said(en=title), place="Sala\x07 1", address="")
    answer = await client.get(f"/hearings/{hearing.id}.ics")
    lines = answer.content.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert b"\n" not in b"".join(lines)
    for line in lines:
        line.decode()
    event = await the_one(client, f"/hearings/{hearing.id}.ics")
    assert event["SUMMARY"] == title
    assert event["LOCATION"] == "Sala 1"


async def test_no_words_end_the_event_and_begin_another(client: httpx.AsyncClient) -> None:
    evil = "x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:other"
    await announced(title=Said(en=evil), body=evil, place=evil, how_to_speak=Said(en=evil))
    event = await the_one(client)
    assert event["UID"].endswith("@confianza")


async def test_a_feed_is_in_the_language_it_is_asked_in(client: httpx.AsyncClient) -> None:
    await announced(status=Status.CANCELLED)
    event = await the_one(client, "/hearings.ics?lang=es")
    assert event["SUMMARY"] == "Cancelado: Foro sobre el alguacil e ICE"
    assert event["SUMMARY"].params["LANGUAGE"] == "es"
    answer = await client.get("/hearings.ics?lang=es")
    assert answer.headers["content-language"] == "es"
    name = Calendar.from_ical(answer.content)["X-WR-CALNAME"]
    assert name == "Audiencias sobre ICE y salud en California"


async def test_feeds_are_of_a_county_a_topic_a_kind_or_a_campaign(
    client: httpx.AsyncClient,
) -> None:
    await announced(title=Said(en="Modoc"), campaign="health-for-all")
    await announced(title=Said(en="State"), county="", kind=Kind.VOTE)
    await announced(title=Said(en="Sonoma"), county="sonoma", topics=[Topic.HEALTH])
    for address, wanted in {
        "/hearings.ics": {"Modoc", "State", "Sonoma"},
        "/counties/modoc/hearings.ics": {"Modoc", "State"},
        "/counties/modoc/hearings.ics?kind=vote": {"State"},
        "/hearings.ics?county=state": {"State"},
        "/hearings.ics?topic=health": {"Sonoma"},
        "/hearings.ics?kind=vote": {"State"},
        "/campaigns/health-for-all/hearings.ics": {"Modoc"},
    }.items():
        assert {event["SUMMARY"] for event in await events(client, address)} == wanted, address
    calendar = Calendar.from_ical((await client.get("/counties/modoc/hearings.ics")).content)
    assert calendar["X-WR-CALNAME"] == "Hearings: Modoc County"
    assert calendar["REFRESH-INTERVAL"].to_ical() == b"PT6H"
    for address in ("/counties/atlantis/hearings.ics", "/campaigns/nothing/hearings.ics"):
        assert (await client.get(address)).status_code == 404


async def test_an_empty_feed_is_a_calendar_all_the_same(client: httpx.AsyncClient) -> None:
    assert await events(client) == []
    assert await events(client, "/counties/modoc/hearings.ics") == []


async def test_a_feed_that_says_the_same_is_not_sent_again(client: httpx.AsyncClient) -> None:
    hearing = await announced()
    for address in ("/hearings.ics", f"/hearings/{hearing.id}.ics", "/hearings.atom"):
        first = await client.get(address)
        policies.forget()  # made anew, it is the same to the byte
        asked = {"If-None-Match": first.headers["etag"]}
        again = await client.get(address, headers=asked)
        assert again.status_code == 304, address
        assert again.content == b""
    await changed(hearing, place="Elsewhere")
    assert (await client.get("/hearings.ics", headers=asked)).status_code == 200


async def test_atom_tells_what_changed_last_first(client: httpx.AsyncClient) -> None:
    first = await announced(title=Said(en="First \x07 & only"))
    await announced(title=Said(en="Second"))
    await changed(first, status=Status.CANCELLED, title=Said(en="First \x07 & only"))
    answer = await client.get("/hearings.atom?county=modoc")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = ET.fromstring(answer.content)
    titles = [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]
    assert titles == ["Cancelled: First  & only", "Scheduled: Second"]
    ids = [entry.findtext(f"{ATOM}id") or "" for entry in root.iter(f"{ATOM}entry")]
    assert all(re.fullmatch(r"tag:[\w.]+,2026-11-24:hearings/\d+", each) for each in ids)
    links = {each.get("rel"): each.get("href") for each in root.findall(f"{ATOM}link")}
    assert str(links["self"]).endswith("/hearings.atom?county=modoc")


async def test_of_500_events_only_the_changed_one_is_written_anew(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hearing = await announced(decides=Said(en="Something to decide. " * 20))
    row: dict[str, Any] = hearing.to_dict()
    del row["id"], row["uid"]
    await Hearing.insert(*(Hearing(**row) for _each in range(499)))
    written: list[Hearing] = []
    write = calendars._event

    def note(hearing: Hearing, *rest: Any) -> Any:
        written.append(hearing)
        return write(hearing, *rest)

    monkeypatch.setattr(calendars, "_event", note)
    policies.forget()
    assert len(await events(client)) == 500
    assert len(written) == 500
    await client.get("/hearings.ics")
    assert len(written) == 500, "an answer that is kept"
    hearing.changed_at += datetime.timedelta(minutes=1)
    await hearing.save()
    policies.forget()
    await client.get("/hearings.ics")
    assert [each.uid for each in written[500:]] == [hearing.uid]


async def test_what_is_kept_of_a_day_is_californias(client: httpx.AsyncClient) -> None:
    starts = datetime.datetime.combine(today(), datetime.time(0, 30), CALIFORNIA)
    await announced(starts_at=starts)
    assert len(await events(client)) == 1
