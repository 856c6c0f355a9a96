"""Hearings as JSON: public, read-only, the same words the pages show."""

import datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.openapi.spec import Example
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from backend import settings
from backend.counties import gazetteer
from backend.hearings import calendars, ledger, notice, queries
from backend.hearings.forms import STATE
from backend.hearings.kinds import Kind, Topic
from backend.hearings.tables import Hearing, MemberVote
from backend.policies.days import Day
from backend.policies.tables import Figure
from backend.web.clock import CALIFORNIA, today
from backend.web.errors import CannotAnswer
from backend.web.json import ALWAYS, PROBLEM, PUBLIC, answering, json_answer
from backend.web.page_cache import kept
from backend.web.responses import Answer, AnyRequest, send
from backend.web.spreadsheet import as_csv

Words = dict[str, str]
MOST = 500
FIRST, LAST = datetime.date(2000, 1, 1), datetime.date(2100, 12, 31)


class VoteAnswer(msgspec.Struct):
    """`choice`: yes, no, abstained, absent or recused."""

    member: str
    choice: str


class HearingSourceAnswer(msgspec.Struct):
    """`grade`: A official text, B named outlet or organization, C repost."""

    title: str
    publisher: str
    url: str
    published_on: str | None
    read_on: str
    grade: str


class ForumNoticeAnswer(msgspec.Struct):
    """`due_on` is the last day to announce the forum (30 days before it); `days` lie between its
    announcement and the forum, null when nobody told us when it was announced."""

    due_on: str
    announced_on: str | None
    days: int | None


class HearingAnswer(msgspec.Struct):
    """`uid` never changes, and is the one in the calendars; `sequence` rises when time, place or
    status do. `status`: scheduled, moved (its new time and place stand here), postponed (no new day
    yet: the day given no longer holds), cancelled or held. `county` is a slug, null for the state.
    `starts_at` has California's offset; when `time_known` is false only its day is meant, and it
    says noon. `time_text` is what the source said of the time where that is more than a time.
    `remote_speaking`: whether people can speak from afar, null when not known. `special_meeting`:
    its agenda is due 24 instead of 72 hours before. `result`: passed, first_yes (an ordinance needs
    a second vote), failed, continued or no_vote.
    Words are by language, English first."""

    id: int
    uid: str
    sequence: int
    url: str
    kind: str
    status: str
    title: Words
    county: str | None
    body: str
    starts_at: str
    ends_at: str | None
    time_known: bool
    time_text: str
    place: str
    address: str
    remote_url: str
    remote_how: str
    agenda_url: str
    agenda_item: str
    file_number: str
    campaign: str | None
    topics: list[str]
    decides: Words
    how_to_speak: Words
    speak_by: str | None
    interpreter: Words
    remote_speaking: bool | None
    special_meeting: bool
    forum_notice: ForumNoticeAnswer | None
    outcome: Words
    result: str | None
    votes: list[VoteAnswer]
    figures: Words
    sources: list[HearingSourceAnswer]
    changed_at: str
    checked_on: str


def _parameter(name: str, description: str, example: str) -> Any:
    return QueryParameter(
        name=name, description=description, examples=[Example(value=example)], required=False
    )


class ForumAnswer(msgspec.Struct):
    """One county in one year. `state`: held, announced, owed (the year is not over), overdue (it
    is, and no forum was found) or not_found (which does not mean that there was none). `held_on`
    are days as well as they are known. `asked`, `answered` and `handed_over` are the sheriff's
    numbers of the year `about`, lowest and highest, null where the record has none; never compare
    counties: sheriffs count differently. `overdue_from` is the first day on which it was late."""

    county: str
    year: int
    state: str
    held_on: list[str]
    about: int
    asked: list[int] | None
    answered: list[int] | None
    handed_over: list[int] | None
    overdue_from: str | None


County = Annotated[
    str | None,
    _parameter(
        "county", "A county’s slug: its own and the state’s. `state`: those alone.", "sonoma"
    ),
]
TopicWanted = Annotated[str | None, _parameter("topic", ", ".join(Topic) + ".", "forums")]
KindWanted = Annotated[str | None, _parameter("kind", ", ".join(Kind) + ".", "forum")]
From = Annotated[
    str | None, _parameter("from", "The first day, YYYY-MM-DD; today without it.", "2026-12-01")
]
To = Annotated[
    str | None,
    _parameter("to", "The last day, YYYY-MM-DD; without it all that are known.", "2026-12-31"),
]


@get(
    "/api/v1/hearings",
    operation_id="listHearings",
    summary="Hearings, votes, forums and other events, the earliest first, at most 500",
    description=HearingAnswer.__doc__,
    responses={
        **ALWAYS,
        200: answering(list[HearingAnswer]),
        400: PROBLEM,
    },
)
async def list_hearings(
    request: AnyRequest,
    county: County = None,
    topic: TopicWanted = None,
    kind: KindWanted = None,
    from_: From = None,
    to: To = None,
) -> ASGIResponse:
    slug, wanted_topic, wanted_kind = _asked(request)
    since, until = _day(request, "from", today()), _day(request, "to", LAST)
    if until < since:
        raise CannotAnswer("to: it lies before from.")

    async def make() -> Answer:
        found = await queries.between(
            since, until, county=slug, topic=wanted_topic, kind=wanted_kind, most=MOST
        )
        votes = await queries.votes_of([each.id for each in found])
        return json_answer([_hearing(each, votes.get(each.id, [])) for each in found])

    key = ("api hearings", slug, wanted_topic, wanted_kind, since, until)
    return send(request, await kept(key, make))


@get(
    "/api/v1/forums",
    operation_id="listForums",
    summary="The ledger of TRUTH Act forums: 58 counties by year since 2018",
    responses={**ALWAYS, 200: answering(list[ForumAnswer])},
)
async def list_forums(request: AnyRequest) -> ASGIResponse:
    async def make() -> Answer:
        return json_answer(await _forums())

    return send(request, await kept(("api forums", today()), make))


@get(
    "/hearings/forums.csv",
    operation_id="listForumsCsv",
    summary="The ledger of TRUTH Act forums as CSV",
    responses={**ALWAYS, 200: answering(str, "text/csv")},
)
async def list_forums_csv(request: AnyRequest) -> ASGIResponse:
    async def make() -> Answer:
        names = ForumAnswer.__struct_fields__
        rows: list[list[object]] = [list(names)]
        rows += [[_cell(getattr(forum, name)) for name in names] for forum in await _forums()]
        headers = (
            ("cache-control", PUBLIC[0][1]),
            ("content-disposition", f'attachment; filename="forums-{today()}.csv"'),
        )
        return Answer(as_csv(rows).encode(), "text/csv", headers)

    return send(request, await kept(("forums csv", today()), make))


async def _forums() -> list[ForumAnswer]:
    return [
        ForumAnswer(
            county=line.county,
            year=line.year,
            state=line.state,
            held_on=[forum.day for forum in line.forums],
            about=line.about,
            asked=_span(line.asked),
            answered=_span(line.answered),
            handed_over=_span(line.handed_over),
            overdue_from=line.overdue_from.isoformat() if line.overdue_from else None,
        )
        for lines in (await ledger.of_all(today())).values()
        for line in lines
    ]


def _span(figure: Figure | None) -> list[int] | None:
    return [figure.low, figure.high] if figure else None


def _cell(value: object) -> object:
    """A list in one cell: days after one another, a span as it is said."""
    if isinstance(value, list):
        return (" to " if value and isinstance(value[0], int) else " ").join(
            dict.fromkeys(map(str, value))
        )
    return "" if value is None else value


def _asked(request: AnyRequest) -> tuple[str | None, Topic | None, Kind | None]:
    county, topic, kind = (_one(request, name) for name in ("county", "topic", "kind"))
    if county and county != STATE and gazetteer.county(county) is None:
        raise CannotAnswer("county: give a county’s slug, or state.")
    if topic and topic not in set(Topic):
        raise CannotAnswer(f"topic: give one of {', '.join(Topic)}.")
    if kind and kind not in set(Kind):
        raise CannotAnswer(f"kind: give one of {', '.join(Kind)}.")
    slug = {"": None, STATE: ""}.get(county, county)
    return slug, Topic(topic) if topic else None, Kind(kind) if kind else None


def _day(request: AnyRequest, name: str, without: datetime.date) -> datetime.date:
    given = _one(request, name)
    if not given:
        return without
    try:
        day = Day.parse(given)
    except ValueError:
        day = None
    if day is None or not day.exact or not FIRST <= day.first <= LAST:
        raise CannotAnswer(f"{name}: give one day, YYYY-MM-DD, from {FIRST} to {LAST}.")
    return day.first


def _one(request: AnyRequest, name: str) -> str:
    given = request.query_params.getall(name, [])
    if len(given) > 1:
        raise CannotAnswer(f"{name}: give it once.")
    return given[0] if given else ""


def _hearing(hearing: Hearing, votes: list[MemberVote]) -> HearingAnswer:
    # Piccolo types a JSON column as text; it was read as what it holds.
    words: Any = hearing
    due = notice.forum(hearing)
    return HearingAnswer(
        id=hearing.id,
        uid=calendars.uid(hearing),
        sequence=hearing.sequence,
        url=f"{settings.read().site_url}/hearings/{hearing.id}",
        kind=hearing.kind,
        status=hearing.status,
        title=_words(words.title),
        county=queries.county_of(hearing) or None,
        body=hearing.body,
        starts_at=_moment(hearing.starts_at),
        ends_at=_moment(hearing.ends_at) if hearing.ends_at else None,
        time_known=hearing.time_known,
        time_text=hearing.time_text,
        place=hearing.place,
        address=hearing.address,
        remote_url=hearing.remote_url,
        remote_how=hearing.remote_how,
        agenda_url=hearing.agenda_url,
        agenda_item=hearing.agenda_item,
        file_number=hearing.file_number,
        campaign=hearing.campaign or None,
        topics=list(hearing.topics),
        decides=_words(words.decides),
        how_to_speak=_words(words.how_to_speak),
        speak_by=_moment(hearing.speak_by) if hearing.speak_by else None,
        interpreter=_words(words.interpreter),
        remote_speaking=hearing.remote_speaking,
        special_meeting=hearing.special_meeting,
        forum_notice=ForumNoticeAnswer(
            due.by.isoformat(),
            due.announced_on.isoformat() if due.announced_on else None,
            due.days,
        )
        if due
        else None,
        outcome=_words(words.outcome),
        result=hearing.result,
        votes=[VoteAnswer(vote.member, vote.choice) for vote in votes],
        figures=_words(words.figures),
        sources=[_source(source) for source in words.sources],
        changed_at=hearing.changed_at.isoformat(),
        checked_on=hearing.checked_on.isoformat(),
    )


def _words(text: dict[str, str]) -> Words:
    """Those languages in which somebody wrote it."""
    return {code: words for code, words in text.items() if words}


def _moment(at: datetime.datetime) -> str:
    return at.astimezone(CALIFORNIA).isoformat()


def _source(source: dict[str, Any]) -> HearingSourceAnswer:
    return HearingSourceAnswer(
        title=source["title"],
        publisher=source["publisher"],
        url=source["url"],
        published_on=source.get("published_on"),
        read_on=source["read_on"],
        grade=source["grade"],
    )
