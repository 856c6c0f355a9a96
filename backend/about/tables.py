"""What we say of demands for data, from day to day."""

import datetime

from piccolo.columns import Integer, Serial, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

# Whoever reads a statement that nobody renewed for longer must not believe it still holds.
RENEWED_WITHIN = datetime.timedelta(days=90)


class DemandStatement(Table):
    """What one of the staff said on a day: how many demands for data had come until then, in all.
    Only ever added to."""

    id: Serial
    said_at = Timestamptz(default=TimestamptzNow())
    said_by = Varchar(length=60)
    demands = Integer(default=0)

    @classmethod
    async def last(cls) -> "DemandStatement | None":
        found: DemandStatement | None = (
            await cls.objects().order_by(cls.id, ascending=False).first()
        )
        return found

    def is_overdue(self) -> bool:
        return self.said_at < datetime.datetime.now(datetime.UTC) - RENEWED_WITHIN
