"""The staff: who they are, what they may do, and the links that let them in."""

import segno
from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.staff import auth, names, people
from backend.staff.auth import visitor_of
from backend.staff.forms import field, fields
from backend.staff.layout import desk_page
from backend.staff.people import NotPossible
from backend.staff.roles import Right, Role, role_in_words
from backend.staff.tables import LARGEST_ID, WAITING, Account, Invitation
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.pages import Page
from backend.web.responses import AnyRequest, Sent, see

STAFF = "/desk/staff"
NEW = "/desk/staff/new"


@get(STAFF, may=Right.MANAGE_STAFF)
async def list_people(request: AnyRequest) -> ASGIResponse:
    waiting = await Invitation.waiting()
    me = visitor_of(request).account
    context = {
        "people": await people.everyone(),
        "role_in_words": role_in_words,
        "waiting": [(each, each.why_not_approve(me)) for each in waiting],
    }
    return desk_page(request, Page("desk/people.html", context))


@get(NEW, may=Right.MANAGE_STAFF, fresh=True)
async def show_new(request: AnyRequest) -> ASGIResponse:
    return _new_page(request, "", [], {})


@post(STAFF, may=Right.MANAGE_STAFF, fresh=True, back=NEW)
async def invite(request: AnyRequest) -> ASGIResponse:
    visitor = visitor_of(request)
    name, roles = await field(request, "name"), await fields(request, "role")
    if mistakes := people.mistakes(name, roles):
        return _new_page(request, name, roles, mistakes)
    try:
        account, link = await people.invite_new(name, roles, visitor.name, visitor.account)
    except NotPossible as error:
        return _new_page(request, name, roles, {error.field: str(error)})
    return _link_page(request, account, link)


@get("/desk/staff/{id:int}", may=Right.MANAGE_STAFF, fresh=True)
async def show_person(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    return await _person_page(request, await _person(id))


@post("/desk/staff/{id:int}/invitation", may=Right.MANAGE_STAFF, fresh=True, back=STAFF)
async def invite_again(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    visitor, account = visitor_of(request), await _person(id)
    try:
        link = await people.invite_again(account, visitor.name, visitor.account)
    except NotPossible as error:
        return await _person_page(request, account, error)
    return _link_page(request, account, link)


@post("/desk/staff/{id:int}/roles", may=Right.MANAGE_STAFF, fresh=True, back=STAFF)
async def change_roles(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    visitor, account = visitor_of(request), await _person(id)
    roles = await fields(request, "role")
    try:
        await people.change_roles(account, roles, visitor.name, visitor.account)
    except NotPossible as error:
        return await _person_page(request, account, error, roles)
    return see(STAFF)


@post("/desk/staff/{id:int}/close", may=Right.MANAGE_STAFF, fresh=True, back=STAFF)
async def close(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    visitor, account = visitor_of(request), await _person(id)
    try:
        await people.close(account, visitor.name, visitor.account)
    except NotPossible as error:
        return await _person_page(request, account, error)
    return see(STAFF)


@post("/desk/staff/{id:int}/reopen", may=Right.MANAGE_STAFF, fresh=True, back=STAFF)
async def reopen(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    visitor, account = visitor_of(request), await _person(id)
    try:
        await people.reopen(account, visitor.name)
    except NotPossible as error:
        return await _person_page(request, account, error)
    return see(STAFF)


@post("/desk/staff/invitations/{id:int}/approve", may=Right.MANAGE_STAFF, fresh=True, back=STAFF)
async def approve_invitation(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    try:
        await people.approve(await _waiting(id), visitor_of(request).account)
    except NotPossible as error:
        raise CannotAnswer(str(error), status=409, way_on=(STAFF, _("Staff"))) from None
    return see(STAFF)


@post("/desk/staff/invitations/{id:int}/refuse", may=Right.MANAGE_STAFF, back=STAFF)
async def refuse_invitation(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    try:
        await people.refuse((await _waiting(id)).account, visitor_of(request).account)
    except NotPossible as error:
        raise CannotAnswer(str(error), status=409, way_on=(STAFF, _("Staff"))) from None
    return see(STAFF)


@post("/desk/staff/{id:int}/sessions/end", may=Right.MANAGE_STAFF, fresh=True, back=STAFF)
async def end_sessions(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    account = await _person(id)
    await people.end_sessions(account, visitor_of(request).account)
    return see(f"{STAFF}/{id}")


@post("/desk/staff/{id:int}/names", may=Right.MANAGE_STAFF, fresh=True, back=STAFF)
async def let_see_names(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """Whoever was stopped for today may go on."""
    account = await _person(id)
    try:
        await names.let(account, visitor_of(request).account)
    except names.NotYours as error:
        return await _person_page(request, account, NotPossible(str(error)))
    return see(f"{STAFF}/{id}")


async def _waiting(id: int) -> Invitation:
    found = await Invitation.with_id(id) if 0 < id <= LARGEST_ID else None
    if found is None:
        said = _("This link works already, or it ended.")
        raise CannotAnswer(said, status=404, way_on=(STAFF, _("Staff")))
    return found


async def _person(id: int) -> Account:
    found = await Account.with_id(id)
    if found is None:
        said = _("There is no such person among the staff.")
        raise CannotAnswer(said, status=404, way_on=(STAFF, _("Staff")))
    return found


def _new_page(request: AnyRequest, name: str, roles: list[str], mistakes: dict[str, str]) -> Sent:
    context = {"name": name, "chosen": roles, "roles": _roles(), "mistakes": mistakes}
    status = 422 if mistakes else 200
    return desk_page(request, Page("desk/people_new.html", context, status=status))


async def _person_page(
    request: AnyRequest,
    account: Account,
    error: NotPossible | None = None,
    chosen: list[str] | None = None,
) -> Sent:
    context = {
        "person": account,
        "roles": _roles(),
        "chosen": account.roles if chosen is None else chosen,
        "sessions": await auth.sessions_of(account),
        "stopped": await names.is_stopped(account),
        "mistakes": {error.field: str(error)} if error else {},
    }
    status = 422 if error else 200
    return desk_page(request, Page("desk/people_one.html", context, status=status))


def _link_page(request: AnyRequest, account: Account, link: str) -> Sent:
    # A picture rather than SVG in the page: it can be saved and sent on like any other.
    code = segno.make(link, error="m", micro=False).svg_data_uri(scale=4, border=4, light="#fff")
    context = {"person": account, "link": link, "code": code, "waits": WAITING.days * 24}
    return desk_page(request, Page("desk/people_link.html", context))


def _roles() -> list[tuple[str, str, str]]:
    """Each role with its name and what it may do."""
    said = {
        Role.ADMIN: _("everything here, also the staff and the audit trail"),
        Role.EDITOR: _("keeps the record: rules, practice, figures, sources"),
        Role.CAMPAIGNER: _("runs campaigns and sees who signed"),
        Role.CANVASS_LEAD: _("leads the canvass: devices and shifts"),
    }
    return [(role.value, role_in_words(role), said[role]) for role in Role]
