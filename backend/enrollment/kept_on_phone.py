"""The directory of one county in a file for the phone, which then needs no network to find help,
and tells nobody what it looks for.

JSON `{made_on, county, left_out, points, words, places}`; `frontend/assets/js/places.js` reads it.
`points` are the middles of the county's ZIP codes, `words` the few that are not data, by language.
At most 60 KB compressed: in a county with more clinics than fit, those farthest from its people
(the middle of its ZIP codes) stay out, and `left_out` says how many.
"""

import asyncio
import json
from typing import Any

import brotli

from backend.counties import gazetteer
from backend.counties.gazetteer import County
from backend.enrollment import places, search
from backend.enrollment.places import KINDS, LANGUAGES, Json, Place
from backend.web import language
from backend.web.clock import today
from backend.web.json import PUBLIC
from backend.web.language import gettext as _
from backend.web.responses import Answer

MOST = 60_000
# What is left out last, when not all fits.
FIRST = ("county_office", "line", "legal", "counselor")  # then health centers, then other clinics


async def make(county: County) -> Answer:
    found = await search.for_county(county.slug)
    return await asyncio.to_thread(_fitting, county, found)


def _fitting(county: County, found: list[Place]) -> Answer:
    points = {
        each.zip: [each.latitude, each.longitude]
        for each in gazetteer.zips().values()
        if county in each.counties and each.latitude is not None
    }
    middle = search.middle([(p[0], p[1]) for p in points.values() if p[0] and p[1]])
    found = sorted(found, key=lambda place: _importance(place, middle))
    number = len(found)
    while True:
        body = _write(county, points, found[:number], len(found) - number)
        if number == 0 or len(brotli.compress(body, quality=5)) <= MOST:
            break
        number = number * 9 // 10
    answer = Answer(body, "application/json", PUBLIC, squeezed=True)
    assert answer.brotlied is None or len(answer.brotlied.body) <= MOST
    return answer


def _write(county: County, points: Json, found: list[Place], left_out: int) -> bytes:
    whole = {
        "made_on": today().isoformat(),
        "county": {"slug": county.slug, "name": county.name},
        "left_out": left_out,
        "points": points,
        "words": {code: words(code) for code in language.LANGUAGES},
        "places": [_place(place, county.slug) for place in found],
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def words(code: str) -> dict[str, Any]:
    """What a card says that is no data, in one language."""
    token = language.current.set(language.LANGUAGES[code])
    try:
        return {
            "kinds": {kind: _(name) for kind, name in KINDS.items()},
            "about": {kind: _(sentence) for kind, sentence in places.ABOUT.items()},
            "languages": {each: places.language_in_words(each) for each in LANGUAGES},
            "days": [places.day_in_words(number) for number in range(7)],
            "to": _("%(first)s to %(last)s"),
            "hours": _("%(days)s, %(opens)s to %(closes)s"),
            "no_hours": _("Hours not known. Call first."),
            "no_languages": _("Languages not known. Ask if someone speaks yours."),
            "speaks": _("Languages: %(languages)s"),
            "ask": _("Ask for: %(words)s"),
            "miles": _("%(number)s miles"),
            "about_miles": _("about %(number)s miles"),
            "close": _("close by"),
            "checked": _("Checked on %(day)s"),
            "unchecked": _("Not checked by us yet. Call before you go."),
            "stale": _("Last checked on %(day)s. It may have changed: call first."),
        }
    finally:
        language.current.reset(token)


def _importance(place: Place, middle: tuple[float, float]) -> tuple[int, float, str]:
    kind = FIRST.index(place.kind) if place.kind in FIRST else len(FIRST)
    kind += place.kind == "clinic" and place.source != "hrsa"
    if place.latitude is None or place.longitude is None:
        return kind, 0, str(place.id)
    away = search.meters_between(middle, (place.latitude, place.longitude))
    return kind, away, str(place.id)


def _place(place: Place, slug: str) -> Json:
    """Without what is empty or said by the kind."""
    here = place.latitude is not None and place.longitude is not None
    whole: Json = {
        "kind": place.kind,
        "name": place.name,
        "org": place.organization if place.organization != place.name else "",
        "address": places.address_of(place),
        "phones": [
            [
                places.phone_in_words(each["number"]),
                places.tel(each),
                *(each.get("languages") or ()),
            ]
            for each in place.phones
        ],
        "languages": place.languages,
        "hours": [[each["byday"], each["opens_at"], each["closes_at"]] for each in place.schedules],
        "about": place.about,
        "ask": place.ask_for,
        "alert": place.alert,
        "at": [round(place.latitude or 0, 4), round(place.longitude or 0, 4)] if here else [],
        "zip": place.point_of == "zip",
        "checked": place.assured_date.isoformat() if place.assured_date else "",
        "review": place.review_by.isoformat() if place.review_by else "",
        "mine": slug in place.covers,
        "all": place.statewide,
    }
    return {name: value for name, value in whole.items() if value}
