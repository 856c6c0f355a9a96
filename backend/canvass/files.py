"""The file a phone saves when nothing else is left: everything that waits on it, still sealed.

UTF-8 text, one JSON object a line. The first line is `{"confianza": "canvass", "version": 1,
"records": how many follow}`; each further line is a record as it would be sent (`Record`), and may
say more that is read over. A file that was cut off on its way still gives every whole line.
"""

import msgspec

from backend.canvass import records
from backend.canvass.intake import NotTaken, Sent
from backend.web.language import gettext as _

KIND = "canvass"
VERSION = 1
BOM = b"\xef\xbb\xbf"
# As many as a phone may say it has; a line is at most 2,000 signs.
MOST = 100_000


class Head(msgspec.Struct):
    confianza: str
    version: int
    records: int


class CannotRead(Exception):
    """Not all of it can be read, and its text says so in the reader's language. `whole` are the
    sign-ups that can be read all the same, `damaged` how many cannot."""

    def __init__(self, said: str, whole: list[Sent] | None = None, damaged: int = 0) -> None:
        super().__init__(said)
        self.whole = whole or []
        self.damaged = damaged


def read_file(text: bytes) -> list[Sent]:
    """The sign-ups in it, each once, still sealed. Raises CannotRead."""
    first, *lines = text.removeprefix(BOM).split(b"\n")
    lines = [line for line in lines if line.strip()]
    try:
        head = msgspec.json.decode(first, type=Head)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        head = None
    if head is None or head.confianza != KIND:
        raise CannotRead(_("This is not a file of sign-ups that a phone saved here."))
    if head.version != VERSION:
        raise CannotRead(_("A newer app saved this file. Update this site first."))
    if len(lines) > MOST:
        raise CannotRead(_("This file holds too many sign-ups. Save fewer at a time."))
    readable = [sent for sent in map(_read, lines) if sent is not None]
    # Twice the same is once; one id with two contents is for whoever takes them to decide.
    whole = list({(sent.id, sent.sealed): sent for sent in readable}.values())
    missing = max(head.records, len(lines)) - len(readable)
    if missing > 0:
        said = _("Of %(all)s sign-ups in this file, %(damaged)s are damaged or missing.")
        counts = {"all": len(readable) + missing, "damaged": missing}
        raise CannotRead(said % counts, whole, missing)
    return whole


def _read(line: bytes) -> Sent | None:
    try:
        return records.read(msgspec.json.decode(line, type=records.Record))
    except (msgspec.MsgspecError, UnicodeDecodeError, NotTaken):
        return None
