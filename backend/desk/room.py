"""What the house gets from this room."""

from backend.desk import (
    audit_pages,
    home_pages,
    job_pages,
    mail_pages,
    retention_pages,
    staff_pages,
    todo,
)
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(home_pages, staff_pages, audit_pages, mail_pages, job_pages, retention_pages),
    places=(Place({Right.ENTER: "/desk"}, later("To do")),),
    todo=todo.waiting,
)
