"""Days as the record knows them: sometimes only a month, sometimes only a year."""

import calendar
import datetime
import re

# Secure Communities began in 2008: before that there is nothing here to ask about.
FIRST_DAY = datetime.date(2008, 1, 1)


class Day:
    """A day, a month or a year, kept as it was `written`: 2014-05-21, 2014-05 or 2014.
    `first` and `last` are the days it spans."""

    # No dataclass: msgspec would want a mapping for one, where the files hold text.
    __slots__ = ("first", "last", "written")

    def __init__(self, first: datetime.date, last: datetime.date, written: str) -> None:
        self.first = first
        self.last = last
        self.written = written

    @classmethod
    def parse(cls, text: str) -> "Day":
        """Raises ValueError, in words, for anything but YYYY, YYYY-MM or YYYY-MM-DD, and for days
        that do not exist or lie outside 1900 to 2199."""
        parts = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?", text)
        if parts is None:
            raise ValueError(f"{text!r} is not a day (write 2014-05-21, 2014-05 or 2014)")
        year, month, day = (int(part) if part else None for part in parts.groups())
        assert year is not None
        if not 1900 <= year <= 2199:
            raise ValueError(f"{text!r} is outside 1900 to 2199")
        try:
            first = datetime.date(year, 1 if month is None else month, 1 if day is None else day)
        except ValueError:
            raise ValueError(f"{text!r} is not a day that exists") from None
        if day:
            last = first
        elif month:
            last = first.replace(day=calendar.monthrange(year, month)[1])
        else:
            last = first.replace(month=12, day=31)
        return cls(first, last, text)

    @property
    def exact(self) -> bool:
        return self.first == self.last
