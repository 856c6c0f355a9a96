"""Brute force: how often the door may be tried in vain. Whoever has what opens it comes in, however
many others try: a passkey's answer proves itself and is never refused; of codes only wrong ones
count, and when many are wrong all over, each costs a sum, or a while of waiting, in the place of a
refusal."""

from backend.staff import alarms
from backend.staff.auth import SIGN_IN
from backend.web import proof_of_work
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.rate_limits import Limit, NetworkLimit
from backend.web.responses import AnyRequest

WRONG_PASSKEYS = NetworkLimit("wrong passkeys", 60, 600)
WRONG_LINKS = NetworkLimit("wrong invitations", 60, 600)
# What one person may do with a link or a code of their own, or signed in.
BY_ONE_PERSON = Limit("tries of a person", 60, 600)
# A code is typed from paper: five mistakes are many.
WRONG_CODES = NetworkLimit("wrong recovery codes", 5, 900, closed=True)
WRONG_CODES_OF_ONE = Limit("wrong recovery codes of one", 5, 3600, closed=True)
WRONG_CODES_IN_ALL = Limit("wrong recovery codes in all", 120, 3600, closed=True)
# Right or wrong, each costs us 20 milliseconds.
CODES = NetworkLimit("recovery codes", 20, 900, closed=True)
# So many lines of the trail may be strangers' doing, and as many each passkey's that is known.
NOTED = Limit("failures in the trail", 30, 3600)
TOLD = Limit("failures told", 1, 600)
ALL = b"everyone"


async def passkey_was_wrong(request: AnyRequest) -> None:
    """Raises CannotAnswer when this network sent too many of them."""
    if not await WRONG_PASSKEYS.take(request):
        raise _too_often()


async def link_was_wrong(request: AnyRequest) -> None:
    """Raises CannotAnswer when this network tried too many of them."""
    if not await WRONG_LINKS.take(request):
        raise _too_often()


async def count_person(account_id: int) -> None:
    """One more try of who may try. Raises CannotAnswer when that is too many."""
    if not await BY_ONE_PERSON.take(str(account_id).encode()):
        raise _too_often()


async def may_try_code(
    request: AnyRequest, selector: str, solved: str, ticket: str
) -> proof_of_work.Asked | None:
    """None when the code may be looked at now. Raises CannotAnswer when this network, or somebody
    with this very code, was wrong too often."""
    if not (
        await WRONG_CODES.is_free(request)
        and await WRONG_CODES_OF_ONE.is_free(selector.encode())
        and await CODES.take(request)
    ):
        raise _too_often()
    if await WRONG_CODES_IN_ALL.is_free(ALL):
        return None
    return None if await proof_of_work.is_done(solved, ticket, request) else proof_of_work.ask()


async def code_was_wrong(request: AnyRequest, selector: str) -> None:
    await WRONG_CODES.take(request)
    await WRONG_CODES_OF_ONE.take(selector.encode())
    await WRONG_CODES_IN_ALL.take(ALL)


async def may_note(name: str = "") -> bool:
    """Whether one more failure goes into the trail, strangers' or of the passkey of `name`. What
    does not is told by an alarm."""
    if await NOTED.take(name.encode()):
        return True
    if await TOLD.take(ALL):
        await alarms.door_is_tried()
    return False


def _too_often() -> CannotAnswer:
    return CannotAnswer(
        _("That was too often. Wait a quarter of an hour, then try again."),
        status=429,
        way_on=(SIGN_IN, _("Sign in")),
    )
