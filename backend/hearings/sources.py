"""Where hearings are looked for: the list that comes with the house, and what the desk makes of it.

A source from `data/sources.yaml` is put into the database once and belongs to the desk from then
on: a later load leaves it as it is.
"""

import datetime
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from backend import settings
from backend.counties import gazetteer
from backend.counties.tables import County
from backend.database import DB, one_at_a_time
from backend.hearings import relevance
from backend.hearings.tables import HearingSource, SourceEvent
from backend.policies.files import Part, RecordError, Words, at_its_line, read_file
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account, now
from backend.web import jobs
from backend.web.errors import Refused
from backend.web.language import gettext as _
from backend.web.language import later, ngettext

FILE = Path(__file__).parent / "data" / "sources.yaml"

Kind = Literal["legistar", "primegov", "icalendar", "openstates", "csv"]
Rule = Literal["", "changes", "all"]

KINDS: dict[str, str] = {
    "legistar": later("Legistar (the county’s client name)"),
    "primegov": later("PrimeGov (the county’s client name)"),
    "icalendar": later("Calendar feed (its address)"),
    "openstates": later("Open States (the state’s two letters)"),
    "csv": later("Table as CSV (its address)"),
}
ACCEPTS: dict[str, str] = {
    "": later("An editor accepts everything"),
    "changes": later("Changes of accepted hearings need no editor"),
    "all": later("Nothing needs an editor, unless it is doubtful"),
}
# Of these a source has one name at the other side; the others have an address.
NAMED = {
    "legistar": re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?"),
    "primegov": re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?"),
    "openstates": re.compile(r"ca"),
}
# The table that editors hand us themselves.
BY_HAND = "Tables by hand"
LEASE = datetime.timedelta(minutes=20)


class SourceFile(Part, forbid_unknown_fields=True, kw_only=True):
    """`off` is why it is not asked until an editor says so. Words are the usual ones."""

    name: Words
    kind: Kind
    place: str
    evidence: Words
    county: str = ""
    off: str = ""


class SourcesFile(Part, forbid_unknown_fields=True, kw_only=True):
    sources: list[SourceFile]


async def all_sources() -> list[HearingSource]:
    """By name, with their counties."""
    found: list[HearingSource] = await HearingSource.objects(HearingSource.county).order_by(
        HearingSource.name
    )
    return found


async def one(id: int) -> HearingSource | None:
    if not 0 < id <= LARGEST_ID:
        return None
    found: HearingSource | None = await (
        HearingSource.objects(HearingSource.county).where(HearingSource.id == id).first()
    )
    return found


def hosts_of(kind: str, place: str) -> frozenset[str]:
    """The only hosts that are asked for it."""
    if kind == "legistar":
        return frozenset({"webapi.legistar.com"})
    if kind == "primegov":
        return frozenset({f"{place}.primegov.com"})
    if kind == "openstates":
        return frozenset({"v3.openstates.org"})
    return frozenset({(urlsplit(place).hostname or "").lower()} if place else ())


def why_off(source: HearingSource) -> str:
    """A sentence, "" when it is asked by schedule."""
    return _why_not(source) if source.enabled else _("It is switched off.")


def _why_not(source: HearingSource) -> str:
    if source.kind == "openstates" and not settings.openstates_key():
        return _("It needs a key (OPENSTATES_KEY), and we have none.")
    if settings.imports_from() == settings.NOWHERE:
        return _("Reading from other places is turned off here.")
    if not source.place:
        return _("It is read only from files that we hand in.")
    return ""


def state_in_words(source: HearingSource) -> str:
    if is_being_read(source):
        return _("It is being read now.")
    if source.failures:
        tries = {"times": source.failures}
        return _("It could not be read (%(times)s times).") % tries
    if reason := why_off(source):
        return reason
    if source.good_at is None:
        return _("It has not been read yet.")
    often = _("It is read every hour.")
    if source.kind == "openstates":
        often = _("It is read twice a day.")
    return " ".join([often, *_left_out(source)])


def _left_out(source: HearingSource) -> Iterator[str]:
    """What the last reading could not take."""
    last: Any = source.last or {}
    num = last.get("undated", 0)
    if num:
        yield ngettext("%(num)d meeting has no day.", "%(num)d meetings have no day.", num) % {
            "num": num
        }
    num = last.get("hidden", 0)
    if num:
        yield ngettext("%(num)d agenda is hidden.", "%(num)d agendas are hidden.", num) % {
            "num": num
        }
    num = last.get("unreadable", 0)
    if num:
        words = ngettext(
            "%(num)d part of it could not be read.", "%(num)d parts of it could not be read.", num
        )
        yield words % {"num": num}


def error_in_words(source: HearingSource) -> str:
    """What went wrong last, "" when nothing did."""
    last: Any = source.last or {}
    return _(source.error) % last.get("told", {}) if source.error else ""


def is_being_read(source: HearingSource) -> bool:
    return source.began_at is not None and source.began_at > now() - LEASE


def is_due(source: HearingSource) -> bool:
    return not why_off(source) and (source.next_at is None or source.next_at <= now())


async def look_for_hearings(_data: dict[str, object]) -> None:
    """Every hour: each source that is due is a job of its own, so that none waits for another."""
    for source in await all_sources():
        if is_due(source):
            await _ask_for(source.id)


async def look_now(id: int, by: Account) -> None:
    """Also a source that is switched off or rests after a failure. Raises Refused."""
    async with DB.transaction():
        source = await _there(id)
        if reason := _why_not(source):
            raise Refused(reason)
        await audit.write(by.name, "source_asked", _subject(source))
        await _ask_for(id, priority=2)


async def add_source(
    by: Account,
    *,
    name: str,
    kind: str,
    place: str,
    county: str = "",
    words: Iterable[str] = (),
    accepts: str = "",
    evidence: str = "",
) -> HearingSource:
    """Switched off until somebody switches it on. Raises Refused."""
    name = relevance.clean(name)
    if not 1 <= len(name) <= 60:
        raise Refused(_("Give it a name of at most 60 letters."))
    found = await County.objects().where(County.slug == county).first() if county else None
    if county and found is None:
        raise Refused(_("We know no county by that name."))
    source = HearingSource(
        name=name,
        kind=kind,
        place=_place(kind, place),
        county=found.id if found else None,
        words=_words(words) or list(relevance.WORDS),
        accepts=_rule(accepts),
        evidence=relevance.clean(evidence, 300),
    )
    async with DB.transaction():
        await one_at_a_time("hearing sources")
        if await HearingSource.exists().where(HearingSource.name == name):
            raise Refused(_("There is a source by that name."))
        await source.save()
        await audit.write(by.name, "source_added", _subject(source))
    return source


async def change_source(
    id: int, by: Account, *, place: str, words: Iterable[str], accepts: str, enabled: bool
) -> None:
    """Raises Refused."""
    async with DB.transaction():
        source = await _there(id)
        place, words, accepts = _place(source.kind, place), _words(words), _rule(accepts)
        if not words and source.kind != "csv":
            raise Refused(_("Without words to look for, nothing would be found."))
        known = (source.words, source.place)
        source.place, source.words, source.accepts = place, words, accepts
        if enabled and not source.enabled:
            source.next_at, source.failures, source.failing_since = None, 0, None
            source.alarmed_at, source.error = None, ""
        if known != (words, place):
            # Everything must be looked at again.
            source.etag = source.modified = ""
            await SourceEvent.update({SourceEvent.agenda_at: None}).where(SourceEvent.source == id)
        source.enabled = enabled
        await source.save(
            [
                HearingSource.place,
                HearingSource.words,
                HearingSource.accepts,
                HearingSource.enabled,
                HearingSource.etag,
                HearingSource.modified,
                HearingSource.next_at,
                HearingSource.failures,
                HearingSource.failing_since,
                HearingSource.alarmed_at,
                HearingSource.error,
            ]
        )
        await audit.write(
            by.name, "source_changed", _subject(source), enabled=enabled, accepts=accepts
        )


def check(path: Path = FILE) -> list[SourceFile]:
    """The file, and every mistake in it. Raises RecordError; touches no database."""
    sources = read_file(path, SourcesFile).sources
    found = []
    names: set[str] = set()
    for index, each in enumerate(sources):
        for field, wrong in _mistakes(each, names):
            found.append(at_its_line(path, ["sources", index, field], wrong))
        names.add(each.name)
    if found:
        raise RecordError(found)
    return sources


async def load(path: Path = FILE) -> int:
    """Add the sources there are none of by that name. Returns how many. Raises RecordError."""
    added = 0
    files = check(path)
    async with DB.transaction():
        await one_at_a_time("hearing sources")
        there = {row["name"] for row in await HearingSource.select(HearingSource.name)}
        ids = {row["slug"]: row["id"] for row in await County.select(County.id, County.slug)}
        for file in files:
            if file.name not in there:
                await HearingSource(
                    name=file.name,
                    kind=file.kind,
                    county=ids[file.county] if file.county else None,
                    place=file.place,
                    words=[] if file.kind == "csv" else list(relevance.WORDS),
                    enabled=not file.off,
                    evidence=f"{file.evidence} {file.off}".strip(),
                ).save()
                added += 1
    return added


def _mistakes(file: SourceFile, names: set[str]) -> Iterable[tuple[str, str]]:
    if file.name in names:
        yield "name", f"{file.name!r} is there twice"
    if file.county and gazetteer.county(file.county) is None:
        yield "county", f"no county is called {file.county!r}"
    try:
        _place(file.kind, file.place)
    except Refused as refusal:
        yield "place", str(refusal)


async def _ask_for(id: int, priority: int = 0) -> None:
    await jobs.enqueue("import_hearings", {"source": id}, priority=priority, key=f"hearings {id}")


async def _there(id: int) -> HearingSource:
    source = await one(id)
    if source is None:
        raise Refused(_("There is no such source."))
    return source


def _subject(source: HearingSource) -> str:
    return f"source {source.name}"


def _place(kind: str, place: str) -> str:
    place = place.strip()
    if kind not in get_args(Kind):
        raise Refused(_("We cannot read that kind of source."))
    if kind in NAMED:
        if not NAMED[kind].fullmatch(place):
            raise Refused(_("Give the name that the source has there: small letters, no dots."))
        return place
    if kind == "csv" and not place:
        return ""
    try:
        parts = urlsplit(place)
        port = parts.port
    except ValueError:
        raise Refused(_(WRONG_ADDRESS)) from None
    sound = parts.scheme == "https" and re.fullmatch(r"(?:[a-zA-Z0-9-]+\.)+[a-zA-Z][a-zA-Z0-9-]+",
        parts.hostname or "")  # fmt: skip
    if not sound or port not in (None, 443) or "@" in parts.netloc or len(place) > 300:
        raise Refused(_(WRONG_ADDRESS))
    if not re.fullmatch(r"[!-~]+", place):
        raise Refused(_(WRONG_ADDRESS))
    return place


WRONG_ADDRESS = later(
    "Give an address that begins with https:// and names a public server, at most 300 letters."
)


def _words(words: Iterable[str]) -> list[str]:
    found = relevance.words_of("\n".join(words))
    if len(found) > relevance.MOST_WORDS:
        raise Refused(_("That is too many words: 60 at most."))
    return found


def _rule(accepts: str) -> str:
    if accepts not in get_args(Rule):
        raise Refused(_("There is no such rule."))
    return accepts
