"""Public addresses of the hearings: what is coming, one of them, what was voted, and calendars."""

import datetime
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import settings
from backend.counties import gazetteer
from backend.hearings import calendars, feed, ledger, notice, queries, wording
from backend.hearings.forms import (
    STATE,
    Asked,
    Several,
    asked,
    asked_several,
    asked_votes,
    asked_year,
)
from backend.hearings.kinds import Kind, Noted, Status, Topic
from backend.hearings.tables import Hearing
from backend.policies import queries as record
from backend.policies import wording as record_wording
from backend.policies.citations import Citations
from backend.policies.tables import Practice
from backend.staff.tables import now
from backend.web import language
from backend.web.clock import CALIFORNIA, today
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.page_cache import kept
from backend.web.pages import VARY, Page, kept_page
from backend.web.qr import qr
from backend.web.responses import Answer, AnyRequest, send

# How long a page may be kept: a hearing ends without anyone changing it.
KEPT = 60
# So many past ones at a time.
PAST = 200
# Named in the page for search engines; no browser asks for it.
SCHEMA = "https://schema.org"


@get("/hearings")
async def list_hearings(request: AnyRequest) -> ASGIResponse:
    wanted = asked(request)

    async def make() -> Page:
        found = await queries.coming(county=wanted.only, topic=wanted.topic, kind=wanted.kind)
        what = {
            **_words(),
            "days": _by_day(found),
            "wanted": wanted,
            "place": _place(wanted),
            "counties": gazetteer.counties(),
            "topics": list(Topic),
            "kinds": list(Kind),
            "STATE": STATE,
        }
        return Page("hearings/hearings.html", what, block="coming", query=wanted.wanted)

    return await kept_page(request, ("hearings", wanted.key, today()), make, KEPT)


@get("/hearings/next")
async def show_next(request: AnyRequest) -> ASGIResponse:
    """The next hearing and the last forum of every county, for pages that come from the phone.
    They ask for all, so that asking does not tell which county somebody looks up."""

    async def make() -> Page:
        found, forums = await queries.coming(), await queries.last_forums()
        records = await record.records()
        next_of = {
            county.slug: next(
                (each for each in found if queries.county_of(each) in (county.slug, "")), None
            )
            for county in gazetteer.counties()
        }
        what = {
            **_words(),
            "counties": gazetteer.counties(),
            "next_of": next_of,
            "forums": forums,
            "reported": {slug: _last_reported(facts.practice) for slug, facts in records.items()},
            "ledger": await ledger.of_all(today()),
        }
        return Page("hearings/next.html", what)

    return await kept_page(request, ("hearings next", today()), make, KEPT)


@get("/counties/{slug:str}/hearings")
async def show_county(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    county = _county(slug)

    async def make() -> Page:
        found = await queries.coming(county=county.slug)
        held = await queries.past(county=county.slug, most=20)
        facts = await record.county_record(county.slug)
        forum = (await queries.last_forums()).get(county.slug)
        what = {
            **_words(),
            "county": county,
            "days": _by_day(found),
            "forum": forum,
            "forum_notice": notice.forum(forum) if forum else None,
            "reported": None if forum else _last_reported(facts.practice),
            "past": [each for each in held if queries.county_of(each)],
            "lines": (await ledger.of_all(today()))[county.slug],
        }
        return Page("hearings/county.html", what)

    return await kept_page(request, ("county hearings", county.slug, today()), make, KEPT)


@get("/hearings/forums")
async def list_forums(request: AnyRequest) -> ASGIResponse:
    year = asked_year(request, ledger.years(today()))

    async def make() -> Page:
        of_all = await ledger.of_all(today())
        lines = [line for found in of_all.values() for line in found if line.year == year]
        what = {
            **_words(),
            "year": year,
            "years": ledger.years(today()),
            "lines": lines,
            "names": {county.slug: county.name for county in gazetteer.counties()},
            "states": [
                (state, [line for line in lines if line.state == state]) for state in ledger.State
            ],
        }
        return Page("hearings/forums.html", what, block="ledger", query={"year": str(year)})

    return await kept_page(request, ("hearings forums", year, today()), make, KEPT)


@get("/hearings/past")
async def list_past(request: AnyRequest) -> ASGIResponse:
    bodies, members = await queries.voters()
    county, body, member = asked_votes(request, bodies, members)

    async def make() -> Page:
        found = await queries.past(county=county, body=body, member=member, most=PAST)
        if county:
            found = [each for each in found if queries.county_of(each) == county]
        what = {
            **_words(),
            "found": found,
            "votes": await queries.votes_of([each.id for each in found]),
            "counties": gazetteer.counties(),
            "bodies": bodies,
            "members": members,
            "county": county,
            "body": body,
            "member": member,
            "most": PAST,
        }
        given = {"county": county, "body": body, "member": member}
        query = {name: value for name, value in given.items() if value}
        return Page("hearings/past.html", what, block="votes", query=query)

    return await kept_page(request, ("hearings past", county, body, member, today()), make, KEPT)


@get("/hearings/{name:str}")
async def show_hearing(request: AnyRequest, name: FromPath[str]) -> ASGIResponse:
    """One hearing's page by its number, or with `.ics` behind it the same for a calendar."""
    number, dot, _rest = name.partition(".ics")
    if dot and not _rest:
        return await _send_one(request, number)

    async def make() -> Page:
        hearing = await _hearing(number)
        history = await queries.history(hearing.id)
        moved_from = next(
            (
                change.before["starts_at"]  # type: ignore[index]
                for change in history
                if "starts_at" in change.fields and change.noted == Noted.MOVED and change.before
            ),
            None,
        )
        what = {
            **_words(),
            "hearing": hearing,
            "county": gazetteer.county(queries.county_of(hearing)),
            "votes": (await queries.votes_of([hearing.id])).get(hearing.id, []),
            "history": history,
            "moved_from": moved_from,
            "starts": _iso(hearing, hearing.starts_at),
            "ends": _iso(hearing, hearing.ends_at) if hearing.ends_at else "",
            "agenda": notice.agenda(hearing, now()),
            "meets_in_public": notice.is_county_meeting(hearing),
            "brown_act": SimpleNamespace(sources=[notice.BROWN_ACT]),
            "forum_notice": notice.forum(hearing),
            "remote_law": await notice.remote_law(hearing),
            "is_over": hearing.is_over(now()),
            "speaking_is_over": hearing.speak_by is not None and hearing.speak_by < now(),
            "qr": qr(f"/hearings/{hearing.id}"),
        }
        return Page("hearings/hearing.html", what)

    return await kept_page(request, ("hearing", number, today()), make, KEPT)


@get("/hearings.ics")
async def show_calendar(request: AnyRequest) -> ASGIResponse:
    several = asked_several(request)
    if several is not None:
        return await _send_several(request, several)
    wanted = asked(request)
    return await _send_calendar(request, wanted, "hearings")


@get("/counties/{slug:str}/hearings.ics")
async def show_county_calendar(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """Its own and the state's: what somebody there wants to know of."""
    county = _county(slug)
    wanted = asked(request)
    wanted = Asked(county.slug, wanted.topic, wanted.kind)
    return await _send_calendar(request, wanted, f"hearings-{county.slug}")


@get("/hearings.atom")
async def show_feed(request: AnyRequest) -> ASGIResponse:
    """What changed lately, as Atom (RFC 4287)."""
    wanted = asked(request)
    reader = language.of(request)

    async def make() -> Answer:
        found = await queries.for_calendars(
            county=wanted.only, topic=wanted.topic, kind=wanted.kind
        )
        body = feed.feed(found, wanted.query, calendars.name_of(_place(wanted)), reader.code)
        headers = (("content-language", reader.code), ("cache-control", "no-cache"), ("vary", VARY))
        return Answer(body, "application/atom+xml", headers)

    key = ("hearings.atom", wanted.key, reader.code, today())
    return send(request, await kept(key, make))


async def _send_calendar(request: AnyRequest, wanted: Asked, file: str) -> ASGIResponse:
    reader = language.of(request)

    async def make() -> Answer:
        found = await queries.for_calendars(
            county=wanted.only, topic=wanted.topic, kind=wanted.kind
        )
        name = calendars.name_of(_place(wanted))
        return await calendars.answer(found, name, reader.code, file)

    key = ("hearings.ics", file, wanted.key, reader.code, today())
    return send(request, await kept(key, make))


async def _send_several(request: AnyRequest, wanted: Several) -> ASGIResponse:
    """Of several counties and topics. There are too many such calendars to keep them."""
    reader = language.of(request)
    found = await queries.for_calendars(
        counties=tuple("" if slug == STATE else slug for slug in wanted.counties),
        topics=wanted.topics,
    )
    name = calendars.name_of(_("What I chose"))
    return send(
        request, await calendars.answer(found, name, reader.code, "hearings", wanted.reminders)
    )


async def _send_one(request: AnyRequest, number: str) -> ASGIResponse:
    reader = language.of(request)

    async def make() -> Answer:
        hearing = await _hearing(number)
        title = wording.title(hearing)
        return await calendars.answer([hearing], title, reader.code, f"hearing-{hearing.id}")

    return send(request, await kept(("hearing.ics", number, reader.code), make))


async def _hearing(number: str) -> Hearing:
    whole = number.isascii() and number.isdecimal() and len(number) < 11
    found = await queries.one(int(number)) if whole else None
    if found is None:
        told = _("We know no such hearing. It may have been taken out, because it was a mistake.")
        raise CannotAnswer(told, status=404, way_on=("/hearings", _("See all hearings")))
    return found


def _county(slug: str) -> gazetteer.County:
    county = gazetteer.county(slug)
    if county is None:
        told = _("We know no county by that name.")
        raise CannotAnswer(told, status=404, way_on=("/counties", _("See all counties")))
    return county


def _words() -> dict[str, Any]:
    """What every page of this room says things with."""
    return {
        "wording": wording,
        "record_wording": record_wording,
        "reading": queries,
        "citations": Citations(),
        "today": today(),
        "schema": SCHEMA,
        "Status": Status,
        "site_host": settings.read().site_url.partition("://")[2],
    }


def _by_day(found: list[Hearing]) -> list[tuple[datetime.date, list[Hearing]]]:
    return [(day, list(group)) for day, group in groupby(found, key=lambda each: each.day)]


def _place(wanted: Asked) -> str:
    """What was asked for, in the current language."""
    parts = []
    if wanted.county == STATE:
        parts.append(_("All of California"))
    elif wanted.county:
        parts.append(_("%(name)s County") % {"name": queries.county_name(wanted.county)})
    if wanted.kind:
        parts.append(_(wording.KINDS[wanted.kind]))
    if wanted.topic:
        parts.append(wording.topic(wanted.topic))
    return ", ".join(parts)


def _last_reported(practice: tuple[Practice, ...]) -> Practice | None:
    """The last forum that the record tells of, where no hearing does."""
    told = [each for each in practice if each.topic == "forum" and each.from_text]
    confirmed = [each for each in told if each.confirmed()]
    return max(confirmed, key=lambda each: str(each.from_text), default=None)


def _iso(hearing: Hearing, moment: datetime.datetime) -> str:
    """As programs read it; a day alone where only that is known."""
    if not hearing.time_known:
        return hearing.day.isoformat()
    return moment.astimezone(CALIFORNIA).isoformat()
