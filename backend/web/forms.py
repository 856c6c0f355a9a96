"""Form validation: what people send with a form, read as text, tidied, and told in words when it is
wrong."""

import datetime
import re
import unicodedata
from collections.abc import Sequence

from backend.web.responses import AnyRequest

# What is typed comes back in the page, and a little more than is allowed so that it can be cut.
KEPT = 20_000
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
# Signs that turn the direction of what follows.
DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]")

# Names and values in the order they were sent; a name may come more than once.
Sent = Sequence[tuple[str, str]]


async def sent(request: AnyRequest) -> list[tuple[str, str]]:
    """The fields of the form, without its files."""
    form = await request.form()
    return [(key, value) for key, value in form.multi_items() if isinstance(value, str)]


def storable(sent: Sent) -> list[tuple[str, str]]:
    """Without what no database holds."""
    return [(name, value.replace("\0", "")) for name, value in sent]


def typed_of(sent: Sent) -> dict[str, str]:
    """The last value by its name, without what no database holds, cut at `KEPT` letters."""
    return {name: value[:KEPT] for name, value in storable(sent)}


def tidy(text: str) -> str:
    """Without signs that turn the direction or cannot be stored, and with one kind of line end."""
    text = DIRECTION.sub("", text).replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return text.strip()


def line(text: str) -> str:
    """In one line, with single spaces."""
    return " ".join(
        "".join(
            " " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in tidy(text)
        ).split()
    )


def one_line(text: str) -> str:
    """Without line breaks, and without what nobody sees: control and direction characters."""
    spaced = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(unicodedata.normalize("NFC", spaced).split())


def day_of(text: str) -> datetime.date | None:
    """A whole day between 2000 and 2100."""
    if not DAY.fullmatch(text):
        return None
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2100 else None
