"""Every change of a hearing, with its line of history and its line in the audit trail."""

import datetime
import uuid
from typing import Any

from backend.counties.tables import County
from backend.database import DB, announce_change, one_at_a_time
from backend.hearings import entry as entries
from backend.hearings import queries
from backend.hearings.entry import Entry
from backend.hearings.kinds import AHEAD, Noted, Status
from backend.hearings.tables import Hearing, HearingChange, MemberVote
from backend.staff import audit
from backend.staff.tables import LARGEST_ID, Account, now
from backend.web.clock import CALIFORNIA, today
from backend.web.errors import Refused
from backend.web.language import gettext as _

# Whoever has it in a calendar must be told of a change of these (RFC 5546, 2.1.4).
RESCHEDULES = frozenset({"starts_at", "ends_at", "time_known", "place", "address", "remote_url"})
TOLD_LATER = frozenset({"outcome", "result", "votes", "figures"})
NEWS = {
    Status.SCHEDULED: Noted.BACK_ON,
    Status.MOVED: Noted.MOVED,
    Status.POSTPONED: Noted.POSTPONED,
    Status.CANCELLED: Noted.CANCELLED,
    Status.HELD: Noted.HELD,
}
EARLIEST, LATEST = 2000, 2100


async def announce(entry: Entry, by: Account | None, *, source: str = "", why: str = "") -> Hearing:
    """A new hearing, public from now on. `by` is None for an importer. Raises Refused."""
    async with DB.transaction():
        hearing = await _put_in(entry, uuid.uuid4())
        await _note(hearing, Noted.ANNOUNCED, None, entry, by, source, why)
    return hearing


async def announce_once(entry: Entry, by: Account) -> int:
    """The id of the new hearing, or of the one of that time that says the same: a form that came
    twice, or two people who announced it at once. Raises Refused."""
    async with DB.transaction():
        await one_at_a_time("announcing")
        alike = await Hearing.objects().where(
            Hearing.starts_at == entry.starts_at.astimezone(datetime.UTC),
            Hearing.kind == entry.kind,
            Hearing.taken_out_at.is_null(),
        )
        same = [
            each for each in alike if not entries.differing(await queries.entry_of(each), entry)
        ]
        hearing = same[0] if same else await announce(entry, by)
    return int(hearing.id)


async def start_with(entry: Entry, uid: uuid.UUID, source: str) -> Hearing:
    """One that comes with the house, by its own name in calendars: no act of anybody's, so it
    stands in no audit trail. Raises Refused."""
    async with DB.transaction():
        hearing = await _put_in(entry, uid)
        await _line(hearing, Noted.ANNOUNCED, None, entry, None, source, "").save()
        await announce_change()
    return hearing


async def change(
    id: int,
    entry: Entry,
    by: Account | None,
    *,
    seen: int | None = None,
    source: str = "",
    why: str = "",
) -> Noted | None:
    """Let it say this from now on; None when it says so already. A scheduled one whose time or
    place changes is moved. `seen` is how many changes (`reading.last_change`)
    its editor had before them. Raises Refused."""
    async with DB.transaction():
        hearing = await _alone(id)
        if seen is not None and seen != await queries.last_change(id):
            raise Refused(
                _("Somebody changed this hearing meanwhile. Open it in another tab, and put in "
                  "here what is new there.")
            )  # fmt: skip
        before = await queries.entry_of(hearing)
        entry = _moved(before, entry)
        fields = entries.differing(before, entry)
        if not fields:
            looked = max(hearing.checked_on, _looked(entry))
            await Hearing.update({Hearing.checked_on: looked}).where(Hearing.id == id)
            return None
        county = await _checked(entry)
        noted = _noted(before, entry, fields)
        rises = bool(RESCHEDULES & set(fields)) or "status" in fields
        columns: dict[Any, Any] = {
            **_columns(entry, county),
            "sequence": hearing.sequence + rises,
            "changed_at": now(),
            "checked_on": _looked(entry),
        }
        await Hearing.update(columns).where(Hearing.id == id)
        if "votes" in fields:
            await MemberVote.delete().where(MemberVote.hearing == id)
            await _write_votes(id, entry)
        await _note(hearing, noted, before, entry, by, source, why)
    return noted


async def said_already(hearing: Hearing, entry: Entry, seen: int) -> bool:
    """Whether a form that came before, and was the same, has changed it to this."""
    changed = seen != await queries.last_change(hearing.id)
    return changed and entries.same(await queries.entry_of(hearing), entry)


async def take_out(id: int, by: Account, why: str, *, seen: int | None = None) -> None:
    """It should not have been there: no page and no feed shows it any more, but calendars that have
    it are told that it is cancelled. Raises Refused."""
    async with DB.transaction():
        hearing = await _alone(id)
        if seen is not None and seen != await queries.last_change(id):
            raise Refused(_("Somebody changed this hearing meanwhile. Look at it first."))
        before = await queries.entry_of(hearing)
        await Hearing.update(
            {
                Hearing.taken_out_at: now(),
                Hearing.changed_at: now(),
                Hearing.sequence: hearing.sequence + 1,
            }
        ).where(Hearing.id == id)
        await _note(hearing, Noted.TAKEN_OUT, before, before, by, "", why)


def subject(id: int) -> str:
    """What the audit trail calls it."""
    return f"hearing {id}"


async def _alone(id: int) -> Hearing:
    found: Hearing | None = None
    if 0 < id <= LARGEST_ID:
        found = await (
            Hearing.objects()
            .where(Hearing.id == id, Hearing.taken_out_at.is_null())
            .lock_rows("UPDATE")
            .first()
        )
    if found is None:
        raise Refused(_("There is no such hearing any more."))
    return found


def _moved(before: Entry, after: Entry) -> Entry:
    """Who gives a scheduled hearing a new time or place need not say that it moved."""
    new = RESCHEDULES - {"ends_at", "remote_url"}
    elsewhere = new & set(entries.differing(before, after))
    # Place and time that become known are no move.
    learned = {name for name in elsewhere if not getattr(before, name)}
    if "time_known" in learned and _day_of(before) == _day_of(after):
        learned |= {"time_known", "starts_at"}
    if elsewhere - learned and before.status == after.status == Status.SCHEDULED:
        plain = entries.plain(after)
        return entries.read({**plain, "status": Status.MOVED})
    return after


def _day_of(entry: Entry) -> datetime.date:
    return entry.starts_at.astimezone(CALIFORNIA).date()


def _noted(before: Entry, after: Entry, fields: list[str]) -> Noted:
    if before.status != after.status:
        return NEWS[after.status]
    if RESCHEDULES & set(fields) and after.status == Status.MOVED:
        return Noted.MOVED
    if TOLD_LATER & set(fields):
        return Noted.OUTCOME
    return Noted.CHANGED


async def _checked(entry: Entry) -> County | None:
    """Its county. Raises Refused for what cannot be."""
    if not entry.title.en.strip():
        raise Refused(_("Give it a title in English."))
    for moment in (entry.starts_at, entry.ends_at, entry.speak_by):
        if moment and not EARLIEST <= moment.year <= LATEST:
            raise Refused(_("The year is from 2000 to 2100."))
    if entry.ends_at and entry.ends_at <= entry.starts_at:
        raise Refused(_("It ends before it begins."))
    if entry.status == Status.HELD and entry.starts_at > now():
        raise Refused(_("It has not begun yet, so it cannot have been held."))
    if entry.votes and entry.status in AHEAD:
        raise Refused(_("Say that it was held before you say how they voted."))
    if not entry.county:
        return None
    county: County | None = await County.objects().where(County.slug == entry.county).first()
    if county is None:
        raise Refused(_("We know no county by that name."))
    return county


def _columns(entry: Entry, county: County | None) -> dict[str, Any]:
    plain = entries.plain(entry)
    moments = {
        name: moment and moment.astimezone(datetime.UTC)
        for name, moment in (
            ("starts_at", _at_noon(entry)),
            ("ends_at", entry.ends_at),
            ("speak_by", entry.speak_by),
        )
    }
    del plain["votes"]
    return {
        **plain,
        **moments,
        "county": county.id if county else None,
        "noticed_on": entry.noticed_on,
    }


def _at_noon(entry: Entry) -> datetime.datetime:
    if entry.time_known:
        return entry.starts_at
    return datetime.datetime.combine(_day_of(entry), datetime.time(12), CALIFORNIA)


async def _write_votes(id: int, entry: Entry) -> None:
    if entry.votes:
        await MemberVote.insert(
            *(
                MemberVote(hearing=id, member=vote.member, choice=vote.choice, place=place)
                for place, vote in enumerate(entry.votes)
            )
        )


def _looked(entry: Entry) -> datetime.date:
    """When its newest source was read: the day of putting it in is none of reading."""
    return max((source.read_on.first for source in entry.sources), default=today())


async def _put_in(entry: Entry, uid: uuid.UUID) -> Hearing:
    county = await _checked(entry)
    hearing = Hearing(**_columns(entry, county), uid=uid, checked_on=_looked(entry))
    await hearing.save()
    await _write_votes(hearing.id, entry)
    return hearing


async def _note(
    hearing: Hearing,
    noted: Noted,
    before: Entry | None,
    after: Entry,
    by: Account | None,
    source: str,
    why: str,
) -> None:
    await _line(hearing, noted, before, after, by, source, why).save()
    await audit.write(
        by.name if by else audit.HOUSE, f"hearing_{noted}", subject(hearing.id), source=source
    )
    await announce_change()


def _line(
    hearing: Hearing,
    noted: Noted,
    before: Entry | None,
    after: Entry,
    by: Account | None,
    source: str,
    why: str,
) -> HearingChange:
    return HearingChange(
        hearing=hearing.id,
        noted=noted,
        fields=entries.differing(before, after) if before else [],
        before=entries.plain(before) if before else None,
        after=entries.plain(after),
        why=why,
        made_by=by.id if by else None,
        source=source,
    )
