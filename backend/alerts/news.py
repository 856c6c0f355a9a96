"""What happened to a hearing, as those hear it who chose it."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backend.alerts import wording
from backend.alerts.kinds import News
from backend.alerts.publishing import LEAD, NEWS_FOR, begins_at
from backend.hearings import entry as entries
from backend.hearings.entry import Entry
from backend.hearings.kinds import AHEAD, Status
from backend.hearings.tables import Hearing
from backend.web.clock import CALIFORNIA

# Closer than this, a change is urgent: it wakes whoever would set out in vain.
SOON = datetime.timedelta(days=1)
OUTCOMES_ARE_NEWS = datetime.timedelta(days=60)
ELSEWHERE = ("starts_at", "time_known", "place", "address")
OUTCOME = ("outcome", "result", "votes", "figures")


@dataclass(frozen=True)
class Told:
    """What to say of a hearing: `full` gives its words, which are worth something until
    `worth_until`."""

    kind: News
    full: Callable[[], tuple[str, str]]
    worth_until: datetime.datetime
    navigate: str
    soon: bool = False


def between(hearing: Hearing, before: Any, after: Any, at: datetime.datetime) -> Told | None:
    """What all changes come to that lie between two entries of its history, or nothing that anybody
    has to hear. `before` is null for one that was announced meanwhile."""
    was, is_ = _said(before), _said(after)
    if is_ is None:
        return None
    page = f"/hearings/{hearing.id}"
    begins = begins_at(is_)
    began = begins_at(was) if was else begins
    if hearing.taken_out_at:
        if was is None or was.status not in AHEAD:
            return None
        return _called_off(hearing, began, at, "/hearings")
    if is_.status in AHEAD and was is None:
        return Told(News.ANNOUNCED, lambda: wording.announced(hearing), begins - LEAD, page)
    if was is None:
        return None
    soon = min(begins, began) - at < SOON
    if is_.status != was.status and is_.status == Status.CANCELLED:
        return _called_off(hearing, began, at, page)
    if is_.status != was.status and is_.status == Status.POSTPONED:
        day = began.astimezone(CALIFORNIA).date()
        return Told(News.MOVED, lambda: wording.postponed(hearing, day), began - LEAD, page, soon)
    came_back = is_.status != was.status and was.status in (Status.CANCELLED, Status.POSTPONED)
    if came_back and is_.status in AHEAD:
        return Told(News.MOVED, lambda: wording.back_on(hearing), begins - LEAD, page, soon)
    changed = set(entries.differing(was, is_))
    if is_.status == Status.MOVED and changed & set(ELSEWHERE):
        return Told(News.MOVED, lambda: wording.moved(hearing), begins - LEAD, page, soon)
    decided = is_.status == Status.HELD and changed & set(OUTCOME)
    if decided and begins > at - OUTCOMES_ARE_NEWS:
        return Told(News.OUTCOME, lambda: wording.decided(hearing), at + NEWS_FOR, page)
    return None


def _said(plain: Any) -> Entry | None:
    return entries.read(plain) if plain else None


def _called_off(
    hearing: Hearing, began: datetime.datetime, at: datetime.datetime, page: str
) -> Told:
    day = began.astimezone(CALIFORNIA).date()
    return Told(
        News.CANCELLED,
        lambda: wording.cancelled(hearing, day),
        began - LEAD,
        page,
        soon=began - at < SOON,
    )
