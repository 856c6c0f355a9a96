"""What a file says: one `Found` for each place in it, and every mistake with its line and column.

Nothing here touches the database, and a file is never in memory as a whole.
"""

import codecs
import csv
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO, Any

from backend.counties import gazetteer
from backend.enrollment.places import EAST, NORTH, SOUTH, WEST, Json, read_phone

# More than any list of helpers of one state, or of health centers of the country, has.
MOST_LINES = 200_000
MOST_TOLD = 50
LONGEST_LINE = 100_000
BLANK = frozenset({"", "null", "unknown", "n/a", "none", "not available", "-"})


class Unusable(Exception):
    """The file cannot be read any further; the mistake has been told."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """`line` counts from 1, the header included; 0 is the file as a whole."""

    line: int
    column: str
    sentence: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else "the file"
        return f"{where}{f', column “{self.column}”' if self.column else ''}: {self.sentence}"


@dataclass(slots=True)
class Told:
    """What a reader tells beside the places: mistakes (the first 50 of them in words), lines read
    and lines left out because they are of no use here. `wrong` are keys of places that are in the
    file, but with a mistake."""

    mistakes: list[Mistake] = field(default_factory=list)
    number: int = 0
    lines: int = 0
    left_out: int = 0
    unusable: bool = False
    wrong: set[str] = field(default_factory=set)

    def mistake(self, line: int, column: str, sentence: str, key: str = "") -> None:
        self.number += 1
        if len(self.mistakes) < MOST_TOLD:
            self.mistakes.append(Mistake(line, column[:80], sentence))
        if key:
            self.wrong.add(key)

    def stop(self, line: int, column: str, sentence: str) -> Unusable:
        """To be raised: nothing after this line can be trusted."""
        self.mistake(line, column, sentence)
        self.unusable = True
        return Unusable(sentence)


@dataclass(slots=True)
class Found:
    """A place as a source names it. `organization` and `service` are `(key, name)`."""

    key: str
    kind: str
    name: str
    organization: tuple[str, str]
    service: tuple[str, str]
    location_key: str = ""
    location_type: str = "physical"
    statewide: bool = False
    organization_about: str = ""
    organization_website: str = ""
    service_about: str = ""
    eligibility: str = ""
    fees: str = ""
    source_url: str = ""
    note: str = ""
    fields: Json = field(default_factory=dict)


# Takes an open file, what the operator said of its columns, and where to tell mistakes.
Reader = Callable[[IO[bytes], Mapping[str, str], Told], Iterator[Found]]


# Lines and columns


def lines_of(file: IO[bytes], told: Told) -> Iterator[str]:
    """The file's lines as text. Raises Unusable at the first that is not UTF-8."""
    number = 0
    while raw := file.readline(LONGEST_LINE):
        number += 1
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"PK", b"%PDF", b"\xd0")):
                raise told.stop(1, "", "This is no CSV file in UTF-8. Save it as “CSV UTF-8”.")
        if number > MOST_LINES + 1:
            raise told.stop(number, "", f"The file has more than {MOST_LINES:,} lines.")
        if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            raise told.stop(number, "", "This line is longer than any line of such a file.")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise told.stop(
                number,
                "",
                f"Sign {error.start + 1} is not UTF-8. Save the file as “CSV UTF-8”.",
            ) from None
        if "\0" in text:
            raise told.stop(number, "", "There is an empty sign (NUL) in this line.")
        yield text


def rows_of(
    file: IO[bytes], columns: Mapping[str, tuple[str, ...]], told: Told, optional: frozenset[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and values of each row, under our own names. `columns` are the names a file may
    give each; upper and lower case, spaces and underscores are the same. A blank is empty."""
    reader = csv.reader(lines_of(file, told), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise told.stop(0, "", "The file is empty.")
        places = _places_of(header, columns, told, optional)
        least = len([name for name in header if name.strip()])
        for values in reader:
            line = reader.line_num
            told.lines += 1
            if not any(values):
                continue
            if not least <= len(values) <= len(header):
                column = header[len(values) - 1] if len(values) < least else ""
                raise told.stop(
                    line,
                    column,
                    f"The line has {len(values)} of {least} columns. Is the file cut off?",
                )
            yield line, {name: tidy(values[at]) for name, at in places.items()}
    except csv.Error as error:
        raise told.stop(reader.line_num, "", f"This is no sound CSV: {error}.") from None


def _places_of(
    header: list[str], columns: Mapping[str, tuple[str, ...]], told: Told, optional: frozenset[str]
) -> dict[str, int]:
    there = {same(name): at for at, name in enumerate(header)}
    found = {}
    for ours, names in columns.items():
        at = next((there[same(name)] for name in names if same(name) in there), None)
        if at is not None:
            found[ours] = at
        elif ours not in optional:
            near = difflib.get_close_matches(same(names[0]), there, 1)
            like = f" Is it “{header[there[near[0]]]}” now?" if near else ""
            told.mistake(1, names[0], f"This column is missing.{like}")
    if told.number:
        told.unusable = True
        raise Unusable("columns are missing")
    return found


def same(name: str) -> str:
    """What two writings of a column's name have in common."""
    return re.sub(r"[\s_]+", " ", name).strip().casefold()


def tidy(text: str) -> str:
    """Single spaces, without signs nobody sees; what only says "nothing" is nothing."""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return "" if text.casefold() in BLANK else text


# What several sources write alike


def short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def spelled(text: str) -> str:
    """SAN JOSE as San Jose; what is not all capitals stays as it is."""
    if not text.isupper():
        return text
    return re.sub(r"[A-Z][A-Z'’]*", lambda found: _capital(found[0]), text)


def _capital(word: str) -> str:
    if word in ("LLC", "INC", "CHC", "AHS", "II", "III", "IV", "YMCA", "YWCA", "UC", "UCLA", "UCSF",
                "NE", "NW", "SE", "SW", "USC", "PO"):  # fmt: skip
        return word
    return word.capitalize()


def phones_of(text: str, line: int, column: str, told: Told, key: str) -> list[Json]:
    if not text:
        return []
    phone = read_phone(text)
    if phone is None:
        told.mistake(line, column, f"“{short(text, 40)}” is no phone number.", key)
        return []
    return [{**phone, "languages": [], "type": "voice"}]


def point_of(
    latitude: str, longitude: str, line: int, columns: tuple[str, str], told: Told, key: str
) -> Json:
    """`{latitude, longitude, point_of}`, or nothing when the file has none. A point outside
    California is a mistake: the directory would send people there."""
    if not latitude and not longitude:
        return {}
    try:
        north, east = float(latitude), float(longitude)
    except ValueError:
        wrong = columns[0] if not _is_number(latitude) else columns[1]
        told.mistake(line, wrong, "This is no number of degrees.", key)
        return {}
    if north == 0 and east == 0:
        return {}
    if not _is_in_california(north, east):
        if _is_in_california(east, north):
            sentence = "Latitude and longitude are swapped."
        else:
            sentence = f"{north:.4f}, {east:.4f} is not in California."
        told.mistake(line, columns[0], sentence, key)
        return {}
    return {"latitude": round(north, 6), "longitude": round(east, 6), "point_of": "place"}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# California's coast and its straight borders, roughly and on the generous side: the ocean west of
# it and Nevada are outside.
_OUTLINE = (
    (42.1, -124.7, -119.9), (40.0, -124.7, -119.9), (39.0, -124.1, -119.5), (38.0, -123.4, -118.0),
    (37.0, -122.9, -116.7), (36.0, -122.2, -115.4), (35.0, -121.3, -114.3), (34.0, -121.0, -113.9),
    (33.0, -120.0, -114.1), (32.4, -118.9, -114.3),
)  # fmt: skip


def _is_in_california(north: float, east: float) -> bool:
    if not (SOUTH <= north <= NORTH and WEST <= east <= EAST):
        return False
    for (top, west, far), (bottom, west_2, far_2) in pairwise(_OUTLINE):
        if bottom <= north <= top:
            part = (top - north) / (top - bottom)
            return west + (west_2 - west) * part <= east <= far + (far_2 - far) * part
    return False


def zip_of(text: str) -> str:
    """The first five digits."""
    match = re.match(r"\d{5}", text)
    return match[0] if match else ""


def county_of(fips: str, name: str, zip_code: str) -> str:
    """The county's slug, by its code, its name or its ZIP code; empty when none is certain."""
    fips = re.sub(r"\D", "", fips)
    if fips:
        county = gazetteer.by_fips().get(fips.zfill(5)) or gazetteer.by_fips().get(
            f"06{fips[-3:].zfill(3)}"
        )
        if county is not None:
            return county.slug
    wanted = same(name).removesuffix(" county")
    for each in gazetteer.counties():
        if each.name.casefold() == wanted:
            return each.slug
    known = gazetteer.zips().get(zip_code)
    return known.counties[0].slug if known and len(known.counties) == 1 else ""


def middle_of(zip_code: str) -> Json:
    """A place without coordinates is about where its ZIP code is."""
    known = gazetteer.zips().get(zip_code)
    if known is None or known.latitude is None:
        return {}
    return {"latitude": known.latitude, "longitude": known.longitude, "point_of": "zip"}


def plain(**fields: Any) -> Json:
    """Only what says something."""
    return {name: value for name, value in fields.items() if value not in ("", None, [], {})}
