"""What the house gets from this room."""

from backend.canvass import device_api, public_pages, shifts
from backend.canvass.desk import (
    entry_pages,
    file_pages,
    pages,
    paper_pages,
    review_pages,
    todo,
    total_pages,
)
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(
        public_pages,
        device_api,
        pages,
        review_pages,
        file_pages,
        paper_pages,
        entry_pages,
        total_pages,
    ),
    places=(
        Place(
            {Right.LEAD_CANVASS: "/desk/canvass", Right.SEE_PEOPLE: "/desk/canvass/review"},
            later("Canvassing"),
        ),
    ),
    todo=todo.waiting,
    forgets=(device_api.take_off,),
    offers={"shifts": shifts.with_campaign},
)
