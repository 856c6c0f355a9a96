"""What the house gets from this room."""

from backend.hearings import api, public_pages
from backend.hearings.desk import file_pages, pages, proposal_pages, source_pages, todo
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(public_pages, api, pages, proposal_pages, source_pages, file_pages),
    places=(Place({Right.EDIT_HEARINGS: "/desk/hearings"}, later("Hearings")),),
    todo=todo.waiting,
)
