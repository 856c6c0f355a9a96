"""Preferences: what somebody chose to hear of, from the form, for the phone, for a calendar and for
a letter."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from backend.alerts.kinds import News
from backend.counties import gazetteer
from backend.counties.tables import County
from backend.hearings.kinds import Topic
from backend.push.subscriptions import WORDINGS, Wishes
from backend.web.language import LANGUAGES, later
from backend.web.language import gettext as _

EVERYWHERE = "all"
REMINDERS = ("day", "hours")
NIGHT = ("22:00", "07:00")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
# Whoever sends more than the form has sends something else.
MOST = 200

NO_COUNTY = later("Choose a county, or all of California.")
NO_TOPIC = later("Choose at least one topic.")
NO_KIND = later("Choose at least one thing to hear of.")
BAD_HOURS = later("Choose two different hours, or ring at any hour.")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Choices:
    """As the form has them: slugs of counties, and names. `mistakes` is a sentence by field."""

    counties: frozenset[str] = frozenset()
    everywhere: bool = False
    topics: frozenset[str] = frozenset(Topic)
    kinds: frozenset[str] = frozenset(News)
    reminders: frozenset[str] = frozenset({"day"})
    wording: str = "neutral"
    language: str = "en"
    quiet: bool = True
    quiet_from: str = NIGHT[0]
    quiet_until: str = NIGHT[1]
    mistakes: dict[str, str] = field(default_factory=dict)

    def pairs(self) -> list[tuple[str, str]]:
        """As a form sends them."""
        found = [("county", slug) for slug in sorted(self.counties)]
        if self.everywhere:
            found.append(("county", EVERYWHERE))
        for name, values in (
            ("topic", self.topics),
            ("kind", self.kinds),
            ("remind", self.reminders),
        ):
            found += [(name, value) for value in sorted(values)]
        found += [("wording", self.wording), ("language", self.language)]
        if self.quiet:
            found += [("quiet", "yes")]
        return [*found, ("quiet_from", self.quiet_from), ("quiet_until", self.quiet_until)]


def read(pairs: Iterable[tuple[str, str]], language: str) -> Choices:
    """What somebody sent; what is none of the form's is left out. `language` is theirs where they
    name none."""
    given = [(name, value.strip()) for name, value in pairs][:MOST]

    def every(name: str, known: Iterable[str]) -> frozenset[str]:
        return frozenset(value for key, value in given if key == name) & frozenset(known)

    def last(name: str, known: Iterable[str], otherwise: str) -> str:
        found = [value for key, value in given if key == name]
        return found[-1] if found and found[-1] in set(known) else otherwise

    counties = every("county", (county.slug for county in gazetteer.counties()))
    everywhere = bool(every("county", (EVERYWHERE,)))
    hours = [value for _name, value in given if CLOCK.fullmatch(value)]
    choices = Choices(
        counties=frozenset() if everywhere else counties,
        everywhere=everywhere,
        topics=every("topic", Topic),
        kinds=every("kind", News),
        reminders=every("remind", REMINDERS),
        wording=last("wording", WORDINGS, "neutral"),
        language=last("language", LANGUAGES, language),
        quiet=bool(every("quiet", ("yes",))),
        quiet_from=last("quiet_from", hours, NIGHT[0]),
        quiet_until=last("quiet_until", hours, NIGHT[1]),
    )
    choices.mistakes.update(_mistakes(choices))
    return choices


def _mistakes(choices: Choices) -> dict[str, str]:
    found = {}
    if not choices.counties and not choices.everywhere:
        found["counties"] = _(NO_COUNTY)
    if not choices.topics:
        found["topics"] = _(NO_TOPIC)
    if not choices.kinds and not choices.reminders:
        found["kinds"] = _(NO_KIND)
    if choices.quiet and choices.quiet_from == choices.quiet_until:
        found["quiet"] = _(BAD_HOURS)
    return found


async def wishes(choices: Choices) -> Wishes:
    """As the push room has them."""
    ids = await ids_of(choices.counties)
    return Wishes(
        language=choices.language,
        everywhere=choices.everywhere,
        counties=tuple(sorted(ids.values())),
        topics=tuple(sorted(choices.topics)),
        kinds=tuple(sorted(choices.kinds)),
        wording=choices.wording,
        quiet_from=_minutes(choices.quiet_from) if choices.quiet else None,
        quiet_until=_minutes(choices.quiet_until) if choices.quiet else None,
        remind_day="day" in choices.reminders,
        remind_hours="hours" in choices.reminders,
    )


async def choices_of(wishes: Wishes) -> Choices:
    """As the form has them."""
    quiet = wishes.quiet_from is not None and wishes.quiet_until is not None
    return Choices(
        counties=frozenset(await _slugs_of(wishes.counties)),
        everywhere=wishes.everywhere,
        topics=frozenset(wishes.topics),
        kinds=frozenset(wishes.kinds),
        reminders=frozenset(
            name
            for name, wanted in zip(
                REMINDERS, (wishes.remind_day, wishes.remind_hours), strict=True
            )
            if wanted
        ),
        wording=wishes.wording,
        language=wishes.language,
        quiet=quiet,
        quiet_from=_clock(wishes.quiet_from) if quiet else NIGHT[0],
        quiet_until=_clock(wishes.quiet_until) if quiet else NIGHT[1],
    )


def calendar_query(choices: Choices) -> str:
    """As the hearings' feeds are asked: `county=kern&county=state&topic=…&remind=day`. All topics
    are none; no reminder has to be said."""
    found = [("county", slug) for slug in sorted(choices.counties)]
    if found:
        found.append(("county", "state"))
    if choices.topics != frozenset(Topic):
        found += [("topic", topic) for topic in sorted(choices.topics)]
    found += [("remind", name) for name in sorted(choices.reminders) or ["none"]]
    return urlencode([*found, ("lang", choices.language)])


async def ids_of(slugs: Iterable[str]) -> dict[str, int]:
    """The ids of counties by slug."""
    wanted = sorted(slugs)
    if not wanted:
        return {}
    rows = await County.select(County.id, County.slug).where(County.slug.is_in(wanted))
    return {row["slug"]: row["id"] for row in rows}


async def _slugs_of(ids: Sequence[int]) -> list[str]:
    if not ids:
        return []
    rows = await County.select(County.slug).where(County.id.is_in(list(ids)))
    return [row["slug"] for row in rows]


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _clock(minutes: int | None) -> str:
    assert minutes is not None
    return f"{minutes // 60:02}:{minutes % 60:02}"
