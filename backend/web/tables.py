"""What the plumbing itself keeps. Both tables are unlogged: a crash of the database empties them,
no backup of its log and no replica has them."""

from piccolo.columns import Bytea, Date, Timestamptz
from piccolo.table import Table


class RateLimit(Table, tablename="rate_limit"):
    """How far ahead somebody's tries reach. `key` is 16 bytes that say nothing without the day's
    salt and a key of the keyring; a row whose `due` has passed is as good as none."""

    key = Bytea(primary_key=True, default=None)
    due = Timestamptz(default=None)


class RateLimitSalt(Table, tablename="rate_limit_salt"):
    """32 random bytes for a day (UTC), which are gone on the next."""

    day = Date(primary_key=True, default=None)
    salt = Bytea(default=None)
