"""My account: the passkeys, recovery codes and open sessions of who is signed in."""

import contextlib

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.database import DB
from backend.staff import audit, auth, passkeys, people, recovery, sign_in_limits
from backend.staff.auth import Visitor, visitor_of
from backend.staff.forms import field, mistake_in_name, tidy
from backend.staff.layout import desk_page
from backend.staff.passkeys import NotAccepted
from backend.staff.roles import Right, Role, role_in_words
from backend.staff.sign_in_pages import TO_ADD, ask_as_json
from backend.staff.tables import Invitation, Passkey
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

ME = "/desk/me"
ADD = "/desk/me/passkeys/new"


@get(ME, may=Right.ENTER)
async def show_me(request: AnyRequest) -> ASGIResponse:
    return await _my_page(request)


@get(ADD, may=Right.ENTER, fresh=True)
async def show_add(request: AnyRequest) -> ASGIResponse:
    return _add_page(request, "", {})


@post("/desk/me/passkeys/challenge", may=Right.ENTER, fresh=True)
async def ask_for_another(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    await sign_in_limits.count_person(visitor.account.id)
    options = await passkeys.ask_to_make(visitor.session, visitor.account, TO_ADD)
    return ask_as_json(request, options)


@post(ADD, may=Right.ENTER, fresh=True, back=ADD)
async def add_passkey(request: AnyRequest) -> ASGIResponse:
    visitor, name = visitor_of(request), tidy(await field(request, "name"))
    if name and (sentence := mistake_in_name(name)):
        return _add_page(request, name, {"name": sentence})
    try:
        answer = await field(request, "credential")
        passkey = await passkeys.read_new(visitor.session, visitor.account, TO_ADD, answer)
        async with DB.transaction():
            await passkeys.keep(passkey, visitor.account, name)
            await audit.write(visitor.name, "passkey_added", f"passkey {passkey.id}")
    except NotAccepted as refusal:
        await audit.write(visitor.name, "passkey_refused", reason=refusal.reason)
        return _add_page(request, name, {"add": _sentence(refusal)})
    return see(ME)


@post("/desk/me/passkeys/{id:int}/name", may=Right.ENTER)
async def rename_passkey(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    visitor, name = visitor_of(request), tidy(await field(request, "name"))
    passkey = await _mine(visitor, id)
    if sentence := mistake_in_name(name):
        return await _my_page(request, {f"name-{id}": sentence}, {id: name})
    if name != passkey.name:
        async with DB.transaction():
            await Passkey.update({Passkey.name: name}).where(Passkey.id == passkey.id)
            await audit.write(visitor.name, "passkey_renamed", f"passkey {passkey.id}")
    return see(ME)


@post("/desk/me/passkeys/{id:int}/remove", may=Right.ENTER, fresh=True, back=ME)
async def remove_passkey(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    visitor = visitor_of(request)
    passkey = await _mine(visitor, id)
    async with DB.transaction():
        if not await passkey.take_away():
            said = _("This is your only passkey. Add another one before you remove it.")
            return await _my_page(request, {f"name-{id}": said})
        await audit.write(visitor.name, "passkey_removed", f"passkey {passkey.id}")
    return see(ME)


@post("/desk/me/codes", may=Right.ENTER, fresh=True, back=ME)
async def make_codes(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    async with DB.transaction():
        codes = await recovery.make_codes(visitor.account)
        await audit.write(visitor.name, "codes_made")
    return desk_page(request, Page("staff/codes.html", {"codes": codes, "welcome": False}))


@post("/desk/me/sessions/end", may=Right.ENTER)
async def end_other_sessions(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    async with DB.transaction():
        ended = await visitor.session.end_all_others(visitor.account)
        await audit.write(visitor.name, "signed_out_elsewhere", sessions=ended)
    return see(ME)


@post("/desk/me/invitation/refuse", may=Right.ENTER)
async def refuse_link(request: AnyRequest) -> ASGIResponse:
    """Somebody made a link to this person's account, and they did not ask for it."""
    visitor = visitor_of(request)
    with contextlib.suppress(people.NotPossible):
        await people.refuse(visitor.account, visitor.account)
    return see(ME)


async def _mine(visitor: Visitor, id: int) -> Passkey:
    for passkey in await Passkey.of(visitor.account):
        if passkey.id == id:
            return passkey
    said = _("You have no such passkey. Perhaps it was removed just now.")
    raise CannotAnswer(said, status=404, way_on=(ME, _("My account")))


async def _my_page(
    request: AnyRequest,
    mistakes: dict[str, str] | None = None,
    typed: dict[int, str] | None = None,
) -> Sent:
    visitor = visitor_of(request)
    mine = await Passkey.of(visitor.account)
    codes = await recovery.left(visitor.account)
    context = {
        "passkeys": mine,
        "codes_left": codes,
        "sessions": await auth.sessions_of(visitor.account),
        "this_session": visitor.session.id,
        "invitation": await Invitation.waiting_for(visitor.account),
        "roles": [role_in_words(role) for role in visitor.account.roles],
        "one_loss_away": Role.ADMIN in visitor.account.roles and len(mine) < 2 and not codes,
        "mistakes": mistakes or {},
        "typed": typed or {},
    }
    return desk_page(request, Page("staff/me.html", context, status=422 if mistakes else 200))


def _add_page(request: AnyRequest, name: str, mistakes: dict[str, str]) -> Sent:
    context = {"name": name, "mistakes": mistakes}
    return desk_page(request, Page("staff/add.html", context, status=422 if mistakes else 200))


def _sentence(refusal: NotAccepted) -> str:
    return {
        "known_already": _("This passkey is among yours already."),
        "too_many": _("That is as many passkeys as one person can have. Remove one first."),
    }.get(refusal.reason) or _("That passkey could not be made. Please try again.")
