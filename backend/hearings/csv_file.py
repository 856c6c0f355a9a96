"""Hearings from a table: a line for each, as people keep them in a spreadsheet.

Columns, in any order; only the first four are needed. A mistake names its line and column, and then
nothing of the table is taken.

    title            in English; title_es in Spanish
    kind             hearing, vote, forum, committee, rally or enrollment
    date             2026-12-15 or 12/15/2026, in California
    source_url       where it is announced
    source_title, source_publisher, source_grade (A, B or C; A if it is not there)
    key              its name in this table, if titles or days may change; else kind, county, day
                     and title name it
    county           as in our addresses, like los-angeles; empty for the state
    time, ends       9:00 AM or 13:30; empty if not known
    status           scheduled, moved, postponed, cancelled or held
    body, place, address, remote_url, remote_how, agenda_url, agenda_item, file_number, campaign
    topics           divided by spaces: holds jails detention calls forums federal places health
    decides, decides_es, how_to_speak, how_to_speak_es, interpreter, interpreter_es
    speak_by         2026-12-14 or 2026-12-14 17:00
    remote_speaking, special_meeting       yes or no
    noticed_on       2026-11-15
    outcome, outcome_es, figures, figures_es
    result           passed, first_yes, failed, continued or no_vote
    votes            "A. Member: yes; B. Member: no" (yes, no, abstained, absent, recused)
"""

import csv
import datetime
import io
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from backend.counties import gazetteer
from backend.hearings import times
from backend.hearings.entry import Entry
from backend.hearings.fetching import decoded
from backend.hearings.kinds import Choice, Kind, Result, Status, Topic
from backend.hearings.meetings import Meeting, version_of
from backend.hearings.relevance import clean, cut
from backend.policies import wording as record_wording
from backend.web.clock import CALIFORNIA, today
from backend.web.language import gettext as _

NEEDED = ("title", "kind", "date", "source_url")
PLAIN = (
    "body",
    "place",
    "address",
    "remote_url",
    "remote_how",
    "agenda_url",
    "agenda_item",
    "file_number",
    "campaign",
)
SAID = ("title", "decides", "how_to_speak", "interpreter", "outcome", "figures")
COLUMNS = frozenset(
    {
        *NEEDED,
        *PLAIN,
        *SAID,
        *(f"{name}_es" for name in SAID),
        "source_title",
        "source_publisher",
        "source_grade",
        "key",
        "county",
        "time",
        "ends",
        "status",
        "topics",
        "speak_by",
        "remote_speaking",
        "special_meeting",
        "noticed_on",
        "result",
        "votes",
    }
)
MOST_LINES = 5_000
MOST_TOLD = 50
YES, NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")


class Mistakes(Exception):
    """What is wrong with the table, a sentence for each: "Line 3, date: …"."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class _Wrong(Exception):
    def __init__(self, column: str, sentence: str) -> None:
        super().__init__(sentence)
        self.column, self.sentence = column, sentence


def read(data: bytes, charset: str = "") -> list[Meeting]:
    """Every line as a meeting with its whole entry. Raises Mistakes."""
    text = decoded(data, charset).replace("\x00", "")
    reader = csv.reader(io.StringIO(text, newline=""), _dialect(text), strict=True)
    found: list[Meeting] = []
    mistakes: list[str] = []
    seen: dict[str, int] = {}
    try:
        columns = _columns(next(reader, []))
        for cells in reader:
            line = reader.line_num
            if len(found) >= MOST_LINES:
                raise Mistakes([_("There are more than %(most)s lines.") % {"most": MOST_LINES}])
            if not any(cell.strip() for cell in cells):
                continue
            try:
                meeting = _meeting(dict(zip(columns, cells, strict=False)))
                if meeting.key in seen:
                    twice = _("the same as line %(other)s; give each a key") % {
                        "other": seen[meeting.key]
                    }
                    raise _Wrong("key", twice)
                seen[meeting.key] = line
                found.append(meeting)
            except _Wrong as wrong:
                mistakes.append(
                    _("Line %(line)s, %(column)s: %(sentence)s")
                    % {"line": line, "column": wrong.column, "sentence": wrong.sentence}
                )
    except csv.Error:
        mistakes.append(
            _("Line %(line)s: a quotation mark is not closed, or a cell is far too long.")
            % {"line": reader.line_num}
        )
    if len(mistakes) > MOST_TOLD:
        more = {"more": len(mistakes) - MOST_TOLD}
        mistakes = [*mistakes[:MOST_TOLD], _("And %(more)s mistakes more.") % more]
    if mistakes:
        raise Mistakes(mistakes)
    if not found:
        raise Mistakes([_("There is no hearing in this table.")])
    return found


def _dialect(text: str) -> type[csv.Dialect]:
    """Commas, or what a spreadsheet elsewhere writes instead."""
    first = text.partition("\n")[0]

    class Found(csv.excel):
        delimiter = max((",", ";", "\t"), key=first.count)

    return Found


def _columns(cells: list[str]) -> list[str]:
    """Raises Mistakes."""
    names = [re.sub(r"\W+", "_", cell.strip().lower()).strip("_") for cell in cells]
    wrong = []
    for name in NEEDED:
        if name not in names:
            wrong.append(_("The column %(name)s is missing.") % {"name": name})
    for name in names:
        if name and name not in COLUMNS:
            wrong.append(_("We know no column %(name)s.") % {"name": name[:40]})
        if name and names.count(name) > 1:
            wrong.append(_("The column %(name)s is there twice.") % {"name": name[:40]})
    if wrong:
        raise Mistakes(list(dict.fromkeys(wrong))[:MOST_TOLD])
    return names


def _meeting(row: dict[str, str]) -> Meeting:
    cells = {name: clean(value) for name, value in row.items() if name}

    def said(name: str) -> dict[str, str]:
        return {"en": cells.get(name, ""), "es": cells.get(f"{name}_es", "")}

    day = _day(cells, "date")
    if day is None:
        raise _Wrong("date", _("give a day, like 2026-12-15"))
    when = _when(cells, day)
    kind = _word(cells, "kind", Kind)
    county = cells.get("county", "")
    if county and gazetteer.county(county) is None:
        raise _Wrong("county", _("no county is called that; write it like los-angeles"))
    ends = _time(cells, "ends")
    plain: dict[str, Any] = {
        "kind": kind,
        "county": county,
        "starts_at": when.starts_at.isoformat(),
        "time_known": when.time_known,
        "time_text": when.time_text,
        "ends_at": times.at(day, ends).isoformat() if ends else None,
        "status": _word(cells, "status", Status) or Status.SCHEDULED,
        "result": _word(cells, "result", Result),
        "topics": _topics(cells),
        "speak_by": _moment(cells, "speak_by"),
        "remote_speaking": _yes(cells, "remote_speaking"),
        "special_meeting": bool(_yes(cells, "special_meeting")),
        "noticed_on": _day(cells, "noticed_on"),
        "votes": list(_votes(cells)),
        "sources": [_source(cells)],
        **{name: cells.get(name, "") for name in PLAIN},
        **{name: said(name) for name in SAID},
    }
    if not cells.get("title"):
        raise _Wrong("title", _("give it a title in English"))
    entry = _entry(plain)
    own = cells.get("key") or f"{kind} {county or 'state'} {day} {cells['title']}"
    return Meeting(
        key=own[:200],
        version=version_of(plain),
        title=entry.title.en,
        body=entry.body,
        when=when,
        status=entry.status,
        whole=entry,
    )


def _entry(plain: dict[str, Any]) -> Entry:
    from backend.hearings.entry import read

    try:
        return read(plain)
    except msgspec.ValidationError as error:
        _sentence, _at, where = str(error).partition("`$.")
        column = re.split(r"[.\[`]", where)[0] or "title"
        sentence = _("this is too long, or not as it should be")
        raise _Wrong("source_url" if column == "sources" else column, sentence) from None


def _when(cells: dict[str, str], day: datetime.date) -> times.When:
    time = _time(cells, "time")
    if time is None:
        return times.on(day, None)
    when = times.exactly(day, time)
    if not when.time_known:
        raise _Wrong("time", _("that day there is no such time: the clocks jump ahead"))
    return when


def _time(cells: dict[str, str], column: str) -> datetime.time | None:
    text = cells.get(column, "")
    if not text:
        return None
    met = times.CLOCK.fullmatch(text)
    time = times.time_of(met) if met else None
    if time is None:
        raise _Wrong(column, _("give a time, like 9:00 AM or 13:30"))
    return time


def _day(cells: dict[str, str], column: str) -> datetime.date | None:
    text = cells.get(column, "")
    if not text:
        return None
    day = None
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            day = datetime.datetime.strptime(text, form).date()
        except ValueError:
            continue
    if day is None or not 2000 <= day.year <= 2100:
        raise _Wrong(column, _("give a day, like 2026-12-15"))
    return day


def _moment(cells: dict[str, str], column: str) -> str | None:
    text, _space, time = cells.get(column, "").partition(" ")
    if not text:
        return None
    day = _day({column: text}, column)
    assert day is not None
    clock = _time({column: time}, column) or datetime.time(23, 59)
    return datetime.datetime.combine(day, clock, CALIFORNIA).isoformat()


def _word(cells: dict[str, str], column: str, words: Any) -> Any:
    text = cells.get(column, "").lower().replace(" ", "_")
    if not text and column != "kind":
        return None
    if text not in list(words):
        raise _Wrong(column, _("write one of: %(words)s") % {"words": ", ".join(words)})
    return words(text)


def _topics(cells: dict[str, str]) -> list[Topic]:
    found = re.split(r"[\s,;]+", cells.get("topics", "").lower())
    return [_word({"topics": each}, "topics", Topic) for each in dict.fromkeys(found) if each]


def _yes(cells: dict[str, str], column: str) -> bool | None:
    text = cells.get(column, "").lower()
    if not text:
        return None
    if text not in (*YES, *NO):
        raise _Wrong(column, _("write yes or no"))
    return text in YES


def _votes(cells: dict[str, str]) -> Iterator[dict[str, str]]:
    for part in cells.get("votes", "").split(";"):
        if not part.strip():
            continue
        member, _colon, how = part.rpartition(":")
        if not member.strip():
            raise _Wrong("votes", _("write it like: A. Member: yes; B. Member: no"))
        choice = _word({"votes": how.strip()}, "votes", Choice)
        if choice is None:
            raise _Wrong("votes", _("write it like: A. Member: yes; B. Member: no"))
        yield {"member": member.strip(), "choice": choice}


def _source(cells: dict[str, str]) -> dict[str, str]:
    url = cells.get("source_url", "")
    if not re.fullmatch(r"https?://[^\s]+", url):
        raise _Wrong("source_url", _("give the address where it is announced"))
    publisher = cells.get("source_publisher") or cells.get("body") or url.split("/")[2]
    grade = cells.get("source_grade", "").upper() or "A"
    if grade not in record_wording.GRADES:
        raise _Wrong("source_grade", _("write A, B or C"))
    return {
        "title": cut(cells.get("source_title") or cells.get("title") or publisher, 300),
        "publisher": publisher,
        "url": url,
        "grade": grade,
        "read_on": f"{today()}",
    }
