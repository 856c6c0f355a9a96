"""Shifts, canvassers, their phones, and what came from them.

A canvasser's phone holds no key that opens anything: a sign-up is sealed there to the house's own
key and opened here. Who signed is a `Pledge` like any other; a `CanvassRecord` says only that one
came, from which phone, and what became of it.
"""

import datetime

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigInt,
    Bytea,
    ForeignKey,
    Integer,
    Serial,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.base import OnDelete
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.constraints import Unique
from piccolo.table import Table

from backend.campaigns.tables import Campaign
from backend.canvass.states import RecordState, RowCheck, SheetState
from backend.counties.tables import County
from backend.staff.tables import Account

INVITATION = datetime.timedelta(minutes=10)
# A phone that is not heard of for so long has to be invited anew; what waits on it stays.
DEVICE = datetime.timedelta(days=30)
IDENTITY_KEPT = datetime.timedelta(days=365)


class Shift(Table):
    """An event at which people are asked to sign. `code` stands in the QR on the table and on paper
    (eight characters as in receipts): whoever signs by it belongs to the shift. `campaigns` are
    ids, the first one offered first; `languages` are codes."""

    id: Serial
    code = Varchar(length=12, unique=True)
    event = Varchar(length=120)
    place = Varchar(length=200, default="")
    county = ForeignKey(County, null=True, default=None)
    campaigns = Array(base_column=Integer(), default=list)
    languages = Array(base_column=Varchar(length=8), default=list)
    starts_at = Timestamptz()
    ends_at = Timestamptz()
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    ended_at = Timestamptz(null=True, default=None)


class ShiftLead(Table):
    """Who of the staff runs a shift, and sees its numbers."""

    id: Serial
    shift = ForeignKey(Shift, null=False, on_delete=OnDelete.cascade)
    account = ForeignKey(Account, null=False)

    leads_a_shift_once = Unique([shift, account])


class Canvasser(Table):
    """Somebody who signs people up: no account, only a name the leads know them by, sealed. It is
    erased a year after `last_at`, their last shift."""

    id: Serial
    data_key = Text(null=True, default=None)
    name = Text(null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    last_at = Timestamptz(default=TimestamptzNow())


class ShiftCanvasser(Table):
    """That somebody works on a shift."""

    id: Serial
    shift = ForeignKey(Shift, null=False, on_delete=OnDelete.cascade)
    canvasser = ForeignKey(Canvasser, null=False, on_delete=OnDelete.cascade)

    works_on_a_shift_once = Unique([shift, canvasser])


class CanvassDevice(Table):
    """A canvasser's phone. Of the token in its cookie only the hash is kept. `unsent` sign-ups
    waited on it at `unsent_at`, the oldest of them since `oldest_at`; `clock_off` is by how many
    seconds its clock was ahead of ours then."""

    id = UUID(primary_key=True)
    canvasser = ForeignKey(Canvasser, null=False)
    label = Varchar(length=40, default="")
    token_hash = Bytea(unique=True)
    ends_at = Timestamptz()
    enrolled_at = Timestamptz(default=TimestamptzNow())
    seen_at = Timestamptz(default=TimestamptzNow())
    version = Varchar(length=20, default="")
    unsent = Integer(null=True, default=None)
    oldest_at = Timestamptz(null=True, default=None)
    unsent_at = Timestamptz(null=True, default=None)
    clock_off = BigInt(null=True, default=None)
    revoked_at = Timestamptz(null=True, default=None)
    revoked_by = ForeignKey(Account, null=True, default=None)


class DeviceShift(Table):
    """That a phone was invited to a shift."""

    id: Serial
    device = ForeignKey(CanvassDevice, null=False, on_delete=OnDelete.cascade)
    shift = ForeignKey(Shift, null=False, on_delete=OnDelete.cascade)
    joined_at = Timestamptz(default=TimestamptzNow())

    joins_a_shift_once = Unique([device, shift])


class CanvassInvitation(Table):
    """A code that enrols one phone for one shift, once, within ten minutes."""

    id: Serial
    shift = ForeignKey(Shift, null=False, on_delete=OnDelete.cascade)
    canvasser = ForeignKey(Canvasser, null=False, on_delete=OnDelete.cascade)
    code_hash = Bytea(unique=True)
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    ends_at = Timestamptz()
    used_at = Timestamptz(null=True, default=None)
    device = ForeignKey(CanvassDevice, null=True, default=None, on_delete=OnDelete.set_null)


class CanvassRecord(Table):
    """That a sealed sign-up came. `id` was made on the phone, so that whatever is sent twice is
    taken once; `digest` is SHA-256 of its bytes, `shown` the ids of the consent texts on the
    screen, `how` whether they were read there or read aloud. `saved_at` is by the phone's clock,
    and never trusted. It waits in `sealed` until the worker opens it, and what is wrong in it
    (`problem`) until somebody of the staff has put it right; of everything else only the pledge's
    id stays, until names are erased."""

    id = UUID(primary_key=True)
    device = ForeignKey(CanvassDevice, null=False)
    shift = ForeignKey(Shift, null=False, index=True)
    campaign = ForeignKey(Campaign, null=True, default=None)
    county = ForeignKey(County, null=True, default=None)
    state = SmallInt(default=RecordState.COUNTED, index=True)
    digest = Bytea()
    key_id = Varchar(length=16)
    shown = Varchar(length=100, default="")
    how = Varchar(length=6, default="")
    saved_at = Timestamptz(null=True, default=None)
    received_at = Timestamptz(default=TimestamptzNow(), index=True)
    pledge = UUID(null=True, default=None, index=True)
    problem = Varchar(length=30, null=True, default=None)
    sealed = Bytea(null=True, default=None)
    settled_by = ForeignKey(Account, null=True, default=None)
    settled_at = Timestamptz(null=True, default=None)


class ShiftTotal(Table):
    """What remains of a shift when a campaign's names are erased: how many of its pledges were in
    a state (`PledgeState`), from ten up."""

    id: Serial
    shift = ForeignKey(Shift, null=False)
    campaign = ForeignKey(Campaign, null=False)
    state = SmallInt()
    number = Integer()

    one_total_of_a_shift = Unique([shift, campaign, state])


class CanvassFile(Table):
    """What was saved on a phone into a file and handed in at the desk, until all of it is taken;
    from then on only the numbers stay. `records` of them are in it, `done` are looked at, and
    `outcomes` counts what became of them: `taken`, `before`, `review`, or why not."""

    id: Serial
    device = UUID(null=True, default=None)
    records = Integer(default=0)
    done = Integer(default=0)
    outcomes = JSONB(default="{}")
    content = Bytea(null=True, default=None)
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    done_at = Timestamptz(null=True, default=None)


class PaperSheet(Table):
    """A printed sheet that people sign. `code` stands on it in letters and in its QR, `number`
    counts a shift's sheets, `consents` are the ids of the texts printed on it. It has so many
    `lines`; `filled` of them are signed, as somebody counted before they typed them in."""

    id: Serial
    shift = ForeignKey(Shift, null=False)
    campaign = ForeignKey(Campaign, null=False)
    code = Varchar(length=12, unique=True)
    number = Integer()
    language = Varchar(length=8)
    consents = Array(base_column=Integer(), default=list)
    lines = SmallInt()
    filled = SmallInt(null=True, default=None)
    state = SmallInt(default=SheetState.PRINTED, index=True)
    printed_by = ForeignKey(Account, null=True, default=None)
    printed_at = Timestamptz(default=TimestamptzNow())
    done_at = Timestamptz(null=True, default=None)

    counts_in_a_shift = Unique([shift, number])


class PaperRow(Table):
    """A line of a sheet that was typed in. Who signed it is the pledge, which is null when nobody
    could read the line. Some are typed a second time by somebody who does not see the first
    (`check`): what differed is sealed in `again` until it is settled."""

    id: Serial
    sheet = ForeignKey(PaperSheet, null=False, on_delete=OnDelete.cascade)
    line = SmallInt()
    pledge = UUID(null=True, default=None)
    typed_by = ForeignKey(Account, null=True, default=None)
    typed_at = Timestamptz(default=TimestamptzNow())
    check = SmallInt(default=RowCheck.NONE)
    data_key = Text(null=True, default=None)
    again = Text(null=True, default=None)
    checked_by = ForeignKey(Account, null=True, default=None)
    checked_at = Timestamptz(null=True, default=None)
    settled_by = ForeignKey(Account, null=True, default=None)

    typed_in_once = Unique([sheet, line])
