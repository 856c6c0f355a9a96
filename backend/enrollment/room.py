"""What the house gets from this room."""

from backend.enrollment import controllers, guiding, hsds
from backend.enrollment.desk import import_pages, pages, todo
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(guiding, controllers, hsds, pages, import_pages),
    places=(Place({Right.EDIT_RECORD: "/desk/directory"}, later("Help")),),
    todo=todo.waiting,
)
