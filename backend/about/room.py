"""What the house gets from this room."""

from backend.about import controllers, operations
from backend.about.desk import pages, todo
from backend.staff.rooms import Room

ROOM = Room(
    pages=(controllers, operations, pages),
    todo=todo.waiting,
)
