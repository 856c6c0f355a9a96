"""What the house gets from this room."""

from backend.staff import account_pages, auth, sign_in_pages
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(sign_in_pages, account_pages),
    # The last lines of the menu: the house itself, and one's own account.
    places=(
        Place({Right.SEE_PEOPLE: "/desk/outbox"}, later("Mail")),
        Place({Right.RUN_THE_HOUSE: "/desk/work"}, later("Background work")),
        Place({Right.READ_AUDIT: "/desk/audit"}, later("Audit trail")),
        Place({Right.MANAGE_STAFF: "/desk/staff"}, later("Staff")),
        Place({Right.ENTER: "/desk/me"}, later("My account")),
    ),
    forgets=(auth.end_session,),
)
