"""The forms of hearings: what staff may write, and what they are told when it is wrong. Whatever
they typed stays in the form. Times are those of clocks in California."""

import datetime
import re
from dataclasses import dataclass, field
from typing import Any, TypeVar

from msgspec.structs import replace

from backend.counties import gazetteer
from backend.hearings.entry import Entry, Said, Vote
from backend.hearings.kinds import AHEAD, Choice, Kind, Result, Status, Topic
from backend.policies import wording as record_wording
from backend.policies.days import Day
from backend.policies.files import SourceEntry
from backend.staff.tables import now
from backend.web.clock import CALIFORNIA, today
from backend.web.forms import Sent, day_of, line, tidy, typed_of
from backend.web.language import gettext as _

LANGUAGES = ("en", "es")
# The longest of each text; the room's own limits are as long or longer.
SAID = {
    "title": 300,
    "decides": 2000,
    "how_to_speak": 2000,
    "interpreter": 1000,
    "outcome": 2000,
    "figures": 2000,
}
LINES = {
    "body": 300,
    "place": 300,
    "address": 300,
    "time_text": 300,
    "agenda_item": 60,
    "file_number": 60,
    "campaign": 60,
}
LONGEST_HOW, LONGEST_ADDRESS, LONGEST_WHY, LONGEST_NAME = 2000, 1000, 300, 120
SOURCE = ("title", "publisher", "url", "published_on", "read_on", "grade")
MOST_SOURCES, EMPTY_SOURCES, MOST_VOTES = 20, 2, 120
ADDRESS = re.compile(r"https?://[^\s<>\"]+")
# 13:30 as browsers send it, and as people write where a browser has no field for times.
TIME = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?(?::\d{2})?\s*([ap])?\.?\s*(?:m\.?)?", re.ASCII | re.I)
# Kinds that a county's body does not hold, and that need no source but us.
OURS = (Kind.RALLY, Kind.ENROLLMENT)
VOTED = {
    "yes": Choice.YES, "aye": Choice.YES, "y": Choice.YES, "sí": Choice.YES, "si": Choice.YES,
    "no": Choice.NO, "nay": Choice.NO, "n": Choice.NO,
    "abstained": Choice.ABSTAINED, "abstain": Choice.ABSTAINED, "abstención": Choice.ABSTAINED,
    "absent": Choice.ABSENT, "ausente": Choice.ABSENT,
    "recused": Choice.RECUSED, "excusado": Choice.RECUSED, "excusada": Choice.RECUSED,
}  # fmt: skip
Word = TypeVar("Word", Kind, Status, Result)
# Where the form shows what the whole of it is refused for.
WHOLE = "hearing-form"


@dataclass
class HearingForm:
    """`typed` is what to show by field name, `topics` those ticked; `mistakes` a sentence by field
    name. `entry` is what was meant when nothing is wrong. `seen` is how many changes the hearing
    had when the person opened it. `twice` names the times that come twice in the night when clocks
    go back: for them the form asks which is meant."""

    typed: dict[str, str] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)
    mistakes: dict[str, str] = field(default_factory=dict)
    entry: Entry | None = None
    seen: int = 0
    why: str = ""
    twice: set[str] = field(default_factory=set)

    def sources(self) -> range:
        """The numbers of the sources to show: those with something in them, and two more."""
        used = [
            number
            for number in range(MOST_SOURCES)
            if any(self.typed.get(f"source{number}_{part}", "").strip() for part in SOURCE[:3])
        ]
        return range(min(max(used, default=-1) + 1 + EMPTY_SOURCES, MOST_SOURCES))

    def is_wrong_in(self, begin: str) -> bool:
        return any(name.startswith(begin) for name in self.mistakes)


def blank(kind: str = "", county: str = "") -> HearingForm:
    """An empty form, or one for what is owed somewhere."""
    typed = {"status": Status.SCHEDULED.value, "kind": kind if kind in list(Kind) else ""}
    typed["county"] = county if gazetteer.county(county) else ""
    topics = {Topic.FORUMS.value} if kind == Kind.FORUM else set()
    return HearingForm(typed, topics)


def filled(entry: Entry, seen: int = 0) -> HearingForm:
    """A form that says what the entry says."""
    typed = {
        f"{name}_{code}": getattr(getattr(entry, name), code) for name in SAID for code in LANGUAGES
    }
    typed |= {name: getattr(entry, name) for name in LINES}
    typed |= {
        "kind": entry.kind.value,
        "status": entry.status.value,
        "county": entry.county,
        "remote_url": entry.remote_url,
        "remote_how": entry.remote_how,
        "agenda_url": entry.agenda_url,
        "remote_speaking": {None: "", True: "yes", False: "no"}[entry.remote_speaking],
        "special_meeting": "yes" if entry.special_meeting else "",
        "noticed_on": entry.noticed_on.isoformat() if entry.noticed_on else "",
        "result": entry.result.value if entry.result else "",
        "votes": "\n".join(f"{vote.member}: {vote.choice}" for vote in entry.votes),
        "time_unknown": "" if entry.time_known else "yes",
    }
    form = HearingForm(typed, {topic.value for topic in entry.topics}, seen=seen)
    fill_moment(form, "starts", entry.starts_at)
    fill_moment(form, "ends", entry.ends_at)
    fill_moment(form, "speak", entry.speak_by)
    if not entry.time_known:
        form.typed["starts_time"] = ""
    for number, source in enumerate(entry.sources):
        for part in SOURCE:
            value = getattr(source, part)
            form.typed[f"source{number}_{part}"] = getattr(value, "written", value) or ""
    return form


def as_new(entry: Entry) -> HearingForm:
    """The next meeting of the same body: without the day, and without what only that one had."""
    form = filled(entry)
    gone = ("starts_on", "ends_on", "speak_on", "speak_time", "time_text", "agenda_item",
            "noticed_on", "special_meeting", "result", "votes", "outcome_en", "outcome_es",
            "figures_en", "figures_es")  # fmt: skip
    form.typed |= {**dict.fromkeys(gone, ""), "status": Status.SCHEDULED.value}
    form.twice.clear()
    return form


def read(sent: Sent, before: Entry | None = None) -> HearingForm:
    """What somebody sent as the whole hearing. `before` is what it said until now."""
    form = _form_of(sent)
    form.topics = {value for name, value in sent if name == "topic"}
    said = {name: _read_said(form, name, getattr(before, name, None)) for name in SAID}
    if not said["title"].en.strip():
        form.mistakes.setdefault("title_en", _("Write the title in English."))
    lines = {name: _read_line(form, name, most) for name, most in LINES.items()}
    kind = _read_choice(form, "kind", Kind)
    status = _read_choice(form, "status", Status)
    county = form.typed.get("county", "")
    if county and gazetteer.county(county) is None:
        form.mistakes["county"] = _("Choose one of the list.")
    if form.topics - set(Topic):
        form.mistakes["topics"] = _("Choose one of the list.")
    starts_at, ends_at, time_known = read_when(form, before)
    speak_by = _read_moment(form, "speak", before.speak_by if before else None)
    urls = {name: _read_address(form, name) for name in ("remote_url", "agenda_url")}
    how = tidy(form.typed.get("remote_how", ""))
    _check_length(form, "remote_how", how, LONGEST_HOW)
    result = _read_choice(form, "result", Result) if form.typed.get("result") else None
    votes = read_votes(form)
    sources = _read_sources(form)
    noticed_on = _read_day(form, "noticed_on")
    _check_status(form, status, starts_at, votes)
    if kind and kind not in OURS and not sources and not urls["agenda_url"]:
        form.mistakes.setdefault("agenda_url", _(
            "Say where you know it from: link its agenda, or add a source."
        ))  # fmt: skip
    if form.mistakes or kind is None or status is None or starts_at is None:
        return form
    fields: dict[str, Any] = {**said, **lines, **urls}
    form.entry = Entry(
        kind=kind,
        status=status,
        county=county,
        starts_at=starts_at,
        ends_at=ends_at,
        speak_by=speak_by,
        time_known=time_known,
        topics=_in_order(form.topics, before),
        remote_how=how,
        remote_speaking={"yes": True, "no": False}.get(form.typed.get("remote_speaking", "")),
        special_meeting=form.typed.get("special_meeting") == "yes",
        noticed_on=noticed_on,
        result=result,
        votes=votes,
        sources=sources,
        **fields,
    )
    return form


def read_move(sent: Sent, before: Entry) -> HearingForm:
    """A new day, time or place, and why."""
    form = _form_of(sent)
    starts_at, ends_at, time_known = read_when(form, before)
    lines = {
        name: _read_line(form, name, LINES[name]) for name in ("place", "address", "time_text")
    }
    remote_url = _read_address(form, "remote_url")
    if form.mistakes or starts_at is None:
        return form
    form.entry = replace(
        before,
        starts_at=starts_at,
        ends_at=ends_at,
        time_known=time_known,
        remote_url=remote_url,
        **lines,
    )
    return form


def read_reason(sent: Sent, *, needed: bool = True) -> HearingForm:
    """Why it is postponed, cancelled or taken out."""
    form = _form_of(sent)
    if needed and not form.why:
        form.mistakes["why"] = _("Say in a sentence why.")
    return form


def read_outcome(sent: Sent, before: Entry) -> HearingForm:
    """What came of it, once it was held."""
    form = _form_of(sent)
    said = {name: _read_said(form, name, getattr(before, name)) for name in ("outcome", "figures")}
    result = _read_choice(form, "result", Result) if form.typed.get("result") else None
    votes = read_votes(form)
    if before.starts_at > now():
        form.mistakes[WHOLE] = _("It has not begun yet, so it cannot have been held.")
    if not form.mistakes:
        form.entry = replace(before, status=Status.HELD, result=result, votes=votes, **said)
    return form


def read_when(
    form: HearingForm, before: Entry | None
) -> tuple[datetime.datetime | None, datetime.datetime | None, bool]:
    """Its beginning, its end, and whether the time is known; without one it is noon of that day."""
    known = form.typed.get("time_unknown") != "yes"
    if known:
        was = before.starts_at if before and before.time_known else None
        starts_at = _read_moment(form, "starts", was, needed=True)
    else:
        day = _read_day(form, "starts_on", needed=True)
        noon = datetime.time(12)
        starts_at = datetime.datetime.combine(day, noon, CALIFORNIA) if day else None
        if form.typed.get("starts_time", "").strip():
            form.mistakes["starts_time"] = _("You wrote a time, and said that it is not known.")
    if form.typed.get("ends_time", "").strip() and not form.typed.get("ends_on", "").strip():
        form.typed["ends_on"] = form.typed.get("starts_on", "")
    ends_at = _read_moment(form, "ends", before.ends_at if before else None)
    if starts_at and ends_at and ends_at <= starts_at:
        form.mistakes["ends_time"] = _("It ends before it begins.")
    return starts_at, ends_at, known


def read_votes(form: HearingForm) -> list[Vote]:
    """A line for each member: their name, a colon, and how they voted."""
    votes: list[Vote] = []
    named: set[str] = set()
    for number, text in enumerate(form.typed.get("votes", "").splitlines(), 1):
        if not text.strip():
            continue
        member, colon, word = (line(part) for part in text.rpartition(":"))
        choice = VOTED.get(word.casefold().rstrip("."))
        told = {"line": number}
        if not colon or not member or choice is None:
            form.mistakes["votes"] = _(
                "Line %(line)d: write a name, a colon, and yes, no, abstained, absent or"
                " recused."
            ) % told  # fmt: skip
            return []
        if len(member) > LONGEST_NAME:
            form.mistakes["votes"] = _("Line %(line)d: this name is too long.") % told
            return []
        if member.casefold() in named:
            form.mistakes["votes"] = _("Line %(line)d: this member is named twice.") % told
            return []
        named.add(member.casefold())
        votes.append(Vote(member=member, choice=choice))
    if len(votes) > MOST_VOTES:
        form.mistakes["votes"] = _("That is too many votes: 120 are the most.")
        return []
    return votes


def fill_moment(form: HearingForm, name: str, moment: datetime.datetime | None) -> None:
    local = moment.astimezone(CALIFORNIA) if moment else None
    form.typed[f"{name}_on"] = local.date().isoformat() if local else ""
    form.typed[f"{name}_time"] = local.strftime("%H:%M") if local else ""
    form.typed[f"{name}_fold"] = ""
    if local and _comes_twice(local):
        form.twice.add(name)
        form.typed[f"{name}_fold"] = "second" if local.fold else "first"


def _form_of(sent: Sent) -> HearingForm:
    form = HearingForm(typed_of(sent))
    seen = form.typed.get("seen", "")
    form.seen = int(seen) if re.fullmatch(r"[0-9]{1,9}", seen) else 0
    form.why = line(form.typed.get("why", ""))
    _check_length(form, "why", form.why, LONGEST_WHY)
    return form


def _read_moment(
    form: HearingForm, name: str, before: datetime.datetime | None, *, needed: bool = False
) -> datetime.datetime | None:
    """A day and a time in California, or None. Seconds that a source knows stay."""
    day_key, time_key = f"{name}_on", f"{name}_time"
    written = form.typed.get(time_key, "").strip()
    day = _read_day(form, day_key, needed=needed or bool(written))
    if not written:
        if needed:
            form.mistakes.setdefault(time_key, _("Write the time, or say that it is not known."))
        elif day:
            form.mistakes[time_key] = _("Write the time too: 1:30 PM.")
        return None
    time = time_of(written)
    if time is None:
        form.mistakes[time_key] = _("Write the time like this: 13:30, or 1:30 PM.")
        return None
    if day is None:
        return None
    moment = datetime.datetime.combine(day, time, CALIFORNIA)
    if not _exists(moment):
        form.mistakes[time_key] = _(
            "That night clocks jump from 2 to 3 in the morning: there is no such time."
        )
        return None
    if _comes_twice(moment):
        form.twice.add(name)
        which = form.typed.get(f"{name}_fold")
        if which not in ("first", "second"):
            form.mistakes[f"{name}_fold"] = _(
                "That night clocks go back, and this time comes twice. Say which one."
            )
            return None
        moment = moment.replace(fold=which == "second")
    # In UTC: two times of one zone are compared by their clocks, and the hour that comes twice
    # would be one.
    moment = moment.astimezone(datetime.UTC)
    if before and before.replace(second=0, microsecond=0) == moment:
        return before
    return moment


def time_of(text: str) -> datetime.time | None:
    """13:30 · 1:30 PM · 1:30 p.m. · 9 am."""
    found = TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, half = int(found[1]), found[2], (found[3] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    elif minute is None:
        return None
    if hour > 23 or int(minute or 0) > 59:
        return None
    return datetime.time(hour, int(minute or 0))


def _exists(moment: datetime.datetime) -> bool:
    there_and_back = moment.astimezone(datetime.UTC).astimezone(CALIFORNIA)
    return there_and_back.replace(tzinfo=None) == moment.replace(tzinfo=None)


def _comes_twice(moment: datetime.datetime) -> bool:
    offsets = {moment.replace(fold=fold).utcoffset() for fold in (0, 1)}
    return len(offsets) == 2 and _exists(moment)


def _read_day(form: HearingForm, name: str, *, needed: bool = False) -> datetime.date | None:
    text = form.typed.get(name, "").strip()
    day = day_of(text)
    if text and day is None:
        form.mistakes[name] = _("Write the day like this: 2026-11-24.")
    elif needed and day is None:
        form.mistakes[name] = _("Write the day.")
    return day


def _read_said(form: HearingForm, name: str, before: Said | None) -> Said:
    """The form loses spaces around a text: that is no change."""
    words = {}
    for code in LANGUAGES:
        key = f"{name}_{code}"
        typed = form.typed.get(key, "")
        text = line(typed) if name == "title" else tidy(typed)
        was = getattr(before, code, "")
        clean = line(was) if name == "title" else tidy(was)
        words[code] = was if was and clean == text else text
        if words[code] != was:
            _check_length(form, key, text, SAID[name])
    return Said(**words)


def _read_line(form: HearingForm, name: str, most: int) -> str:
    text = line(form.typed.get(name, ""))
    _check_length(form, name, text, most)
    return text


def _read_address(form: HearingForm, name: str) -> str:
    text = line(form.typed.get(name, ""))
    if text and (not ADDRESS.fullmatch(text) or len(text) > LONGEST_ADDRESS):
        form.mistakes[name] = _("Write the whole address, from https:// on.")
    return text


def _read_choice(form: HearingForm, name: str, words: type[Word]) -> Word | None:
    given = form.typed.get(name, "")
    if given in list(words):
        return words(given)
    form.mistakes[name] = _("Choose one of the list.")
    return None


def _check_status(
    form: HearingForm,
    status: Status | None,
    starts_at: datetime.datetime | None,
    votes: list[Vote],
) -> None:
    if status == Status.HELD and starts_at and starts_at > now():
        form.mistakes["status"] = _("It has not begun yet, so it cannot have been held.")
    if status in AHEAD and votes:
        form.mistakes["votes"] = _("Say that it was held before you say how they voted.")


def _in_order(topics: set[str], before: Entry | None) -> list[Topic]:
    """As they stood, so that ticking the same ones is no difference."""
    kept = [topic for topic in (before.topics if before else []) if topic in topics]
    return kept + [topic for topic in Topic if topic in topics and topic not in kept]


def _read_sources(form: HearingForm) -> list[SourceEntry]:
    sources = []
    for number in range(MOST_SOURCES):
        begin = f"source{number}_"
        given = {part: line(form.typed.get(begin + part, "")) for part in SOURCE}
        if not any(given[part] for part in SOURCE[:3]):
            continue
        if _check_source(form, begin, given):
            sources.append(
                SourceEntry(
                    title=given["title"],
                    publisher=given["publisher"],
                    url=given["url"],
                    grade=given["grade"],  # type: ignore[arg-type]
                    read_on=Day.parse(given["read_on"]),
                    published_on=Day.parse(given["published_on"])
                    if given["published_on"]
                    else None,
                )
            )
    return sources


def _check_source(form: HearingForm, begin: str, given: dict[str, str]) -> bool:
    wrong: dict[str, str] = {}
    for part in ("title", "publisher"):
        if not given[part]:
            wrong[part] = _("This is missing.")
        elif len(given[part]) > 300:
            wrong[part] = _("This is too long.")
    if not ADDRESS.fullmatch(given["url"]) or len(given["url"]) > 500:
        wrong["url"] = _("Write the whole address, from https:// on.")
    read_on = day_of(given["read_on"])
    if read_on is None or read_on > today():
        wrong["read_on"] = _("Say on which day you read it: 2026-11-24.")
    if given["published_on"] and not _is_day(given["published_on"]):
        wrong["published_on"] = _("Write a day, a month or a year: 2026-11-24.")
    if given["grade"] not in record_wording.GRADES:
        wrong["grade"] = _("Choose one of these.")
    form.mistakes |= {begin + part: sentence for part, sentence in wrong.items()}
    return not wrong


def _is_day(text: str) -> bool:
    try:
        Day.parse(text)
    except ValueError:
        return False
    return True


def _check_length(form: HearingForm, name: str, text: str, most: int) -> None:
    if len(text) > most:
        form.mistakes[name] = _("This is too long: %(count)d letters are the most.") % {
            "count": most
        }
