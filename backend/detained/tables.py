"""Places where ICE holds people, or did, and what the desk changed in them and in the lines."""

from piccolo.columns import JSONB, BigSerial, Integer, Serial, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from backend.policies.tables import Checked

# What a place is: open; closed; a county jail that no longer holds people for ICE; only proposed.
STATUSES = ("open", "closed", "no_ice", "proposed")


class DetentionPlace(Checked):
    """`county` is a slug; `address` is empty where no good source gives it. `opened` and `ended`
    are when it began and stopped holding people for ICE, as well as they are known (a day, a month
    or a year). `beds` is what a source says fits in."""

    operator = Varchar(length=120, default="")
    address = Varchar(length=200, default="")
    city = Varchar(length=80, default="")
    county = Varchar(length=40, default="")
    beds = Integer(null=True, default=None)
    status = Varchar(length=10, default="open")
    opened = Varchar(length=10, default="")
    ended = Varchar(length=10, default="")
    note = JSONB(default="{}")


class CheckedChange(Table):
    """One change of a line or a place: `subject` is "line chirla" or "place adelanto", `action` one
    of `staff/actions.py`, `before` and `after` the fields that differ."""

    id: BigSerial
    subject = Varchar(length=80, index=True)
    action = Varchar(length=30)
    by = Varchar(length=60)
    before = JSONB(default="{}")
    after = JSONB(default="{}")
    made_at = Timestamptz(default=TimestamptzNow())


class LineClaim(Table):
    """Who is calling a line's number right now. It ends by itself."""

    id: Serial
    line = Integer(unique=True)
    by = Varchar(length=60)
    at = Timestamptz(default=TimestamptzNow())
