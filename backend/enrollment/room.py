"""What the house gets from this room."""

from backend.enrollment import guide_pages, hsds_api, public_pages
from backend.enrollment.desk import import_pages, pages, todo
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(guide_pages, public_pages, hsds_api, pages, import_pages),
    places=(Place({Right.EDIT_RECORD: "/desk/directory"}, later("Help")),),
    todo=todo.waiting,
)
