"""This room's own small words: hours, prices, what became of a place."""

from typing import Any

from babel import Locale

from backend.counties import gazetteer
from backend.detained.facts import Cost
from backend.detained.tables import DetentionPlace
from backend.policies.citations import Citations
from backend.policies.tables import HelpLine
from backend.policies.wording import dated
from backend.web import language
from backend.web.language import gettext as _
from backend.web.language import later, number_in_words

# Covered California's phone languages.
LANGUAGES = ("en", "es", "zh", "vi", "ko", "tl", "hy", "fa", "ru", "ar", "hmn", "km", "lo")

STATUSES = {
    "open": later("Holds people for ICE"),
    "closed": later("Closed"),
    "no_ice": later("County jail: holds nobody for ICE any more"),
    "proposed": later("Proposed"),
}


class Sources(Citations):
    """Numbers for one page, also for sources of which no exact page is known."""

    def _number(self, source: dict[str, Any]) -> int:
        known_as = (source["url"] or source["publisher"], source["title"] or str(source))
        if known_as not in self._numbers:
            self.sources.append(source)
            self._numbers[known_as] = len(self.sources)
        return self._numbers[known_as]


def tel(number: str) -> str:
    return "tel:+1" + number.replace("-", "")


def serves(line: HelpLine) -> str:
    """The counties a line is for."""
    names = [county.name for slug in line.counties if (county := gazetteer.county(slug))]
    if line.statewide and not names:
        return _("All of California")
    named = ", ".join(names)
    if line.statewide:
        return _("%(counties)s, and all of California") % {"counties": named}
    return named


def spoken(line: HelpLine) -> str:
    """Languages people answer in, "" when that is not known."""
    return ", ".join(language_name(code) for code in line.languages)


def language_name(code: str) -> str:
    names = Locale.parse(language.current.get().locale).languages
    return str(names.get(code, code))


def status(place: DetentionPlace) -> str:
    return _(STATUSES[place.status])


def dates(place: DetentionPlace) -> str:
    """When it began and stopped holding people for ICE, as well as that is known."""
    if place.opened and place.ended:
        begun = dated(_("From %(day)s"), _("From %(month)s"), place.opened)
        over = dated(_("to %(day)s."), _("to %(month)s."), place.ended)
        return f"{begun} {over}"
    said = []
    if place.opened:
        said.append(dated(_("Since %(day)s."), _("Since %(month)s."), place.opened))
    if place.ended:
        said.append(dated(_("It ended on %(day)s."), _("It ended in %(month)s."), place.ended))
    return " ".join(said)


def run_by(place: DetentionPlace) -> str:
    """Who runs it. A company's name stays as it is; a sheriff is named in the reader's language."""
    county, sheriff, _after = place.operator.partition(" County Sheriff")
    if sheriff:
        return _("Run by the sheriff of %(name)s County.") % {"name": county}
    return _("Run by %(name)s.") % {"name": place.operator}


def price(cents: int) -> str:
    return _("free") if cents == 0 else _("%(number)s¢ a minute") % {"number": cents}


def since(cost: Cost) -> str:
    return dated(_("since %(day)s"), _("since %(month)s"), cost.since)


def beds(place: DetentionPlace) -> str:
    return _("%(number)s beds") % {"number": number_in_words(place.beds or 0)}


def address(place: DetentionPlace) -> str:
    county = gazetteer.county(place.county)
    where = [part for part in (place.address, _city(place.city)) if part]
    if county:
        where.append(_("%(name)s County") % {"name": county.name})
    return ", ".join(where)


def _city(written: str) -> str:
    """A town, or the land around one."""
    town, area, _after = written.partition(" area")
    return _("%(town)s area") % {"town": town} if area else written
