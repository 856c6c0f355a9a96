"""Laws, rules, practice and figures: dated facts, each with its sources."""

import datetime
from typing import Any

from piccolo.columns import (
    JSONB,
    Array,
    Boolean,
    Date,
    ForeignKey,
    Integer,
    Serial,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from backend.counties.tables import County
from backend.policies.days import Day
from backend.staff.tables import Account


class Fact(Table, tags=["not a table"]):
    """The columns every fact has. A fact is never deleted: one that left the record is retired.

    `key` is `<file>/<id in the file>` (for a rule also `/<question>`) and never changes. `read` is
    how its source was read on `checked_on`: as a stored `copy`, as the `page` itself, or `called`.
    Texts are `{"en": …, "es": …}`. `sources` is a list of `{title, publisher, url, published_on,
    read_on, grade}`: grade A is official text, R a reprint of one, B a named outlet or
    organization, C a repost or a figure that conflicts with another.

    `desk_base` is null while the fact is as the files say. Changed at the desk, it holds the
    `content_hash` of what the files said then ("" when they did not know it), until the change is
    written into the files.
    """

    id: Serial
    key = Varchar(length=120, unique=True)
    note = JSONB(null=True, default=None)
    sources = JSONB()
    checked_on = Date()
    read = Varchar(length=6, default="copy")
    review_by = Date()
    reviewed = JSONB(null=True, default=None)
    content_hash = Varchar(length=64)
    desk_base = Varchar(length=64, null=True, default=None)
    loaded_at = Timestamptz(default=TimestamptzNow())
    retired_at = Timestamptz(null=True, default=None)

    def due_for_review(self, today: datetime.date) -> bool:
        return self.review_by < today

    def confirmed(self) -> bool:
        """Whether any source is better than a repost: grade C alone is no plain fact."""
        return any(source["grade"] != "C" for source in self.cited())

    def cited(self) -> list[dict[str, Any]]:
        cited: Any = self.sources
        return list(cited)


class Law(Fact):
    """A statute, ruling, program, bill or federal step in the timeline. `kind`, `status` and
    `topic` are the words listed in data/README.md."""

    slug = Varchar(length=60, unique=True)
    kind = Varchar(length=20)
    status = Varchar(length=20)
    topic = Varchar(length=20)
    title = JSONB()
    short = Varchar(length=80, default="")
    citation = Varchar(length=200, default="")
    happened_on = Date()
    on_text = Varchar(length=10)
    from_text = Varchar(length=10, null=True, default=None)
    until_text = Varchar(length=10, null=True, default=None)
    summary = JSONB()
    points = JSONB()


class Rule(Fact):
    """Written text in force from a day until a day, and what it answers. `county` is null for a
    rule of the state; `question` and `answer` are null for a rule on something other than jails.

    `in_force_from` is the first day it was surely in force (the last of a month or year when only
    that is known), `in_force_until` the last such day or null; `from_text` and `until_text` keep
    what is known as it was written. With `until_means` "at_least" nobody knows what holds after
    that day. `superseded_by` is the key of what ended it, without the question.
    """

    county = ForeignKey(County, null=True, default=None)
    question = Varchar(length=20, null=True, default=None)
    answer = Varchar(length=30, null=True, default=None)
    issuer = Varchar(length=20)
    instrument = JSONB()
    citation = Varchar(length=200, default="")
    law = ForeignKey(Law, null=True, default=None)
    in_force_from = Date()
    in_force_until = Date(null=True, default=None)
    from_text = Varchar(length=10)
    until_text = Varchar(length=10, null=True, default=None)
    from_means = Varchar(length=2, default="on")
    until_means = Varchar(length=8, default="on")
    superseded_by = Varchar(length=120, null=True, default=None)
    summary = JSONB()

    @property
    def of_the_state(self) -> bool:
        return self.key.startswith("state/")

    def in_force_on(self, day: datetime.date) -> bool:
        return self.in_force_from <= day and (
            self.in_force_until is None or day <= self.in_force_until
        )


class Practice(Fact):
    """What someone credible reports is done or said. `topic` is a question or another word that
    data/README.md lists. `disputes` is the key of the rule it contradicts, `answer` what it answers
    where no rule does, `year` the one whose numbers a forum told."""

    county = ForeignKey(County, null=True, default=None)
    topic = Varchar(length=20)
    said_by = JSONB(null=True, default=None)
    disputes = Varchar(length=120, null=True, default=None)
    answer = Varchar(length=30, null=True, default=None)
    year = Integer(null=True, default=None)
    from_text = Varchar(length=10, null=True, default=None)
    until_text = Varchar(length=10, null=True, default=None)
    summary = JSONB()

    def known_on(self, day: datetime.date) -> bool:
        """Whether it was surely said by `day` and had not surely ended; without a date, always."""
        if self.from_text and Day.parse(self.from_text).last > day:
            return False
        return not (self.until_text and Day.parse(self.until_text).first < day)


class Figure(Fact):
    """A number of people or requests with its period and definition. `low` and `high` differ when
    sources do; `about` when the source itself says so. Counts of different sheriffs do not
    compare."""

    county = ForeignKey(County, null=True, default=None)
    measure = Varchar(length=40)
    from_text = Varchar(length=10)
    until_text = Varchar(length=10)
    low = Integer()
    high = Integer()
    about = Boolean(default=False)
    definition = JSONB()


class Change(Table):
    """What the record was to say from then on, and why, for everyone to read: a draft until
    someone decides. `action` is add, correct, retire, supersede, check (only looked at again) or
    load (the files said so). `why` is `{"en": …}`, with `es` where someone wrote it. `public` when
    it changes anything a reader sees."""

    id: Serial
    state = Varchar(length=12, index=True)
    action = Varchar(length=10)
    why = JSONB(null=True, default=None)
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    decided_by = ForeignKey(Account, null=True, default=None)
    decided_at = Timestamptz(null=True, default=None)
    decided_because = Text(default="")
    origin = Varchar(length=8, default="desk")
    public = Boolean(default=True)


class ChangedFact(Table):
    """One fact before and after a change, as an entry of the files with its sources written out.
    `before` is null for one that was added, `after` for one that was retired."""

    id: Serial
    change = ForeignKey(Change, null=False, index=True)
    file = Varchar(length=40, index=True)
    kind = Varchar(length=10)
    entry_id = Varchar(length=60)
    before = JSONB(null=True, default=None)
    after = JSONB(null=True, default=None)


class Conflict(Table):
    """A fact that the files and the desk both changed, each in its own way. The desk's stays in
    force until an editor decides; `in_files` is what the files say (null: they dropped it)."""

    id: Serial
    key = Varchar(length=120, unique=True)
    file = Varchar(length=40)
    kind = Varchar(length=10)
    entry_id = Varchar(length=60)
    in_files = JSONB(null=True, default=None)
    found_at = Timestamptz(default=TimestamptzNow())


# A number or a place that nobody looked at for so long is shown with a warning.
LATELY = datetime.timedelta(days=90)


class Checked(Table, tags=["not a table"]):
    """What people of the staff keep right by calling and looking: numbers and places.

    `key` never changes. `sources` are as a fact's, but `title` and `url` may be missing. What has
    no source better than grade C, or `confidence` low, is shown once an editor confirmed it
    (`confirmed_at`). `checked_on` is when its source was last read, or when an editor last looked;
    `read` is how: in a stored `copy`, on the `page` itself, or it was `called`.
    Texts are `{"en": …, "es": …}` or empty. What the desk wrote (`desk_at`) no load changes;
    `content_hash` is of what the files said.
    """

    id: Serial
    key = Varchar(length=60, unique=True)
    name = Varchar(length=200)
    phone = Varchar(length=20, default="")
    sources = JSONB(default="[]")
    confidence = Varchar(length=6, default="low")
    checked_on = Date(null=True, default=None)
    read = Varchar(length=6, default="copy")
    review_by = Date(null=True, default=None)
    confirmed_at = Timestamptz(null=True, default=None)
    desk_note = Text(default="")
    content_hash = Varchar(length=64, default="")
    desk_at = Timestamptz(null=True, default=None)
    retired_at = Timestamptz(null=True, default=None)
    changed_at = Timestamptz(default=TimestamptzNow())

    @property
    def shown(self) -> bool:
        """Whether people may see it."""
        known = self.well_sourced and self.checked_on is not None
        return self.retired_at is None and (self.confirmed_at is not None or known)

    @property
    def well_sourced(self) -> bool:
        return self.confidence != "low" and any(each["grade"] != "C" for each in self.cited())

    def cited(self) -> list[dict[str, Any]]:
        cited: Any = self.sources
        return list(cited)

    def stale_on(self, day: datetime.date) -> bool:
        return self.checked_on is None or day - self.checked_on >= LATELY


class HelpLine(Checked):
    """A line that people call when someone was detained, in these `counties` (slugs) or all of
    the state. Without a `phone` it is a network whose number nobody knows yet. `hours` and `about`
    are texts, `languages` codes; `texts` is whether one can also send the number a message.
    `missed_on` is when one of us last called and nobody answered, `wrong` why the number is not
    right: nobody sees it then."""

    counties = Array(base_column=Varchar(length=40), default=list)
    statewide = Boolean(default=False)
    hours = JSONB(default="{}")
    about = JSONB(default="{}")
    languages = Array(base_column=Varchar(length=8), default=list)
    texts = Boolean(default=False)
    missed_on = Date(null=True, default=None)
    wrong = Varchar(length=300, default="")

    @property
    def shown(self) -> bool:
        return super().shown and not self.wrong
