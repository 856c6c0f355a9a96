"""What the house gets from this room."""

from backend.counties import api, controllers
from backend.staff.rooms import Room

ROOM = Room(pages=(controllers, api))
