"""What the house gets from this room."""

from backend.pwa import public_pages
from backend.staff.rooms import Room

ROOM = Room(pages=(public_pages,), beside=(public_pages.make_ahead,))
