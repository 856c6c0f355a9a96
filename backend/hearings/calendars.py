"""Hearings as iCalendar (RFC 5545): feeds to follow, and one event to take along.

DTSTAMP is when the hearing last changed, so that a feed that says the same is the same, to the
byte, and need not be sent again.
"""

import asyncio
import datetime
import re
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache

from icalendar import Alarm, Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard
from icalendar.prop import vDDDTypes, vRecur, vText

from backend import settings
from backend.hearings import wording
from backend.hearings.kinds import Status
from backend.hearings.tables import Hearing
from backend.web.clock import CALIFORNIA
from backend.web.language import gettext as _
from backend.web.pages import VARY
from backend.web.responses import Answer

# After the @ of every UID. It names no host: the site may move, and no calendar notices.
SUFFIX = "confianza"
REFRESH = datetime.timedelta(hours=6)
STATUSES = {
    Status.SCHEDULED: "CONFIRMED",
    Status.MOVED: "CONFIRMED",
    Status.POSTPONED: "TENTATIVE",
    Status.CANCELLED: "CANCELLED",
    Status.HELD: "CONFIRMED",
}
# When a calendar rings, by the names that people choose them by.
BEFORE = {"day": datetime.timedelta(days=-1), "hours": datetime.timedelta(hours=-2)}
# Of a whole day, which begins at midnight: nine in the morning of the day before.
MORNING_BEFORE = datetime.timedelta(hours=-15)
# When clocks change in California, since 2007 and from 1987 until then: name, first day, rule, and
# the last time in UTC.
CHANGES = (
    (TimezoneDaylight, "PDT", (2007, 3, 11), {"bymonth": 3, "byday": "2SU"}, None),
    (TimezoneStandard, "PST", (2007, 11, 4), {"bymonth": 11, "byday": "1SU"}, None),
    (TimezoneDaylight, "PDT", (1987, 4, 5), {"bymonth": 4, "byday": "1SU"}, (2006, 4, 2, 10)),
    (TimezoneStandard, "PST", (1987, 10, 25), {"bymonth": 10, "byday": "-1SU"}, (2006, 10, 29, 9)),
)
SUMMER, WINTER = datetime.timedelta(hours=-7), datetime.timedelta(hours=-8)


END = b"END:VCALENDAR\r\n"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u2029]")

# Events as they were last written: a feed that is made anew writes only what changed.
MOST_WRITTEN = 4000
_written: OrderedDict[tuple[object, ...], bytes] = OrderedDict()


async def answer(
    hearings: Sequence[Hearing],
    name: str,
    code: str,
    file: str,
    reminders: tuple[str, ...] = tuple(BEFORE),
) -> Answer:
    """A feed in the current language, whose code it is, ready to be kept and sent. It rings before
    each hearing as `reminders` say."""
    # Hundreds of events take a while to write: others are answered meanwhile.
    body = await asyncio.to_thread(calendar, hearings, name, code, reminders)
    headers = (
        ("content-language", code),
        ("cache-control", "no-cache"),
        ("content-disposition", f'inline; filename="{file}.ics"'),
        ("vary", VARY),
    )
    return Answer(body, "text/calendar", headers)


def calendar(
    hearings: Sequence[Hearing], name: str, code: str, reminders: tuple[str, ...] = tuple(BEFORE)
) -> bytes:
    # A name is one line.
    name = " ".join(_plain(name).split())
    made = Calendar()
    made.add("prodid", "-//Confianza//Hearings//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("name", name)
    made.add("x-wr-calname", vText(name))
    made.add("x-wr-timezone", CALIFORNIA.key)
    made.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    made.add("x-published-ttl", vDDDTypes(REFRESH))
    made.add_component(_zone())
    frame: bytes = made.to_ical()
    events = (_event_as_written(hearing, code, reminders) for hearing in hearings)
    return b"".join((frame.removesuffix(END), *events, END))


def uid(hearing: Hearing) -> str:
    return f"{hearing.uid}@{SUFFIX}"


def status(hearing: Hearing) -> str:
    return "CANCELLED" if hearing.taken_out_at else STATUSES[Status(hearing.status)]


def _event_as_written(hearing: Hearing, code: str, reminders: tuple[str, ...]) -> bytes:
    key = (hearing.uid, hearing.changed_at, hearing.taken_out_at, code, reminders)
    found = _written.pop(key, None)
    if found is None:
        found = _event(hearing, code, reminders).to_ical()
    _written[key] = found
    while len(_written) > MOST_WRITTEN:
        _written.popitem(last=False)
    return found


def _event(hearing: Hearing, code: str, reminders: tuple[str, ...]) -> Event:
    event = Event()
    event.add("uid", uid(hearing))
    event.add("sequence", hearing.sequence)
    event.add("dtstamp", _utc(hearing.changed_at))
    event.add("created", _utc(hearing.made_at))
    event.add("last-modified", _utc(hearing.changed_at))
    event.add("status", status(hearing))
    event.add("summary", _summary(hearing), parameters={"language": code})
    _add_times(event, hearing)
    place = wording.place_of(hearing.place, hearing.address)
    if place:
        event.add("location", _plain(place))
    event.add("categories", [wording.kind(hearing)])
    if not hearing.taken_out_at:
        address = f"{settings.read().site_url}/hearings/{hearing.id}?lang={code}"
        event.add("url", address)
        event.add("description", _description(hearing, address), parameters={"language": code})
    for before in _alarms(hearing, reminders):
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("trigger", before)
        alarm.add("description", _plain(wording.title(hearing)))
        event.add_component(alarm)
    return event


def _add_times(event: Event, hearing: Hearing) -> None:
    if not hearing.time_known:
        event.add("dtstart", hearing.day)
        event.add("dtend", hearing.day + datetime.timedelta(days=1))
        return
    event.add("dtstart", _local(hearing.starts_at))
    if hearing.ends_at:
        event.add("dtend", _local(hearing.ends_at))


def _local(moment: datetime.datetime) -> datetime.datetime:
    """In California's time, but in UTC for the second time that an hour comes: a local time there
    means the first (RFC 5545, 3.3.5)."""
    local = moment.astimezone(CALIFORNIA)
    return _utc(moment) if local.fold else local


def _utc(moment: datetime.datetime) -> datetime.datetime:
    return moment.astimezone(datetime.UTC).replace(microsecond=0)


def _alarms(hearing: Hearing, reminders: tuple[str, ...]) -> tuple[datetime.timedelta, ...]:
    """Nobody is sent to what does not take place, or has no day yet."""
    if hearing.taken_out_at or hearing.status not in (Status.SCHEDULED, Status.MOVED):
        return ()
    if not hearing.time_known:
        return (MORNING_BEFORE,) if "day" in reminders else ()
    return tuple(before for name, before in BEFORE.items() if name in reminders)


def _summary(hearing: Hearing) -> str:
    """Not every calendar shows the status, so the words say it as well."""
    title = _plain(wording.title(hearing))
    if hearing.taken_out_at:
        return _("Cancelled: %(title)s") % {"title": title}
    prefix = {
        Status.MOVED: _("Moved: %(title)s"),
        Status.POSTPONED: _("Postponed: %(title)s"),
        Status.CANCELLED: _("Cancelled: %(title)s"),
    }.get(Status(hearing.status), "%(title)s")
    return prefix % {"title": title}


def _description(hearing: Hearing, address: str) -> str:
    """Plain text, the most needed first."""
    lines = [
        wording.news(hearing),
        wording.when(hearing),
        _("The announcement says: “%(text)s”") % {"text": hearing.time_text}
        if hearing.time_text
        else "",
        " · ".join(part for part in (wording.kind(hearing), hearing.body) if part),
        wording.said(hearing.decides),
        wording.said(hearing.how_to_speak),
        _("Sign up to speak by %(when)s.") % {"when": wording.moment(hearing.speak_by)}
        if hearing.speak_by
        else "",
        wording.said(hearing.interpreter),
        _("From home: %(how)s")
        % {"how": " ".join(part for part in (hearing.remote_how, hearing.remote_url) if part)}
        if hearing.remote_url or hearing.remote_how
        else "",
        _("Agenda: %(address)s") % {"address": hearing.agenda_url} if hearing.agenda_url else "",
        address,
    ]
    return _plain("\n".join(line for line in lines if line))


def _plain(text: str) -> str:
    """A calendar file has lines of its own, and no other control characters (RFC 5545, 3.1)."""
    return CONTROL.sub("", text)


@cache
def _zone() -> Timezone:
    zone = Timezone()
    zone.add("tzid", CALIFORNIA.key)
    for kind, name, first, rule, until in CHANGES:
        change = kind()
        summer = name == "PDT"
        change.add("tzname", name)
        change.add("tzoffsetfrom", WINTER if summer else SUMMER)
        change.add("tzoffsetto", SUMMER if summer else WINTER)
        # Local to itself: a zone's own times know no zone.
        change.add("dtstart", datetime.datetime(*first, 2))
        ends = {"until": datetime.datetime(*until, tzinfo=datetime.UTC)} if until else {}
        change.add("rrule", vRecur({"freq": "YEARLY", **rule, **ends}))
        zone.add_component(change)
    return zone


def name_of(place: str) -> str:
    """What a feed is called in somebody's calendar."""
    if not place:
        return _("Hearings on ICE and health care in California")
    return _("Hearings: %(what)s") % {"what": place}
