"""What the house gets from this room."""

from backend.desk import controllers, outbox, people, retention, todo, trail, work
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(controllers, people, trail, outbox, work, retention),
    places=(Place({Right.ENTER: "/desk"}, later("To do")),),
    todo=todo.waiting,
)
