"""The forms of campaigns: what staff may write, and what they are told when it is wrong. Whatever
they typed stays in the form."""

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.campaigns.exclusions import WAYS, Pattern
from backend.campaigns.lifecycle import NEEDED, TEXTS
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign
from backend.counties import gazetteer
from backend.web.clock import CALIFORNIA, today
from backend.web.forms import Sent, day_of, line, tidy, typed_of
from backend.web.language import gettext as _

LONGEST = {"title": 120, "ask": 300, "story": 6000, "pledge_words": 600, "outcome": 6000}
LONGEST_LINE = 300
LONGEST_REASON = 300
MOST_BLOCKS = 40
TARGET = ("name_en", "name_es", "why_en", "why_es")
SOURCE = ("title", "publisher", "url", "published_on", "read_on", "grade")
PARTNER = ("name", "url")
BLOCKS = {"target": TARGET, "partner": PARTNER, "source": SOURCE}
EMPTY_BLOCKS = 2
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HTTPS = re.compile(r"https://[^\s<>\"]+")
CITED = re.compile(r"\[(\d{1,2})\](?![(\[:])")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2})?")


@dataclass
class CampaignForm:
    """`typed` is what to show by field name, `counties` those ticked; `mistakes` a sentence by
    field name. `fields` are a campaign's columns when nothing is wrong; `seen` is the fingerprint
    of the campaign that was before the person."""

    typed: dict[str, str] = field(default_factory=dict)
    counties: set[str] = field(default_factory=set)
    mistakes: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    seen: str = ""

    def blocks(self, kind: str) -> range:
        """The numbers of the blocks to show: those with something in them, and two more."""
        used = [
            number
            for number in range(MOST_BLOCKS)
            if any(self.typed.get(f"{kind}{number}_{part}", "").strip() for part in BLOCKS[kind])
        ]
        return range(min(max(used, default=-1) + 1 + EMPTY_BLOCKS, MOST_BLOCKS))


@dataclass
class TextForm:
    """A few words in each language: a new campaign's title, an outcome, a piece of news."""

    typed: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, str] = field(default_factory=dict)

    def words(self, name: str) -> dict[str, str]:
        return {code: tidy(self.typed.get(f"{name}_{code}", "")) for code in NEEDED}


@dataclass
class AsideForm:
    typed: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, str] = field(default_factory=dict)
    pattern: Pattern = field(default_factory=Pattern)
    reason: str = ""


def filled(campaign: Campaign, seen: str) -> CampaignForm:
    """A form that says what the campaign says."""
    words: Any = campaign
    typed = {
        f"{name}_{code}": words_in(getattr(words, name), code)
        for name in (*TEXTS, "outcome")
        for code in NEEDED
    }
    for number, target in enumerate(words.targets or []):
        for code in NEEDED:
            typed[f"target{number}_name_{code}"] = words_in(target["name"], code)
            typed[f"target{number}_why_{code}"] = words_in(target["why"], code)
    for kind, given in (("partner", words.partners), ("source", words.sources)):
        for number, entry in enumerate(given or []):
            for part in BLOCKS[kind]:
                typed[f"{kind}{number}_{part}"] = entry.get(part) or ""
    typed["goals"] = ", ".join(str(goal) for goal in sorted(campaign.goals or []))
    for name in ("opens_on", "closes_on"):
        day = getattr(campaign, name)
        typed[name] = day.isoformat() if day else ""
    chosen = set(campaign.counties or [])
    typed["where"] = "some" if chosen else "all"
    return CampaignForm(typed, chosen, seen=seen)


def read(sent: Sent, campaign: Campaign) -> CampaignForm:
    """What somebody sent as the whole campaign."""
    typed = typed_of(sent)
    ticked = {value for name, value in sent if name == "county"}
    form = CampaignForm(typed, ticked, seen=typed.get("seen", "")[:16])
    whole = campaign.state != CampaignState.DRAFT
    for name in TEXTS:
        form.fields[name] = _as_it_was(_read_text(form, name, whole), getattr(campaign, name))
    if campaign.state in (CampaignState.CLOSED, CampaignState.ARCHIVED):
        outcome = _read_text(form, "outcome", whole)
        form.fields["outcome"] = outcome if any(outcome.values()) else None
    form.fields["targets"] = _read_targets(form, whole)
    form.fields["sources"] = _read_sources(form)
    form.fields["partners"] = _read_partners(form, campaign)
    form.fields["goals"] = _read_goals(form, whole)
    form.fields["counties"] = _read_counties(form)
    for name in ("opens_on", "closes_on"):
        form.fields[name] = _read_day(form, name)
    opens, closes = form.fields["opens_on"], form.fields["closes_on"]
    if opens and closes and closes < opens:
        form.mistakes["closes_on"] = _("It would close before it opens.")
    _check_citing(form)
    return form


def read_new(sent: Sent) -> tuple[TextForm, str]:
    """A new campaign's title and its short name in addresses."""
    form = TextForm(typed_of(sent))
    for code in NEEDED:
        _check_length(form.mistakes, f"title_{code}", form.words("title")[code], LONGEST["title"])
    if not form.words("title")["en"]:
        form.mistakes["title_en"] = _("Write the title in English.")
    slug = form.typed.get("slug", "").strip()
    if not SLUG.fullmatch(slug) or len(slug) > 60:
        form.mistakes["slug"] = _(
            "Write small letters from a to z, digits and hyphens, at most 60: end-holds-here."
        )
    return form, slug


def read_outcome(sent: Sent) -> TextForm:
    form = TextForm(typed_of(sent))
    for code in NEEDED:
        _need(form.mistakes, f"outcome_{code}", form.words("outcome")[code], LONGEST["outcome"])
    return form


def read_news(sent: Sent) -> TextForm:
    form = TextForm(typed_of(sent))
    for code in NEEDED:
        _need(form.mistakes, f"title_{code}", line(form.words("title")[code]), LONGEST["title"])
        _need(form.mistakes, f"words_{code}", form.words("words")[code], LONGEST["story"])
    return form


def read_aside(sent: Sent, sources: list[str]) -> AsideForm:
    """What is to be set aside and why."""
    form = AsideForm(typed_of(sent))
    given = {name: line(value) for name, value in form.typed.items()}
    since, until = (_read_moment(form, name) for name in ("since", "until"))
    if since and until and until <= since:
        form.mistakes["until"] = _("This is not after the first moment.")
    choices: Mapping[str, Sequence[str]] = {
        "county": [county.slug for county in gazetteer.counties()],
        "source": sources,
        "state": ("awaiting", "confirmed"),
        "consent": ("news", "partner"),
        "name_way": WAYS,
        "contact_way": WAYS,
    }
    for name, known in choices.items():
        if given.get(name, "") and given[name] not in known:
            form.mistakes[name] = _("Choose one of the list.")
    for name in ("domain", "name", "contact"):
        _check_length(form.mistakes, name, given.get(name, ""), LONGEST_LINE)
    form.pattern = Pattern(
        since=since,
        until=until,
        **{name: given.get(name, "") for name in ("county", "source", "state", "consent", "domain",
                                                  "name", "contact")},
        name_way=given.get("name_way") or "contains",
        contact_way=given.get("contact_way") or "contains",
    )  # fmt: skip
    if not form.pattern.kinds() and not form.mistakes:
        form.mistakes["county"] = _("Say at least one thing that the pledges have in common.")
    form.reason = given.get("reason", "")
    _need(form.mistakes, "reason", form.reason, LONGEST_REASON)
    return form


def words_in(text: Mapping[str, str] | None, code: str) -> str:
    return (text or {}).get(code, "")


def _read_text(form: CampaignForm, name: str, whole: bool) -> dict[str, str]:
    one_line = name in ("title", "ask", "pledge_words")
    said: dict[str, str] = {}
    for code in NEEDED:
        key = f"{name}_{code}"
        text = form.typed.get(key, "")
        said[code] = line(text) if one_line else tidy(text)
        if whole and name != "outcome":
            _need(form.mistakes, key, said[code], LONGEST[name])
        else:
            _check_length(form.mistakes, key, said[code], LONGEST[name])
    return said


def _as_it_was(said: dict[str, str], before: Any) -> dict[str, str]:
    """A form loses spaces around a text. That is no change, and must not undo a review."""
    return {
        code: before[code] if code in before and tidy(before[code]) == text else text
        for code, text in said.items()
    }


def _blocks(form: CampaignForm, kind: str) -> list[tuple[str, dict[str, str]]]:
    """Each block that has something in it, with what its fields begin with."""
    found = []
    for number in range(MOST_BLOCKS):
        begin = f"{kind}{number}_"
        entry = {part: line(form.typed.get(begin + part, "")) for part in BLOCKS[kind]}
        filled_in = {part: value for part, value in entry.items() if part != "grade"}
        if any(filled_in.values()):
            found.append((begin, entry))
    return found


def _read_targets(form: CampaignForm, whole: bool) -> list[dict[str, dict[str, str]]]:
    targets = []
    for begin, entry in _blocks(form, "target"):
        for part, text in entry.items():
            _need(form.mistakes, begin + part, text, LONGEST_LINE)
        targets.append(
            {key: {code: entry[f"{key}_{code}"] for code in NEEDED} for key in ("name", "why")}
        )
    if whole and not targets:
        form.mistakes["target0_name_en"] = _("Say who decides.")
    return targets


def _read_partners(form: CampaignForm, campaign: Campaign) -> list[dict[str, str]]:
    """Since when one is named stays with its name."""
    standing: Any = campaign.partners or []
    since = {each["name"]: each["since"] for each in standing if "since" in each}
    partners: list[dict[str, str]] = []
    for begin, entry in _blocks(form, "partner"):
        # The name is what its token and the trail call it.
        _need(form.mistakes, begin + "name", entry["name"], 60)
        if entry["url"]:
            _check_address(form.mistakes, begin + "url", entry["url"])
        if entry["name"] in [each["name"] for each in partners]:
            form.mistakes[begin + "name"] = _("This partner is named twice.")
        kept = {"since": since[entry["name"]]} if entry["name"] in since else {}
        partners.append({"name": entry["name"], "url": entry["url"], **kept})
    return partners


def _read_sources(form: CampaignForm) -> list[dict[str, str | None]]:
    sources: list[dict[str, str | None]] = []
    for begin, entry in _blocks(form, "source"):
        for part in ("title", "publisher"):
            _need(form.mistakes, begin + part, entry[part], LONGEST_LINE)
        _check_address(form.mistakes, begin + "url", entry["url"])
        read_on = day_of(entry["read_on"])
        if read_on is None or read_on > today():
            form.mistakes[begin + "read_on"] = _("Say on which day you read it: 2026-11-24.")
        published = entry["published_on"]
        if published and not re.fullmatch(r"[12][0-9]{3}(-[0-9]{2}){0,2}", published):
            form.mistakes[begin + "published_on"] = _("Write a day, a month or a year: 2026-11-24.")
        if entry["grade"] not in ("A", "R", "B"):
            form.mistakes[begin + "grade"] = _("A campaign needs sources better than grade C.")
        sources.append({**entry, "published_on": published or None})
    return sources


def _read_goals(form: CampaignForm, whole: bool) -> list[int]:
    given = re.split(r"[\s,;]+", form.typed.get("goals", "").strip())
    numbers = [each for each in given if each]
    if any(not re.fullmatch(r"[1-9][0-9]{0,8}", each) for each in numbers) or len(numbers) > 20:
        form.mistakes["goals"] = _("Write numbers that go up, with commas: 1000, 5000, 10000.")
        return []
    if whole and not numbers:
        form.mistakes["goals"] = _("Write at least one goal.")
    return sorted({int(each) for each in numbers})


def _read_counties(form: CampaignForm) -> list[str]:
    if form.typed.get("where") != "some":
        return []
    chosen = [county.slug for county in gazetteer.counties() if county.slug in form.counties]
    if not chosen:
        form.mistakes["where"] = _("Choose the counties, or all of them.")
    return chosen


def _read_day(form: CampaignForm, name: str) -> datetime.date | None:
    text = form.typed.get(name, "").strip()
    day = day_of(text)
    if text and day is None:
        form.mistakes[name] = _("Write the day like this: 2026-11-24.")
    return day


def _read_moment(form: AsideForm, name: str) -> str:
    """A moment in California, with its zone; a day alone begins at midnight."""
    text = form.typed.get(name, "").strip()
    if not text:
        return ""
    if TIME.fullmatch(text) and day_of(text[:10]):
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return moment.replace(tzinfo=CALIFORNIA).isoformat()
    form.mistakes[name] = _("Write the moment like this: 2026-11-24T17:30.")
    return ""


def _check_citing(form: CampaignForm) -> None:
    """A sentence names its sources by number, the same in both languages."""
    english, spanish = (CITED.findall(form.fields["story"][code]) for code in NEEDED)
    number = len(form.fields["sources"])
    for code, cited in (("en", english), ("es", spanish)):
        if any(not 1 <= int(each) <= number for each in cited):
            form.mistakes[f"story_{code}"] = _("It names a source that is not in the list below.")
    if spanish and english != spanish and "story_es" not in form.mistakes:
        form.mistakes["story_es"] = _(
            "It does not name the same sources in the same order as the English."
        )


def _need(mistakes: dict[str, str], name: str, text: str, most: int) -> None:
    if not text:
        mistakes[name] = _("Write something here.")
    _check_length(mistakes, name, text, most)


def _check_length(mistakes: dict[str, str], name: str, text: str, most: int) -> None:
    if len(text) > most:
        mistakes[name] = _("This is too long: %(count)d letters are the most.") % {"count": most}


def _check_address(mistakes: dict[str, str], name: str, address: str) -> None:
    if not HTTPS.fullmatch(address) or len(address) > 500:
        mistakes[name] = _("Write the whole address. It begins with https://.")
