"""What the house gets from this room."""

from backend.alerts import mail_pages, public_pages, subscription_pages
from backend.alerts.desk import pages, todo
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(public_pages, subscription_pages, mail_pages, pages),
    places=(Place({Right.SEND_ALERTS: "/desk/alerts"}, later("Alerts")),),
    todo=todo.waiting,
)
