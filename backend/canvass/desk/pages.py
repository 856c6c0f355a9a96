"""Canvassing at the desk: shifts, who works on them, and the phones they carry."""

import datetime
from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign
from backend.canvass import shifts, totals
from backend.canvass.desk import forms
from backend.canvass.desk.forms import ShiftForm
from backend.canvass.shifts import Plan
from backend.canvass.tables import INVITATION, Shift
from backend.counties.tables import County
from backend.hearings import wording
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.staff.tables import LARGEST_ID, now
from backend.web.clock import CALIFORNIA
from backend.web.errors import CannotAnswer, Refused
from backend.web.forms import sent
from backend.web.language import LANGUAGES, in_words, ngettext, number_in_words
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.qr import draw
from backend.web.responses import AnyRequest, Sent, see

CANVASS = "/desk/canvass"
# A clock that is off by less says nothing.
CLOCK_OFF = 120


@get(CANVASS, may=Right.LEAD_CANVASS)
async def list_shifts(request: AnyRequest) -> ASGIResponse:
    found = await shifts.all_for(visitor_of(request).account)
    at = now()
    context = {
        "groups": [
            (_("Now"), [each for each in found if _is_on(each, at)]),
            (_("Coming"), [each for each in reversed(found) if not each.ended_at
                           and each.starts_at > at]),
            (_("Past"), [each for each in found if each.ended_at or each.ends_at <= at]),
        ],
        "tallies": await totals.of_all(found),
        "hours": hours,
        "any": bool(found),
    }  # fmt: skip
    return desk_page(request, Page("canvass/desk/shifts.html", context))


@get("/desk/canvass/new", may=Right.LEAD_CANVASS)
async def show_new(request: AnyRequest) -> ASGIResponse:
    return await _form_page(request, forms.empty(visitor_of(request).account.id))


@post("/desk/canvass/new", may=Right.LEAD_CANVASS)
async def begin(request: AnyRequest) -> ASGIResponse:
    form = await _read(request)
    if form.plan is None:
        return await _form_page(request, form)
    made = await shifts.begin(form.plan, visitor_of(request).account)
    return see(f"{CANVASS}/{made.id}")


@get("/desk/canvass/{id:int}", may=Right.LEAD_CANVASS)
async def show_shift(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await shift_page(request, await shift_with(request, id))


@get("/desk/canvass/{id:int}/edit", may=Right.LEAD_CANVASS)
async def show_edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    shift = await shift_with(request, id)
    plan = Plan(
        event=shift.event,
        place=shift.place,
        county=None,
        campaigns=shift.campaigns,
        languages=shift.languages,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        leads=frozenset(each.id for each in await shifts.leads_of(id)),
        canvassers=frozenset(await shifts.canvassers_of(id)),
    )
    row = await County.select(County.slug).where(County.id == shift.county).first()
    form = forms.filled(plan, row["slug"] if row else "")
    form.typed["seen"] = await shifts.fingerprint(id)
    return await _form_page(request, form, shift)


@post("/desk/canvass/{id:int}/edit", may=Right.LEAD_CANVASS)
async def edit(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    shift = await shift_with(request, id)
    form = await _read(request, shift)
    if form.plan is None:
        return await _form_page(request, form, shift)
    try:
        seen = form.typed.get("seen", "")
        await shifts.change(shift, form.plan, visitor_of(request).account, seen)
    except Refused as refused:
        form.mistakes["event"] = str(refused)
        form.typed["seen"] = await shifts.fingerprint(id)
        return await _form_page(request, form, shift)
    return see(f"{CANVASS}/{id}")


@post("/desk/canvass/{id:int}/end", may=Right.LEAD_CANVASS)
async def end(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    await shifts.end(await shift_with(request, id), visitor_of(request).account)
    return see(f"{CANVASS}/{id}")


@post("/desk/canvass/{id:int}/reopen", may=Right.LEAD_CANVASS)
async def reopen(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    await shifts.reopen(await shift_with(request, id), visitor_of(request).account)
    return see(f"{CANVASS}/{id}")


@post("/desk/canvass/{id:int}/invitations", may=Right.LEAD_CANVASS)
async def invite(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """A code for one phone. It stands on this answer alone: no address of ours holds it."""
    shift = await shift_with(request, id)
    canvasser = _number(dict(await sent(request)).get("canvasser", ""))
    try:
        code = await shifts.invite(shift, canvasser, visitor_of(request).account)
    except Refused as refused:
        return await shift_page(request, shift, str(refused))
    context = {
        "shift": shift,
        "canvasser": canvasser,
        "name": (await shifts.canvassers_of(id)).get(canvasser, ""),
        "code": f"{code[:5]}-{code[5:]}",
        "qr": draw(f"/canvass#{code}"),
        "until": wording.clock(now() + INVITATION),
        "seconds": int(INVITATION.total_seconds()),
        **await _phones(shift),
    }
    return desk_page(request, Page("canvass/desk/invitation.html", context))


@get("/desk/canvass/{id:int}/phones", may=Right.LEAD_CANVASS)
async def show_phones(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """The list alone, for pages that look again by themselves."""
    shift = await shift_with(request, id)
    if request.headers.get("hx-request") != "true":
        return see(f"{CANVASS}/{id}")
    context = {"shift": shift, **await _phones(shift)}
    return desk_page(request, Page("canvass/desk/phones.html", context))


@post("/desk/canvass/{id:int}/revocations", may=Right.LEAD_CANVASS)
async def revoke(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """Take one phone off, all of a canvasser, or all of the shift."""
    shift = await shift_with(request, id)
    asked = dict(await sent(request))
    by = visitor_of(request).account
    if asked.get("device"):
        await shifts.revoke(shift, by, device=_uuid(asked["device"]))
    elif asked.get("canvasser"):
        await shifts.revoke(shift, by, canvasser=_number(asked["canvasser"]))
    elif asked.get("all") == "yes":
        await shifts.revoke(shift, by)
    return see(f"{CANVASS}/{id}")


async def shift_with(request: AnyRequest, id: int) -> Shift:
    """One that who asks may see. Raises CannotAnswer."""
    found = await shifts.with_id(id, visitor_of(request).account)
    if found is None:
        told = _("There is no such shift among those that you lead.")
        raise CannotAnswer(told, status=404, way_on=(CANVASS, _("Canvassing")))
    return found


async def shift_page(request: AnyRequest, shift: Shift, refused: str = "") -> Sent:
    found = await totals.of_shift(shift)
    county = await County.select(County.slug).where(County.id == shift.county).first()
    counties = dict(forms.county_choices())
    context = {
        "shift": shift,
        "hours": hours(shift),
        "county": counties.get(county["slug"], "") if county else "",
        "campaigns": await campaigns_of(shift),
        "readers": [LANGUAGES[code].name for code in shift.languages if code in LANGUAGES],
        "leads": await shifts.leads_of(shift.id),
        "canvassers": await shifts.canvassers_of(shift.id),
        "whole": found.whole,
        "review": found.review,
        "refused": refused,
        **await _phones(shift),
    }
    status = 409 if refused else 200
    return desk_page(request, Page("canvass/desk/shift.html", context, status=status))


async def campaigns_of(shift: Shift) -> list[Campaign]:
    """In the order in which they are offered."""
    found: list[Campaign] = await Campaign.objects().where(
        Campaign.id.is_in(shift.campaigns or [0])
    )
    return sorted(found, key=lambda each: shift.campaigns.index(each.id))


def hours(shift: Shift) -> str:
    """From when until when."""
    starts, ends = (each.astimezone(CALIFORNIA) for each in (shift.starts_at, shift.ends_at))
    said = wording.clock(ends) if starts.date() == ends.date() else wording.moment(ends)
    return _("%(start)s until %(end)s") % {"start": wording.moment(starts), "end": said}


async def _phones(shift: Shift) -> dict[str, Any]:
    """What `canvass/desk/phones.html` shows."""
    return {"phones": await shifts.phones_of(shift.id), "clock_off": _clock_off}


def _clock_off(seconds: int | None) -> str:
    """By how much a phone's clock is wrong; nothing when it is as good as right."""
    if seconds is None or abs(seconds) < CLOCK_OFF:
        return ""
    minutes = round(abs(seconds) / 60)
    if minutes >= 1440:
        number = round(minutes / 1440)
        said = ngettext("%(num)s day", "%(num)s days", number)
    elif minutes >= 60:
        number = round(minutes / 60)
        said = ngettext("%(num)s hour", "%(num)s hours", number)
    else:
        number = minutes
        said = ngettext("%(num)s minute", "%(num)s minutes", number)
    ahead = _("its clock is %(time)s ahead") if seconds > 0 else _("its clock is %(time)s behind")
    return ahead % {"time": said % {"num": number_in_words(number)}}


async def _read(request: AnyRequest, shift: Shift | None = None) -> ShiftForm:
    rows = await County.select(County.slug, County.id)
    counties = {row["slug"]: row["id"] for row in rows}
    return forms.read(await sent(request), counties, [id for id, _t in await _choices(shift)])


async def _choices(shift: Shift | None) -> list[tuple[int, str]]:
    """Campaigns that can be signed now, and those that the shift has already."""
    rows = await (
        Campaign.select(Campaign.id, Campaign.title)
        .where(
            (Campaign.state == CampaignState.LIVE)
            | Campaign.id.is_in((shift.campaigns if shift else []) or [0])
        )
        .order_by(Campaign.id)
    )
    return [(row["id"], in_words(row["title"])) for row in rows]


async def _form_page(request: AnyRequest, form: ShiftForm, shift: Shift | None = None) -> Sent:
    account = visitor_of(request).account
    people = await shifts.known_to(account)
    if shift is not None:
        people |= await shifts.canvassers_of(shift.id)
    context = {
        "form": form,
        "shift": shift,
        "counties": forms.county_choices(),
        "campaigns": await _choices(shift),
        "readers": [(code, LANGUAGES[code].name) for code in forms.languages()],
        "leads": await shifts.possible_leads(),
        "people": people,
    }
    status = 422 if form.mistakes else 200
    return desk_page(request, Page("canvass/desk/edit.html", context, status=status))


def _is_on(shift: Shift, at: datetime.datetime) -> bool:
    return shift.ended_at is None and shift.starts_at <= at < shift.ends_at


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else 0
    return number if number <= LARGEST_ID else 0


def _uuid(text: str) -> UUID:
    try:
        return UUID(text[:40])
    except ValueError:
        return UUID(int=0)
