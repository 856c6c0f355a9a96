"""What the house gets from this room."""

from backend.about import health_pages, public_pages
from backend.about.desk import pages, todo
from backend.staff.rooms import Room

ROOM = Room(
    pages=(public_pages, health_pages, pages),
    todo=todo.waiting,
)
