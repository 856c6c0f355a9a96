"""Sign-up form: addresses for signers, to sign, and to come back with the receipt to confirm,
correct or withdraw."""

import re
from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from markupsafe import escape

from backend.campaigns import contacts, forms, own_page, queries, receipts, signing
from backend.campaigns.contacts import NotAContact
from backend.campaigns.forms import SignForm
from backend.campaigns.loading import consents_for, is_text
from backend.campaigns.pledges import Standing
from backend.campaigns.signing import CodeIsUsedUp, NotOpen, Signature
from backend.campaigns.states import CampaignState, PledgeState
from backend.campaigns.tables import (
    TYPED_UNCONFIRMED_KEPT,
    UNCONFIRMED_KEPT,
    Campaign,
    ConsentText,
)
from backend.counties import gazetteer
from backend.counties.tables import County
from backend.staff.tables import now
from backend.web import language, page_cache, proof_of_work
from backend.web.clock import today
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.pages import Page, kept_page, page, wants_block
from backend.web.qr import draw
from backend.web.rate_limits import AllOf, Limit, NetworkLimit
from backend.web.response_timing import evenly
from backend.web.responses import AnyRequest, Sent, go_on, see

# From the fourth of one network within ten minutes on a phone does a sum; a whole market may share
# one network, so nobody is turned away for it before there are thousands.
FREELY = NetworkLimit("sign", 3, 600)
AT_ALL = NetworkLimit("sign at all", 3000, 3600)
AT_ALL_FREELY = AllOf(AT_ALL, FREELY)
# Receipt codes that were wrong: past these a sum comes first, also with a right one, or who guesses
# would learn by it which is right.
WRONG_CODES = NetworkLimit("wrong receipts", 20, 3600, closed=True)
WRONG_IN_ALL = Limit("wrong receipts in all", 1000, 3600, closed=True)
ALL = b"everyone"
LEAVES = NetworkLimit("leave", 40, 3600, closed=True)
# So many signatures a minute all over the site are nothing special; a sum grows with what is more.
CALM = 100
PAGE_KEPT = 60
NOBODY = UUID(int=0)
IS_ID = re.compile("[1-9][0-9]{0,8}")
DIGITS = re.compile("[0-9]{6}")


@post("/campaigns/{slug:str}/pledges")
async def sign(request: AnyRequest, slug: FromPath[str]) -> ASGIResponse:
    """The answer is the signer's own page, with their receipt: nothing more has to be asked for,
    should the signal go now."""
    async with evenly():
        campaign = await _open_campaign(slug)
        form = forms.read_signature(await _sent(request))
        agreed = await _agreed(campaign, form)
        if form.mistakes:
            return await _show_form(request, campaign, form, status=422)
        mark = own_page.mark_of_form(
            campaign.slug, form.name, form.contact.same if form.contact else ""
        )
        before = await _signed_just_now(request, mark)
        if before is not None:
            return await _show_pledge(request, *before, mark=mark, new=True)
        if not await _may_sign(request, form):
            return await _show_form(request, campaign, form, status=429, ask=True)
        try:
            signature = await _signature(form, agreed)
            receipt = await signing.sign(campaign, signature, doubtful=form.doubtful)
        except NotOpen:
            raise _not_open(campaign) from None
        return await _show_signed(request, campaign, form, receipt, mark)


@get("/pledges")
async def ask_for_receipt(request: AnyRequest) -> ASGIResponse:
    """Where somebody types the code from their paper, or a letter's link brings it behind a #."""
    typed = request.query_params.get("code", "")
    return await _open(request, typed) if typed else _show_receipt_form(request)


@post("/pledges")
async def open_pledge(request: AnyRequest) -> ASGIResponse:
    sent = await _sent(request)
    code, _dot, digits = sent.get("code", "").partition(".")
    return await _open(request, code, digits or sent.get("digits", ""), sent)


@get("/pledges/leave")
async def show_leave(request: AnyRequest) -> ASGIResponse:
    return _private(request, "campaigns/leave.html", {"typed": "", "wrong": "", "sent": False})


@post("/pledges/leave")
async def leave(request: AnyRequest) -> ASGIResponse:
    async with evenly():
        typed = (await _sent(request)).get("contact", "")
        try:
            contact = contacts.read(typed)
        except NotAContact:
            wrong = _("This e-mail address cannot be right. Look at it letter by letter.")
            told = {"typed": typed[:300], "wrong": wrong, "sent": False}
            return _private(request, "campaigns/leave.html", told, status=422)
        if not await LEAVES.take(request):
            raise _too_often(await LEAVES.wait(request))
        await signing.ask_to_leave(contact)
        return _private(request, "campaigns/leave.html", {"typed": "", "wrong": "", "sent": True})


@get("/pledges/withdrawn")
async def show_withdrawn(request: AnyRequest) -> ASGIResponse:
    return _private(request, "campaigns/withdrawn.html", {})


@get(own_page.HERE)
async def show_mine(request: AnyRequest) -> ASGIResponse:
    """A signer's own page. It names nobody: who finds the code learns no name."""
    pledge, receipt, digits = await _mine(request)
    return await _show_pledge(request, pledge, receipt, digits=digits)


@get("/pledges/{code:str}")
async def show_pledge(request: AnyRequest, code: FromPath[str]) -> ASGIResponse:
    """A link from before codes left the address. Opening it, as a mail scanner does, changes
    nothing."""
    return await _open(request, code, request.query_params.get("code", ""))


@post(f"{own_page.HERE}/confirmations")
async def confirm(request: AnyRequest) -> ASGIResponse:
    async with evenly():
        sent = await _sent(request)
        pledge, receipt, _digits = await _mine(request, sent)
        if pledge.confirmed:
            return await _show_pledge(request, pledge, receipt)
        try:
            new = await signing.confirm(pledge, sent.get("code", ""))
        except CodeIsUsedUp:
            told = {"code": _used_up()}
            return await _show_pledge(request, pledge, receipt, mistakes=told, status=422)
        if new is None:
            told = {"code": _("These are not the six digits we sent. Look at the newest message.")}
            typed = sent.get("code", "")[:20]
            return await _show_pledge(request, pledge, receipt, typed, mistakes=told, status=422)
        standing = await signing.by_receipt(new)
        assert standing is not None  # it was committed
        return await _show_pledge(request, standing, new, new=True)


@post(f"{own_page.HERE}/codes")
async def send_code(request: AnyRequest) -> ASGIResponse:
    async with evenly():
        pledge, receipt, _digits = await _mine(request, await _sent(request))
        await signing.send_again(pledge)
        return await _show_pledge(request, pledge, receipt, sent=True)


@post(f"{own_page.HERE}/corrections")
async def correct(request: AnyRequest) -> ASGIResponse:
    async with evenly():
        sent = await _sent(request)
        pledge, receipt, _digits = await _mine(request, sent)
        form = forms.read_correction(sent)
        agreed = await _agreed(await _campaign_of(pledge), form)
        if form.mistakes:
            return await _show_pledge(request, pledge, receipt, form=form,
                                      mistakes=form.mistakes, status=422)  # fmt: skip
        await signing.correct(
            pledge,
            name=form.name or None,
            county=await _county_id(form.county.slug) if form.county else None,
            language=language.current.get().code,
            consents=(*await _promise(pledge), *agreed),
        )
        pledge, receipt, _digits = await _mine(request, sent)
        return await _show_pledge(request, pledge, receipt, corrected=True)


@post(f"{own_page.HERE}/withdrawal")
async def withdraw(request: AnyRequest) -> ASGIResponse:
    async with evenly():
        pledge, _receipt, _digits = await _mine(request, await _sent(request))
        await signing.withdraw(pledge)
        return own_page.forget(go_on(request, "/pledges/withdrawn"))


def sign_form_context(
    campaign: Campaign,
    consents: dict[str, ConsentText],
    form: SignForm | None = None,
    ask: str = "",
    ticket: str = "",
) -> dict[str, Any]:
    """What `campaigns/sign.html` shows: an empty form, or one with mistakes. `ask` is a sum, and
    `ticket` for who cannot do one."""
    form = form or SignForm()
    return {
        "campaign": campaign,
        "consents": consents,
        "typed": form.typed,
        "mistakes": form.mistakes,
        "choose": form.choose,
        "puzzle": ask,
        "ticket": ticket,
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
    if _shelf.cleared != page_cache.times_cleared():
        _shelf.campaigns, _shelf.cleared = {}, page_cache.times_cleared()
    found = _shelf.campaigns.get(slug)
    if found is not None and found.is_open(today()):
        return found
    cleared = page_cache.times_cleared()
    campaign: Campaign | None = await (
        Campaign.objects()
        .where(Campaign.slug == slug[:60], Campaign.state != CampaignState.DRAFT)
        .first()
    )
    if campaign is not None and cleared == page_cache.times_cleared():
        _shelf.campaigns[campaign.slug] = campaign
    return campaign


def _not_open(campaign: Campaign) -> CannotAnswer:
    return CannotAnswer(
        _("This campaign is not open for signatures now. Your name was not kept."),
        status=409,
        way_on=(f"/campaigns/{campaign.slug}", _("See what became of it")),
    )


async def _show_form(
    request: AnyRequest, campaign: Campaign, form: SignForm, status: int, ask: bool = False
) -> Sent:
    """`ask`: for a sum too."""
    consents = await consents_for(campaign, language.current.get().code)
    sum = await _sum() if ask else ""
    context = sign_form_context(
        campaign, consents, form, sum, proof_of_work.ticket() if ask else ""
    )
    what = Page("campaigns/signing.html", context, "sign_form", status, private=True)
    return page(request, what)


# What stands in a kept answer to signing in place of what is one signer's own. No code, no mark and
# no county looks like it.
RECEIPT, OF, COUNTY = "~receipt~", "~of~", "~county~"


async def _show_signed(
    request: AnyRequest, campaign: Campaign, form: SignForm, receipt: str, mark: str
) -> Sent:
    """The page of who has just signed. All who sign the same way get the same but for their code:
    made once, it costs them no time."""
    assert form.contact is not None
    assert form.county is not None
    kind, purposes = form.contact.kind, tuple(sorted(form.purposes))

    async def make() -> Page:
        pledge = Standing(
            id=NOBODY, campaign=campaign.id, state=PledgeState.RECEIVED, county=0,
            language=language.current.get().code, kind=kind, source="web", round=0, consents=[],
            signed_at=now(), confirmed_at=None, contact_index=None,
        )  # fmt: skip
        what = await _pledge_context(campaign, pledge, set(purposes))
        own = {"of": OF, "receipt": RECEIPT, "county_name": COUNTY, "new": True}
        return Page("campaigns/pledge.html", {**what, **own}, "pledge", private=True)

    fill_in = {
        RECEIPT: receipts.in_words(receipt),
        OF: own_page.mark_of(receipt),
        COUNTY: str(escape(form.county.name)),
    }
    key = ("signed", campaign.id, kind, purposes, today())
    answer = await kept_page(request, key, make, PAGE_KEPT, fill_in)
    return _in_place_of_all(request, own_page.remember(answer, receipt, mark))


def _in_place_of_all(request: AnyRequest, answer: Sent) -> Sent:
    """Of the whole page, not of the form alone."""
    if wants_block(request):
        for name, value in (
            ("HX-Retarget", "#main"), ("HX-Reswap", "innerHTML show:window:top"),
            ("HX-Push-Url", own_page.HERE),
        ):  # fmt: skip
            answer.add(name, value)
    return answer


async def _sum() -> str:
    """The harder, the more people sign all over the site."""
    return proof_of_work.new(hardness=max(1.0, await queries.a_minute() / CALM))


async def _may_sign(request: AnyRequest, form: SignForm) -> bool:
    if await AT_ALL_FREELY.take(request):
        return True
    if not await AT_ALL.take(request):
        raise _too_often(await AT_ALL.wait(request))
    return await _has_shown(request, form.puzzle, form.ticket)


async def _has_shown(request: AnyRequest, sum: str, ticket: str) -> bool:
    """That they are no program: by a sum, or by waiting where no script runs."""
    return await proof_of_work.is_solved(sum) or await proof_of_work.has_waited(ticket, request)


async def _signed_just_now(request: AnyRequest, mark: str) -> tuple[Standing, str] | None:
    """What this very form signed before, when somebody presses twice or loads the answer anew."""
    found = own_page.remembered(request)
    if found is None or found[1] != mark:
        return None
    pledge = await signing.by_receipt(found[0])
    return (pledge, found[0]) if pledge else None


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


async def _promise(pledge: Standing) -> list[int]:
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


async def _open(
    request: AnyRequest, typed: str, digits: str = "", sent: dict[str, str] | None = None
) -> Sent:
    """To the pledge of this code. Only wrong ones are counted."""
    sent = sent or {}
    code = receipts.read(typed)
    if code is None:
        wrong = _("That is not a receipt code. It has ten letters and numbers.")
        return _show_receipt_form(request, typed, wrong)
    free = await WRONG_CODES.is_free(request) and await WRONG_IN_ALL.is_free(ALL)
    if not free and not await _has_shown(request, sent.get("puzzle", ""), sent.get("ticket", "")):
        return _show_receipt_form(request, typed, digits=digits, ask=await _sum())
    pledge = await signing.by_receipt(code)
    if pledge is None:
        await WRONG_CODES.take(request)
        await WRONG_IN_ALL.take(ALL)
        wrong = _(
            "We know no pledge with this code. It may be withdrawn, or a letter may be wrong."
        )
        return _show_receipt_form(request, typed, wrong, status=404)
    return own_page.remember(
        see(own_page.HERE), code, digits=digits if DIGITS.fullmatch(digits) else ""
    )


def _show_receipt_form(
    request: AnyRequest,
    typed: str = "",
    wrong: str = "",
    status: int = 422,
    digits: str = "",
    ask: str = "",
) -> Sent:
    """`ask` is a sum that comes first."""
    what = {"typed": typed[:40], "wrong": wrong, "digits": digits[:6], "puzzle": ask}
    what["ticket"] = proof_of_work.ticket() if ask else ""
    if ask:
        status = 429
    told = status if wrong or ask else 200
    return _private(request, "campaigns/receipt.html", what, status=told)


async def _mine(
    request: AnyRequest, sent: dict[str, str] | None = None
) -> tuple[Standing, str, str]:
    """The pledge this browser has shown the code of; its receipt, and digits from a letter. `sent`
    is a form of that page."""
    found = own_page.remembered(request)
    way_on = ("/pledges", _("Type the code again"))
    if found is None:
        told = _("This page was open for too long. Type your receipt code, and it opens again.")
        raise CannotAnswer(told, status=403, way_on=way_on)
    receipt, _form, digits = found
    if sent is not None and sent.get("of") != own_page.mark_of(receipt):
        told = _("Another pledge was opened on this phone meanwhile. Nothing was changed.")
        raise CannotAnswer(told, status=409, way_on=way_on)
    pledge = await signing.by_receipt(receipt)
    if pledge is None:
        told = _("We know no pledge with this code. It may be withdrawn, or a letter may be wrong.")
        raise CannotAnswer(told, status=404, way_on=way_on)
    return pledge, receipt, digits


def _too_often(seconds: int) -> CannotAnswer:
    told = _("That was often. Please wait %(minutes)s minutes.") % {"minutes": seconds // 60 + 1}
    return CannotAnswer(told, status=429)


async def _show_pledge(
    request: AnyRequest,
    pledge: Standing,
    receipt: str,
    digits: str = "",
    form: SignForm | None = None,
    mistakes: dict[str, str] | None = None,
    mark: str = "",
    sent: bool = False,
    corrected: bool = False,
    new: bool = False,
    status: int = 200,
) -> Sent:
    """`new`: with a code that its signer has not seen yet."""
    campaign = await _campaign_of(pledge)
    agreed = await ConsentText.select(ConsentText.purpose).where(
        ConsentText.id.is_in(pledge.consents or [0])
    )
    form = form or SignForm()
    what = {
        **await _pledge_context(campaign, pledge, {row["purpose"] for row in agreed}),
        "of": own_page.mark_of(receipt),
        "receipt": receipts.in_words(receipt),
        # Drawn for this page alone: a code of one person's is kept nowhere. Drawing takes longer
        # than signing, so who has just signed finds it one step further.
        "qr": "" if mark else draw(f"/pledges#{receipt}"),
        "digits": digits,
        "typed": form.typed,
        "choose": form.choose,
        "mistakes": mistakes or {},
        "sent": sent,
        "corrected": corrected,
        "new": new,
        "county_name": await _county_name(pledge.county),
    }
    answer = _private(request, "campaigns/pledge.html", what, block="pledge", status=status)
    if new:
        answer = _in_place_of_all(request, answer)
    return own_page.remember(answer, receipt, mark)


async def _pledge_context(campaign: Campaign, pledge: Standing, agreed: set[str]) -> dict[str, Any]:
    """What every signer's own page shows."""
    web = pledge.source == "web"
    return {
        "here": own_page.HERE,
        "campaign": campaign,
        "pledge": pledge,
        "qr": "",
        "digits": "",
        "agreed": agreed,
        "consents": await consents_for(campaign, language.current.get().code),
        "typed": {},
        "choose": (),
        "mistakes": {},
        "sent": False,
        "corrected": False,
        "unconfirmed_kept": UNCONFIRMED_KEPT if web else TYPED_UNCONFIRMED_KEPT,
        "names_end_on": campaign.names_end_on(),
    }


async def _campaign_of(pledge: Standing) -> Campaign:
    campaign: Campaign | None = await (
        Campaign.objects().where(Campaign.id == pledge.campaign).first()
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
    return _("Too many wrong codes. Ask for a new one tomorrow, or sign again then.")
