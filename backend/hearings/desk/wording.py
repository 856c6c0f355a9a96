"""A hearing's words by their names, where the desk has no hearing yet: in lists to choose from,
and in entries that are only proposed."""

from backend.hearings import wording
from backend.hearings.kinds import Kind, Noted, Result, Status
from backend.web.language import gettext as _


def kind(name: str) -> str:
    return _(wording.KINDS[Kind(name)])


def status(name: str) -> str:
    return _(wording.STATUSES[Status(name)])


def result(name: str) -> str:
    return _(wording.RESULTS[Result(name)])


def noted(name: str) -> str:
    return _(wording.HAPPENED[Noted(name)])
