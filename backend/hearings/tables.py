"""Hearings, their history, where they come from, and what importers propose.

A `Hearing` is public as soon as it is there: editors write it, or accept what an importer proposes.
Each change is a `HearingChange`, which says what happened; nothing is overwritten without one.
"""

import datetime

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigInt,
    BigSerial,
    Boolean,
    Date,
    ForeignKey,
    Integer,
    Serial,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.defaults.uuid import UUID4
from piccolo.constraints import Unique
from piccolo.table import Table

from backend.counties.tables import County
from backend.hearings.kinds import AHEAD, Kind, Status
from backend.staff.tables import Account
from backend.web.clock import CALIFORNIA


class Hearing(Table):
    """One hearing, vote, forum, committee meeting, rally or enrollment event; `entry.Entry` tells
    what its fields mean. `uid` is its name in calendars and never changes; `sequence` rises when
    its time, place or status does (RFC 5545). `county` is null for the state. `taken_out_at`: it
    should not have been there, and only its history tells of it."""

    id: Serial
    uid = UUID(default=UUID4(), unique=True)
    kind = Varchar(length=12)
    status = Varchar(length=12, default=Status.SCHEDULED)
    county = ForeignKey(County, null=True, default=None, index=True)
    body = Varchar(length=300, default="")
    title = JSONB()
    starts_at = Timestamptz(default=None, null=False, index=True)
    ends_at = Timestamptz(null=True, default=None)
    time_known = Boolean(default=True)
    time_text = Varchar(length=300, default="")
    place = Varchar(length=300, default="")
    address = Varchar(length=300, default="")
    remote_url = Varchar(length=1000, default="")
    remote_how = Text(default="")
    agenda_url = Varchar(length=1000, default="")
    agenda_item = Varchar(length=60, default="")
    file_number = Varchar(length=60, default="")
    campaign = Varchar(length=60, default="", index=True)
    topics = Array(base_column=Varchar(length=12), default=list)
    decides = JSONB(default="{}")
    how_to_speak = JSONB(default="{}")
    speak_by = Timestamptz(null=True, default=None)
    interpreter = JSONB(default="{}")
    remote_speaking = Boolean(null=True, default=None)
    special_meeting = Boolean(default=False)
    noticed_on = Date(null=True, default=None)
    outcome = JSONB(default="{}")
    result = Varchar(length=12, null=True, default=None)
    figures = JSONB(default="{}")
    sources = JSONB(default="[]")
    sequence = Integer(default=0)
    made_at = Timestamptz(default=TimestamptzNow())
    changed_at = Timestamptz(default=TimestamptzNow(), index=True)
    checked_on = Date()
    taken_out_at = Timestamptz(null=True, default=None)

    @property
    def day(self) -> datetime.date:
        """In California."""
        return self.starts_at.astimezone(CALIFORNIA).date()

    def is_over(self, now: datetime.datetime) -> bool:
        """Whether its time has passed; without a known end, at the end of its day."""
        if self.ends_at:
            return self.ends_at < now
        return self.day < now.astimezone(CALIFORNIA).date()

    def is_ahead(self, now: datetime.datetime) -> bool:
        return self.status in AHEAD and not self.is_over(now)

    @property
    def is_forum(self) -> bool:
        return self.kind == Kind.FORUM


class MemberVote(Table):
    """How one member voted. `place` keeps the order of the source."""

    id: Serial
    hearing = ForeignKey(Hearing, null=False, index=True)
    member = Varchar(length=120, index=True)
    choice = Varchar(length=10)
    place = SmallInt(default=0)


class HearingChange(Table):
    """One line of a hearing's history: what happened (`kinds.Noted`), who did it (null: an
    importer, by a rule that lets it), and the whole entry before and after. `fields` are those that
    differ. Ids rise in the order of commits of one hearing, so `alerts` finds new ones by id."""

    id: BigSerial
    hearing = ForeignKey(Hearing, null=False, index=True)
    noted = Varchar(length=12)
    fields = Array(base_column=Varchar(length=20), default=list)
    before = JSONB(null=True, default=None)
    after = JSONB()
    why = Varchar(length=300, default="")
    made_by = ForeignKey(Account, null=True, default=None)
    source = Varchar(length=60, default="")
    made_at = Timestamptz(default=TimestamptzNow())


class HearingSource(Table):
    """Where hearings are looked for. `kind` is legistar, primegov, icalendar, openstates or csv;
    `place` is the client's name, the feed's address or the jurisdiction. `words` decide what is
    relevant. `accepts` names what needs no editor: nothing, `changes` (of what an editor accepted
    before), or `all`. `began_at` stands while it is being read, and lets nobody else in. While it
    fails it is asked less often (`next_at`); `alarmed_at` is when a whole day of failing was told.
    `error` is a `later()` sentence with places for what stands in `last` under `told`: nothing that
    the other side sent. `last` is what the last reading found, see `importing.Report`. `etag` and
    `modified` are for asking only for news."""

    id: Serial
    name = Varchar(length=60, unique=True)
    kind = Varchar(length=12)
    county = ForeignKey(County, null=True, default=None)
    place = Varchar(length=300, default="")
    words = Array(base_column=Varchar(length=80), default=list)
    accepts = Varchar(length=10, default="")
    enabled = Boolean(default=False)
    evidence = Varchar(length=300, default="")
    etag = Varchar(length=300, default="")
    modified = Varchar(length=60, default="")
    began_at = Timestamptz(null=True, default=None)
    good_at = Timestamptz(null=True, default=None)
    failing_since = Timestamptz(null=True, default=None)
    failures = Integer(default=0)
    next_at = Timestamptz(null=True, default=None)
    alarmed_at = Timestamptz(null=True, default=None)
    error = Varchar(length=300, default="")
    last = JSONB(null=True, default=None)


class SourceEvent(Table):
    """What a source said of one event when it was last asked, relevant or not: so that a second
    look proposes nothing twice, and one that vanishes is noticed. `hash` is of what it said of the
    meeting; `agenda_at` is when its agenda was last read. `said` is the entry it would be, kept for
    relevant ones only; `settled` is what it said when somebody last decided, so that only what the
    source changed since is proposed. `hearing` is set once it was accepted."""

    id: BigSerial
    source = ForeignKey(HearingSource, null=False, index=True)
    key = Varchar(length=200)
    hash = Varchar(length=64)
    starts_at = Timestamptz(null=True, default=None, index=True)
    matched = Array(base_column=Varchar(length=80), default=list)
    said = JSONB(null=True, default=None)
    settled = JSONB(null=True, default=None)
    hearing = ForeignKey(Hearing, null=True, default=None, index=True)
    agenda_at = Timestamptz(null=True, default=None)
    first_seen_at = Timestamptz(default=TimestamptzNow())
    seen_at = Timestamptz(default=TimestamptzNow())
    vanished_at = Timestamptz(null=True, default=None)

    one_row_for_each_key = Unique([source, key])


class Proposal(Table):
    """An importer would have a hearing added, changed or cancelled. `matched` are the words that
    made it relevant, with `found_in` (title, item, attachment). `after` is the entry it would be;
    `before` what the hearing said when this was proposed, null for a new one. `doubts` are names of
    `proposing.DOUBTS`, each with its details. `state` is waiting, accepted, turned_down or
    overtaken (the source says something newer). `standing` is the event's id while it waits and
    null from then on, so that the database lets only one wait."""

    id: BigSerial
    source = ForeignKey(HearingSource, null=False)
    event = ForeignKey(SourceEvent, null=False, index=True)
    hearing = ForeignKey(Hearing, null=True, default=None)
    action = Varchar(length=8)
    matched = JSONB(default="[]")
    before = JSONB(null=True, default=None)
    after = JSONB()
    doubts = JSONB(default="[]")
    state = Varchar(length=12, default="waiting", index=True)
    standing = BigInt(null=True, default=None, unique=True)
    made_at = Timestamptz(default=TimestamptzNow())
    decided_by = ForeignKey(Account, null=True, default=None)
    decided_at = Timestamptz(null=True, default=None)
    why = Varchar(length=300, default="")
