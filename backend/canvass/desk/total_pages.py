"""The numbers of shifts, on a page and as a table to take along. Nobody's name is in them."""

from collections.abc import Iterable
from typing import Any

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from backend.canvass import shifts, totals
from backend.canvass.desk.pages import hours, shift_with
from backend.canvass.tables import Shift
from backend.canvass.totals import Tally, Totals
from backend.staff import audit
from backend.staff.auth import visitor_of
from backend.staff.layout import desk_page
from backend.staff.roles import Right
from backend.web.clock import CALIFORNIA
from backend.web.language import gettext as _
from backend.web.language import later
from backend.web.pages import Page
from backend.web.responses import Answer, AnyRequest, Sent, send
from backend.web.spreadsheet import as_csv

SOURCES = {
    "canvass": later("a canvasser’s phone"),
    "web": later("their own phone, by the code on the table"),
    "paper": later("paper"),
}
HEAD = ("signed", "confirmed", "to_confirm", "set_aside", "had_signed")


@get("/desk/canvass/{id:int}/totals", may=Right.LEAD_CANVASS)
async def show_totals(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    shift = await shift_with(request, id)
    found = await totals.of_shift(shift)
    context = {
        "shift": shift,
        "hours": hours(shift),
        "totals": found,
        "tables": await _tables(found),
        "phones": [
            (_phone(phone), found.by_phone[phone.device.id])
            for phone in await shifts.phones_of(id)
            if phone.device.id in found.by_phone
        ],
    }
    return desk_page(request, Page("canvass/desk/totals.html", context))


@get("/desk/canvass/{id:int}/totals.csv", may=Right.LEAD_CANVASS)
async def download(request: AnyRequest, id: FromPath[int]) -> ASGIResponse:
    """A line for each group; a phone is told apart by its number, not by whose it is."""
    shift = await shift_with(request, id)
    found = await totals.of_shift(shift)
    lines: list[tuple[Any, ...]] = [("shift", shift.event, *found.whole.cells())]
    for kind, group in (await _groups(found)).items():
        lines += [(kind, name, *tally.cells()) for name, tally in group]
    for number, (_device, phone) in enumerate(sorted(found.by_phone.items()), 1):
        lines.append(("phone", number, *phone.tally.cells()))
    await audit.write(visitor_of(request).name, "exported", f"shift {id}", rows=len(lines))
    return _file(request, ("what", "which", *HEAD), lines, f"shift-{id}.csv")


@get("/desk/canvass/totals.csv", may=Right.LEAD_CANVASS)
async def download_all(request: AnyRequest) -> ASGIResponse:
    """A line for each shift that this person may see."""
    found = await shifts.all_for(visitor_of(request).account)
    tallies = await totals.of_all(found)
    lines = [(*_shift(shift), *tallies[shift.id].cells()) for shift in found]
    await audit.write(visitor_of(request).name, "exported", "shifts", rows=len(lines))
    return _file(request, ("day", "event", "place", *HEAD), lines, "shifts.csv")


async def _groups(found: Totals) -> dict[str, list[tuple[str, Tally]]]:
    titles = await totals.campaign_titles(found.by_campaign)
    names = await totals.county_names()
    return {
        "source": [(_source(source), tally) for source, tally in found.by_source.items()],
        "campaign": [(titles.get(id, ""), tally) for id, tally in found.by_campaign.items()],
        "county": sorted(
            ((names.get(id, ""), tally) for id, tally in found.by_county.items()),
            key=lambda each: each[0],
        ),
    }


async def _tables(found: Totals) -> list[tuple[str, list[tuple[str, Tally]]]]:
    titles = {"source": _("How they signed"), "campaign": _("Campaign"), "county": _("County")}
    return [(titles[kind], group) for kind, group in (await _groups(found)).items()]


def _shift(shift: Shift) -> tuple[str, ...]:
    day = shift.starts_at.astimezone(CALIFORNIA).date().isoformat()
    return day, shift.event, shift.place


def _phone(phone: shifts.Phone) -> str:
    return " · ".join(filter(None, (phone.whose or _("Erased"), phone.device.label)))


def _source(name: str) -> str:
    return _(SOURCES.get(name, name))


def _file(
    request: AnyRequest, head: Iterable[str], lines: Iterable[Iterable[Any]], name: str
) -> Sent:
    headers = (
        ("cache-control", "no-store"),
        ("content-disposition", f'attachment; filename="{name}"'),
    )
    text = as_csv([head, *lines])
    return send(request, Answer(text.encode(), "text/csv", headers))
