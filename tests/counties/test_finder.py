"""What people type, and the county it is taken for. A wrong county is worse than a question."""

import random
import unicodedata

import pytest

from backend.counties import finder, gazetteer
from backend.counties.finder import Found, find


def slugs(text: str) -> list[str]:
    return [county.slug for county in find(text).counties]


def suggested(text: str) -> list[str]:
    return [county.slug for county in find(text).suggestions]


@pytest.mark.parametrize(
    "text",
    [
        "95014",
        "  95014\n",
        "95014-1234",
        "950141234",
        "95014 1234",
        "95014–1234",
        "９５０１４",
        "۹۵۰۱۴",
    ],
)
def test_a_zip_code_is_understood_in_every_form(text: str) -> None:
    assert find(text) == Found("county", find("Santa Clara").counties, place="95014")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Los Angeles, CA 90012", ["los-angeles"]),
        ("90012 Los Angeles", ["los-angeles"]),
        ("95014 CA", ["santa-clara"]),
        ("ZIP 90210", ["los-angeles"]),
        ("12345 Main St, Fresno, CA", ["fresno"]),
    ],
)
def test_a_zip_code_beside_words_is_found(text: str, expected: list[str]) -> None:
    assert slugs(text) == expected


def test_a_zip_code_and_a_city_that_disagree_are_asked_about() -> None:
    assert slugs("Fresno 90001") == ["los-angeles", "fresno"]


def test_a_zip_code_in_several_counties_names_them_all_the_main_one_first() -> None:
    found = find("95076")
    assert found.kind == "counties"
    assert [county.slug for county in found.counties] == ["santa-cruz", "monterey", "santa-clara"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \t\n\u3000 ", "empty"),
        ("\u200b\u200e", "empty"),
        ("89501", "outside_california"),
        ("10001-0001", "outside_california"),
        ("Reno 89501", "outside_california"),
        ("Reno, NV", "no_match"),
        ("Las Vegas, Nevada", "no_match"),
        ("Reno Nevada", "no_match"),
        ("New Orleans, LA", "no_match"),
        ("Ontario, OR", "no_match"),
        ("San Diego, Texas", "no_match"),
        ("00000", "unknown_zip"),
        ("96156", "unknown_zip"),
        ("Los Angeles 99999", "unknown_zip"),
        ("9001", "not_a_zip"),
        ("123456", "not_a_zip"),
        ("95014-12", "not_a_zip"),
        ("213-555-1234", "not_a_zip"),
        ("0", "not_a_zip"),
        ("asdfgh", "no_match"),
        ("pizza", "no_match"),
        ("x", "no_match"),
        ("zzzz", "no_match"),
        ("mother", "no_match"),
        ("Reno", "no_match"),
        ("Las Vegas", "no_match"),
        ("Austin", "no_match"),
        ("Paris", "no_match"),
        ("the valley", "no_match"),
        ("nor cal", "no_match"),
        ("south bay", "no_match"),
        ("California", "no_match"),
        ("CA, USA", "no_match"),
        ("!!! ,,, ---", "no_match"),
        ("🍕", "no_match"),
        ("Los\x00Angeles", "no_match"),
        ("Fresno\x1b[2J", "no_match"),
        ("Fresno " * 40, "no_match"),
    ],
)
def test_what_is_no_county_says_why(text: str, reason: str) -> None:
    found = find(text)
    assert (found.kind, found.reason, found.counties) == ("nothing", reason, ())


@pytest.mark.parametrize("county", gazetteer.counties(), ids=lambda county: county.slug)
def test_every_county_is_found_by_its_name(county: gazetteer.County) -> None:
    for text in (
        f"{county.name} County",
        f"{county.name.upper()} COUNTY, CA",
        f"County of {county.name}",
        f"Condado de {county.name}",
        f"el condado de {county.name.lower()}, California",
        county.slug + " co.",
    ):
        assert find(text).counties == (county,), text
    assert find(county.name).counties[0] == county


def test_a_county_wins_over_its_city_unless_the_city_lies_elsewhere() -> None:
    several = {c.slug: slugs(c.name) for c in gazetteer.counties() if len(slugs(c.name)) > 1}
    assert several == {
        "alpine": ["alpine", "san-diego"],
        "san-joaquin": ["san-joaquin", "fresno"],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sacramento, CA", ["sacramento"]),
        ("sacramento california", ["sacramento"]),
        ("Salinas, California, United States", ["monterey"]),
        ("Los Ángeles", ["los-angeles"]),
        ("San José", ["santa-clara"]),
        (unicodedata.normalize("NFD", "San José"), ["santa-clara"]),
        ("La Cañada Flintridge", ["los-angeles"]),
        ("Lake Forest", ["orange"]),
        ("Nevada City", ["nevada"]),
        ("Yuba City", ["sutter"]),
        ("Monterey Park", ["los-angeles"]),
        ("Truckee, Nevada", ["nevada"]),
        ("Colton, San Bernardino County", ["san-bernardino"]),
        ("Oakland", ["alameda", "contra-costa"]),
        ("Long Beach", ["los-angeles", "orange"]),
        ("Livermore", ["alameda", "contra-costa", "santa-clara", "stanislaus"]),
        ("St. Helena", ["napa", "sonoma"]),
        ("Saint Helena", ["napa", "sonoma"]),
        ("Mt. Shasta", ["siskiyou"]),
        ("Mount Shasta", ["siskiyou"]),
        ("S. Lake Tahoe", ["el-dorado"]),
        ("McFarland", ["kern"]),
        ("Mc Farland", ["kern"]),
        ("O'Neals", ["madera"]),
        ("Carmel-by-the-Sea", ["monterey"]),
        ("City of Industry", ["los-angeles"]),
        ("City and County of San Francisco", ["san-francisco"]),
        ("Sanfrancisco", ["san-francisco"]),
        ("Washington, CA", ["nevada"]),
        ("Los Angeles 🌴", ["los-angeles"]),
        ("Boyle Heights, Los Angeles", ["los-angeles"]),
    ],
)
def test_cities_and_spellings(text: str, expected: list[str]) -> None:
    assert slugs(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LA", ["los-angeles"]),
        ("L.A.", ["los-angeles"]),
        ("l a county", ["los-angeles"]),
        ("east la", ["los-angeles"]),
        ("OC", ["orange"]),
        ("SF", ["san-francisco"]),
        ("san fran", ["san-francisco"]),
        ("frisco", ["san-francisco"]),
        ("SLO", ["san-luis-obispo"]),
        ("sac", ["sacramento"]),
        ("sacto", ["sacramento"]),
        ("berdoo", ["san-bernardino"]),
        ("marin", ["marin"]),
        ("santa cruz", ["santa-cruz"]),
        ("SB", ["san-bernardino", "santa-barbara"]),
        ("IE", ["riverside", "san-bernardino"]),
        ("SJ", ["santa-clara", "san-joaquin"]),
        ("San Jo", ["santa-clara", "san-joaquin"]),
        ("Brentwood", ["contra-costa", "los-angeles"]),
        ("Quận Cam", ["orange"]),
        ("洛杉磯縣", ["los-angeles"]),
        ("오렌지카운티", ["orange"]),
        ("لس\u200cآنجلس", ["los-angeles"]),
        ("Лос-Анджелес", ["los-angeles"]),
    ],
)
def test_short_names(text: str, expected: list[str]) -> None:
    assert slugs(text) == expected


def test_every_short_name_leads_to_counties_that_exist() -> None:
    rows = list(gazetteer.read_rows(finder.SHORT_NAMES))
    keys = [finder._key(finder._words(row["name"])) for row in rows]
    assert len(set(keys)) == len(keys)
    for row in rows:
        assert slugs(row["name"]) == row["counties"].split(), row["name"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sacremento", ["sacramento"]),
        ("Los Angelas", ["los-angeles"]),
        ("Alemeda", ["alameda"]),
        ("Alemeda County", ["alameda"]),
        ("Mendicino", ["mendocino"]),
        ("Freson", ["fresno"]),
        ("San Deigo", ["san-diego"]),
        ("San Fransisco", ["san-francisco"]),
        ("Bakersfeild", ["kern"]),
        ("Sonoa", ["sonoma", "tuolumne"]),
        ("Santa Clarra", ["santa-clara", "los-angeles"]),
    ],
)
def test_small_misspellings(text: str, expected: list[str]) -> None:
    assert slugs(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Berkley", "alameda"),
        ("Pittsburgh", "contra-costa"),
        ("Yub", "yuba"),
        ("Ukia", "mendocino"),
        ("I live in Oakland", "alameda"),
        ("Oakland County", "alameda"),
        ("Washington", "nevada"),
        ("96156", "el-dorado"),
        ("Los Angeles 99999", "los-angeles"),
    ],
)
def test_what_is_too_doubtful_is_only_suggested(text: str, expected: str) -> None:
    assert find(text).kind == "nothing"
    assert expected in suggested(text)
    assert len(suggested(text)) <= finder.MOST_SUGGESTIONS


def test_one_wrong_letter_never_leads_to_another_county_alone() -> None:
    letters = random.Random(58)
    right = 0
    for county in gazetteer.counties():
        name = county.name.lower()
        for place in range(len(name)):
            letter = letters.choice("abcdefghijklmnopqrstuvwxyz")
            for changed in (
                name[:place] + name[place + 1 :],
                name[:place] + letter + name[place + 1 :],
                name[:place] + letter + name[place:],
                name[:place] + name[place : place + 2][::-1] + name[place + 2 :],
            ):
                found = find(changed)
                right += found.counties == (county,)
                if found.kind == "county" and found.counties != (county,):
                    exact = finder._names().get(finder._key(finder._words(changed)))
                    assert exact is not None, (county.name, changed, found)
    assert right > 1200


def test_every_city_and_zip_code_leads_to_its_own_counties() -> None:
    for known in gazetteer.zips().values():
        assert find(known.zip).counties == known.counties
        if known.city and known.city not in ("Washington", *(c.name for c in gazetteer.counties())):
            assert set(known.counties) & set(find(f"{known.city}, CA").counties), known


def test_it_never_raises_and_every_answer_is_whole() -> None:
    dice = random.Random(2024)
    alphabets = (
        "abcdefghijklmnopqrstuvwxyz ",
        "0123456789- ,",
        "sanlofe,. CA-90'",
        "".join(map(chr, range(0x250))),
        "\u0301\u0327\u200d\u202e\ufeff\ud800\udfff🌴🇺🇸縣条카운티لآ۹०",
    )
    for _ in range(4000):
        alphabet = dice.choice(alphabets)
        text = "".join(dice.choice(alphabet) for _ in range(dice.randrange(0, 60)))
        check_whole(find(text))
    for _ in range(500):
        text = "".join(chr(dice.randrange(0x110000)) for _ in range(dice.randrange(0, 210)))
        check_whole(find(text))


def check_whole(found: Found) -> None:
    assert len(set(found.counties)) == len(found.counties)
    if found.kind == "nothing":
        assert found.reason
        assert not found.counties
    else:
        assert not found.reason
        assert not found.suggestions
        assert (len(found.counties) == 1) == (found.kind == "county")
