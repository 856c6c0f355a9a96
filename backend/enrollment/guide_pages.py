"""Public addresses of the guide: the room's first page, what somebody may have, and is it safe.

None of them asks the server anything: what people answer stays in the page.
"""

import datetime
from typing import Any

from litestar import get
from litestar.response.base import ASGIResponse

from backend.counties import gazetteer
from backend.enrollment.guide import GUIDE as GUIDE_FILE
from backend.enrollment.guide import SAFE, SECTIONS, Guide, guide
from backend.enrollment.rules import PERCENTS, Sentence
from backend.policies import wording
from backend.policies.citations import Citations
from backend.web import language
from backend.web.clock import today
from backend.web.language import gettext as _
from backend.web.language import later
from backend.web.pages import Page, kept_page
from backend.web.responses import AnyRequest

# Households in the table of incomes: larger ones are rare, and the phone can work them out.
PEOPLE = range(1, 9)

TITLES = {
    "child": later("If the person is under 19"),
    "pregnant": later("If you are pregnant, or were in the last year"),
    "adult": later("If you are 19 or older"),
    "member": later("If you have Medi-Cal, or it just stopped"),
    "income": later("What you earn and own"),
    "apply": later("How to apply and renew"),
    "covered_california": later("Covered California"),
    "hospital": later("If you are sick now"),
    "county": later("Your county’s own program"),
    "clinics": later("Community clinics"),
    "changes": later("What changes soon"),
    "reports": later("What the state must report"),
    "ice": later("What may reach ICE, and what may not"),
    "weigh": later("Before you decide"),
    "charge": later("Does it hurt a green card case?"),
    "timeline": later("How it came to this"),
}
PATHS = {
    "": "",
    "counted": later("If Medi-Cal counts your immigration status as “satisfactory”"),
    "other": later("If it does not, or you are not sure"),
}


@get("/enrollment")
async def show_home(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        whole, on = guide(), today()
        weeks = whole.weeks_on(on)
        return Page(
            "enrollment/home.html",
            {
                "lines": _lines(whole, request),
                "weeks": weeks,
                "left": (weeks.last - on).days + 1 if weeks and weeks.is_open(on) else 0,
                "today": on,
                "wording": wording,
            },
        )

    return await kept_page(request, ("enrollment", today()), make)


@get("/enrollment/guide")
async def show_guide(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        whole, on = guide(), today()
        income = whole.income_on(on)
        return Page(
            "enrollment/guide.html",
            {
                **_told(whole.sentences, GUIDE_FILE, on),
                "statuses": whole.statuses,
                "legal": whole.lines["legal"],
                "lines": _lines(whole, request),
                "counties": gazetteer.counties(),
                "income": income,
                "people": PEOPLE,
                "percents": PERCENTS,
            },
        )

    return await kept_page(request, ("enrollment guide", today()), make)


@get("/enrollment/safe")
async def show_safe(request: AnyRequest) -> ASGIResponse:
    async def make() -> Page:
        whole, on = guide(), today()
        return Page(
            "enrollment/safe.html",
            {**_told(whole.safe, SAFE, on), "legal": whole.lines["legal"]},
        )

    return await kept_page(request, ("enrollment safe", today()), make)


def _told(sentences: tuple[Sentence, ...], file: str, on: datetime.date) -> dict[str, Any]:
    """What a page of sentences needs: those of today, and those whose day is still to come, since
    a phone may keep the page until then."""
    kept = [each for each in sentences if each.ends is None or each.ends >= on]
    parts = {name: [each for each in kept if each.section == name] for name in SECTIONS[file]}
    return {
        "sections": [
            (name, TITLES[name], _by_path(part, on), any(each.holds_on(on) for each in part))
            for name, part in parts.items()
            if part
        ],
        "drafts": not all(each.reviewed for each in kept),
        "checked": min(each.checked_on for each in kept),
        "citations": Citations(),
        "today": on,
        "wording": wording,
        "worded": _,
    }


def _by_path(
    several: list[Sentence], on: datetime.date
) -> list[tuple[str, str, list[Sentence], bool]]:
    """The sentences for everyone first, then each path's, with its title and whether any holds;
    what settles something comes before what explains it."""
    settling_first = sorted(several, key=lambda each: each.settles is None)
    paths = {path: [each for each in settling_first if each.path == path] for path in PATHS}
    return [
        (path, PATHS[path], found, any(each.holds_on(on) for each in found))
        for path, found in paths.items()
        if found
    ]


def _lines(whole: Guide, request: AnyRequest) -> list[Any]:
    """The numbers to call, the reader's language first."""
    lines = dict(whole.lines)
    spanish = lines.pop("covered_california_spanish")
    if language.of(request).code == "es":
        lines["covered_california"] = spanish
    return list(lines.values())
