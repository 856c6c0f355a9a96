"""Fuzzy matching: finds a person's county from what they type, be it a ZIP code, a city, a county
or a short name.

A wrong county is worse than a question: whatever could mean two counties comes back as both,
and a misspelled name is only put right when nothing else is as near. Nothing is stored,
logged or sent; there is no database and no network here.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import zipcodes
from rapidfuzz import process
from rapidfuzz.distance import OSA, Indel

from backend.counties.gazetteer import DATA, County, Zip, counties, county, read_rows, zips

SHORT_NAMES = DATA / "short_names.csv"

LONGEST = 200
MOST_SUGGESTIONS = 5
MOST_TO_CHOOSE_FROM = 4

Reason = Literal["", "empty", "outside_california", "unknown_zip", "not_a_zip", "no_match"]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to one search.

    `kind` "county" has one county, "counties" two or more, likeliest first, and `place` is the
    ZIP code or name that matched. "nothing" has a `reason`, and counties to try as
    `suggestions` where some are near; in the other kinds both are empty. "outside_california"
    is said of a ZIP code only; `place` then holds it.
    """

    kind: Literal["county", "counties", "nothing"]
    counties: tuple[County, ...] = ()
    reason: Reason = ""
    suggestions: tuple[County, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A name people may type, as it is written, and the counties it may mean, likeliest first."""

    place: str
    counties: tuple[County, ...]


Names = Mapping[str, Name]

# The package has no type hints: a typed name for the calls made here.
_zip_rows: Callable[[str], list[dict[str, Any]]] = zipcodes.matching
_zip_rows_where: Callable[..., list[dict[str, Any]]] = zipcodes.filter_by
_zip_rows_like: Callable[[str], list[dict[str, Any]]] = zipcodes.similar_to


def find(text: str) -> Found:
    """The county or counties `text` means. Never raises, whatever the text holds."""
    if len(text) > LONGEST:
        return _nothing("no_match")
    cleaned = _clean(text)
    if cleaned is None:
        return _nothing("no_match")
    if not cleaned:
        return _nothing("empty")
    return _find_digits(cleaned) or _find_address(cleaned) or _find_name(cleaned)


def _nothing(reason: Reason, suggestions: Iterable[County] = (), place: str = "") -> Found:
    return Found(
        "nothing",
        reason=reason,
        suggestions=tuple(dict.fromkeys(suggestions))[:MOST_SUGGESTIONS],
        place=place,
    )


def _these(found: Iterable[County], place: str) -> Found:
    several = tuple(dict.fromkeys(found))
    return Found("county" if len(several) == 1 else "counties", several, place=place)


# Reading what was typed


def _clean(text: str) -> str | None:
    """The text in compatibility form, with ASCII digits and plain spaces; None if it is binary."""
    kept = []
    for character in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(character)
        if category == "Nd":
            kept.append(str(unicodedata.decimal(character)))
        elif character.isspace():
            kept.append(" ")
        elif category == "Cc":
            return None
        elif category[0] != "C":  # joiners and direction marks come along when pasting
            kept.append(character)
    return "".join(kept).strip()


# What is written in front of a name, after it, and short for a part of it.
SHORT_WORDS = {"st": "saint", "sta": "santa", "mt": "mount", "ft": "fort", "pt": "point"}
DIRECTIONS = {"n": "north", "s": "south", "e": "east", "w": "west"}
CITY_OF = (
    ("city", "and"),
    ("city", "of"),
    ("town", "of"),
    ("la", "ciudad", "de"),
    ("ciudad", "de"),
)
COUNTY_OF = (
    ("the", "county", "of"),
    ("county", "of"),
    ("el", "condado", "de"),
    ("condado", "de"),
    ("condado",),
    ("quan",),
)
COUNTY_WORDS = frozenset({"county", "condado", "co", "cnty"})
HOME = frozenset({"ca", "calif", "california", "usa", "us", "eeuu"})
COUNTY_SUFFIX = re.compile(r"(?<=\w)(?:縣|县|郡|카운티)$")

STATES = frozenset(
    """
    alabama alaska arizona arkansas colorado connecticut delaware florida georgia hawaii
    idaho illinois indiana iowa kansas kentucky louisiana maine maryland massachusetts
    michigan minnesota mississippi missouri montana nebraska nevada newhampshire newjersey
    newmexico newyork northcarolina northdakota ohio oklahoma oregon pennsylvania
    rhodeisland southcarolina southdakota tennessee texas utah vermont virginia washington
    westvirginia wisconsin wyoming
    az nv wa tx ny nm ut il fl nj ga mi nc sc tn ky ct ri nh vt wv wi wy mn mt nd sd ne ks
    ak ar al ma md mo ms oh pa va dc
    """.split()
)


def _words(text: str) -> list[str]:
    """Words in lower case without accents or punctuation, common shortenings written out."""
    folded = "".join(
        " " if not character.isalnum() else character
        for character in unicodedata.normalize("NFKD", COUNTY_SUFFIX.sub(" county", text))
        if unicodedata.category(character) != "Mn" and character not in "'’ʻʼ`´."
    ).casefold()
    words = [SHORT_WORDS.get(word, word) for word in folded.split()]
    if len(words) > 1 and any(len(word) > 1 for word in words):
        words[0] = DIRECTIONS.get(words[0], words[0])
    return words


def _parts(text: str) -> list[list[str]]:
    """The words between commas."""
    return [words for part in re.split(r"[,;/|]", text) if (words := _words(part))]


def _key(words: Sequence[str]) -> str:
    """Words run together, so that "Mc Farland", "McFarland" and "L. A." need no rules."""
    return "".join(words)


def _after(words: list[str], openings: Iterable[tuple[str, ...]]) -> list[str] | None:
    """The words after one of the openings, or None if they begin with none of them."""
    for opening in openings:
        if tuple(words[: len(opening)]) == opening and len(words) > len(opening):
            return words[len(opening) :]
    return None


def _without_county(words: list[str]) -> list[str] | None:
    """The name in "Orange County" or "Condado de Orange"; None if no county is spoken of."""
    rest = _after(words, COUNTY_OF)
    if rest is None and len(words) > 1 and words[-1] in COUNTY_WORDS:
        return words[:-1]
    return rest


# ZIP codes

ONLY_DIGITS = re.compile(r"[\d\s\-‐‑–—−]*\d[\d\s\-‐‑–—−]*")
ZIP_AT_END = re.compile(r"(?P<words>.*\D)(?P<zip>\d{5})(?:[-\s]?\d{4})?")
ZIP_AT_START = re.compile(r"(?P<zip>\d{5})(?:[-\s]?\d{4})?(?P<words>\s*[^\d\s-].*)")


def _find_digits(text: str) -> Found | None:
    """A ZIP code alone, with or without its four more digits; None if there are words too."""
    if not ONLY_DIGITS.fullmatch(text):
        return None
    digits = re.sub(r"\D", "", text)
    return _find_zip(digits[:5]) if len(digits) in (5, 9) else _nothing("not_a_zip")


def _find_address(text: str) -> Found | None:
    """A ZIP code after or before a city; both are named if they lie in different counties."""
    match = ZIP_AT_END.fullmatch(text) or ZIP_AT_START.fullmatch(text)
    if not match:
        return None
    by_zip, by_name = _find_zip(match["zip"]), _find_name(match["words"])
    # A number in front of words that are no place is a house number.
    at_start = text.startswith(match["zip"])
    if not _without_home(_parts(match["words"])):
        return by_zip
    if by_zip.kind == "nothing" and not at_start:
        suggestions = by_name.counties or by_zip.suggestions
        return _nothing(by_zip.reason or "unknown_zip", suggestions, by_zip.place)
    if at_start and "nothing" in (by_zip.kind, by_name.kind):
        return by_name
    if by_name.kind == "nothing" or set(by_zip.counties) & set(by_name.counties):
        return by_zip
    return _these((*by_zip.counties, *by_name.counties), by_zip.place)


def _find_zip(zip_code: str) -> Found:
    if known := zips().get(zip_code):
        return _these(known.counties, zip_code)
    rows = _zip_rows(zip_code)
    if rows and all(row["state"] != "CA" for row in rows):
        return _nothing("outside_california", place=zip_code)
    city = _names().get(_key(_words(rows[0]["city"]))) if rows else None
    return _nothing("unknown_zip", city.counties if city else _counties_near(zip_code), zip_code)


def _counties_near(zip_code: str) -> Iterable[County]:
    """The counties of the ZIP codes with the same first three digits, commonest first."""
    near = (known for known in zips().values() if known.zip.startswith(zip_code[:3]))
    return _by_count(near)


def _by_count(several: Iterable[Zip]) -> tuple[County, ...]:
    """The counties of some ZIP codes, those of most ZIP codes first, then by alphabet."""
    count = Counter(county for known in several for county in known.counties)
    return tuple(sorted(count, key=lambda county: (-count[county], county.name)))


# Names


@cache
def _county_names() -> Names:
    return {_key(_words(c.name)): Name(c.name, (c,)) for c in counties()}


@cache
def _city_names() -> Names:
    """Cities by the post office's names, a city in several counties with all of them."""
    of_city: defaultdict[str, list[Zip]] = defaultdict(list)
    for known in zips().values():
        if known.city:
            of_city[known.city].append(known)
    return {_key(_words(city)): Name(city, _by_count(several)) for city, several in of_city.items()}


@cache
def _short_names() -> Names:
    """What people say for a place, and places without a ZIP code of their own.

    A line of data/short_names.csv also puts a city right whose name means more to people than
    to the post office (Brentwood is a city in Contra Costa and a part of Los Angeles).
    """
    return {
        _key(_words(row["name"])): Name(
            row["name"],
            tuple(c for slug in row["counties"].split() if (c := county(slug))),
        )
        for row in read_rows(SHORT_NAMES)
    }


@cache
def _names() -> Names:
    """Everything that can be typed. A county's name wins over the city named after it."""
    cities = _city_names()
    of_counties = {
        key: _with_namesake(name, cities.get(key)) for key, name in _county_names().items()
    }
    # First and last: their place in the order, which suggestions follow, and their say.
    return {**of_counties, **cities, **_short_names(), **of_counties}


def _with_namesake(county_name: Name, city: Name | None) -> Name:
    """Alpine is a county, and a town in San Diego County: then it may mean either."""
    if city is None or county_name.counties[0] in city.counties:
        return county_name
    return Name(county_name.place, county_name.counties + city.counties)


def _find_name(text: str) -> Found:
    """The counties of a name that may be followed by a state or a county."""
    parts = _parts(text)
    if not parts:
        return _nothing("no_match")
    whole = _key([word for part in parts for word in part])
    if exact := _names().get(whole):
        # A hamlet in Nevada County is not what "Washington" alone says.
        if whole in STATES and exact == _city_names().get(whole):
            return _nothing("no_match", exact.counties)
        return _these(exact.counties, exact.place)
    parts = _without_home(parts)
    if not parts:
        return _nothing("no_match")
    return _find_part(parts[0]) if len(parts) == 1 else _find_parts(parts)


def _without_home(parts: list[list[str]]) -> list[list[str]]:
    """The parts without "CA", "California" or "USA" at their end."""
    rest = list(parts)
    while rest and (length := _home_words(rest[-1])):
        rest[-1] = rest[-1][:-length]
        if not rest[-1]:
            rest.pop()
    return rest


def _home_words(words: list[str]) -> int:
    """How many of the last words only say California or the United States."""
    if words[-1] in HOME:
        return 1
    return 2 if words[-2:] in (["united", "states"], ["estados", "unidos"]) else 0


def _find_part(words: list[str]) -> Found:
    """One name without commas: as it is, then as a county or city, then misspelled."""
    if exact := _look_up(words):
        return _these(exact.counties, exact.place)
    if _is_in_another_state(words):
        return _nothing("no_match")
    return _find_misspelled(words)


def _look_up(words: list[str]) -> Name | None:
    """A name as it stands, or after "city of", or with its "county"."""
    if exact := _names().get(_key(words)):
        return exact
    if after := _after(words, CITY_OF):
        return _look_up(after)
    if rest := _without_county(words):
        return _county_names().get(_key(rest)) or _short_names().get(_key(rest))
    return None


def _is_in_another_state(words: list[str]) -> bool:
    """Whether the last words are another state's ("Reno Nevada")."""
    return any(_key(words[-length:]) in STATES for length in (1, 2) if len(words) > length)


def _find_parts(parts: list[list[str]]) -> Found:
    """Names parted by commas, the narrower first: "Boyle Heights, Los Angeles"."""
    first, last = parts[0], parts[-1]
    known = [name for part in parts if (name := _look_up(part))]
    common = [c for c in known[0].counties if all(c in n.counties for n in known)] if known else []
    agreed = common and len(known) == len(parts)
    if not agreed and (_key(last) in STATES or _is_elsewhere(first, _key(last).upper())):
        return _nothing("no_match")
    every = [county for name in known for county in name.counties]
    if not known or (_look_up(first) is None and _is_elsewhere(first)):
        return _nothing("no_match", every)
    return _these(common or every, known[0].place)


# Misspelled names


def _edits_forgiven(length: int) -> int:
    """How many letters may be wrong, missing, added or swapped in a name of so many."""
    if length < 5:
        return 0
    return 1 if length < 9 else 2


def _find_misspelled(words: list[str]) -> Found:
    """The county of the only name near enough; a question or suggestions when in doubt."""
    rest = _without_county(words)
    target = rest or words
    near = _near(target, _county_names() if rest else _names())
    likely = _likely(near, target[0][0])
    several = tuple(dict.fromkeys(county for name, _ in likely for county in name.counties))
    if _is_elsewhere(words):
        return _nothing("no_match", several)
    # Short words turn into small towns too easily ("mother" into Mather), hardly into counties.
    sure = len(_key(target)) >= 7 or any(key in _county_names() for _, key in likely)
    if sure and several and len(several) <= MOST_TO_CHOOSE_FROM:
        return _these(several, likely[0][0].place if 1 in (len(several), len(likely)) else "")
    return _nothing("no_match", (*several, *_suggest(target, [name for name, _ in near])))


def _likely(near: list[tuple[Name, str]], letter: str) -> list[tuple[Name, str]]:
    """Near names that begin alike, and then counties that do not ("sutte" may be Butte).

    The first letter is rarely the wrong one: without this, Austin would be Tustin.
    """
    alike = any(key[0] == letter for _, key in near)
    return [
        (name, key) for name, key in near if key[0] == letter or (alike and key in _county_names())
    ]


def _near(words: list[str], names: Names) -> list[tuple[Name, str]]:
    """Names (and their keys) within the forgiven edits of the words, nearest first."""
    key = _key(words)
    found = process.extract(
        key,
        list(names),
        scorer=OSA.distance,
        score_cutoff=_edits_forgiven(len(key)),
        limit=None,
    )
    return [
        (names[match], match)
        for match, distance, _ in found
        if distance <= _edits_forgiven(len(match))
    ]


def _is_elsewhere(words: list[str], state: str = "") -> bool:
    """Whether it is rightly spelled for a place in another state (or in that one, "OR")."""
    rows = _zip_rows_where(city=" ".join(words).title())
    return any(row["state"] == state if state else row["state"] != "CA" for row in rows)


def _suggest(words: list[str], near: Iterable[Name]) -> Iterable[County]:
    """Counties to try: of near names, names in the text, names it begins, similar counties."""
    names, key = _names(), _key(words)
    inside = [names[run] for run in _runs(words) if run in names]
    begun = [name for other, name in names.items() if len(key) >= 3 and other.startswith(key)]
    for name in (*near, *inside, *begun, *_similar_counties(key)):
        yield from name.counties


def _runs(words: list[str]) -> Iterable[str]:
    """Keys of up to four words in a row, longest first, without the very short ones."""
    for length in (4, 3, 2, 1):
        for start in range(len(words) - length + 1):
            key = _key(words[start : start + length])
            if len(key) >= 4:
                yield key


def _similar_counties(key: str) -> list[Name]:
    names = _county_names()
    found = process.extract(
        key, list(names), scorer=Indel.normalized_similarity, score_cutoff=0.75, limit=3
    )
    return [names[match] for match, _, _ in found] if len(key) >= 5 else []


# The finder on the phone

Places = list[tuple[str, str, str]]


@cache
def for_the_phone() -> dict[str, Any]:
    """All that frontend/pwa/finder.js searches in, for JSON: about 24 KB gzipped.

    `counties` are `[slug, name]` by alphabet. Wherever else a county is meant, its place in that
    list stands for it, and a place in `groups` for several, likeliest first.

    - `cities` and `short_names`: `{places, groups}`, two lists side by side, in our order;
    - `zips`: for each of the groups its ZIP codes, each as the step from the one before;
    - `unsure_zips`: the city of California's ZIP codes whose county is not certain;
    - `not_elsewhere`: first three digits that no ZIP code outside California begins with;
    - `elsewhere`: places outside California by state, as `_places_elsewhere` says, joined by "|";
    - `words`, `patterns` and `most`: the lists, expressions and limits used here.

    Takes a second or two the first time, as it looks at every place in the country; later it is
    the same object again, not to be changed.
    """
    names = (*_city_names().values(), *_short_names().values())
    several = (*(z.counties for z in zips().values()), *(name.counties for name in names))
    groups = list(dict.fromkeys(several))
    order, places = counties(), _places_by_zip()
    return {
        "counties": [[c.slug, c.name] for c in order],
        "groups": [[order.index(c) for c in group] for group in groups],
        "cities": _side_by_side(_city_names(), groups),
        "short_names": _side_by_side(_short_names(), groups),
        "zips": [_steps(z.zip for z in zips().values() if z.counties == group) for group in groups],
        "unsure_zips": {z: city for z, state, city in places if state == "CA" and z not in zips()},
        "not_elsewhere": _starts_not_elsewhere(places),
        "elsewhere": {state: "|".join(them) for state, them in _places_elsewhere(places).items()},
        "words": {
            "short": SHORT_WORDS,
            "directions": DIRECTIONS,
            "city_of": [" ".join(opening) for opening in CITY_OF],
            "county_of": [" ".join(opening) for opening in COUNTY_OF],
            "county": sorted(COUNTY_WORDS),
            "home": sorted(HOME),
            "states": sorted(STATES),
        },
        "patterns": {
            # Older iPhones cannot look behind: there the letter before is matched and kept.
            "county_suffix": COUNTY_SUFFIX.pattern.removeprefix(r"(?<=\w)"),
            "only_digits": ONLY_DIGITS.pattern,
            "zip_at_end": ZIP_AT_END.pattern.replace("(?P<", "(?<"),
            "zip_at_start": ZIP_AT_START.pattern.replace("(?P<", "(?<"),
        },
        "most": {
            "letters": LONGEST,
            "suggestions": MOST_SUGGESTIONS,
            "to_choose_from": MOST_TO_CHOOSE_FROM,
        },
    }


def _side_by_side(names: Names, groups: list[tuple[County, ...]]) -> dict[str, list[Any]]:
    return {
        "places": [name.place for name in names.values()],
        "groups": [groups.index(name.counties) for name in names.values()],
    }


def _steps(zip_codes: Iterable[str]) -> list[int]:
    """Each number less the one before, the first as it is: steps squeeze well."""
    numbers = sorted(map(int, zip_codes))
    return [after - before for before, after in pairwise([0, *numbers])]


def _places_by_zip() -> Places:
    """ZIP code, state ("OR") and city, of all the country."""
    return [
        (row["zip_code"], row["state"], row["city"])
        for digit in range(10)
        for row in _zip_rows_like(str(digit))
    ]


def _starts_not_elsewhere(places: Places) -> list[str]:
    elsewhere = {zip_code[:3] for zip_code, state, _ in places if state != "CA"}
    return [start for number in range(1000) if (start := f"{number:03}") not in elsewhere]


def _places_elsewhere(places: Places) -> dict[str, list[str]]:
    """Places outside California that could be taken for one in it, in our spelling, by alphabet.

    Under "" are those that are like a name of ours without being one. Under "or" and the like,
    where a state's letters are not in STATES because they are also a word, are those that are a
    name of ours too; all of them where the letters are ("la").
    """
    states_of: defaultdict[str, set[str]] = defaultdict(set)
    for _, state, city in places:
        if state != "CA":
            states_of[city].add(state.lower())
    found: defaultdict[str, set[str]] = defaultdict(set)
    for city, states in states_of.items():
        words = _words(city)
        spelled = " ".join(words)
        if spelled.title() != city:  # no text is ever read as that
            continue
        known = _look_up(words)
        for state in states - STATES:
            if known or _look_up([state]):
                found[state].add(spelled)
        if not known and _is_like_ours(_without_county(words) or words):
            found[""].add(spelled)
    return {state: sorted(found[state]) for state in sorted(found)}


def _is_like_ours(words: list[str]) -> bool:
    """Whether anything would be found or suggested for these words."""
    key = _key(words)
    return bool(
        any(run in _names() for run in _runs(words))
        or key in _beginnings()
        or _similar_counties(key)
        or _near(words, _names_about_as_long(len(key)))
    )


@cache
def _beginnings() -> frozenset[str]:
    """How names begin, three letters or more."""
    return frozenset(key[:length] for key in _names() for length in range(3, len(key) + 1))


@cache
def _names_about_as_long(length: int) -> Names:
    most = _edits_forgiven(length)
    return {key: name for key, name in _names().items() if abs(len(key) - length) <= most}
