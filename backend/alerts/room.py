"""What the house gets from this room."""

from backend.alerts import controllers, mail_pages, phone
from backend.alerts.desk import pages, todo
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(controllers, phone, mail_pages, pages),
    places=(Place({Right.SEND_ALERTS: "/desk/alerts"}, later("Alerts")),),
    todo=todo.waiting,
)
