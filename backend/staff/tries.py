"""How often the door may be tried: for each network, for each code, and by all together."""

from backend.staff.door import SIGN_IN
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.rate_limits import Limit, NetworkLimit
from backend.web.sending import AnyRequest

# Signing in takes two requests.
FROM_ONE_CLIENT = NetworkLimit("signing in", 60, 600)
BY_ONE_PERSON = Limit("stepping up", 60, 600)
IN_ALL = Limit("signing in, all", 1200, 600)
# A code is typed from paper: five mistakes are many. Each try costs us 20 milliseconds.
CODES_FROM_ONE_CLIENT = NetworkLimit("recovery codes", 5, 900, closed=True)
CODES_OF_ONE_PERSON = Limit("recovery codes of one", 5, 3600, closed=True)
CODES_IN_ALL = Limit("recovery codes, all", 120, 3600, closed=True)
ALL = b"everyone"


async def count_passkey(request: AnyRequest) -> None:
    """One more request at the way in. Raises CannotAnswer when that is too many."""
    if not (await FROM_ONE_CLIENT.take(request) and await IN_ALL.take(ALL)):
        raise _too_often()


async def count_step_up(account_id: int) -> None:
    if not await BY_ONE_PERSON.take(str(account_id).encode()):
        raise _too_often()


async def count_code(request: AnyRequest, selector: str) -> None:
    """One more recovery code tried. Raises CannotAnswer when that is too many."""
    if not (
        await CODES_FROM_ONE_CLIENT.take(request)
        and await CODES_OF_ONE_PERSON.take(selector.encode())
        and await CODES_IN_ALL.take(ALL)
    ):
        raise _too_often()


def _too_often() -> CannotAnswer:
    return CannotAnswer(
        _("That was too often. Wait a quarter of an hour, then try again."),
        status=429,
        way_on=(SIGN_IN, _("Sign in")),
    )
