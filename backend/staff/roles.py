"""RBAC: who may do what; the one place that says so. `auth` asks it for every page and action."""

from enum import StrEnum

from backend.web.language import gettext as _


class Role(StrEnum):
    ADMIN = "admin"
    EDITOR = "editor"
    CAMPAIGNER = "campaigner"
    CANVASS_LEAD = "canvass_lead"


class Right(StrEnum):
    """What a page or an action of the desk asks for."""

    ENTER = "enter"
    EDIT_RECORD = "edit_record"
    RUN_CAMPAIGNS = "run_campaigns"
    EDIT_HEARINGS = "edit_hearings"
    SEND_ALERTS = "send_alerts"
    SEE_PEOPLE = "see_people"
    EXPORT_PEOPLE = "export_people"
    LEAD_CANVASS = "lead_canvass"
    MANAGE_STAFF = "manage_staff"
    READ_AUDIT = "read_audit"
    RUN_THE_HOUSE = "run_the_house"


ROLES_WITH: dict[Right, frozenset[Role]] = {
    Right.ENTER: frozenset(Role),
    Right.EDIT_RECORD: frozenset({Role.ADMIN, Role.EDITOR}),
    Right.RUN_CAMPAIGNS: frozenset({Role.ADMIN, Role.CAMPAIGNER}),
    Right.EDIT_HEARINGS: frozenset({Role.ADMIN, Role.EDITOR, Role.CAMPAIGNER}),
    Right.SEND_ALERTS: frozenset({Role.ADMIN, Role.CAMPAIGNER}),
    Right.SEE_PEOPLE: frozenset({Role.ADMIN, Role.CAMPAIGNER}),
    Right.EXPORT_PEOPLE: frozenset({Role.ADMIN, Role.CAMPAIGNER}),
    Right.LEAD_CANVASS: frozenset({Role.ADMIN, Role.CANVASS_LEAD}),
    Right.MANAGE_STAFF: frozenset({Role.ADMIN}),
    Right.READ_AUDIT: frozenset({Role.ADMIN}),
    Right.RUN_THE_HOUSE: frozenset({Role.ADMIN}),
}


def may(roles: list[str], right: Right) -> bool:
    return not ROLES_WITH[right].isdisjoint(roles)


def role_in_words(role: str) -> str:
    return {
        Role.ADMIN: _("admin"),
        Role.EDITOR: _("editor"),
        Role.CAMPAIGNER: _("campaigner"),
        Role.CANVASS_LEAD: _("canvass lead"),
    }[Role(role)]
