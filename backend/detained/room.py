"""What the house gets from this room."""

from backend.detained import public_pages
from backend.detained.desk import call_pages, pages, todo
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(public_pages, pages, call_pages),
    places=(Place({Right.EDIT_RECORD: "/desk/detained"}, later("Detained")),),
    todo=todo.waiting,
)
