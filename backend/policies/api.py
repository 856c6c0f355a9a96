"""The record as JSON, CSV and GeoJSON: public, read-only, the same facts the pages show."""

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import get
from litestar.openapi.spec import Example
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer, outlines
from backend.policies import headline, queries, wording
from backend.policies.days import FIRST_DAY, Day
from backend.policies.questions import Question
from backend.policies.record import CountyRecord, Standing
from backend.policies.shapes import (
    CountyAnswer,
    CountyAnswers,
    FigureAnswer,
    HeadlineAnswer,
    HistoryAnswer,
    LawAnswer,
    OtherRule,
    PracticeAnswer,
    QuestionAnswer,
    RuleAnswer,
    SideAnswer,
    SourceAnswer,
    Words,
)
from backend.policies.tables import Figure, Law, Practice, Rule
from backend.web.clock import today
from backend.web.errors import CannotAnswer
from backend.web.json import ALWAYS, PROBLEM, PUBLIC, answering, json_answer
from backend.web.page_cache import kept
from backend.web.responses import Answer, AnyRequest, send
from backend.web.spreadsheet import as_csv

On = Annotated[
    str | None,
    QueryParameter(
        name="on",
        description="The day to answer for, YYYY-MM-DD, from 2008-01-01 to today (the default).",
        examples=[Example(value="2014-03-01")],
        required=False,
    ),
]


@get(
    "/api/v1/counties",
    operation_id="listCounties",
    summary="Every county's answers, in short (CSV with Accept: text/csv)",
    responses={
        **ALWAYS,
        200: answering(list[CountyAnswers]),
        400: PROBLEM,
        406: PROBLEM,
    },
)
async def list_counties(request: AnyRequest, on: On = None) -> ASGIResponse:
    accepted = request.headers.get("accept", "*/*")
    if "text/csv" in accepted:
        return await _send_csv(request)
    if not any(kind in accepted for kind in ("json", "*/*", "application/*")):
        raise CannotAnswer("This address answers in application/json or text/csv.", status=406)
    return await _send_all(request, "json", _as_json)


@get(
    "/api/v1/counties.csv",
    operation_id="listCountiesCsv",
    summary="Every county's answers as CSV",
    responses={**ALWAYS, 200: answering(str, "text/csv"), 400: PROBLEM},
)
async def list_counties_csv(request: AnyRequest, on: On = None) -> ASGIResponse:
    return await _send_csv(request)


@get(
    "/api/v1/counties.geojson",
    operation_id="listCountiesGeojson",
    summary="Every county's answers with its simplified outline (RFC 7946)",
    responses={
        **ALWAYS,
        200: answering(dict[str, Any], "application/geo+json"),
        400: PROBLEM,
    },
)
async def list_counties_geojson(request: AnyRequest, on: On = None) -> ASGIResponse:
    return await _send_all(request, "geojson", _as_geojson)


@get(
    "/api/v1/counties/{slug:str}",
    operation_id="showCounty",
    summary="One county's whole record on a day",
    responses={
        **ALWAYS,
        200: answering(CountyAnswer),
        400: PROBLEM,
        404: PROBLEM,
    },
)
async def show_county(request: AnyRequest, slug: FromPath[str], on: On = None) -> ASGIResponse:
    county = gazetteer.county(slug)
    if county is None:
        raise CannotAnswer("There is no county by this slug.", status=404)
    day = _day(request)

    async def make() -> Answer:
        return json_answer(_whole_record(county, await queries.county_record(county.slug), day))

    return send(request, await kept(("api county", county.slug, day), make))


@get(
    "/api/v1/laws",
    operation_id="listLaws",
    summary="The timeline of laws, rulings, programs and bills",
    responses={**ALWAYS, 200: answering(list[LawAnswer])},
)
async def list_laws(request: AnyRequest) -> ASGIResponse:
    async def make() -> Answer:
        return json_answer([_law(law) for law in await queries.laws()])

    return send(request, await kept("api laws", make))


def _day(request: AnyRequest) -> datetime.date:
    given = request.query_params.getall("on", []) if request.scope["query_string"] else []
    if not given:
        return today()
    try:
        day = Day.parse(given[0])
    except ValueError as error:
        raise CannotAnswer(f"on: {error}.") from None
    if len(given) > 1 or not day.exact or not FIRST_DAY <= day.first <= today():
        raise CannotAnswer(f"on: give one day, YYYY-MM-DD, from {FIRST_DAY} to {today()}.")
    return day.first


async def _send_csv(request: AnyRequest) -> ASGIResponse:
    return await _send_all(request, "csv", _as_csv)


async def _send_all(request: AnyRequest, form: str, shape: Any) -> ASGIResponse:
    day = _day(request)

    async def make() -> Answer:
        answer: Answer = shape(await queries.records(), day)
        return answer

    return send(request, await kept(("api counties", form, day), make))


def _as_json(records: Mapping[str, CountyRecord], day: datetime.date) -> Answer:
    body = [
        CountyAnswers(
            county.slug,
            county.name,
            county.fips,
            county.ocd_id,
            _headline(records[county.slug], day),
            bool(headline.of(records[county.slug], day).disputed),
            _answers(records[county.slug], day),
        )
        for county in gazetteer.counties()
    ]
    answer = json_answer(body)
    # The same address answers in CSV to who asks for it.
    headers = (("cache-control", PUBLIC[0][1]), ("vary", "Accept, Accept-Encoding"))
    return Answer(answer.body, answer.media_type, headers)


def _as_csv(records: Mapping[str, CountyRecord], day: datetime.date) -> Answer:
    rows: list[list[object]] = [["slug", "name", "fips", "ocd_id", "on", *Question]]
    rows[0] += ["headline", "disputed", "sides"]
    for county in gazetteer.counties():
        answers = _answers(records[county.slug], day).values()
        first = headline.of(records[county.slug], day)
        sides = _sides(records[county.slug], day)
        told = (first.pattern, "yes" if first.disputed else "no", sides)
        rows.append([county.slug, county.name, county.fips, county.ocd_id, day, *answers, *told])
    headers = (
        ("cache-control", PUBLIC[0][1]),
        ("vary", "Accept, Accept-Encoding"),
        ("content-disposition", f'attachment; filename="counties-{day}.csv"'),
    )
    return Answer(as_csv(rows).encode(), "text/csv", headers)


def _as_geojson(records: Mapping[str, CountyRecord], day: datetime.date) -> Answer:
    shapes = outlines.geojson()
    features = [
        {
            "type": "Feature",
            "id": county.fips,
            "properties": {
                "slug": county.slug,
                "name": county.name,
                "fips": county.fips,
                "ocd_id": county.ocd_id,
                "on": day.isoformat(),
                **_answers(records[county.slug], day),
                "headline": headline.of(records[county.slug], day).pattern,
                "disputed": bool(headline.of(records[county.slug], day).disputed),
                "sides": _sides(records[county.slug], day),
            },
            "geometry": shapes[county.fips],
        }
        for county in gazetteer.counties()
    ]
    return json_answer({"type": "FeatureCollection", "features": features}, "application/geo+json")


def _answers(record: CountyRecord, day: datetime.date) -> dict[str, str]:
    return {str(question): standing.answer for question, standing in record.standings(day).items()}


def _headline(record: CountyRecord, day: datetime.date) -> HeadlineAnswer:
    found = headline.of(record, day)
    return HeadlineAnswer(
        pattern=found.pattern,
        words=wording.headline_in_every_language(found),
        tone=found.tone,
        disputed=[str(standing.question) for standing in found.disputed],
        sides=[
            SideAnswer(
                question=standing.question,
                issuer=standing.rule.issuer,
                answer=standing.answer,
                said_by=_words(report.said_by),
                summary=_words(report.summary),
            )
            for standing in found.disputed
            if standing.rule
            for report in standing.disputed_by
            if report.said_by
        ],
    )


def _sides(record: CountyRecord, day: datetime.date) -> str:
    """Both sides in a cell: the rule's, and who says otherwise."""
    return "; ".join(
        f"{side.question}: {side.issuer} {side.answer}, but {side.said_by['en']}: "
        f"{side.summary['en']}"
        for side in _headline(record, day).sides
    )


def _whole_record(
    county: gazetteer.County, record: CountyRecord, day: datetime.date
) -> CountyAnswer:
    return CountyAnswer(
        slug=county.slug,
        name=county.name,
        fips=county.fips,
        ocd_id=county.ocd_id,
        on=day.isoformat(),
        headline=_headline(record, day),
        disputed=bool(headline.of(record, day).disputed),
        answers=[_question(standing) for standing in record.standings(day).values()],
        practice=[_practice(report) for report in record.practice if report.known_on(day)],
        figures=[_figure(figure) for figure in record.figures_by(day)],
        history=[
            HistoryAnswer(
                change.day.written,
                change.kind,
                "state" if change.of_the_state else "county",
                _words(fact.summary),
            )
            for change in record.history()
            for fact in change.facts
        ],
    )


def _question(standing: Standing) -> QuestionAnswer:
    rule = standing.rule
    return QuestionAnswer(
        question=standing.question,
        answer=standing.answer,
        since=rule.from_text if rule else None,
        rule=_rule(rule) if rule else None,
        also=[
            OtherRule(other.answer, _rule(other), _sources(other), other.review_by.isoformat())
            for other in standing.also
        ],
        disagreement=bool(standing.disputed_by),
        disputed_by=[_practice(report) for report in standing.disputed_by],
        reported=_practice(standing.reported) if standing.reported else None,
        sources=_sources(rule) if rule else [],
        review_by=rule.review_by.isoformat() if rule else None,
    )


def _rule(rule: Rule) -> RuleAnswer:
    return RuleAnswer(
        issuer=rule.issuer,
        instrument=_words(rule.instrument),
        citation=rule.citation,
        law=getattr(rule.law, "slug", None),
        effective_from=rule.from_text,
        effective_from_means=rule.from_means,
        effective_to=rule.until_text,
        summary=_words(rule.summary),
        note=_words(rule.note) if rule.note else None,
    )


def _practice(report: Practice) -> PracticeAnswer:
    return PracticeAnswer(
        topic=report.topic,
        said_by=_words(report.said_by) if report.said_by else None,
        since=report.from_text,
        until=report.until_text,
        summary=_words(report.summary),
        note=_words(report.note) if report.note else None,
        sources=_sources(report),
        review_by=report.review_by.isoformat(),
    )


def _figure(figure: Figure) -> FigureAnswer:
    return FigureAnswer(
        measure=figure.measure,
        definition=_words(figure.definition),
        period_from=figure.from_text,
        period_until=figure.until_text,
        low=figure.low,
        high=figure.high,
        about=figure.about,
        note=_words(figure.note) if figure.note else None,
        sources=_sources(figure),
        review_by=figure.review_by.isoformat(),
    )


def _law(law: Law) -> LawAnswer:
    points: Any = law.points
    return LawAnswer(
        slug=law.slug,
        kind=law.kind,
        status=law.status,
        topic=law.topic,
        title=_words(law.title),
        short=law.short,
        citation=law.citation,
        on=law.on_text,
        effective_from=law.from_text,
        effective_to=law.until_text,
        summary=_words(law.summary),
        points=points,
        note=_words(law.note) if law.note else None,
        sources=_sources(law),
        review_by=law.review_by.isoformat(),
    )


def _sources(fact: Rule | Practice | Figure | Law) -> list[SourceAnswer]:
    return [
        SourceAnswer(
            title=source["title"],
            publisher=source["publisher"],
            url=source["url"],
            published_on=source["published_on"],
            checked_on=fact.checked_on.isoformat(),
            read=fact.read,
            grade=source["grade"],
        )
        for source in fact.cited()
    ]


def _words(text: Any) -> Words:
    words: Words = text
    return words
