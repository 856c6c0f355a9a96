"""The phones that want to be rung, and what rings them.

A subscription is one device. Its address and its secret with the push service are sealed with the
row's own data key; what finds it again are a blind index of the address, and the hash of a token
that only the phone holds. No name, no account and no address of a person is ever beside it.

A ring is one alert going out. First it is resolved: who wants it is written down in batches of a
few hundred ids of one push service. Then lanes take the batches, and strike off whoever was rung.
A batch that is done is deleted; the ring keeps numbers only.
"""

import datetime

from piccolo.columns import (
    JSONB,
    Array,
    BigInt,
    BigSerial,
    Boolean,
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
from piccolo.columns.indexes import IndexMethod
from piccolo.table import Table

# Nobody opened the app for so long: the phone is gone, or its alerts are not missed.
UNCONFIRMED_KEPT = datetime.timedelta(days=120)
WARNED_BEFORE = datetime.timedelta(days=14)
RINGS_KEPT = datetime.timedelta(days=365)
BATCHES_KEPT = datetime.timedelta(days=7)

LARGEST_ID = 2**63 - 1
# Subscriptions from before ids were drawn by lot have smaller ones, in order.
FIRST_BY_LOT = 2**40


class Subscription(Table):
    """One device. `place` is the blind index of its endpoint, `host` the entry of the list of push
    services that lets it in, `vapid_key` the id of the key it subscribed under, `secret_hash` that
    of the token only this phone holds. `counties` are ids; with `everywhere` all are meant, and
    with neither only news for the whole state. `wording` is `neutral` or `full`. `quiet_from` and
    `quiet_until` are minutes of the day in California, both null when it may ring at any hour.
    The moments are days (`days.today()`), since a row shall not tell when its phone was in a hand:
    `confirmed_at` is when the app was last opened there, `received_at` when a test that its owner
    asked for was shown (`awaits_test` until then), `accepted_at` when its push service last took a
    message for it. One that never was, or that was `refused` while its service took those for
    others, is on trial: it is rung apart and can hold nobody back. `id` is drawn by lot."""

    id = BigSerial(primary_key=True)
    data_key = Text()
    endpoint = Text()
    auth = Text()
    p256dh = Bytea()
    place = Bytea(unique=True)
    secret_hash = Bytea(unique=True)
    host = Varchar(length=80)
    vapid_key = Varchar(length=16)
    language = Varchar(length=8)
    everywhere = Boolean(default=False)
    counties = Array(base_column=Integer(), default=list, index=True, index_method=IndexMethod.gin)
    topics = Array(
        base_column=Varchar(length=40), default=list, index=True, index_method=IndexMethod.gin
    )
    kinds = Array(base_column=Varchar(length=40), default=list)
    wording = Varchar(length=8, default="neutral")
    quiet_from = SmallInt(null=True, default=None)
    quiet_until = SmallInt(null=True, default=None)
    remind_day = Boolean(default=False)
    remind_hours = Boolean(default=False)
    made_at = Timestamptz(default=TimestamptzNow())
    confirmed_at = Timestamptz(default=TimestamptzNow(), index=True)
    warned_at = Timestamptz(null=True, default=None)
    received_at = Timestamptz(null=True, default=None)
    accepted_at = Timestamptz(null=True, default=None)
    awaits_test = Boolean(default=False)
    refused = SmallInt(default=0)


class Ring(Table):
    """One alert going out. `what` is its caller's name for it: a second one of that name is never
    made. `words` are `{language: {"neutral": {title, body}, "full": {title, body}}}`, `navigate` is
    the path it opens, `subject` names the event it is about: a newer ring takes an older one's
    place on the phone. `urgent` rings at night too; `pressing` only asks to be carried at once.
    `audience` is an `Audience` as JSON. It is worth nothing after `expires_at`.
    `queued` were written down; of them the push services `accepted` some, `gone` ones were deleted,
    `failed` ones could not be rung in time, and `skipped` ones were gone or slept too long."""

    id = BigSerial(primary_key=True)
    what = Varchar(length=120, unique=True)
    words = JSONB()
    navigate = Varchar(length=300)
    subject = Varchar(length=120)
    urgent = Boolean(default=False)
    pressing = Boolean(default=False)
    audience = JSONB()
    due_at = Timestamptz(default=TimestamptzNow())
    expires_at = Timestamptz()
    made_at = Timestamptz(default=TimestamptzNow())
    started_at = Timestamptz(null=True, default=None)
    resolved_up_to = BigInt(default=0)
    resolved_at = Timestamptz(null=True, default=None)
    finished_at = Timestamptz(null=True, default=None, index=True)
    cancelled_at = Timestamptz(null=True, default=None)
    queued = Integer(default=0)
    accepted = Integer(default=0)
    gone = Integer(default=0)
    failed = Integer(default=0)
    skipped = Integer(default=0)


class RingBatch(Table):
    """A few hundred devices of one push service that a ring still has to reach: `remaining` are
    their ids; the counts are of those struck off. A lane takes it for itself (`holder`) until
    `held_until`, which it keeps moving on; whoever finds that passed takes it up. `tries` counts
    how often its rest was put off. In one that is on `trial` no phone has proved itself: see
    `Subscription`."""

    id = BigSerial(primary_key=True)
    ring = ForeignKey(Ring, null=False, on_delete=OnDelete.cascade)
    host = Varchar(length=80, index=True)
    urgent = Boolean(default=False)
    remaining = Array(base_column=BigInt(), default=list)
    due_at = Timestamptz(default=TimestamptzNow())
    holder = Varchar(length=32, null=True, default=None)
    held_until = Timestamptz(null=True, default=None)
    tries = SmallInt(default=0)
    trial = Boolean(default=False)
    accepted = Integer(default=0)
    gone = Integer(default=0)
    failed = Integer(default=0)
    skipped = Integer(default=0)
    made_at = Timestamptz(default=TimestamptzNow(), index=True)


class PushHost(Table):
    """A push service, as all workers have to treat it: nothing is sent before `paused_until`, and
    the next message not before `next_at` where it has a pace. `reason` is why it stands still:
    `busy` (it said so), `down` (it does not answer) or `refused` (it minds something of ours).
    `accepted_at` is about when it last took a message. Since `refused_at` it has refused `refusals`
    phones that had proved themselves, and taken nothing. While it stands still, `probed_at` is when
    one message was last sent to see whether it is well."""

    id: Serial
    host = Varchar(length=80, unique=True)
    paused_until = Timestamptz(null=True, default=None)
    reason = Varchar(length=8, default="")
    pauses = SmallInt(default=0)
    next_at = Timestamptz(null=True, default=None)
    accepted_at = Timestamptz(null=True, default=None)
    refusals = SmallInt(default=0)
    refused_at = Timestamptz(null=True, default=None)
    probed_at = Timestamptz(null=True, default=None)
