"""Addresses of the record: a county, the state, the laws, and the data to take away."""

import asyncio
from collections import Counter
from functools import cache
from typing import Any

import segno
from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend import settings
from backend.counties import gazetteer, outlines
from backend.policies import changes, charts, headline, queries, wording
from backend.policies.citations import Citations, drafts_among
from backend.policies.days import FIRST_DAY
from backend.policies.feed import feed, places
from backend.policies.forms import asked_changes, asked_day, asked_question
from backend.policies.help_lines import lines_for
from backend.policies.questions import ANSWERS, DISPUTED, FIRST_ASKED, NOT_KNOWN, Question
from backend.policies.text_diff import said_differently
from backend.web import language, preview_images
from backend.web.clock import today
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.page_cache import kept
from backend.web.pages import VARY, Page, fixed_page, kept_page
from backend.web.responses import Answer, AnyRequest, send

PREVIEWS = [f"/counties/{{slug:str}}/preview-{code}.png" for code in language.LANGUAGES]


@get("/counties/{slug:str}")
async def show_county(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    county = gazetteer.county(slug)
    if county is None:
        raise _no_such(_("We know no county by that name."), "/counties")
    on = asked_day(request)

    async def make() -> Page:
        record = await queries.county_record(county.slug)
        standings = record.standings(on)
        return Page(
            "policies/county.html",
            {
                "county": county,
                "record": record,
                "headline": headline.of(record, on),
                "rows": headline.ROWS,
                "standings": standings,
                # The others share one line: there is nothing to open.
                "known": {asked for asked, each in standings.items() if each.says_something},
                "plots": charts.of(record.figures_by(on)),
                "on": on,
                "today": today(),
                "first_day": FIRST_DAY,
                "citations": Citations(),
                "drafts": drafts_among(record, on),
                "help_lines": await lines_for(county.slug),
                "qr": _qr(f"/counties/{county.slug}"),
                "wording": wording,
                "Question": Question,
            },
            block="record",
            query={} if on == today() else {"on": on.isoformat()},
        )

    return await kept_page(request, ("county", county.slug, on, today()), make)


@get(PREVIEWS)
async def show_preview(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """The picture beside a shared link: what the county's page says first, in one language."""
    county = gazetteer.county(slug)
    if county is None:
        raise _no_such(_("We know no county by that name."), "/counties")
    code = request.scope["path"].removesuffix(".png")[-2:]

    async def make() -> Answer:
        found = headline.of(await queries.county_record(slug), today())
        token = language.current.set(language.LANGUAGES[code])
        try:
            said = _("%(name)s County") % {"name": county.name} + f": {wording.told(found)}"
        finally:
            language.current.reset(token)
        return Answer(
            await asyncio.to_thread(preview_images.preview, said), "image/png", preview_images.KEPT
        )

    return send(request, await kept(("county preview", slug, code, today()), make))


@get("/counties")
async def list_counties(request: AnyRequest) -> ASGIResponse:
    question, on = asked_question(request), asked_day(request)

    async def make() -> Page:
        records, state = await queries.records(), await queries.state_record()
        standings = {slug: record.standing(question, on) for slug, record in records.items()}
        # Where officials disagree, neither side is the answer.
        given = {
            slug: DISPUTED if headline.officially_disputed(standing) else standing.answer
            for slug, standing in standings.items()
        }
        asked = (*ANSWERS[question], NOT_KNOWN, DISPUTED)
        counts = Counter(given.values())
        return Page(
            "policies/counties.html",
            {
                "counties": gazetteer.counties(),
                "given": given,
                "question": question,
                "counts": [(answer, counts[answer]) for answer in asked],
                "same": next(iter(given.values())) if len(counts) == 1 else None,
                "of_their_own": sum(bool(each.local_rule) for each in standings.values()),
                "by_state_law": all(each.state_rule for each in standings.values()),
                "outlines": outlines.svg_paths(640),
                "reports": [
                    *state.standing(question, on).practice,
                    *(state.other_practice(on) if question is FIRST_ASKED else ()),
                ],
                "figures": state.figures_by(on) if question is Question.TRANSFER else [],
                "citations": Citations(),
                "on": on,
                "today": today(),
                "first_day": FIRST_DAY,
                "wording": wording,
                "Question": Question,
                "FIRST_ASKED": FIRST_ASKED,
            },
            block="answers",
            query={"question": question, **({} if on == today() else {"on": on.isoformat()})},
        )

    return await kept_page(request, ("counties", question, on, today()), make)


@get("/laws")
async def list_laws(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        return Page("policies/laws.html", {"laws": await queries.laws(), "wording": wording})

    return await kept_page(request, "laws", make)


@get("/laws/{slug:str}")
async def show_law(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    laws = await queries.laws()
    found = next((index for index, law in enumerate(laws) if law.slug == slug), None)
    if found is None:
        raise _no_such(_("We know no law by that name."), "/laws")

    async def make() -> Page:
        return Page(
            "policies/law.html",
            {
                "law": laws[found],
                "before": laws[found - 1] if found else None,
                "after": laws[found + 1] if found + 1 < len(laws) else None,
                "today": today(),
                "citations": Citations(),
                "help_lines": await lines_for(),
                "wording": wording,
            },
        )

    return await kept_page(request, ("law", slug, today()), make)


@get("/data")
async def show_data(request: AnyRequest) -> ASGIResponse:
    return await fixed_page(
        request, "policies/data.html", questions=ANSWERS, not_known=NOT_KNOWN, wording=wording
    )


def _no_such(sentence: str, address: str) -> CannotAnswer:
    names = {"/counties": _("See all counties"), "/laws": _("See all laws")}
    return CannotAnswer(sentence, status=404, way_on=(address, names[address]))


@get("/changes")
async def list_changes(request: AnyRequest) -> ASGIResponse:
    """What changed in the record, newest first, a page at a time."""
    file, before = asked_changes(request)

    async def make() -> Page:
        found = await changes.published(file, before)
        return Page(
            "policies/changes.html",
            {
                "found": [(told, _parts_of(told)) for told in found],
                "file": file,
                "places": places(),
                "older": found[-1].change.id if len(found) == changes.PAGE else None,
                "wording": wording,
            },
            query={"county": file} if file else {},
        )

    return await kept_page(request, ("changes", file, before), make)


@get("/changes.atom")
async def show_changes_feed(request: AnyRequest) -> ASGIResponse:
    """The newest changes as Atom (RFC 4287)."""
    file, _before = asked_changes(request)
    reader = language.of(request)

    async def make() -> Answer:
        found = await changes.published(file)
        body = feed(found, file, reader.code)
        headers = (("content-language", reader.code), ("cache-control", "no-cache"), ("vary", VARY))
        return Answer(body, "application/atom+xml", headers)

    return send(request, await kept(("changes.atom", file, reader.code), make))


def _parts_of(told: changes.Told) -> list[Any]:
    """What a reader sees of each fact: the lines that differ, not the days of looking at it."""
    return [
        (part, lines)
        for part in told.parts
        if (lines := said_differently(part.name.kind, part.before, part.after))
    ]


@cache
def _qr(path: str) -> str:
    """The page's address as an SVG, for paper: as few squares as it takes, for every phone keeps 58
    of them. What room is left in them mends what is torn."""
    code = segno.make(settings.read().site_url + path, error="l", micro=False)
    return code.svg_inline(scale=3, border=0, svgclass="qr", lineclass=None, omitsize=False)
