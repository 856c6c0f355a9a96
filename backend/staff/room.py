"""What the house gets from this room."""

from backend.staff import controllers, door, mine
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(controllers, mine),
    # The last lines of the menu: the house itself, and one's own account.
    places=(
        Place({Right.SEE_PEOPLE: "/desk/outbox"}, later("Mail")),
        Place({Right.RUN_THE_HOUSE: "/desk/work"}, later("Background work")),
        Place({Right.READ_AUDIT: "/desk/audit"}, later("Audit trail")),
        Place({Right.MANAGE_STAFF: "/desk/staff"}, later("Staff")),
        Place({Right.ENTER: "/desk/me"}, later("My account")),
    ),
    forgets=(door.end_session,),
)
