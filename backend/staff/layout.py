"""Pages of the desk: never kept anywhere, in the staff's own frame."""

import datetime

from babel.dates import format_datetime

from backend.staff.auth import Visitor, visitor_of
from backend.staff.roles import Right
from backend.web import language
from backend.web.clock import CALIFORNIA
from backend.web.pages import Page, page
from backend.web.responses import AnyRequest, Sent


def desk_page(request: AnyRequest, what: Page) -> Sent:
    """Answer with a page for this person of the staff. Templates extend `layouts/desk.html` and
    may use `visitor`, `Right`, `moment` and the macro `token()` of `parts/desk.html` in every
    form."""
    visitor: Visitor = visitor_of(request)
    places = [(place.address(visitor), place.name) for place in request.app.state.places]
    context = {
        **what.context,
        "visitor": visitor,
        "Right": Right,
        "moment": moment_in_words,
        "menu": [(address, name) for address, name in places if address],
    }
    return page(
        request,
        Page(what.template, context, what.block, what.status, what.query, private=True),
    )


def door_page(request: AnyRequest, what: Page) -> Sent:
    """Answer with a page of the way in, to somebody we do not know yet."""
    context = {**what.context, "visitor": None, "Right": Right}
    return page(
        request,
        Page(what.template, context, what.block, what.status, what.query, private=True),
    )


def moment_in_words(moment: datetime.datetime) -> str:
    """Nov 24, 2026, 5:40 PM: the time it was in California."""
    locale = language.current.get().locale
    return format_datetime(moment, "medium", tzinfo=CALIFORNIA, locale=locale)
