"""What waits for who runs the house: renewing how many demands came."""

from backend.about.tables import DemandStatement
from backend.staff.auth import Visitor
from backend.staff.roles import Right
from backend.staff.rooms import Todo
from backend.web.language import gettext as _

DEMANDS = "/desk/legal-demands"


async def waiting(visitor: Visitor) -> list[Todo]:
    if not visitor.may(Right.RUN_THE_HOUSE):
        return []
    last = await DemandStatement.last()
    if last is not None and last.is_overdue():
        said = _("Nobody renewed for 90 days how many demands for data came")
        return [Todo(said, DEMANDS, alarm=True)]
    return []
