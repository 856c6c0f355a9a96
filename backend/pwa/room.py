"""What the house gets from this room."""

from backend.pwa import controllers
from backend.staff.rooms import Room

ROOM = Room(pages=(controllers,), beside=(controllers.make_ahead,))
