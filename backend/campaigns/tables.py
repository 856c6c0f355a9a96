"""Campaigns, the pledges people sign, and what was counted.

A pledge is one person's promise. What could name them is sealed with the row's own data key; what
finds a duplicate is a blind index. Its state is one of

- `received`: signed just now; the worker has not yet looked whether its contact signed before
- `awaiting`: signed, not yet confirmed: by the signer, or on the phone by somebody of the staff
- `confirmed`
- `set_aside`: staff took it out of the count, with a reason (`SettingAside`)
- `repeat`: the same contact signed before; it takes the earlier one's place when confirmed
- `doubtful`: as a program would send it; not counted unless its signer confirms

and a withdrawn pledge is deleted. Every change of state leaves lines in `CountLine`, which one job
adds up into `PledgeCount`: no page counts, and no signature waits for another. What the public
sees is `PublishedCount`: rounded, and late.
"""

import datetime

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigSerial,
    Bytea,
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
from piccolo.constraints import Unique
from piccolo.table import Table

from backend.campaigns.states import CampaignState, PledgeState
from backend.counties.tables import County
from backend.staff.tables import Account

# After closing, names and contacts are kept so long and no longer.
NAMES_KEPT = datetime.timedelta(days=90)
# Pledges that nobody confirmed: who signed on the site with an e-mail address has a letter before
# them; for who signed on paper or with a canvasser somebody else typed it. A phone number waits to
# be called for as long as names are kept.
UNCONFIRMED_KEPT = datetime.timedelta(days=7)
TYPED_UNCONFIRMED_KEPT = datetime.timedelta(days=30)


class Campaign(Table):
    """What people are asked to sign. Texts are `{"en": …, "es": …}`, `story` and `outcome` in
    Markdown. `counties` are slugs; none means all. `goals` are the steps the goal moves up.
    `reviewed` is `{"es": {"by": …, "on": …, "of": <fingerprint of the English>}}`."""

    id: Serial
    slug = Varchar(length=60, unique=True)
    state = Varchar(length=10, default=CampaignState.DRAFT)
    title = JSONB()
    ask = JSONB()
    story = JSONB()
    pledge_words = JSONB()
    targets = JSONB(default="[]")
    partners = JSONB(default="[]")
    sources = JSONB(default="[]")
    counties = Array(base_column=Varchar(length=40), default=list)
    goals = Array(base_column=Integer(), default=list)
    opens_on = Date(null=True, default=None)
    closes_on = Date(null=True, default=None)
    closed_at = Timestamptz(null=True, default=None)
    outcome = JSONB(null=True, default=None)
    reviewed = JSONB(null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())

    def is_open(self, day: datetime.date) -> bool:
        """Whether it can be signed on that day (in California)."""
        return (
            self.state == CampaignState.LIVE
            and (self.opens_on is None or self.opens_on <= day)
            and (self.closes_on is None or day <= self.closes_on)
        )

    def goal(self, confirmed: int) -> int | None:
        """The first goal that is not yet reached; the last when all are."""
        ahead = [goal for goal in sorted(self.goals) if goal > confirmed]
        return ahead[0] if ahead else max(self.goals, default=None)

    def names_end_on(self) -> datetime.date | None:
        """The day on which names and contacts are erased, when it is known already."""
        if self.closed_at is not None:
            return (self.closed_at + NAMES_KEPT).date()
        return self.closes_on + NAMES_KEPT if self.closes_on else None


class CampaignUpdate(Table):
    """News for the signers and the page: title and words (Markdown) in each language. Somebody asks
    that it be mailed; `mailed_at` is when the signers to mail were written down."""

    id: Serial
    campaign = ForeignKey(Campaign, null=False)
    title = JSONB()
    words = JSONB()
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    mailed_at = Timestamptz(null=True, default=None)
    mail_asked_at = Timestamptz(null=True, default=None)


class ConsentText(Table):
    """The words somebody agreed to, in one language. A changed word is a new row: a pledge keeps
    the number of the one its signer saw. `hash` is SHA-256 of the words, hex."""

    id: Serial
    purpose = Varchar(length=20)
    language = Varchar(length=8)
    words = Text()
    hash = Varchar(length=64)
    since = Timestamptz(default=TimestamptzNow())


class SettingAside(Table):
    """Staff took pledges out of the count, all that matched, for a reason the public can read.

    `pattern` is what of it tells of nobody; what a name or contact must be like is sealed in
    `sealed`, and erased when the work is done. The job first looks (`matched` and up to ten
    `samples` of the pledges signed before `made_at`), then a person begins it (`begun_at`) and it
    sets aside (`number`). `looked` counts what it has looked at and `seen_at`, `seen_id` say how
    far it is, so that it goes on from there after a crash. `back` counts pledges brought back."""

    id: Serial
    campaign = ForeignKey(Campaign, null=False)
    pattern = JSONB()
    reason = Varchar(length=300)
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    number = Integer(default=0)
    undone_at = Timestamptz(null=True, default=None)
    data_key = Text(null=True, default=None)
    sealed = Text(null=True, default=None)
    looked = Integer(default=0)
    seen_at = Timestamptz(null=True, default=None)
    seen_id = UUID(null=True, default=None)
    matched = Integer(default=0)
    samples = Array(base_column=UUID(), default=list)
    looked_at = Timestamptz(null=True, default=None)
    begun_at = Timestamptz(null=True, default=None)
    done_at = Timestamptz(null=True, default=None)
    back = Integer(default=0)
    back_at = Timestamptz(null=True, default=None)


class Pledge(Table):
    """One signature. `place` is a blind index of campaign, contact and 1 or 2: one contact has two
    places, since people share a phone or an address; a repeat has none. `contact_index` is the
    first of the two, whether the pledge has it or not. `receipt_index` is that of the receipt code.
    `round` counts the letters with digits that were sent: 0 can be confirmed by nobody. `calls`
    are how often staff tried the phone number, at last at `called_at`. `consents` are ids
    of ConsentText. `source` is `web`, `canvass` (a canvasser's phone) or `paper`, and `via` the
    code of the shift that led to it, on the signer's own phone too. What names the signer
    (`data_key` to `receipt_index`) is null once erased."""

    id = UUID(primary_key=True)
    campaign = ForeignKey(Campaign, null=False, index=False)
    state = SmallInt(default=PledgeState.AWAITING)
    county = ForeignKey(County, null=False)
    language = Varchar(length=8)
    kind = Varchar(length=6)
    data_key = Text(null=True, default=None)
    name = Text(null=True, default=None)
    contact = Text(null=True, default=None)
    receipt = Text(null=True, default=None)
    place = Bytea(null=True, default=None, unique=True)
    contact_index = Bytea(null=True, default=None)
    receipt_index = Bytea(null=True, default=None, unique=True)
    round = SmallInt(default=1)
    tries = SmallInt(default=0)
    calls = SmallInt(default=0)
    called_at = Timestamptz(null=True, default=None)
    consents = Array(base_column=Integer(), default=list)
    source = Varchar(length=20, default="web")
    via = Varchar(length=12, null=True, default=None, index=True)
    signed_at = Timestamptz(default=TimestamptzNow(), index=True)
    confirmed_at = Timestamptz(null=True, default=None)
    reminded_at = Timestamptz(null=True, default=None)
    set_aside_by = ForeignKey(SettingAside, null=True, default=None)


class CountLine(Table):
    """What one change of a pledge adds to a campaign's numbers in a county: 1 or -1 each. `state`
    is a `states.Tally`."""

    id = BigSerial(primary_key=True)
    campaign = Integer()
    county = Integer()
    state = SmallInt()
    change = Integer()


class PledgeCount(Table):
    """A campaign's numbers in one county, as of `counted_at`: for staff, exact. `phones` left a
    phone number that nobody has called yet."""

    id: Serial
    campaign = ForeignKey(Campaign, null=False)
    county = ForeignKey(County, null=False)
    confirmed = Integer(default=0)
    awaiting = Integer(default=0)
    phones = Integer(default=0)
    set_aside = Integer(default=0)
    counted_at = Timestamptz(default=TimestamptzNow())

    one_line_each = Unique([campaign, county], name="one_count_for_each_county")


class PublishedCount(Table):
    """What the public is told of a campaign, in one county or (`county` null) in all: in tens, and
    as of `counted_at`. See `publishing.py`."""

    id: Serial
    campaign = ForeignKey(Campaign, null=False)
    county = ForeignKey(County, null=True, default=None)
    confirmed = Integer(default=0)
    awaiting = Integer(default=0)
    phones = Integer(default=0)
    set_aside = Integer(default=0)
    counted_at = Timestamptz(default=TimestamptzNow())


class PledgeTotal(Table):
    """What remains when names are erased: how many pledges of a campaign there were in a county on
    a day (in California), from ten up. Smaller groups go together: of a county without the day, of
    all counties without both. `tally` is a `states.Tally`."""

    id: Serial
    campaign = ForeignKey(Campaign, null=False)
    county = ForeignKey(County, null=True, default=None)
    day = Date(null=True, default=None)
    tally = SmallInt()
    number = Integer()


class GoingLive(Table):
    """Somebody asked that a campaign be published as it then was: `of` is the fingerprint of all
    that people would read. Another person does it, unless it has changed since."""

    id: Serial
    campaign = ForeignKey(Campaign, null=False)
    of = Varchar(length=16)
    asked_by = ForeignKey(Account, null=False)
    asked_at = Timestamptz(default=TimestamptzNow())
    done_by = ForeignKey(Account, null=True, default=None)
    done_at = Timestamptz(null=True, default=None)


class UpdateMailing(Table):
    """A few hundred signers who still get the mail of a piece of news: who has it is taken off."""

    id: Serial
    news = ForeignKey(CampaignUpdate, null=False)
    left = Array(base_column=UUID())


class PartnerToken(Table):
    """What a coalition partner's program shows at /osdi to read who agreed to that: of one campaign
    or of all (null). Only its hash is kept."""

    id: Serial
    name = Varchar(length=60)
    token_hash = Bytea(unique=True)
    campaign = ForeignKey(Campaign, null=True, default=None)
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    ends_at = Timestamptz()
    revoked_at = Timestamptz(null=True, default=None)
    used_at = Timestamptz(null=True, default=None)


class PartnerGiven(Table):
    """That a partner was given a signer, so that it can be told when it may keep them no more. Only
    the pledge's number: it stays when the pledge is deleted, and names nobody."""

    id = BigSerial(primary_key=True)
    token = ForeignKey(PartnerToken, null=False, index=False)
    pledge = UUID()
    given_at = Timestamptz(default=TimestamptzNow())

    once_each = Unique([token, pledge], name="given_once_to_each_partner")


class Withdrawal(Table):
    """A pledge that staff withdrew, until it is deleted. `was` is its state before."""

    id: Serial
    pledge = UUID(unique=True)
    campaign = ForeignKey(Campaign, null=False)
    was = SmallInt()
    asked_by = Varchar(length=60)
    asked_at = Timestamptz(default=TimestamptzNow(), index=True)
