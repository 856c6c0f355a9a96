"""What was told, what the staff writes to be told, and who hears of it by mail.

No row here knows whose phone it rings: those are the push room's, and no address is ever beside
them. Who hears by mail gave an address for it, which is sealed with a key of the row's own.
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
from piccolo.constraints import Unique
from piccolo.table import Table

from backend.alerts.kinds import State
from backend.hearings.tables import Hearing
from backend.push.tables import Ring
from backend.staff.tables import Account

# What nobody confirmed goes after so long, and how long the numbers of what was told are kept.
UNCONFIRMED_KEPT = datetime.timedelta(days=7)
NEWS_KEPT = datetime.timedelta(days=365)
HEARD_KEPT = datetime.timedelta(days=30)
CODE_GOOD_FOR = datetime.timedelta(hours=1)


class AlertNews(Table):
    """One thing that was told, on phones by its ring and by mail. `what` is its name: nothing is
    told twice under the same. `kind` is a `kinds.News` or a reminder; `words` and `audience` are as
    `push.rings` has them. `mailed` is how many letters were asked for."""

    id: Serial
    what = Varchar(length=120, unique=True)
    kind = Varchar(length=12)
    hearing = ForeignKey(Hearing, null=True, default=None, index=True)
    words = JSONB()
    navigate = Varchar(length=300)
    audience = JSONB()
    expires_at = Timestamptz()
    ring = ForeignKey(Ring, null=True, default=None, on_delete=OnDelete.set_null)
    mailed = Integer(default=0)
    mailed_at = Timestamptz(null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow(), index=True)


class HeardChange(Table):
    """What was looked at: it rang, or it is nothing to ring for. `of` says what: a line of a
    `hearing`'s history, or a changed `fact` of the record."""

    id: BigSerial
    of = Varchar(length=10)
    change = BigInt()
    heard_at = Timestamptz(default=TimestamptzNow(), index=True)

    heard_once = Unique([of, change])


class Alert(Table):
    """What somebody of the staff writes to be told. `words` are `{language: {title, body}}`, shown
    to whom chose full words; the others see the house's neutral ones. `counties` are slugs, none
    with `everyone`. `kind` is the `kinds.News` it counts as; no topics or languages mean any.
    `urgent` rings at night too, and `why_urgent` says why. `corrects` is the one it puts right."""

    id: Serial
    state = Varchar(length=10, default=State.DRAFT, index=True)
    words = JSONB()
    navigate = Varchar(length=300, default="/hearings")
    hearing = ForeignKey(Hearing, null=True, default=None)
    kind = Varchar(length=12)
    everyone = Boolean(default=False)
    counties = Array(base_column=Varchar(length=40), default=list)
    topics = Array(base_column=Varchar(length=12), default=list)
    languages = Array(base_column=Varchar(length=8), default=list)
    urgent = Boolean(default=False)
    why_urgent = Varchar(length=300, default="")
    due_at = Timestamptz(null=True, default=None)
    expires_at = Timestamptz(null=True, default=None)
    corrects: ForeignKey["Alert"] = ForeignKey("self", null=True, default=None)
    news = ForeignKey(AlertNews, null=True, default=None, on_delete=OnDelete.set_null)
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    asked_by = ForeignKey(Account, null=True, default=None)
    asked_at = Timestamptz(null=True, default=None)
    sent_by = ForeignKey(Account, null=True, default=None)
    sent_at = Timestamptz(null=True, default=None)


class PhoneCode(Table):
    """What a phone shows so that somebody of the staff, who holds it, can send it a test. It ties
    the phone to nobody: whoever reads the code off the phone may use it, for an hour."""

    id: Serial
    code = Varchar(length=8, unique=True)
    subscription = BigInt(unique=True)
    ends_at = Timestamptz()


class AlertMail(Table):
    """Who hears by mail. The columns of what they chose are a subscription's. `place` is the blind
    index of the mailbox; `standing` is the same once it is confirmed, so that one mailbox stands
    once. `token` opens their own page and is sealed with the address; `token_hash` finds it. Only
    the mailbox is told it, and it is another once they confirmed. Whoever asks holds a token of
    their own, `asker_hash`, which opens nothing but the page where the digits are typed. `mailed`
    says that a letter with them left: else no digits are right. `tries` is of an earlier
    release."""

    id = BigSerial(primary_key=True)
    data_key = Text()
    address = Text()
    token = Text()
    token_hash = Bytea(unique=True)
    asker_hash = Bytea(null=True, default=None, unique=True)
    place = Bytea(index=True)
    standing = Bytea(null=True, default=None, unique=True)
    language = Varchar(length=8)
    everywhere = Boolean(default=False)
    counties = Array(base_column=Integer(), default=list)
    topics = Array(base_column=Varchar(length=40), default=list)
    kinds = Array(base_column=Varchar(length=40), default=list)
    remind_day = Boolean(default=False)
    remind_hours = Boolean(default=False)
    mailed = Boolean(default=False)
    tries = SmallInt(default=0)
    made_at = Timestamptz(default=TimestamptzNow(), index=True)
    confirmed_at = Timestamptz(null=True, default=None)
