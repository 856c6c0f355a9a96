"""What waits for who sees people: numbers to call."""

from backend.campaigns import calls
from backend.staff.auth import Visitor
from backend.staff.roles import Right
from backend.staff.rooms import Todo
from backend.web.language import ngettext

CAMPAIGNS = "/desk/campaigns"


async def waiting(visitor: Visitor) -> list[Todo]:
    if not visitor.may(Right.SEE_PEOPLE):
        return []
    numbers = await calls.how_many()
    words = ngettext("phone number waits to be called", "phone numbers wait to be called", numbers)
    return [Todo(words, CAMPAIGNS, numbers)]
