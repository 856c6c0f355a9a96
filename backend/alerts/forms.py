"""The form on which people choose, as templates show it."""

from typing import Any

from backend.alerts import wording
from backend.alerts.kinds import NAMES
from backend.alerts.preferences import EVERYWHERE, Choices
from backend.counties import gazetteer
from backend.hearings import wording as hearing_wording
from backend.hearings.kinds import Topic
from backend.push import vapid
from backend.web.language import gettext as _

HOURS = tuple(f"{hour:02}:00" for hour in range(24))


def choosing_context(choices: Choices) -> dict[str, Any]:
    """What `alerts/choices.html` needs. Names are translated when they are shown."""
    return {
        "choices": choices,
        "mistakes": choices.mistakes,
        "counties": gazetteer.counties(),
        "EVERYWHERE": EVERYWHERE,
        "topics": list(Topic),
        "topic_name": hearing_wording.topic,
        "kinds": [(kind.value, words) for kind, words in NAMES.items()],
        "hours": HOURS,
        "hour_name": hour_in_words,
        "example": wording.example(),
        "preview_of": wording.preview_of,
        "push_ready": vapid.is_ready(),
        "push_key": vapid.public_key() if vapid.is_ready() else "",
        "typed": "",
    }


def hour_in_words(clock: str) -> str:
    hour = int(clock[:2])
    if hour in (0, 12):
        return _("midnight") if hour == 0 else _("noon")
    return (_("%(hour)s a.m.") if hour < 12 else _("%(hour)s p.m.")) % {"hour": hour % 12}
