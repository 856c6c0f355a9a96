"""The hearings' work in the background: reading calendars."""

from backend.hearings import importing, sources
from backend.staff.rooms import Background
from backend.web.jobs import Schedule

BACKGROUND = Background(
    jobs={
        "import_hearings": importing.import_hearings,
        "look_for_hearings": sources.look_for_hearings,
    },
    schedules=(Schedule("look_for_hearings", "23 * * * *", "look_for_hearings"),),
)
