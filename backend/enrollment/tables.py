"""Organizations, what they do for people, and where: the directory in the terms of Open Referral's
HSDS 3.

A `HelpPlace` is one service at one location (HSDS `service_at_location`) with that location itself,
so that a search reads one row for each card; two services at one location share its
`location_key`. What is only ever read with its place lies in the row:

- `phones`: `[{number, extension, languages, about, type}]`, the number in E.164 where it is one
- `schedules`: `[{byday: "MO,TU", opens_at: "08:00", closes_at: "17:00"}]` in Pacific time
- `accessibility`, `documents`: sentences

`imported` is what the source last said of the fields in `FIELDS`; `own` names those that the desk
wrote, which no load or import touches. Who changed what, and when, is in the audit trail.
"""

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    Boolean,
    Bytea,
    Date,
    DoublePrecision,
    ForeignKey,
    Integer,
    Serial,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.constraints import Unique
from piccolo.table import Table

from backend.staff.tables import Account


class HelpOrganization(Table):
    """Who helps. Its id is made from source and key (UUID version 5), the same everywhere."""

    id = UUID(primary_key=True)
    source = Varchar(length=20)
    source_key = Varchar(length=200)
    name = Varchar(length=300)
    description = Text(default="")
    website = Varchar(length=500, default="")

    one_organization_of_a_source = Unique([source, source_key], name="one_organization_of_a_source")


class HelpService(Table):
    """What it does for people. `kind` is one of `places.KINDS`; `description` may be empty: then
    the kind says it in every language."""

    id = UUID(primary_key=True)
    organization = ForeignKey(HelpOrganization, null=False)
    source = Varchar(length=20)
    source_key = Varchar(length=200)
    kind = Varchar(length=20)
    name = Varchar(length=300)
    description = Text(default="")
    eligibility = Text(default="")
    fees = Text(default="")

    one_service_of_a_source = Unique([source, source_key], name="one_service_of_a_source")


class HelpPlace(Table):
    """One service at one place, or on the phone (`location_type` is `virtual`).

    `county` is the slug of where it stands, `covers` are those it serves; none is "not known",
    unless it is `statewide`. `point_of` says what the coordinates are of: `place`, the middle of
    its `zip`, or nothing. `assured_date` is the day a person last checked it, `as_of` how old the
    source says it is. `vanished_on` is the day its source named it no more, `hidden_at` when the
    desk took it off the pages.
    """

    id = UUID(primary_key=True)
    organization = ForeignKey(HelpOrganization, null=False)
    service = ForeignKey(HelpService, null=False)
    source = Varchar(length=20)
    source_key = Varchar(length=200)
    location_key = Varchar(length=200)
    kind = Varchar(length=20)
    location_type = Varchar(length=10, default="physical")
    name = Varchar(length=300)
    address = Varchar(length=300, default="")
    city = Varchar(length=100, default="")
    zip = Varchar(length=10, default="")
    county = Varchar(length=40, default="")
    covers = Array(base_column=Varchar(length=40), default=list)
    statewide = Boolean(default=False)
    latitude = DoublePrecision(null=True, default=None)
    longitude = DoublePrecision(null=True, default=None)
    point_of = Varchar(length=5, default="")
    phones = JSONB(default="[]")
    website = Varchar(length=500, default="")
    languages = Array(base_column=Varchar(length=8), default=list)
    schedules = JSONB(default="[]")
    accessibility = JSONB(default="[]")
    documents = JSONB(default="[]")
    about = JSONB(default="{}")
    ask_for = JSONB(default="{}")
    serves_everyone = Boolean(null=True, default=None)
    alert = JSONB(default="{}")
    assured_date = Date(null=True, default=None)
    review_by = Date(null=True, default=None)
    as_of = Varchar(length=60, default="")
    source_url = Varchar(length=500, default="")
    note = Text(default="")
    own = Array(base_column=Varchar(length=20), default=list)
    imported = JSONB(default="{}")
    vanished_on = Date(null=True, default=None)
    hidden_at = Timestamptz(null=True, default=None)
    changed_at = Timestamptz(default=TimestamptzNow())

    one_place_of_a_source = Unique([source, source_key], name="one_place_of_a_source")


class WrongFlag(Table):
    """Somebody said that a place's card is wrong. Who that was is neither asked nor kept; since
    their own words may tell it all the same, `sealed` holds those. `words` is from before that."""

    id: Serial
    place = ForeignKey(HelpPlace, null=False)
    what = Varchar(length=20)
    words = Varchar(length=300, default="")
    data_key = Text(default="")
    sealed = Text(default="")
    made_at = Timestamptz(default=TimestamptzNow())
    settled_at = Timestamptz(null=True, default=None)
    settled_by = ForeignKey(Account, null=True, default=None)


class DirectoryImport(Table):
    """One file for the directory: first looked at (`state` is `waiting`, `looking`, `looked`), then
    applied (`asked`, `applying`, `applied`) or `dropped`. `file` is compressed (zlib) and erased
    when it is done with. `columns` are names of the file's columns that we would not guess, as in
    "phone=Main line; city=Town". `progress` is 0 to 100, `report` what `importing.Report` says."""

    id: Serial
    source = Varchar(length=20)
    file_name = Varchar(length=120)
    file = Bytea(null=True, default=None)
    state = Varchar(length=10, default="waiting")
    columns = Varchar(length=500, default="")
    skip_mistakes = Boolean(default=False)
    let_vanish = Boolean(default=False)
    progress = Integer(default=0)
    report = JSONB(null=True, default=None)
    made_by = ForeignKey(Account, null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    applied_by = ForeignKey(Account, null=True, default=None)
    applied_at = Timestamptz(null=True, default=None)


# What a source may say of a place, and the desk may say better. Column names of HelpPlace.
FIELDS = (
    "name",
    "address",
    "city",
    "zip",
    "county",
    "covers",
    "latitude",
    "longitude",
    "point_of",
    "phones",
    "website",
    "languages",
    "schedules",
    "accessibility",
    "documents",
    "about",
    "ask_for",
    "serves_everyone",
    "alert",
    "assured_date",
    "review_by",
    "as_of",
)
