"""What people may ask of the record, and what they are told when it cannot be answered."""

import datetime

from backend.counties import gazetteer
from backend.policies.days import FIRST_DAY, Day
from backend.policies.questions import FIRST_ASKED, Question
from backend.web.clock import today
from backend.web.errors import CannotAnswer
from backend.web.language import day_in_words
from backend.web.language import gettext as _
from backend.web.responses import AnyRequest


def asked_day(request: AnyRequest) -> datetime.date:
    """The day of `?on=`, today without one. Raises CannotAnswer, in the reader's language, for a
    day that is none, lies before 2008 or has not come yet."""
    given = request.query_params.getall("on", []) if request.scope["query_string"] else []
    if not given or given == [""]:
        return today()
    way_on = (request.scope["path"], _("Show today instead"))
    if len(given) > 1:
        raise CannotAnswer(_("We can show one day at a time."), way_on=way_on)
    try:
        day = Day.parse(given[0].strip())
    except ValueError:
        day = None
    if day is None or not day.exact:
        sentence = _("We could not read this date. Write it like 2014-03-01.")
        raise CannotAnswer(sentence, way_on=way_on)
    if day.first < FIRST_DAY:
        sentence = _("The record starts on %(day)s.") % {"day": day_in_words(FIRST_DAY)}
        raise CannotAnswer(sentence, way_on=way_on)
    if day.first > today():
        raise CannotAnswer(_("That day has not come yet."), way_on=way_on)
    return day.first


def asked_changes(request: AnyRequest) -> tuple[str | None, int | None]:
    """The county (or `state`) of `?county=` and the number of `?before=`, None without them.
    Raises CannotAnswer for a county that is none and a number that is none."""
    file, before = (request.query_params.get(name, "") for name in ("county", "before"))
    way_on = (request.scope["path"], _("See all changes"))
    if file and file != "state" and gazetteer.county(file) is None:
        raise CannotAnswer(_("We know no county by that name."), status=404, way_on=way_on)
    whole = before.isascii() and before.isdecimal() and len(before) < 11
    if before and not (whole and 0 < int(before) < 2**31):
        raise CannotAnswer(_("There are no changes before that one."), status=404, way_on=way_on)
    return file or None, int(before) if before else None


def asked_question(request: AnyRequest) -> Question:
    """The question of `?question=`, handing over without one: to whether a jail can keep someone
    all 58 answers are the same. Raises CannotAnswer for an unknown one."""
    given = request.query_params.getall("question", [])
    if not given:
        return FIRST_ASKED
    try:
        return Question(given[-1])
    except ValueError:
        raise CannotAnswer(
            _("We do not ask that question."),
            way_on=(request.scope["path"], _("See all counties")),
        ) from None
