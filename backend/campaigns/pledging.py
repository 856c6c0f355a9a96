"""Addresses for signers: sign, and come back with the receipt to confirm, correct or withdraw."""

import re
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.campaigns import contacts, forms, puzzle, receipts, signing
from backend.campaigns.contacts import NotAContact
from backend.campaigns.forms import SignForm
from backend.campaigns.loading import consents_for, is_text
from backend.campaigns.signing import CodeIsUsedUp, NotOpen, Opened, Signature, TooManyNames
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign, ConsentText
from backend.counties import gazetteer
from backend.counties.tables import County
from backend.web import kept, language
from backend.web.clock import today
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.limits import Limit, client_key
from backend.web.pages import Page, page
from backend.web.qr import qr
from backend.web.sending import AnyRequest, Sent, go_on, see

# Past this many from one network within an hour a phone has to do a sum; a whole market may share
# one network, so nobody is turned away for it.
FREELY = Limit(20, 3600)
WITH_A_SUM = Limit(600, 3600)
# All over the site: a wave that no campaign of ours makes.
EVERYONE = Limit(60_000, 3600)
LOOKS = Limit(40, 3600)
ALL = b"everyone"
IS_ID = re.compile("[1-9][0-9]{0,8}")


@post("/campaigns/{slug:str}/pledges", include_in_schema=False)
async def sign(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    language.current.set(language.of(request))
    campaign = await _open_campaign(slug)
    form = forms.read_signature(await _sent(request))
    agreed = await _agreed(campaign, form)
    if form.mistakes:
        return await _show_form(request, campaign, form, status=422)
    if not _may_sign(request, form):
        return await _show_form(request, campaign, form, status=429, ask=puzzle.new())
    try:
        signature = await _signature(form, agreed)
        receipt = await signing.sign(campaign, signature, doubtful=form.doubtful)
    except NotOpen:
        raise _not_open(campaign) from None
    return go_on(request, f"/pledges/{receipt}")


@get("/pledges", include_in_schema=False)
async def ask_for_receipt(request: AnyRequest) -> ASGIResponse:
    """Where somebody types the code from their paper; it leads to their own page."""
    language.current.set(language.of(request))
    typed = request.query_params.get("code", "")
    code = receipts.read(typed)
    if code is not None:
        return see(f"/pledges/{code}")
    wrong = _("That is not a receipt code. It has eight letters and numbers.") if typed else ""
    what = {"typed": typed[:40], "wrong": wrong}
    return _private(request, "campaigns/receipt.html", what, status=422 if wrong else 200)


@get("/pledges/leave", include_in_schema=False)
async def show_leave(request: AnyRequest) -> ASGIResponse:
    return _private(request, "campaigns/leave.html", {"typed": "", "wrong": "", "sent": False})


@post("/pledges/leave", include_in_schema=False)
async def leave(request: AnyRequest) -> ASGIResponse:
    language.current.set(language.of(request))
    typed = (await _sent(request)).get("contact", "")
    try:
        contact = contacts.read(typed)
    except NotAContact:
        wrong = _("This e-mail address cannot be right. Look at it letter by letter.")
        told = {"typed": typed[:300], "wrong": wrong, "sent": False}
        return _private(request, "campaigns/leave.html", told, status=422)
    _limit_looks(request)
    await signing.ask_to_leave(contact)
    return _private(request, "campaigns/leave.html", {"typed": "", "wrong": "", "sent": True})


@get("/pledges/withdrawn", include_in_schema=False)
async def show_withdrawn(request: AnyRequest) -> ASGIResponse:
    return _private(request, "campaigns/withdrawn.html", {})


@get("/pledges/{code:str}", include_in_schema=False)
async def show_pledge(request: AnyRequest, code: FromPath[str]) -> ASGIResponse:
    """A signer's own page. It names nobody: who finds the code learns no name. Opening it, as a
    mail scanner does, changes nothing."""
    pledge = await _found(request, code)
    return await _show_pledge(request, pledge, digits=request.query_params.get("code", "")[:10])


@post("/pledges/{code:str}/confirmations", include_in_schema=False)
async def confirm(request: AnyRequest, code: FromPath[str]) -> ASGIResponse:
    pledge = await _found(request, code)
    typed = (await _sent(request)).get("code")
    try:
        right = await signing.confirm(pledge, typed)
    except CodeIsUsedUp:
        return await _show_pledge(request, pledge, mistakes={"code": _used_up()}, status=422)
    except TooManyNames:
        told = _("Two people have signed with this contact. A third name cannot be counted.")
        return await _show_pledge(request, pledge, mistakes={"code": told}, status=422)
    if not right:
        told = _("These are not the six digits we sent. Look at the newest message.")
        return await _show_pledge(request, pledge, mistakes={"code": told}, status=422)
    return go_on(request, f"/pledges/{pledge.receipt}")


@post("/pledges/{code:str}/codes", include_in_schema=False)
async def send_code(request: AnyRequest, code: FromPath[str]) -> ASGIResponse:
    pledge = await _found(request, code)
    if not await signing.send_again(pledge):
        return await _show_pledge(request, pledge, mistakes={"code": _used_up()}, status=422)
    return await _show_pledge(request, pledge, sent=True)


@post("/pledges/{code:str}/corrections", include_in_schema=False)
async def correct(request: AnyRequest, code: FromPath[str]) -> ASGIResponse:
    pledge = await _found(request, code)
    sent = await _sent(request)
    form = forms.read_correction(sent)
    agreed = await _agreed(await _campaign_of(pledge), form)
    if form.mistakes:
        return await _show_pledge(request, pledge, form=form, mistakes=form.mistakes, status=422)
    await signing.correct(
        pledge,
        name=form.name or None,
        county=await _county_id(form.county.slug) if form.county else None,
        language=language.current.get().code,
        consents=(*await _promise(pledge), *agreed),
    )
    return await _show_pledge(request, await _found(request, code), corrected=True)


@post("/pledges/{code:str}/withdrawal", include_in_schema=False)
async def withdraw(request: AnyRequest, code: FromPath[str]) -> ASGIResponse:
    await signing.withdraw(await _found(request, code))
    return go_on(request, "/pledges/withdrawn")


def sign_form_context(
    campaign: Campaign,
    consents: dict[str, ConsentText],
    form: SignForm | None = None,
    ask: str = "",
) -> dict[str, Any]:
    """What `campaigns/sign.html` shows: an empty form, or one with mistakes. `ask` is a sum."""
    form = form or SignForm()
    return {
        "campaign": campaign,
        "consents": consents,
        "typed": form.typed,
        "mistakes": form.mistakes,
        "choose": form.choose,
        "puzzle": ask,
        "via": form.via or "",
    }


async def _open_campaign(slug: str) -> Campaign:
    campaign = await _known_campaign(slug)
    if campaign is None:
        told = _("We know no campaign by that name.")
        raise CannotAnswer(told, status=404, way_on=("/campaigns", _("See all campaigns")))
    if not campaign.is_open(today()):
        raise _not_open(campaign)
    return campaign


class _Shelf:
    """Campaigns that were open, by slug, until something on the record changes. That one is live
    `signing.sign` asks the database itself, so a closed one takes no name meanwhile."""

    campaigns: dict[str, Campaign]
    cleared = -1


_shelf = _Shelf()


async def _known_campaign(slug: str) -> Campaign | None:
    if _shelf.cleared != kept.times_cleared():
        _shelf.campaigns, _shelf.cleared = {}, kept.times_cleared()
    found = _shelf.campaigns.get(slug)
    if found is not None and found.is_open(today()):
        return found
    cleared = kept.times_cleared()
    campaign: Campaign | None = await (
        Campaign.objects()
        .where(Campaign.slug == slug[:60], Campaign.state != CampaignState.DRAFT)
        .first()
        .output(load_json=True)
    )
    if campaign is not None and cleared == kept.times_cleared():
        _shelf.campaigns[campaign.slug] = campaign
    return campaign


def _not_open(campaign: Campaign) -> CannotAnswer:
    return CannotAnswer(
        _("This campaign is not open for signatures now. Your name was not kept."),
        status=409,
        way_on=(f"/campaigns/{campaign.slug}", _("See what became of it")),
    )


async def _show_form(
    request: AnyRequest, campaign: Campaign, form: SignForm, status: int, ask: str = ""
) -> Sent:
    consents = await consents_for(campaign, language.current.get().code)
    context = sign_form_context(campaign, consents, form, ask)
    what = Page("campaigns/signing.html", context, "sign_form", status, private=True)
    return page(request, what)


def _may_sign(request: AnyRequest, form: SignForm) -> bool:
    client = client_key(request)
    if not EVERYONE.take(ALL):
        return puzzle.is_solved(form.puzzle)
    if FREELY.take(client):
        return True
    return WITH_A_SUM.take(client) and puzzle.is_solved(form.puzzle)


async def _signature(form: SignForm, agreed: tuple[int, ...]) -> Signature:
    assert form.contact is not None
    assert form.county is not None
    return Signature(
        name=form.name,
        contact=form.contact,
        county=await _county_id(form.county.slug),
        language=language.current.get().code,
        consents=agreed,
        via=form.via,
    )


async def _agreed(campaign: Campaign, form: SignForm) -> tuple[int, ...]:
    """Ids of the texts whose boxes were ticked: of the words the signer saw, whatever today's are.
    A box beside words that never were is a mistake in the form."""
    asked = await consents_for(campaign, language.current.get().code)
    ids = []
    for purpose, words in form.ticked.items():
        if purpose not in asked:
            continue
        if IS_ID.fullmatch(words) and await is_text(purpose, int(words)):
            ids.append(int(words))
        else:
            told = _("These words have changed. Read them and tick the box again.")
            form.mistakes[f"agree_{purpose}"] = told
    return tuple(ids)


async def _promise(pledge: Opened) -> list[int]:
    """What was agreed to with the signature itself: no correction changes that."""
    rows = await ConsentText.select(ConsentText.id).where(
        ConsentText.id.is_in(pledge.consents or [0]), ConsentText.purpose == "pledge"
    )
    return [row["id"] for row in rows]


_ids: dict[str, int] = {}


async def _county_id(slug: str) -> int:
    # Ids of counties never change while a process lives.
    if slug not in _ids:
        for row in await County.select(County.slug, County.id):
            _ids[row["slug"]] = row["id"]
    return _ids[slug]


async def _found(request: AnyRequest, code: str) -> Opened:
    language.current.set(language.of(request))
    read = receipts.read(code)
    if read is not None:
        _limit_looks(request)
        pledge = await signing.by_receipt(read)
        if pledge is not None:
            return pledge
    raise CannotAnswer(
        _("We know no pledge with this code. It may be withdrawn, or a letter may be wrong."),
        status=404,
        way_on=("/pledges", _("Type the code again")),
    )


def _limit_looks(request: AnyRequest) -> None:
    client = client_key(request)
    if not LOOKS.take(client):
        minutes = LOOKS.wait(client) // 60 + 1
        told = _("That was often. Please wait %(minutes)s minutes.") % {"minutes": minutes}
        raise CannotAnswer(told, status=429)


async def _show_pledge(
    request: AnyRequest,
    pledge: Opened,
    digits: str = "",
    form: SignForm | None = None,
    mistakes: dict[str, str] | None = None,
    sent: bool = False,
    corrected: bool = False,
    status: int = 200,
) -> Sent:
    campaign = await _campaign_of(pledge)
    agreed = await ConsentText.select(ConsentText.purpose).where(
        ConsentText.id.is_in(pledge.consents or [0])
    )
    form = form or SignForm()
    what = {
        "campaign": campaign,
        "pledge": pledge,
        "receipt": receipts.in_words(pledge.receipt or ""),
        "qr": qr(f"/pledges/{pledge.receipt}"),
        "digits": digits,
        "agreed": {row["purpose"] for row in agreed},
        "consents": await consents_for(campaign, language.current.get().code),
        "typed": form.typed,
        "choose": form.choose,
        "mistakes": mistakes or {},
        "sent": sent,
        "corrected": corrected,
        "names_end_on": campaign.names_end_on(),
        "county_name": await _county_name(pledge.county),
    }
    return _private(request, "campaigns/pledge.html", what, block="pledge", status=status)


async def _campaign_of(pledge: Opened) -> Campaign:
    campaign: Campaign | None = await (
        Campaign.objects().where(Campaign.id == pledge.campaign).first().output(load_json=True)
    )
    assert campaign is not None  # the row points at it
    return campaign


async def _county_name(id: int) -> str:
    await _county_id(gazetteer.counties()[0].slug)
    slug = next(slug for slug, each in _ids.items() if each == id)
    county = gazetteer.county(slug)
    return county.name if county else slug


def _private(
    request: AnyRequest,
    template: str,
    context: dict[str, Any],
    block: str | None = None,
    status: int = 200,
) -> Sent:
    return page(request, Page(template, context, block, status, private=True))


async def _sent(request: AnyRequest) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


def _used_up() -> str:
    return _("This code is used up. Ask for a new one, or sign again tomorrow.")
