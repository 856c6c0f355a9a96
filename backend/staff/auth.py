"""Authentication, session, CSRF: the one door to the desk. Who is asking, and may they? Every
request to a page of the staff passes here: `app` sets `check` as a guard over all of them."""

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from backend.database import DB
from backend.staff import audit
from backend.staff.roles import Right
from backend.staff.tables import SESSION, Account, Passkey, Session, form_token
from backend.web import cookies, jobs, language
from backend.web.bodies import SAFE
from backend.web.errors import CannotAnswer, GoTo
from backend.web.language import gettext as _
from backend.web.responses import AnyRequest, Sent

# The prefix makes browsers insist on: this host only, https only (or localhost), the whole site.
COOKIE = "__Host-desk"
DESK = "/desk"
SIGN_IN = "/desk/sign-in"
STEP_UP = "/desk/step-up"
SIGNED_OUT_JOB = "note_signed_out"


@dataclass(frozen=True)
class Visitor:
    """Who of the staff is asking, through which session. `form_token` is what their forms carry."""

    account: Account
    session: Session
    form_token: str

    @property
    def name(self) -> str:
        return self.account.name

    def may(self, right: Right) -> bool:
        return self.account.may(right)


async def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar's guard. A handler says `may=Right.…` for who may use it, `fresh=True` when they
    must have shown their passkey within ten minutes (after a form that came too late, `back=` is
    the page to start again from), and `open_door=True` when the way in leads through it. A page of
    the desk that says nothing is closed to everyone."""
    right = handler.opt.get("may")
    if right is None:
        under_desk = connection.scope["path"].rstrip("/").startswith(DESK)
        if under_desk and not handler.opt.get("open_door"):
            raise CannotAnswer("", status=403)
        if under_desk:
            language.speak(connection)  # type: ignore[arg-type]
        return
    assert isinstance(connection, Request)
    language.speak(connection)
    visitor = await _visitor(connection)
    if visitor is None:
        raise _sign_in_first(connection)
    if not visitor.may(right):
        await audit.write(visitor.name, "refused", _route(handler), right=right)
        raise CannotAnswer(
            _("Your role does not include this. An admin can give it to you."),
            status=403,
            way_on=(DESK, _("To the desk")),
        )
    if connection.method not in SAFE:
        await _check_form(connection, visitor)
    if handler.opt.get("fresh") and not visitor.session.is_fresh():
        back = _back_to(connection, handler.opt.get("back", DESK))
        raise GoTo(f"{STEP_UP}?next={quote(back)}")
    connection.state.visitor = visitor


def visitor_of(request: AnyRequest) -> Visitor:
    """Who passed the door with this request."""
    found: Visitor = request.state.visitor
    return found


def come_in(request: AnyRequest, account: Account, session: Session) -> None:
    """Let pages answer this very request as they will the next ones, which carry its token."""
    request.state.visitor = Visitor(account, session, form_token(account))


async def sessions_of(account: Account) -> list[tuple[Session, str]]:
    """A person's open sessions, last used first, each with the name of the passkey it began with,
    where that is still theirs."""
    names = {each.id: each.name for each in await Passkey.of(account)}
    return [
        (each, names.get(each.note("passkey") or 0, ""))
        for each in await Session.open_ones_of(account)
    ]


async def current_session(request: AnyRequest) -> tuple[Session, str] | None:
    """The session of this browser, signed in or about to, and its token."""
    token = request.cookies.get(COOKIE)
    session = await Session.carried_as(token) if token else None
    return (session, token) if session is not None and token else None


def hand_over(response: Sent, token: str) -> Sent:
    """Let the browser carry this session from now on."""
    response.add("set-cookie", _cookie(token, int(SESSION.total_seconds())))
    return response


def take_back(response: Sent) -> Sent:
    """Let the browser forget its session."""
    response.add("set-cookie", _cookie("", 0))
    return response


def next_page(address: str) -> str:
    """A page of the desk to go on to; anything else that someone put there becomes the desk."""
    plain = address.startswith(DESK) and not any(sign in address for sign in "\\\r\n")
    return address if plain and len(address) < 500 else DESK


async def _visitor(request: AnyRequest) -> Visitor | None:
    found = await current_session(request)
    if found is None or found[0].account is None:
        return None
    session, _token = found
    # What a page asks for by itself, again and again, is nobody at it.
    if request.method not in SAFE or request.headers.get("hx-request") != "true":
        await session.was_seen()
    return Visitor(session.account, session, form_token(session.account))


async def end_session(request: AnyRequest) -> None:
    """Sign out whoever of the staff this browser is, if anybody."""
    session = await Session.carried_as(request.cookies.get(COOKIE, ""))
    if session is None:
        return
    async with DB.transaction():
        await session.end()
        if session.account is not None:
            # Where only the public is served nobody can write into the trail.
            await jobs.enqueue(SIGNED_OUT_JOB, {"name": session.account.name})


async def note_signed_out(data: dict[str, Any]) -> None:
    """The job `{name}`: whoever of the staff it was forgot their phone."""
    await audit.write(data["name"], "signed_out")


async def _check_form(request: AnyRequest, visitor: Visitor) -> None:
    given = request.headers.get("x-form-token")
    if given is None:
        given = str((await request.form()).get("form_token") or "")
    if not hmac.compare_digest(given.encode(), visitor.form_token.encode()):
        raise CannotAnswer(
            _("This form is another person’s. Go back, load the page again, and send it."),
            status=403,
            way_on=(DESK, _("To the desk")),
        )


def _sign_in_first(request: AnyRequest) -> Exception:
    if request.method in SAFE and request.headers.get("hx-request") != "true":
        return GoTo(f"{SIGN_IN}?next={quote(_back_to(request))}")
    return CannotAnswer(
        _("You are signed out. What you wrote is still on this page: sign in in another tab, "
          "come back and send it again."),
        status=401,
        way_on=(SIGN_IN, _("Sign in")),
    )  # fmt: skip


def _back_to(request: AnyRequest, after_form: str = DESK) -> str:
    """The page to come back to: the one asked for, or `after_form` when a form was sent."""
    if request.method not in SAFE:
        return after_form
    query = request.scope["query_string"].decode("latin-1")
    return request.scope["path"] + (f"?{query}" if query else "")


def _route(handler: BaseRouteHandler) -> str:
    paths: set[str] = getattr(handler, "paths", set())
    return ", ".join(sorted(paths))


def _cookie(value: str, seconds: int) -> str:
    return cookies.written(COOKIE, value, seconds)
