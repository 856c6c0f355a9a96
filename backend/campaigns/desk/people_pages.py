"""Who signed a campaign: look, find one, set many aside, and take a list along."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Stream
from litestar.response.base import ASGIResponse

from backend.campaigns import (
    contacts,
    exclusions,
    export,
    partners,
    pledges,
    tallies,
    withdrawing,
)
from backend.campaigns.contacts import NotAContact
from backend.campaigns.desk import forms
from backend.campaigns.desk.forms import AsideForm
from backend.campaigns.desk.pages import CAMPAIGNS, campaign_with
from backend.campaigns.export import List, Purpose
from backend.campaigns.pledge_filter import STATES, PledgeFilter
from backend.campaigns.pledges import Opened
from backend.campaigns.tables import Campaign, ConsentText, Pledge, SettingAside
from backend.counties import gazetteer
from backend.staff import audit, names
from backend.staff.auth import STEP_UP, visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import line, sent, typed_of
from backend.web.language import gettext as _
from backend.web.language import later
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

LINES = 50
# Where pledges come from, as far as we know their names.
SOURCES = {
    "web": later("the web"),
    "paper": later("paper"),
    "event": later("an event"),
    "canvass": later("canvassers"),
}
KINDS = {
    "county": later("county"),
    "since": later("signed since"),
    "until": later("signed before"),
    "source": later("where it came from"),
    "state": later("state"),
    "consent": later("what they agreed to"),
    "domain": later("e-mail domain"),
    "name": later("name"),
    "contact": later("contact"),
}


def _address(wanted: PledgeFilter, campaign: Campaign, before: str = "") -> str:
    query = {**wanted.filters(), "before": before}
    asked = urlencode({name: value for name, value in query.items() if value})
    return _here(campaign) + (f"?{asked}" if asked else "")


@get("/desk/campaigns/{id:int}/pledges", may=Right.SEE_PEOPLE, fresh=True)
async def list_pledges(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    given = {
        name: request.query_params.get(name, "")[:80].replace("\0", "")
        for name in ("county", "state", "source", "day", "consent", "before")
    }
    return await _pledges_page(request, campaign, PledgeFilter(**given))


@post("/desk/campaigns/{id:int}/pledges/find", may=Right.SEE_PEOPLE, fresh=True, back=CAMPAIGNS)
async def find(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """By whole e-mail address or phone number. It is sent as a form: no address holds it."""
    campaign = await campaign_with(id)
    typed = typed_of(await sent(request)).get("contact", "")
    try:
        contact = contacts.read(line(typed))
    except NotAContact:
        told = {"contact": _("Write a whole e-mail address or a whole phone number.")}
        return await _pledges_page(request, campaign, PledgeFilter(), typed, told)
    found = await pledges.earlier_ones(campaign.id, contact)
    found = found[: await _may_see(request, campaign, len(found) or 1)]
    await _saw(request, campaign, len(found))
    return await _page(request, campaign, PledgeFilter(), found, typed=typed[:300], searched=True)


@post("/desk/campaigns/{id:int}/pledges/{pledge:str}/withdrawal", may=Right.SEE_PEOPLE, fresh=True,
      back=CAMPAIGNS)  # fmt: skip
async def withdraw(request: AnyRequest, id: FromPath[int], pledge: FromPath[str]) -> ASGIResponse:
    """A signer asked for it by phone or letter: out of the count now, deleted in seven days."""
    campaign = await campaign_with(id)
    found = await pledges.by_id(_uuid(pledge))
    if found is None or found.campaign != campaign.id:
        raise _no_such(campaign)
    await withdrawing.ask(campaign, found, visitor_of(request).account)
    return see(_here(campaign))


@post("/desk/campaigns/{id:int}/pledges/{pledge:str}/withdrawal/undo", may=Right.SEE_PEOPLE,
      fresh=True, back=CAMPAIGNS)  # fmt: skip
async def undo_withdrawal(
    request: AnyRequest, id: FromPath[int], pledge: FromPath[str]
) -> ASGIResponse:
    campaign = await campaign_with(id)
    if not await withdrawing.take_back(campaign, _uuid(pledge), visitor_of(request).account):
        raise _no_such(campaign)
    return see(_here(campaign))


@get("/desk/campaigns/{id:int}/asides/new", may=Right.SEE_PEOPLE, fresh=True)
async def show_new_aside(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _new_aside_page(request, await campaign_with(id), AsideForm())


@post("/desk/campaigns/{id:int}/asides/new", may=Right.SEE_PEOPLE, fresh=True, back=CAMPAIGNS)
async def look_for(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """How many are like that also tells whether one contact signed, so it is as `find`."""
    campaign = await campaign_with(id)
    form = forms.read_aside(await sent(request), list(SOURCES))
    if form.mistakes:
        return await _new_aside_page(request, campaign, form)
    by = visitor_of(request).account
    aside = await exclusions.look_for(campaign, by, form.pattern, form.reason)
    return see(_aside_address(campaign, aside.id))


@get("/desk/campaigns/{id:int}/asides/{aside:int}", may=Right.SEE_PEOPLE)
async def show_aside(request: AnyRequest, id: FromPath[int], aside: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    return await _aside_page(request, campaign, await _aside(campaign, aside))


@post("/desk/campaigns/{id:int}/asides/{aside:int}/begin", may=Right.SEE_PEOPLE, fresh=True,
      back=CAMPAIGNS)  # fmt: skip
async def begin_aside(request: AnyRequest, id: FromPath[int], aside: FromPath[int]) -> ASGIResponse:
    return await _do(request, id, aside, exclusions.begin)


@post("/desk/campaigns/{id:int}/asides/{aside:int}/undo", may=Right.SEE_PEOPLE, fresh=True,
      back=CAMPAIGNS)  # fmt: skip
async def undo_aside(request: AnyRequest, id: FromPath[int], aside: FromPath[int]) -> ASGIResponse:
    return await _do(request, id, aside, exclusions.undo)


@post("/desk/campaigns/{id:int}/asides/{aside:int}/drop", may=Right.SEE_PEOPLE, fresh=True,
      back=CAMPAIGNS)  # fmt: skip
async def drop_aside(request: AnyRequest, id: FromPath[int], aside: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    found = await _aside(campaign, aside)
    try:
        await exclusions.drop(campaign, found.id, visitor_of(request).account)
    except Refused as refused:
        return await _aside_page(request, campaign, found, str(refused))
    return see(f"{CAMPAIGNS}/{id}")


@get("/desk/campaigns/{id:int}/export", may=Right.EXPORT_PEOPLE)
async def show_export(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _export_page(request, await campaign_with(id))


@get("/desk/campaigns/{id:int}/export.csv", may=Right.EXPORT_PEOPLE, fresh=True)
async def download(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    campaign = await campaign_with(id)
    query = request.query_params
    purpose, partner = query.get("purpose", ""), query.get("partner", "")
    via = query.get("via", "")
    if purpose not in list(Purpose):
        return await _export_page(request, campaign, _("Say what the list is for."))
    if purpose == Purpose.PARTNER and partner not in partners.named_on(campaign):
        return await _export_page(
            request, campaign, _("Choose a partner that the campaign’s page names.")
        )
    if via and via not in {shift.code for shift in await _shifts(request, campaign)}:
        return await _export_page(request, campaign, _("This campaign has no such shift."))
    asked = List(campaign, Purpose(purpose), partner, via)
    rows = await export.number(asked)
    await _may_see(request, campaign, rows or 1)
    await names.saw(visitor_of(request).account, rows)
    more = {"partner": partner} if purpose == Purpose.PARTNER else {}
    more |= {"shift": via} if via else {}
    await audit.write(visitor_of(request).name, "exported", f"campaign {campaign.slug}",
                      purpose=purpose, rows=rows, **more)  # fmt: skip
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{campaign.slug}-{purpose}.csv"',
    }
    file = export.as_csv(asked, excel=query.get("excel") == "yes")
    stream = Stream(file, media_type="text/csv", headers=headers)
    return stream.to_asgi_response(app=None, request=request)


async def _do(request: AnyRequest, id: int, aside: int, verb: Any) -> ASGIResponse:
    campaign = await campaign_with(id)
    found = await _aside(campaign, aside)
    try:
        await verb(campaign, found.id, visitor_of(request).account)
    except Refused as refused:
        found = await _aside(campaign, aside)
        return await _aside_page(request, campaign, found, str(refused))
    return see(_aside_address(campaign, found.id))


async def _aside(campaign: Campaign, id: int) -> SettingAside:
    found = await exclusions.with_id(campaign, id)
    if found is None:
        raise _no_such(campaign)
    return found


async def _pledges_page(
    request: AnyRequest,
    campaign: Campaign,
    wanted: PledgeFilter,
    typed: str = "",
    mistakes: dict[str, str] | None = None,
) -> Sent:
    mistakes = {**wanted.mistakes(), **(mistakes or {})}
    found: list[Opened] = []
    older = ""
    if not mistakes:
        lines = await _may_see(request, campaign, LINES)
        rows = await (
            Pledge.select()
            .where(*await wanted.where(campaign))
            .order_by(Pledge.signed_at, Pledge.id, ascending=False)
            .limit(lines + 1)
        )
        found = [pledges.opened(row) for row in rows[:lines]]
        if len(rows) > lines:
            last = found[-1]
            older = _address(wanted, campaign, f"{last.signed_at.isoformat()},{last.id}")
        await _saw(request, campaign, len(found))
    return await _page(request, campaign, wanted, found, typed[:300], mistakes, older)


async def _page(
    request: AnyRequest,
    campaign: Campaign,
    wanted: PledgeFilter,
    found: list[Opened],
    typed: str = "",
    mistakes: dict[str, str] | None = None,
    older: str = "",
    searched: bool = False,
) -> Sent:
    consents = await ConsentText.select(ConsentText.id, ConsentText.purpose)
    sources = await _sources_of(found)
    context = {
        "campaign": campaign,
        "pledges": found,
        "wanted": wanted,
        "older": older,
        "newest": _address(wanted, campaign) if wanted.before else "",
        "typed": typed,
        "searched": searched,
        "mistakes_told": mistakes or {},
        "counties": gazetteer.counties(),
        "county_names": await export.county_names(),
        "purposes": {row["id"]: row["purpose"] for row in consents},
        "source_of": sources,
        "states": {state: _(label) for state, label in STATES.items()},
        "sources": _sources(),
        "withdrawn": await withdrawing.asked_for([pledge.id for pledge in found]),
        "deleted_after": withdrawing.DELETED_AFTER,
    }
    status = 422 if mistakes else 200
    what = Page("campaigns/desk/pledges.html", context, status=status, query=wanted.filters())
    return desk_page(request, what)


async def _sources_of(found: list[Opened]) -> dict[UUID, str]:
    if not found:
        return {}
    rows = await Pledge.select(Pledge.id, Pledge.source).where(
        Pledge.id.is_in([pledge.id for pledge in found])
    )
    return {row["id"]: _(SOURCES.get(row["source"], row["source"])) for row in rows}


async def _new_aside_page(request: AnyRequest, campaign: Campaign, form: AsideForm) -> Sent:
    context = {
        "campaign": campaign,
        "form": form,
        "county_choices": [(county.slug, county.name) for county in gazetteer.counties()],
        "sources": _sources(),
    }
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("campaigns/desk/aside_new.html", context, status=status))


async def _aside_page(
    request: AnyRequest, campaign: Campaign, aside: SettingAside, refused: str = ""
) -> Sent:
    shown: list[Opened] = []
    visitor = visitor_of(request)
    may_look = visitor.session.is_fresh() and not await names.is_stopped(visitor.account)
    if aside.looked_at and not aside.begun_at and may_look:
        shown = await exclusions.samples(aside)
        await _saw(request, campaign, len(shown))
    numbers = await tallies.numbers(campaign.id)
    pattern: Any = aside.pattern
    maker: Any = aside.made_by
    context = {
        "campaign": campaign,
        "aside": aside,
        "made_by": maker.name if maker and maker.id else "",
        "kinds": [_(KINDS[kind]) for kind in pattern["kinds"]],
        "in_all": numbers.confirmed + numbers.awaiting + numbers.set_aside,
        "samples": shown,
        "may_look": may_look,
        "step_up": f"{STEP_UP}?{urlencode({'next': _aside_address(campaign, aside.id)})}",
        "county_names": await export.county_names(),
        "states": {state: _(label) for state, label in STATES.items()},
        "at_work": _at_work(aside),
        "refused": refused,
    }
    status = 409 if refused else 200
    return desk_page(request, Page("campaigns/desk/aside.html", context, "aside", status))


def _at_work(aside: SettingAside) -> bool:
    """Whether the job has something to do: then the page looks again by itself."""
    if aside.undone_at:
        return aside.back_at is None
    return aside.done_at is None if aside.begun_at else aside.looked_at is None


async def _shifts(request: AnyRequest, campaign: Campaign) -> list[Any]:
    """Those at which it could be signed, where canvassing is a room of this house."""
    offered = request.app.state.offers.get("shifts")
    return await offered(campaign.id) if offered else []


async def _export_page(request: AnyRequest, campaign: Campaign, refused: str = "") -> Sent:
    context = {
        "campaign": campaign,
        "shifts": await _shifts(request, campaign),
        "partners": list(partners.named_on(campaign)),
        "refused": refused,
    }
    status = 422 if refused else 200
    return desk_page(request, Page("campaigns/desk/export.html", context, status=status))


async def _saw(request: AnyRequest, campaign: Campaign, count: int) -> None:
    """Who looked at people, and at how many; never at whom."""
    visitor = visitor_of(request)
    await audit.write(visitor.name, "saw_people", f"campaign {campaign.slug}", count=count)
    await names.saw(visitor.account, count)


async def _may_see(request: AnyRequest, campaign: Campaign, most: int) -> int:
    """How many people this person may be shown now. Raises CannotAnswer when none."""
    try:
        return await names.may_see(visitor_of(request).account, most)
    except names.TooMany as enough:
        here = f"{CAMPAIGNS}/{campaign.id}"
        raise CannotAnswer(str(enough), status=429, way_on=(here, _("Campaign"))) from None


def _sources() -> dict[str, str]:
    return {source: _(label) for source, label in SOURCES.items()}


def _here(campaign: Campaign) -> str:
    return f"{CAMPAIGNS}/{campaign.id}/pledges"


def _aside_address(campaign: Campaign, id: int) -> str:
    return f"{CAMPAIGNS}/{campaign.id}/asides/{id}"


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _no_such(campaign: Campaign) -> CannotAnswer:
    told = _("That is not there, or not any more.")
    return CannotAnswer(told, status=404, way_on=(f"{CAMPAIGNS}/{campaign.id}", _("Campaign")))
