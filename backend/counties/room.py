"""What the house gets from this room."""

from backend.counties import api, public_pages
from backend.staff.rooms import Room

ROOM = Room(pages=(public_pages, api))
