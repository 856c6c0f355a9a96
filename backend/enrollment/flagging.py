"""People say that a card is wrong. We ask for no name and keep none; the desk looks."""

import datetime
from uuid import UUID

from backend.enrollment.tables import WrongFlag
from backend.web.language import gettext as _
from backend.web.language import later

MOST_WORDS = 300
# How long a flag is kept, settled or not.
KEPT = datetime.timedelta(days=180)
REASONS = {
    "phone": later("The phone number does not work"),
    "closed": later("It is closed or moved"),
    "hours": later("The hours are wrong"),
    "language": later("Nobody speaks that language"),
    "cost": later("They asked me for money"),
    "other": later("Something else"),
}


def reasons() -> dict[str, str]:
    return {reason: _(words) for reason, words in REASONS.items()}


def mistakes_in(what: str, words: str) -> dict[str, str]:
    if what not in REASONS:
        return {"what": _("Choose what is wrong.")}
    if len(words) > MOST_WORDS:
        return {"words": _("This is too long: %(count)d letters are the most.")
                % {"count": MOST_WORDS}}  # fmt: skip
    return {}


async def flag(place: UUID, what: str, words: str) -> None:
    tidy = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    await WrongFlag.insert(WrongFlag(place=place, what=what, words=tidy))


async def remove_old(before: datetime.datetime) -> int:
    """Retention: what was said before then. Returns how many went."""
    gone = await WrongFlag.delete().where(WrongFlag.made_at < before).returning(WrongFlag.id)
    return len(gone)
