"""What an alert says. The neutral words tell a stranger who sees the phone nothing; the full ones
are for whoever asked for them. Both are written in every language, from the catalogs."""

import datetime
from collections.abc import Callable
from typing import Any

from backend.hearings import wording as hearing_wording
from backend.hearings.kinds import Status
from backend.hearings.tables import Hearing
from backend.web.email_layout import written_in
from backend.web.language import LANGUAGES, PSEUDO, later
from backend.web.language import gettext as _

# As much as lock screens show at most, and at least.
LONGEST = {"title": 80, "body": 220}
SHOWN_BY_ALL = {"title": 40, "body": 120}

NEW_TITLE = later("New update")
AGAIN_TITLE = later("Updated: there is news")
REMINDER_TITLE = later("A reminder")
BODY = later("Open the app to read it.")

Said = dict[str, str]
Words = dict[str, dict[str, Said]]


def neutral(*, again: bool = False, reminder: bool = False) -> Said:
    """What everybody may see, in the current language."""
    title = REMINDER_TITLE if reminder else AGAIN_TITLE if again else NEW_TITLE
    return {"title": _(title), "body": _(BODY)}


def everywhere(
    full: Callable[[], tuple[str, str]],
    *,
    again: bool = False,
    reminder: bool = False,
    only: str | None = None,
) -> Words:
    """As `push.rings` has words: `full` gives title and body in the current language. `again` is
    news on something that was told: a phone that shows both must tell which holds. `only` is the
    code of one language, where there are no words in the others."""
    words: Words = {}
    for code in LANGUAGES:
        if code == PSEUDO.code or only not in (None, code):
            continue
        with written_in(code):
            title, body = full()
            if again:
                title = _("Updated: %(title)s") % {"title": title}
            words[code] = {
                "neutral": neutral(again=again, reminder=reminder),
                "full": said(title, body),
            }
    return words


def said(title: str, body: str) -> Said:
    return {
        "title": shortened(title, LONGEST["title"]),
        "body": shortened(body, LONGEST["body"]) or _(BODY),
    }


def shortened(text: str, most: int) -> str:
    """On one line, and cut between words."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut[most // 2 :] else cut}…"


def announced(hearing: Hearing) -> tuple[str, str]:
    return (
        _("New: %(title)s") % {"title": hearing_wording.title(hearing)},
        _when_and_where(hearing),
    )


def moved(hearing: Hearing) -> tuple[str, str]:
    return (
        _("Moved: %(title)s") % {"title": hearing_wording.title(hearing)},
        _("Now: %(when)s") % {"when": _when_and_where(hearing)},
    )


def postponed(hearing: Hearing, day: datetime.date) -> tuple[str, str]:
    return (
        _("Postponed: %(title)s") % {"title": hearing_wording.title(hearing)},
        _("Do not go on %(day)s. It has no new day yet.") % {"day": hearing_wording.day(day)},
    )


def back_on(hearing: Hearing) -> tuple[str, str]:
    return (
        _("Back on: %(title)s") % {"title": hearing_wording.title(hearing)},
        _when_and_where(hearing),
    )


def cancelled(hearing: Hearing, day: datetime.date) -> tuple[str, str]:
    return (
        _("Cancelled: %(title)s") % {"title": hearing_wording.title(hearing)},
        _("Do not go on %(day)s.") % {"day": hearing_wording.day(day)},
    )


def decided(hearing: Hearing) -> tuple[str, str]:
    result = hearing_wording.result(hearing)
    told = hearing_wording.said(hearing.outcome or {})
    return (
        _("Decided: %(title)s") % {"title": hearing_wording.title(hearing)},
        ". ".join(part.rstrip(".") for part in (result, told) if part)
        or _("Open the app to read what came of it."),
    )


def reminder(hearing: Hearing) -> tuple[str, str]:
    return (
        _("Soon: %(title)s") % {"title": hearing_wording.title(hearing)},
        _when_and_where(hearing),
    )


def record_changed(county: str, why: list[dict[str, str]]) -> tuple[str, str]:
    """`county` is its name, "" for the state; `why` is what editors wrote of each change."""
    title = (
        _("%(name)s County: the rules changed") % {"name": county}
        if county
        else _("California: the rules changed")
    )
    return title, " ".join(hearing_wording.said(each) for each in why)


def enrollment_opens(last: datetime.date) -> tuple[str, str]:
    return (
        _("You can sign up for health coverage now"),
        _("Covered California takes sign-ups until %(day)s.") % {"day": hearing_wording.day(last)},
    )


def enrollment_ends(last: datetime.date) -> tuple[str, str]:
    return (
        _("Sign-up for health coverage ends soon"),
        _("The last day at Covered California is %(day)s.") % {"day": hearing_wording.day(last)},
    )


def test() -> Words:
    """What "send me a test" sends."""
    return everywhere(lambda: (_("Your alerts work"), _("This is the test you asked for.")))


def example(status: Status = Status.MOVED) -> Words:
    """An alert as it could look, for who chooses between the words."""
    day = datetime.date(2026, 12, 8)

    def full() -> tuple[str, str]:
        return (
            _("Moved: %(title)s") % {"title": _("Forum on the sheriff and ICE")},
            _("Now: %(when)s") % {"when": f"{hearing_wording.day(day)}, {_('2:00 p.m.')}"},
        )

    return everywhere(full)


def _when_and_where(hearing: Hearing) -> str:
    place = hearing_wording.place_of(hearing.place, "")
    return f"{hearing_wording.when(hearing)} · {place}" if place else hearing_wording.when(hearing)


def preview_of(words: Any, code: str, wording: str) -> Said:
    """What a phone with that language and wording shows."""
    chosen: Said = (words.get(code) or words["en"])[wording]
    return chosen
