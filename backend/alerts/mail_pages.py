"""Unsubscribe: addresses of alerts by mail, to ask, confirm, change and leave.

What opens somebody's own page stands in no address, so that neither the history of a shared phone
nor a proxy's log has it: letters lead to `/alerts/mail#…`, a small script or the reader hands that
in, and from there a cookie has it for an hour, and the forms.
"""

from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.alerts import mailing, preferences
from backend.alerts.forms import choosing_context
from backend.alerts.mailing import CodeIsUsedUp, Reader
from backend.alerts.preferences import Choices
from backend.campaigns import contacts
from backend.campaigns.contacts import NotAContact
from backend.push.subscriptions import CannotSubscribe
from backend.web import cookies, language, proof_of_work
from backend.web.errors import CannotAnswer
from backend.web.forms import sent
from backend.web.language import gettext as _
from backend.web.pages import Page, page
from backend.web.rate_limits import Limit, NetworkLimit
from backend.web.responses import AnyRequest, Sent, go_on, see

# A letter goes to somebody who may not have asked for it.
LETTERS = NetworkLimit("alert letters", 10, 3600, closed=True)
# Past this, from all networks together, a letter costs who asks for it a sum.
EVERYONE = Limit("alert letters in all", 6_000, 3600, closed=True)
# Of links that open nothing. Who has a right one is never told to wait.
LOOKS = NetworkLimit("alert mail looks", 60, 3600, closed=True)
KEPT = 3600
MINE = "/alerts/mail/mine"
ALL = b"everyone"
ONE_CLICK = "List-Unsubscribe"


@post("/alerts/mail")
async def ask(request: AnyRequest) -> ASGIResponse:
    reader = _reader(request)
    pairs = await sent(request)
    choices = preferences.read(pairs, reader.code)
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
    if not await LETTERS.take(request):
        choices.mistakes["email"] = _("That was too often. Please wait a little.")
        return _form(request, choices, typed, 429)
    if not await EVERYONE.take(ALL):
        given = dict(pairs)
        if not await proof_of_work.is_done(given.get("sum", ""), given.get("ticket", ""), request):
            return _form(request, choices, typed, 429, asked=proof_of_work.ask())
    try:
        token = await mailing.ask(contact, await preferences.wishes(choices))
    except CannotSubscribe as cannot:
        choices.mistakes["email"] = _(cannot.words)
        return _form(request, choices, typed, 422)
    return _carrying(go_on(request, MINE), token)


@get("/alerts/mail")
async def open_link(request: AnyRequest) -> ASGIResponse:
    """Where letters lead. Whatever follows the # we do not see: the page hands it in."""
    return page(request, Page("alerts/open.html", {"wrong": ""}, private=True))


@get("/alerts/mail/left")
async def show_left(request: AnyRequest) -> ASGIResponse:
    return page(request, Page("alerts/left.html", {}, private=True))


@get("/alerts/mail/sent")
async def show_sent(request: AnyRequest) -> ASGIResponse:
    """What a program sees that filled in what no person sees."""
    what = {"token": "", "by_link": False, "wrong": ""}
    return page(request, Page("alerts/confirm.html", what, private=True))


@get(MINE)
async def show_own(request: AnyRequest) -> ASGIResponse:
    """Their own page. It shows no address."""
    token = request.cookies.get(cookie_name(), "")
    if not token:
        return see("/alerts/mail")
    return await _own(request, await _found(request, token))


@post(MINE)
async def hand_in(request: AnyRequest) -> ASGIResponse:
    """What follows the # of a letter's link, or all of the link."""
    typed = dict(await sent(request)).get("token", "")[:1000]
    reader = await _found(request, _token_in(typed))
    return _carrying(go_on(request, MINE), reader.shown)


@post("/alerts/mail/confirmations")
async def confirm(request: AnyRequest) -> ASGIResponse:
    form = dict(await sent(request))
    reader = await _found(request, form.get("token", ""))
    try:
        token = await mailing.confirm(reader, form.get("code", ""))
    except CodeIsUsedUp:
        told = _("There were too many tries today. Open the link in our message instead.")
        return await _own(request, reader, wrong=told, status=422)
    if token is None:
        told = _("These are not the six digits we sent. Look at the newest message.")
        return await _own(request, reader, wrong=told, status=422)
    return _carrying(go_on(request, MINE), token)


@post("/alerts/mail/choices")
async def change(request: AnyRequest) -> ASGIResponse:
    pairs = await sent(request)
    token = dict(pairs).get("token", "")
    reader = await _found(request, token)
    choices = preferences.read(pairs, reader.row.language)
    choices.mistakes.pop("quiet", None)
    if not reader.confirmed:
        return await _own(request, reader)
    if choices.mistakes:
        return await _own(request, reader, choices=choices, status=422)
    try:
        await mailing.change(reader, await preferences.wishes(choices))
    except CannotSubscribe as cannot:
        choices.mistakes["counties"] = _(cannot.words)
        return await _own(request, reader, choices=choices, status=422)
    return await _own(request, await _found(request, token), saved=True)


@post("/alerts/mail/leave")
async def leave(request: AnyRequest) -> ASGIResponse:
    await mailing.leave(dict(await sent(request)).get("token", ""))
    return _carrying(go_on(request, "/alerts/mail/left"), "")


@get(["/alerts/mail/{token:str}", "/alerts/mail/{token:str}/one-click"])
async def show_from_before(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    """A link of an older letter, or that of the one click in a mail program that knows nothing of
    it. Opening it, as a mail scanner does, changes nothing."""
    reader = await _found(request, token)
    return _carrying(see(MINE), reader.shown)


# RFC 8058 leaves it to the provider whether the two words come as a form in parts.
@post("/alerts/mail/{token:str}/one-click", files=True, body=2048)
async def leave_at_once(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    """RFC 8058: a mail provider's server leaves for them, from no page of ours. Who has the token
    may do that, and nothing else is done."""
    if dict(await sent(request)).get(ONE_CLICK) != "One-Click":
        raise CannotAnswer("", status=400)
    await mailing.leave(token)
    return page(request, Page("alerts/left.html", {}, private=True))


async def _found(request: AnyRequest, token: str) -> Reader:
    _reader(request)
    found = await mailing.by_token(token)
    if found is None:
        if not await LOOKS.take(request):
            raise CannotAnswer(_("That was too often. Please wait a little."), status=429)
        told = _("We know nobody by this link. It may have been left, or nobody confirmed it.")
        raise CannotAnswer(told, status=404, way_on=("/alerts", _("Alerts")))
    return found


async def _own(
    request: AnyRequest,
    reader: Reader,
    *,
    wrong: str = "",
    choices: Choices | None = None,
    saved: bool = False,
    status: int = 200,
) -> Sent:
    if not reader.confirmed:
        by_link = reader.is_the_mailbox
        what: dict[str, Any] = {"token": reader.shown, "by_link": by_link, "wrong": wrong}
        return page(request, Page("alerts/confirm.html", what, status=status, private=True))
    shown = choices or await preferences.choices_of(reader.wishes)
    what = {**choosing_context(shown), "token": reader.shown, "saved": saved}
    return page(request, Page("alerts/mine.html", what, status=status, private=True))


def _form(
    request: AnyRequest, choices: Choices, typed: str, status: int, **more: proof_of_work.Asked
) -> Sent:
    what = {**choosing_context(choices), "typed": typed, **more}
    return page(request, Page("alerts/alerts.html", what, status=status, private=True))


def _reader(request: AnyRequest) -> language.Language:
    reader = language.of(request)
    language.current.set(reader)
    return reader


def cookie_name() -> str:
    return cookies.name_of("alerts")


def _carrying(answer: Sent, token: str) -> Sent:
    """With the cookie that opens their own page; with none from now on when there is no token."""
    answer.add("set-cookie", cookies.written(cookie_name(), token, KEPT if token else 0))
    return answer


def _token_in(typed: str) -> str:
    """Of a token, or of a whole link with one."""
    return typed.strip().rpartition("#")[2].rpartition("/")[2]
