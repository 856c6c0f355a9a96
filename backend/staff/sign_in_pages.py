"""Login, step-up: the way in and out of the desk, by a passkey, or an invitation or a recovery code
to make one.

Each way has a page with one button, an address that says what the passkey is to sign (JSON, for
`passkey.js`), and one that takes the signed answer as a form. Whatever was wrong, a stranger reads
the same words; the audit trail says which it was."""

import json
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.database import DB
from backend.staff import asking, audit, passkeys, people, recovery, sign_in_limits
from backend.staff.auth import (
    SIGN_IN,
    come_in,
    current_session,
    hand_over,
    next_page,
    take_back,
    visitor_of,
)
from backend.staff.forms import field
from backend.staff.layout import desk_page, door_page, moment_in_words
from backend.staff.passkeys import NotAccepted
from backend.staff.roles import Right
from backend.staff.tables import Account, Invitation, Passkey, Session, now
from backend.web import cookies, proof_of_work
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import Answer, AnyRequest, Sent, see, send

TO_SIGN_IN = "sign in"
TO_STEP_UP = "step up"
TO_RECOVER = "recover"
TO_ADD = "add"
RECOVERY = "/desk/recovery"
NEW_PASSKEY = "/desk/recovery/passkey"
# What a passkey answers, or a code, with room.
LARGEST = 8000


@get(SIGN_IN, open_door=True)
async def show_sign_in(request: AnyRequest) -> ASGIResponse:
    to = next_page(request.query_params.get("next", ""))
    found = await current_session(request)
    if found and found[0].account:
        return see(to)
    return _sign_in_page(request, to)


@post("/desk/sign-in/challenge", open_door=True, body=LARGEST)
async def ask_who(request: AnyRequest) -> ASGIResponse:
    found = await current_session(request)
    if found and found[0].account:
        return ask_as_json(request, await passkeys.ask_to_show(found[0], TO_SIGN_IN))
    question = asking.Question()
    options = await passkeys.ask_to_show(question, TO_SIGN_IN)
    return asking.hand_over(ask_as_json(request, options), question)


@post(SIGN_IN, open_door=True, body=LARGEST)
async def sign_in(request: AnyRequest) -> ASGIResponse:
    to = next_page(await field(request, "next"))
    found = await current_session(request)
    asked = found[0] if found and found[0].account else asking.question_of(request)
    answer = await field(request, "credential")
    try:
        account, passkey = await passkeys.recognize(asked, TO_SIGN_IN, answer)
    except NotAccepted as refusal:
        await sign_in_limits.passkey_was_wrong(request)
        await _note("sign_in_failed", refusal)
        return _sign_in_page(request, to, refused=True)
    async with DB.transaction():
        _session, token = await _new_session(request, account, {"passkey": passkey.id}, fresh=True)
        await audit.write(account.name, "signed_in", f"passkey {passkey.id}")
    return asking.take_back(hand_over(see(to), token))


@post("/desk/sign-out", may=Right.ENTER)
async def sign_out(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    async with DB.transaction():
        await visitor.session.end()
        await audit.write(visitor.name, "signed_out")
    return take_back(see(SIGN_IN))


@get("/desk/step-up", may=Right.ENTER)
async def show_step_up(request: AnyRequest) -> ASGIResponse:
    return _step_up_page(request, next_page(request.query_params.get("next", "")))


@post("/desk/step-up/challenge", may=Right.ENTER)
async def ask_again(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    options = await passkeys.ask_to_show(visitor.session, TO_STEP_UP, visitor.account)
    return ask_as_json(request, options)


@post("/desk/step-up", may=Right.ENTER)
async def step_up(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    to = next_page(await field(request, "next"))
    try:
        answer = await field(request, "credential")
        account, passkey = await passkeys.recognize(visitor.session, TO_STEP_UP, answer)
        if account.id != visitor.account.id:
            raise NotAccepted("somebody_elses", account.name)
    except NotAccepted as refusal:
        await sign_in_limits.count_person(visitor.account.id)
        await _note("step_up_failed", refusal, visitor.name)
        return _step_up_page(request, to, refused=True)
    async with DB.transaction():
        _session, token = await visitor.session.replace(
            account, {"passkey": passkey.id}, fresh=True
        )
        await audit.write(account.name, "stepped_up", f"passkey {passkey.id}")
    return hand_over(see(to), token)


# The invitation this browser has opened, and for how long (seconds): no address holds its token.
INVITATIONS, MINE, MINE_LASTS = "/desk/invitations", "mine", 3600


@get(INVITATIONS, open_door=True)
async def ask_for_link(request: AnyRequest) -> ASGIResponse:
    """Where an invitation's link leads: a script hands in what stands behind its #, or somebody
    pastes it."""
    return door_page(request, Page("staff/invited.html"))


@post(f"{INVITATIONS}/open", open_door=True, body=LARGEST)
async def open_link(request: AnyRequest) -> ASGIResponse:
    token = (await field(request, "token")).strip().rpartition("#")[2][:100]
    await _open_invitation(request, token)
    answer = see(f"{INVITATIONS}/{MINE}")
    answer.add("Set-Cookie", cookies.keep("invitation", token, MINE_LASTS))
    return answer


@get("/desk/invitations/{token:str}", open_door=True)
async def show_invitation(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    # Scanners open links in mail: looking at it changes nothing.
    invitation = await _open_invitation(request, token)
    return _invitation_page(request, invitation, token)


@post("/desk/invitations/{token:str}/challenge", open_door=True, body=LARGEST)
async def ask_invited(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    invitation = await _open_invitation(request, token)
    await sign_in_limits.count_person(invitation.account.id)
    session, cookie = await _session_to_ask(request)
    purpose = f"invitation {invitation.id}"
    options = await passkeys.ask_to_make(session, invitation.account, purpose)
    return ask_as_json(request, options, cookie)


@post("/desk/invitations/{token:str}", open_door=True, body=LARGEST)
async def take_invitation(request: AnyRequest, token: FromPath[str]) -> ASGIResponse:
    invitation = await _open_invitation(request, token)
    account = invitation.account
    answer = await field(request, "credential")
    try:
        session = await _asked_session(request)
        purpose = f"invitation {invitation.id}"
        passkey = await passkeys.read_new(session, account, purpose, answer)
        async with DB.transaction():
            if not await invitation.use():
                raise NotAccepted("invitation_used", account.name)
            await passkeys.keep(passkey, account)
            await account.came_in(invitation.made_by)
            await audit.write(account.name, "invitation_used", f"passkey {passkey.id}")
    except NotAccepted as refusal:
        await _note("passkey_refused", refusal)
        return _invitation_page(request, invitation, token, refused=True)
    return await _welcome(request, session, account, passkey)


@get(RECOVERY, open_door=True)
async def show_recovery(request: AnyRequest) -> ASGIResponse:
    return _recovery_page(request, "")


@post(RECOVERY, open_door=True, body=LARGEST)
async def use_code(request: AnyRequest) -> ASGIResponse:
    code = (await field(request, "code"))[:60]
    selector = recovery.selector_of(code)
    solved, ticket = await field(request, "sum"), await field(request, "ticket")
    asked = await sign_in_limits.may_try_code(request, selector, solved, ticket)
    if asked is not None:
        return _recovery_page(request, code, asked=asked, status=429)
    async with DB.transaction():
        account = await recovery.use(code)
        if account:
            await audit.write(account.name, "code_used")
            await people.tell_of_a_code(account)
    if account is None:
        await sign_in_limits.code_was_wrong(request, selector)
        await _note("sign_in_failed", NotAccepted("wrong_code"))
        return _recovery_page(request, code, refused=True, status=403)
    # This session is nobody's yet: all it can do is make a passkey.
    _session, token = await _new_session(request, data={"recovers": account.id})
    return hand_over(see(NEW_PASSKEY), token)


@get(NEW_PASSKEY, open_door=True)
async def show_recovered(request: AnyRequest) -> ASGIResponse:
    _session, account = await _recovering(request)
    return door_page(request, Page("staff/recovered.html", {"account": account, "refused": False}))


@post("/desk/recovery/challenge", open_door=True, body=LARGEST)
async def ask_recovered(request: AnyRequest) -> ASGIResponse:
    session, account = await _recovering(request)
    await sign_in_limits.count_person(account.id)
    return ask_as_json(request, await passkeys.ask_to_make(session, account, TO_RECOVER))


@post(NEW_PASSKEY, open_door=True, body=LARGEST)
async def recover(request: AnyRequest) -> ASGIResponse:
    session, account = await _recovering(request)
    answer = await field(request, "credential")
    try:
        passkey = await passkeys.read_new(session, account, TO_RECOVER, answer)
        async with DB.transaction():
            await passkeys.keep(passkey, account)
            await audit.write(account.name, "passkey_added", f"passkey {passkey.id}", by="code")
    except NotAccepted as refusal:
        await _note("passkey_refused", refusal)
        context = {"account": account, "refused": True}
        return door_page(request, Page("staff/recovered.html", context, status=403))
    return await _welcome(request, session, account, passkey)


async def _welcome(
    request: AnyRequest, session: Session, account: Account, passkey: Passkey
) -> Sent:
    """Sign in who just made a passkey, and show them codes if they have none to use."""
    codes = [] if await recovery.left(account) else await recovery.make_codes(account)
    async with DB.transaction():
        session, token = await session.replace(account, {"passkey": passkey.id}, fresh=True)
        await audit.write(account.name, "signed_in", "new passkey")
        if codes:
            await audit.write(account.name, "codes_made")
    come_in(request, account, session)
    context = {"codes": codes, "welcome": True}
    return hand_over(desk_page(request, Page("staff/codes.html", context)), token)


async def _open_invitation(request: AnyRequest, token: str) -> Invitation:
    """By its token; by the cookie when it is the one this browser opened."""
    if token == MINE:
        token = cookies.read(request, "invitation")
    found = await Invitation.carried_as(token)
    if found is None:
        await sign_in_limits.link_was_wrong(request)
        said = _("This link leads to no invitation. Check that all of it was copied.")
    elif found.used_at is not None:
        said = _("This invitation was used already. If it was you, sign in with your passkey.")
    elif found.opens_at > now():
        said = _("This link works from %(moment)s on, or when another admin approved it.") % {
            "moment": moment_in_words(found.opens_at)
        }
    elif not found.is_open():
        said = _("This invitation has ended. Ask an admin for a new link.")
    else:
        return found
    raise CannotAnswer(said, status=404 if found is None else 410, way_on=(SIGN_IN, _("Sign in")))


async def _session_to_ask(request: AnyRequest) -> tuple[Session, str]:
    """The session that keeps what is asked: the one of who is signed in, else always a new one."""
    found = await current_session(request)
    if found and found[0].account:
        return found
    return await _new_session(request)


async def _new_session(
    request: AnyRequest,
    account: Account | None = None,
    data: dict[str, Any] | None = None,
    fresh: bool = False,
) -> tuple[Session, str]:
    """A session, nobody's without an account, in the place of what this browser carried."""
    found = await current_session(request)
    if found:
        return await found[0].replace(account, data, fresh)
    return await Session.begin(account, data, fresh)


async def _asked_session(request: AnyRequest) -> Session:
    found = await current_session(request)
    if found is None:
        raise NotAccepted("not_asked")
    return found[0]


async def _recovering(request: AnyRequest) -> tuple[Session, Account]:
    """The session that a recovery code opened, and for whom. Raises CannotAnswer."""
    found = await current_session(request)
    account = await Account.with_id(found[0].note("recovers") or 0) if found else None
    if found is None or account is None or account.closed_at is not None:
        raise CannotAnswer(
            _("The ten minutes are over, or no code was given. Start with a recovery code."),
            status=403,
            way_on=(RECOVERY, _("Use a recovery code")),
        )
    return found[0], account


async def _note(action: str, refusal: NotAccepted, actor: str = audit.NOBODY) -> None:
    if not await sign_in_limits.may_note(refusal.name):
        return
    subject = f"staff {refusal.name}" if refusal.name else ""
    await audit.write(actor, action, subject, reason=refusal.reason)


def ask_as_json(request: AnyRequest, options: dict[str, Any], token: str | None = None) -> Sent:
    """What the browser's passkey is asked, for `passkey.js`; `token` when the session is new."""
    body = json.dumps(options).encode()
    answer = send(request, Answer(body, "application/json", (("cache-control", "no-store"),)))
    return hand_over(answer, token) if token else answer


def _sign_in_page(request: AnyRequest, to: str, refused: bool = False) -> Sent:
    context = {"to": to, "refused": refused}
    return door_page(request, Page("staff/sign_in.html", context, status=403 if refused else 200))


def _recovery_page(
    request: AnyRequest,
    code: str,
    *,
    refused: bool = False,
    asked: proof_of_work.Asked | None = None,
    status: int = 200,
) -> Sent:
    context = {"code": code, "refused": refused, "asked": asked}
    return door_page(request, Page("staff/recovery.html", context, status=status))


def _step_up_page(request: AnyRequest, to: str, refused: bool = False) -> Sent:
    context = {"to": to, "refused": refused}
    return desk_page(request, Page("staff/step_up.html", context, status=403 if refused else 200))


def _invitation_page(
    request: AnyRequest, invitation: Invitation, token: str, refused: bool = False
) -> Sent:
    address = f"/desk/invitations/{token}"
    context = {"account": invitation.account, "address": address, "refused": refused}
    status = 403 if refused else 200
    return door_page(request, Page("staff/invitation.html", context, status=status))
