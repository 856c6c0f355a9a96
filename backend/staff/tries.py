"""How often the door may be tried: for each client, for each code, and by all together. Counted
in memory, without addresses."""

from backend.staff.door import SIGN_IN
from backend.web.errors import CannotAnswer
from backend.web.language import gettext as _
from backend.web.limits import Limit, client_key
from backend.web.sending import AnyRequest

# Signing in takes two requests.
FROM_ONE_CLIENT = Limit(60, seconds=600)
BY_ONE_PERSON = Limit(60, seconds=600)
IN_ALL = Limit(1200, seconds=600)
# A code is typed from paper: five mistakes are many. Each try costs us 20 milliseconds.
CODES_FROM_ONE_CLIENT = Limit(5, seconds=900)
CODES_OF_ONE_PERSON = Limit(5, seconds=3600)
CODES_IN_ALL = Limit(120, seconds=3600)


def count_passkey(request: AnyRequest) -> None:
    """One more request at the way in. Raises CannotAnswer when that is too many."""
    _take(FROM_ONE_CLIENT, client_key(request))
    _take(IN_ALL, b"")


def count_step_up(account_id: int) -> None:
    _take(BY_ONE_PERSON, str(account_id).encode())


def count_code(request: AnyRequest, selector: str) -> None:
    """One more recovery code tried. Raises CannotAnswer when that is too many."""
    _take(CODES_FROM_ONE_CLIENT, client_key(request))
    _take(CODES_OF_ONE_PERSON, selector.encode())
    _take(CODES_IN_ALL, b"")


def forget() -> None:
    """Start counting anew."""
    for limit in (FROM_ONE_CLIENT, BY_ONE_PERSON, IN_ALL):
        limit.forget()
    for limit in (CODES_FROM_ONE_CLIENT, CODES_OF_ONE_PERSON, CODES_IN_ALL):
        limit.forget()


def _take(limit: Limit, key: bytes) -> None:
    if not limit.take(key):
        raise CannotAnswer(
            _("That was too often. Wait a quarter of an hour, then try again."),
            status=429,
            way_on=(SIGN_IN, _("Sign in")),
        )
