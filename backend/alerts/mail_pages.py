"""Addresses of alerts by mail: ask, confirm, change, leave."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.alerts import choosing, mailing
from backend.alerts.choosing import Choices
from backend.alerts.forms import choosing_context, sent
from backend.alerts.mailing import CodeIsUsedUp, Reader
from backend.campaigns import contacts
from backend.campaigns.contacts import NotAContact
from backend.push.subscribing import CannotSubscribe
from backend.web import language
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.pages import Page, page
from backend.web.rate_limits import Limit, NetworkLimit
from backend.web.sending import AnyRequest, Sent, go_on

# A letter goes to somebody who may not have asked for it.
LETTERS = NetworkLimit("alert letters", 10, 3600, closed=True)
EVERYONE = Limit("alert letters in all", 6_000, 3600, closed=True)
LOOKS = NetworkLimit("alert mail looks", 60, 3600, closed=True)
ALL = b"everyone"
ONE_CLICK = "List-Unsubscribe"


@post("/alerts/mail", include_in_schema=False)
async def ask(request: AnyRequest) -> ASGIResponse:
    reader = _reader(request)
    pairs = await sent(request)
    choices = choosing.read(pairs, reader.code)
    # There is no screen to hide it from, and no night: a letter lies there until it is read.
    choices.mistakes.pop("quiet", None)
    typed = next((value for name, value in pairs if name == "email"), "")[:300]
    try:
        contact = contacts.read(typed if "@" in typed else f"{typed}@")
    except NotAContact:
        contact = None
        choices.mistakes["email"] = _(
            "This e-mail address cannot be right. Look at it letter by letter."
        )
    # Whom no person sees fills it in.
    if any(name == "website" and value for name, value in pairs):
        return go_on(request, "/alerts/mail/sent")
    if choices.mistakes or contact is None:
        return _form(request, choices, typed, 422)
    if not await LETTERS.take(request) or not await EVERYONE.take(ALL):
        choices.mistakes["email"] = _("That was too often. Please wait a little.")
        return _form(request, choices, typed, 429)
    try:
        token = await mailing.ask(contact, await choosing.wishes(choices))
    except CannotSubscribe as cannot:
        choices.mistakes["email"] = _(cannot.words)
        return _form(request, choices, typed, 422)
    return go_on(request, f"/alerts/mail/{token}")


@get("/alerts/mail/left", include_in_schema=False)
async def show_left(request: AnyRequest) -> ASGIResponse:
    return page(request, Page("alerts/left.html", {}, private=True))


@get("/alerts/mail/sent", include_in_schema=False)
async def show_sent(request: AnyRequest) -> ASGIResponse:
    """What a program sees that filled in what no person sees."""
    what = {"token": "", "digits": "", "wrong": ""}
    return page(request, Page("alerts/confirm.html", what, private=True))


@get("/alerts/mail/{token:str}", include_in_schema=False)
async def show_own(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    """Their own page. Opening it, as a mail scanner does, changes nothing, and it shows no
    address."""
    reader = await _found(request, token)
    digits = request.query_params.get("code", "")[:10]
    return await _own(request, reader, digits=digits)


@post("/alerts/mail/{token:str}/confirmations", include_in_schema=False)
async def confirm(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    reader = await _found(request, token)
    typed = next((value for name, value in await sent(request) if name == "code"), "")
    try:
        right = await mailing.confirm(reader, typed)
    except CodeIsUsedUp:
        told = _("This code is used up. Ask for e-mail again.")
        return await _own(request, reader, wrong=told, status=422)
    if not right:
        told = _("These are not the six digits we sent. Look at the newest message.")
        return await _own(request, reader, wrong=told, status=422)
    return go_on(request, f"/alerts/mail/{token}")


@post("/alerts/mail/{token:str}/choices", include_in_schema=False)
async def change(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    reader = await _found(request, token)
    choices = choosing.read(await sent(request), reader.row.language)
    choices.mistakes.pop("quiet", None)
    if not reader.confirmed:
        return await _own(request, reader)
    if choices.mistakes:
        return await _own(request, reader, choices=choices, status=422)
    try:
        await mailing.change(reader, await choosing.wishes(choices))
    except CannotSubscribe as cannot:
        choices.mistakes["counties"] = _(cannot.words)
        return await _own(request, reader, choices=choices, status=422)
    return await _own(request, await _found(request, token), saved=True)


@post("/alerts/mail/{token:str}/leave", include_in_schema=False)
async def leave(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    await mailing.leave(token)
    return go_on(request, "/alerts/mail/left")


@get("/alerts/mail/{token:str}/one-click", include_in_schema=False)
async def show_one_click(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    """A mail program that knows nothing of one click opens the link: the page has the button."""
    return await show_own.fn(request, token)  # type: ignore[no-any-return]


# RFC 8058 leaves it to the provider whether the two words come as a form in parts.
@post("/alerts/mail/{token:str}/one-click", include_in_schema=False, files=True, body=2048)
async def leave_at_once(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    """RFC 8058: a mail provider's server leaves for them, from no page of ours. Who has the token
    may do that, and nothing else is done."""
    if dict(await sent(request)).get(ONE_CLICK) != "One-Click":
        raise CannotAnswer("", status=400)
    await mailing.leave(token)
    return page(request, Page("alerts/left.html", {}, private=True))


async def _found(request: AnyRequest, token: str) -> Reader:
    _reader(request)
    if not await LOOKS.take(request):
        raise CannotAnswer(_("That was too often. Please wait a little."), status=429)
    found = await mailing.by_token(token)
    if found is None:
        told = _("We know nobody by this link. It may have been left, or nobody confirmed it.")
        raise CannotAnswer(told, status=404, way_on=("/alerts", _("Alerts")))
    return found


async def _own(
    request: AnyRequest,
    reader: Reader,
    *,
    digits: str = "",
    wrong: str = "",
    choices: Choices | None = None,
    saved: bool = False,
    status: int = 200,
) -> Sent:
    if not reader.confirmed:
        what: dict[str, Any] = {"token": reader.token, "digits": digits, "wrong": wrong}
        return page(request, Page("alerts/confirm.html", what, status=status, private=True))
    shown = choices or await choosing.choices_of(reader.wishes)
    what = {**choosing_context(shown), "token": reader.token, "saved": saved}
    return page(request, Page("alerts/mine.html", what, status=status, private=True))


def _form(request: AnyRequest, choices: Choices, typed: str, status: int) -> Sent:
    what = {**choosing_context(choices), "typed": typed}
    return page(request, Page("alerts/alerts.html", what, status=status, private=True))


def _reader(request: AnyRequest) -> language.Language:
    reader = language.of(request)
    language.current.set(reader)
    return reader
