"""What the house gets from this room."""

from backend.policies import api, public_pages, queries
from backend.policies.desk import pages, todo
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(public_pages, api, pages),
    places=(Place({Right.EDIT_RECORD: "/desk/record"}, later("Record")),),
    todo=todo.waiting,
    beside=(lambda _app: queries.listen(),),
)
