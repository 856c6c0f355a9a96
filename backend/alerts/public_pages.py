"""Addresses of this phone's alerts: choose, and the same as a calendar."""

from typing import Any

from litestar import get
from litestar.response.base import ASGIResponse

from backend import settings
from backend.alerts import preferences
from backend.alerts.forms import choosing_context
from backend.alerts.preferences import Choices
from backend.push import vapid
from backend.web import language
from backend.web.pages import Page, kept_page, page
from backend.web.responses import AnyRequest


@get("/alerts")
async def show_alerts(request: AnyRequest) -> ASGIResponse:
    """The same for everyone: what a phone chose it asks for itself, and shows it there."""
    reader = language.of(request)

    async def make() -> Page:
        return Page("alerts/alerts.html", choosing_context(Choices(language=reader.code)))

    key = vapid.public_key() if vapid.is_ready() else ""
    return await kept_page(request, ("alerts", key), make)


@get("/alerts/calendar")
async def show_calendar(request: AnyRequest) -> ASGIResponse:
    """The address of a calendar with what was chosen. Nothing is kept: the address says it all."""
    reader = language.of(request)
    language.current.set(reader)
    asked: list[tuple[str, Any]] = list(request.query_params.multi_items())
    choices = preferences.read([(name, str(value)) for name, value in asked], reader.code)
    for field in ("kinds", "quiet"):
        choices.mistakes.pop(field, None)
    if choices.mistakes:
        what = choosing_context(choices)
        return page(request, Page("alerts/alerts.html", what, status=422, private=True))
    context = {
        "feed": "?" + preferences.calendar_query(choices),
        "site_host": settings.read().site_url.partition("://")[2],
    }
    return page(request, Page("alerts/calendar.html", context, private=True))
