"""What importers propose, and what an editor, or a rule that lets them, makes of it.

Three texts meet in a change: what the hearing says, what its source said when somebody last decided
(`settled`), and what it says now. Only what the source changed is proposed, and only of what a
source knows: an editor's own words are never overwritten.
"""

import datetime
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from backend.database import DB
from backend.hearings import changes, queries
from backend.hearings import entry as entries
from backend.hearings.entry import Entry
from backend.hearings.kinds import Status
from backend.hearings.relevance import Match
from backend.hearings.tables import Hearing, HearingSource, Proposal, SourceEvent
from backend.staff import audit
from backend.staff.tables import Account, now
from backend.web.clock import CALIFORNIA
from backend.web.errors import Refused
from backend.web.language import gettext as _
from backend.web.language import later

WAITING, ACCEPTED, TURNED_DOWN, OVERTAKEN = "waiting", "accepted", "turned_down", "overtaken"
ADD, CHANGE, CANCEL = "add", "change", "cancel"

# What a source knows better than we do. A time is one thing, of several fields.
TIME = ("starts_at", "ends_at", "time_known", "time_text")
OUTCOME = ("outcome", "result", "votes")
KNOWN = (
    *TIME,
    "status",
    "place",
    "address",
    "remote_url",
    "remote_how",
    "agenda_url",
    "agenda_item",
    "file_number",
    *OUTCOME,
)

# What an editor should look at; no rule accepts what has one.
DOUBTS = {
    "time_unclear": later("The source writes of its time: “%(said)s”. We could not read a time."),
    "two_times": later("The source writes more than one time: “%(said)s”. We took the first."),
    "no_such_time": later("At %(time)s that day the clocks jump ahead: there is no such time."),
    "time_comes_twice": later("%(time)s comes twice that day. We took the first."),
    "no_day": later("The source gives no day."),
    "comment": later("The source adds: “%(said)s”"),
    "vanished": later("The source no longer lists it. It may be cancelled, moved or hidden."),
    "not_on_agenda": later("The words are no longer on this meeting’s agenda."),
    "long_title": later("Its title was too long; its end is missing."),
    "draft": later("The agenda is a draft, so it may change."),
    "refused": later("A rule would have accepted it, but: %(why)s"),
    "repeats": later("It comes again and again; only the days ahead are read."),
    "unsure": later("The source is not sure of it yet."),
}
# These are worth a look, but keep no rule from accepting.
MILD = frozenset({"comment", "draft", "repeats"})

Doubt = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Told:
    """A proposal as the desk shows it. `before` is what the hearing says now, None for a new one;
    `after` what it would say; `fields` are those that differ. `doubts` are sentences. `alike` are
    hearings of the same day and county, which may be the same one."""

    id: int
    action: str
    source: str
    source_id: int
    hearing: int | None
    before: Entry | None
    after: Entry
    fields: list[str]
    matched: list[Match]
    doubts: list[str]
    alike: list[int]
    made_at: datetime.datetime
    state: str
    url: str


async def waiting(source: int | None = None, most: int = 200) -> list[Told]:
    """The soonest hearing first."""
    wanted: Any = Proposal.state == WAITING
    if source is not None:
        wanted = wanted & (Proposal.source == source)
    found = await (
        Proposal.objects(Proposal.source)
        .where(wanted)
        .order_by(Proposal.id, ascending=False)
        .limit(most)
    )
    told = [await _told(each) for each in found]
    return sorted(told, key=lambda each: each.after.starts_at)


async def how_many() -> int:
    return int(await Proposal.count().where(Proposal.state == WAITING))


async def one(id: int) -> Told | None:
    if not 0 < id < 2**63:
        return None
    found = await Proposal.objects(Proposal.source).where(Proposal.id == id).first()
    return await _told(found) if found else None


async def accept(
    id: int, by: Account | None, entry: Entry | None = None, *, into: int | None = None
) -> int:
    """Let it be so; returns the hearing's id. `entry` is what the editor made of it. `into`: what
    would be added is that hearing, which stays as it is and follows the source from now on. `by` is
    None for a rule. Raises Refused."""
    async with DB.transaction():
        proposal, event = await _waiting_one(id)
        source, what = str(proposal.source.name), _json(proposal.after)
        if into is not None:
            hearing = await _join(event, into, by)
        elif event.hearing is None:
            made = await changes.announce(entry or entries.read(what), by, source=source)
            hearing = made.id
        else:
            hearing = event.hearing
            after = entry or await _merged(proposal, hearing)
            await changes.change(hearing, after, by, source=source)
        await _settle(proposal, event, ACCEPTED, by, hearing=hearing)
    return hearing


async def turn_down(id: int, by: Account, why: str) -> None:
    """Nothing changes, and it is proposed again only if the source says something new. Raises
    Refused."""
    async with DB.transaction():
        proposal, event = await _waiting_one(id)
        await _settle(proposal, event, TURNED_DOWN, by, why=why[:300])
        await audit.write(
            by.name, "proposal_turned_down", f"proposal {id}", source=proposal.source.name
        )


# For the importers.


async def offer(
    source: HearingSource,
    event: SourceEvent,
    said: Entry,
    matched: Iterable[Match],
    doubts: Iterable[Doubt] = (),
) -> str:
    """What the source says of a relevant event: proposed unless the hearing says so already, or an
    editor turned just that down. `event` is locked by the caller, and gets `said`. Returns "" or
    "proposed"."""
    matched, doubts = list(matched), list(doubts)
    words = sorted({each.word for each in matched})
    await SourceEvent.update(
        {SourceEvent.said: entries.plain(said), SourceEvent.matched: words}
    ).where(SourceEvent.id == event.id)
    if event.hearing is None:
        if event.settled is not None and not await _new_words(event, words):
            return ""
        if said.status == Status.CANCELLED:
            # Nobody was told of it yet.
            await _overtake(event)
            return ""
        return await _propose(source, event, ADD, None, said, matched, doubts)
    hearing = await queries.one(event.hearing)
    if hearing is None:
        return ""
    ours = await queries.entry_of(hearing)
    settled = entries.read(_json(event.settled)) if event.settled else ours
    after = merge(ours, settled, said)
    if not entries.differing(ours, after):
        await _overtake(event)
        # Both agree: whatever changes from here on is new, also what was turned down before.
        await SourceEvent.update({SourceEvent.settled: entries.plain(said)}).where(
            SourceEvent.id == event.id
        )
        return ""
    cancels = after.status == Status.CANCELLED != ours.status
    action = CANCEL if cancels else CHANGE
    return await _propose(source, event, action, ours, after, matched, doubts)


async def accept_by_rule(source: HearingSource, events: list[int]) -> int:
    """Of what waits for these events, what needs no editor. To be called when it is committed, and
    each is a transaction of its own: whoever holds events must not wait for hearings, which editors
    take the other way round. Returns how many."""
    if not source.accepts or not events:
        return 0
    accepted = 0
    for proposal in await (
        Proposal.objects().where(Proposal.standing.is_in(events)).order_by(Proposal.id)
    ):
        doubts: Any = proposal.doubts
        if not _lets(source, proposal.action, doubts):
            continue
        try:
            await accept(proposal.id, None)
            accepted += 1
        except Refused as refusal:
            told = [*doubts, ("refused", {"why": str(refusal)})]
            await Proposal.update({Proposal.doubts: told}).where(
                Proposal.id == proposal.id, Proposal.state == WAITING
            )
    return accepted


def merge(ours: Entry, settled: Entry, said: Entry) -> Entry:
    """Ours, with what the source changed since it was settled."""
    fields = {name for name in entries.differing(settled, said) if name in KNOWN}
    if fields & set(TIME):
        fields |= set(TIME)
    # A source that grew silent takes nothing back.
    fields -= {name for name in OUTCOME if not getattr(said, name)}
    if settled.status == Status.HELD and said.status == Status.SCHEDULED:
        fields -= {"status"}
    theirs, merged = entries.plain(said), entries.plain(ours)
    merged |= {name: theirs[name] for name in fields}
    moved_on = {"starts_at"} & fields and theirs["starts_at"] != entries.plain(ours)["starts_at"]
    if moved_on and "status" not in fields and ours.status == Status.POSTPONED:
        merged["status"] = Status.MOVED
    return entries.read(merged)


async def _propose(
    source: HearingSource,
    event: SourceEvent,
    action: str,
    before: Entry | None,
    after: Entry,
    matched: list[Match],
    doubts: list[Doubt],
) -> str:
    plain = entries.plain(after)
    standing = await Proposal.objects().where(Proposal.standing == event.id).first()
    if standing and standing.action == action and _same(standing.after, plain):
        return ""
    await _overtake(event)
    proposal = Proposal(
        source=source.id,
        event=event.id,
        hearing=event.hearing,
        action=action,
        matched=[asdict(each) for each in matched],
        before=entries.plain(before) if before else None,
        after=plain,
        doubts=doubts,
        state=WAITING,
        standing=event.id,
    )
    await proposal.save()
    return "proposed"


def _lets(source: HearingSource, action: str, doubts: list[Doubt]) -> bool:
    """Whether a rule accepts it. Never what is doubtful: to be told that a hearing is off when it
    is not keeps people at home."""
    if any(name not in MILD for name, _details in doubts):
        return False
    return source.accepts == "all" or (source.accepts == "changes" and action != ADD)


def _same(one: Any, other: Any) -> bool:
    """Sources carry the day we read them, which is no news."""
    return {**one, "sources": 0} == {**other, "sources": 0}


async def _new_words(event: SourceEvent, words: list[str]) -> bool:
    """Whether the source now has words that were not there when an editor turned it down."""
    last = await (
        Proposal.objects()
        .where(Proposal.event == event.id, Proposal.state == TURNED_DOWN)
        .order_by(Proposal.id, ascending=False)
        .first()
    )
    matched: Any = last.matched if last else []
    known = {each["word"] for each in matched}
    return not set(words) <= known


async def _overtake(event: SourceEvent) -> None:
    await Proposal.update(
        {Proposal.state: OVERTAKEN, Proposal.standing: None, Proposal.decided_at: now()}
    ).where(Proposal.standing == event.id)


async def _waiting_one(id: int) -> tuple[Proposal, SourceEvent]:
    """Both locked: the event first, as an importer locks it. Raises Refused."""
    found = None
    if 0 < id < 2**63:
        found = await Proposal.select(Proposal.event).where(Proposal.id == id).first()
    if found is None:
        raise Refused(_("There is no such proposal."))
    event = await (
        SourceEvent.objects().where(SourceEvent.id == found["event"]).lock_rows("UPDATE").first()
    )
    proposal = await Proposal.objects(Proposal.source).where(Proposal.id == id).first()
    assert event is not None
    assert proposal is not None
    if proposal.state == OVERTAKEN:
        raise Refused(_("The source says something newer. Look at what waits now."))
    if proposal.state != WAITING:
        raise Refused(_("Somebody has decided this already."))
    return proposal, event


async def _settle(
    proposal: Proposal,
    event: SourceEvent,
    state: str,
    by: Account | None,
    *,
    hearing: int | None = None,
    why: str = "",
) -> None:
    decided: dict[Any, Any] = {
        Proposal.state: state,
        Proposal.standing: None,
        Proposal.decided_by: by.id if by else None,
        Proposal.decided_at: now(),
        Proposal.why: why,
    }
    settled: dict[Any, Any] = {SourceEvent.settled: event.said or proposal.after}
    if hearing is not None:
        decided[Proposal.hearing] = settled[SourceEvent.hearing] = hearing
    await Proposal.update(decided).where(Proposal.id == proposal.id)
    await SourceEvent.update(settled).where(SourceEvent.id == event.id)


async def _join(event: SourceEvent, into: int, by: Account | None) -> int:
    if event.hearing is not None:
        raise Refused(_("It belongs to a hearing already."))
    hearing = await queries.one(into)
    if hearing is None:
        raise Refused(_("There is no such hearing any more."))
    await audit.write(by.name if by else audit.HOUSE, "proposal_joined", changes.subject(into))
    return hearing.id


async def _merged(proposal: Proposal, hearing: int) -> Entry:
    """What the hearing says now, with what the proposal changes: somebody may have changed other
    things meanwhile."""
    found = await queries.one(hearing)
    if found is None:
        raise Refused(_("There is no such hearing any more."))
    ours = await queries.entry_of(found)
    before: Any = proposal.before or {}
    after: Any = proposal.after
    changed = {name: after[name] for name in after if before.get(name) != after[name]}
    return entries.read({**entries.plain(ours), **changed})


async def _told(proposal: Proposal) -> Told:
    source: Any = proposal.source
    after = entries.read(_json(proposal.after))
    before: Entry | None = None
    if proposal.hearing is not None and proposal.action != ADD:
        hearing = await queries.one(proposal.hearing)
        if hearing is not None:
            before = await queries.entry_of(hearing)
            if proposal.state == WAITING:
                after = await _merged(proposal, proposal.hearing)
    matched: Any = proposal.matched
    doubts: Any = proposal.doubts
    return Told(
        id=proposal.id,
        action=proposal.action,
        source=source.name,
        source_id=source.id,
        hearing=proposal.hearing,
        before=before,
        after=after,
        fields=entries.differing(before, after) if before else [],
        matched=[Match(**each) for each in matched],
        doubts=[_(DOUBTS[name]) % details for name, details in doubts],
        alike=await _alike(after) if proposal.action == ADD else [],
        made_at=proposal.made_at,
        state=proposal.state,
        url=after.sources[0].url if after.sources else after.agenda_url,
    )


def _json(loaded: Any) -> dict[str, Any]:
    """Piccolo calls a loaded JSONB column a string."""
    plain: dict[str, Any] = loaded
    return plain


async def _alike(entry: Entry) -> list[int]:
    day = entry.starts_at.astimezone(CALIFORNIA).date()
    begins = datetime.datetime.combine(day, datetime.time(), CALIFORNIA)
    same_day = (
        (Hearing.starts_at >= begins)
        & (Hearing.starts_at < begins + datetime.timedelta(days=1))
        & Hearing.taken_out_at.is_null()
    )
    where = Hearing.county.slug == entry.county if entry.county else Hearing.county.is_null()
    rows = await Hearing.select(Hearing.id).where(same_day & where).order_by(Hearing.id).limit(10)
    return [row["id"] for row in rows]
