"""Hold the guide ("What may I have?") against PolicyEngine, with 2,000 made-up households.

`make policyengine` runs it, every night and not with the tests: PolicyEngine needs an environment
of its own (in var/) of almost 1 GB. It fails when a difference appears that no line of
DIFFERENCES.md explains, and when a line there explains nothing any more.
"""

import argparse
import datetime
import hashlib
import json
import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
HOUSE = HERE.parent.parent
sys.path.insert(0, str(HOUSE))

from backend.enrollment import guide, rules  # noqa: E402

ENVIRONMENT = HOUSE / "var" / "policyengine-venv"
REQUIREMENTS = HERE / "requirements.txt"
DIFFERENCES = HERE / "DIFFERENCES.md"
HOUSEHOLDS, SEED = 2000, 16

AGES = {
    "under_19": (0, 18),
    "19-25": (19, 25),
    "26-49": (26, 49),
    "50-59": (50, 59),
    "60-64": (60, 64),
    "65_up": (65, 90),
}
COUNTIES = ("los-angeles", "fresno", "kern", "san-francisco", "santa-clara")
# Before these days something starts or ends in the guide; PolicyEngine knows years only.
DAYS = [
    *(f"2026-{day}" for day in ("01-01", "02-15", "06-30", "07-01", "09-30")),
    *(f"2026-{day}" for day in ("10-01", "11-24", "12-31")),
    *(f"2027-{day}" for day in ("01-01", "03-01", "06-30", "07-01", "12-31")),
]
# PolicyEngine's statuses. Medi-Cal counts some always, some until October 1, 2026, others never.
COUNTED = ("CITIZEN", "LEGAL_PERMANENT_RESIDENT", "CUBAN_HAITIAN_ENTRANT")
COUNTED_BEFORE = (
    *("REFUGEE", "ASYLEE", "DEPORTATION_WITHHELD"),
    *("CONDITIONAL_ENTRANT", "PAROLED_ONE_YEAR"),
)
OTHER = ("UNDOCUMENTED", "DACA", "TPS")
NARROWER = datetime.date(2026, 10, 1)

# What PolicyEngine can answer where the guide says this.
SAME = {
    "full": {"full"},
    "keep": {"full"},
    "restricted": {"restricted"},
    "another_program": {"program"},
    "above_income": {"over"},
    "look_at_covered_california": {"over"},
}


@dataclass(frozen=True)
class Household:
    key: str
    day: datetime.date
    county: str
    status: str
    recent: bool
    pregnant: str
    age: int
    people: int
    dollars: int
    answers: dict[str, str]
    members: list[dict[str, Any]]
    asked: int
    child: int | None

    @property
    def path(self) -> str:
        counted = self.status in COUNTED or (self.status in COUNTED_BEFORE and self.day < NARROWER)
        return "counted" if counted else "other"


@dataclass(frozen=True)
class Answer:
    """On one topic: what the guide says, what agrees with it, and what PolicyEngine says."""

    about: dict[str, str]
    agree: frozenset[str]

    @property
    def agrees(self) -> bool:
        return self.about["policyengine"] in self.agree


@dataclass
class Cause:
    title: str
    cases: list[dict[str, list[str]]]
    found: Counter[int]

    def explains(self, about: dict[str, str]) -> int | None:
        for number, case in enumerate(self.cases):
            if all(about[key] in values for key, values in case.items()):
                return number
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=HOUSEHOLDS)
    given = parser.parse_args()
    households = list(made_up(given.households))
    began = time.monotonic()
    said = ask(households)
    seconds = time.monotonic() - began
    answers = [each for household in households for each in held(household, said)]
    differing = [each.about for each in answers if not each.agrees]
    causes = read_causes(DIFFERENCES.read_text("utf-8"))
    unexplained = sort_out(differing, causes)
    idle = [
        f"{cause.title}: {case}"
        for cause in causes
        for number, case in enumerate(cause.cases)
        if not cause.found[number]
    ]
    wide = sum(each.agrees and len(each.agree) > 1 for each in answers)
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{len(households):6,} households, {len(answers):,} answers compared")
    agreed = len(answers) - len(differing)
    print(f"{agreed:6,} agree, {wide:,} of them where the guide leaves it open")
    print(f"{len(differing):6,} differ")
    for cause in causes:
        print(f"{cause.found.total():6,} - {cause.title}")
    print(f"{len(unexplained):6,} - explained by no line of {DIFFERENCES.name}")
    print(f"{seconds:6.0f} seconds of PolicyEngine, {megabytes:,.0f} MB at most")
    for example, count in most_alike(unexplained):
        print(f"Not explained, {count} times: {example}", file=sys.stderr)
    for line in idle:
        print(f"Explains nothing any more: {line}", file=sys.stderr)
    return 1 if unexplained or idle else 0


def made_up(count: int) -> Iterator[Household]:
    chance = random.Random(SEED)
    for number in range(count):
        yield _household(chance, number)


def _household(chance: random.Random, number: int) -> Household:
    band = list(AGES)[number % len(AGES)]
    age = _one_of_band(chance, band)
    pregnant = "no"
    if band in ("19-25", "26-49") or (band == "under_19" and age > 14):
        pregnant = chance.choice(("no", "no", "yes", "after"))
    size = chance.randint(1, 8 if pregnant != "yes" else 7)
    day = datetime.date.fromisoformat(chance.choice(DAYS))
    people = size + (pregnant == "yes")
    dollars = _dollars(chance, day, people)
    status = chance.choice((*COUNTED, *COUNTED_BEFORE, *OTHER))
    recent = chance.random() < 0.5
    coverage = chance.choice(("none", "medi_cal"))
    members, asked = _members(chance, size, age)
    for place, member in enumerate(members):
        member |= {
            "employment_income": dollars if place == 0 else 0,
            "immigration_status": status,
            "years_since_us_entry": 2 if recent else 10,
            "is_pregnant": place == asked and pregnant == "yes",
            "under_12_months_postpartum": place == asked and pregnant == "after",
            "receives_medicaid": coverage == "medi_cal",
        }
    children = [place for place, member in enumerate(members) if member["age"] < 19]
    other_children = [place for place in children if place != asked]
    child = other_children[0] if other_children and chance.random() < 0.6 else None
    county = chance.choice(COUNTIES)
    answers = {
        "age": band,
        "pregnant": "no" if pregnant == "no" else "yes",
        "income": "unsure" if chance.random() < 0.04 else _band(day, people, dollars),
        "coverage": coverage,
        "child": "no" if child is None else "yes",
        "county": county,
    }
    return Household(
        *(f"h{number}", day, county, status, recent, pregnant, age, people, dollars),
        *(answers, members, asked, child),
    )


def _one_of_band(chance: random.Random, band: str) -> int:
    first, last = AGES[band]
    return chance.choice((first, last, chance.randint(first, last), chance.randint(first, last)))


def _dollars(chance: random.Random, day: datetime.date, people: int) -> int:
    """Anything up to 450% of the poverty line, and the lowest more often: the 80 hours touch those
    with next to nothing alone. Every third is at a limit or just beside it."""
    income = guide.guide().income_on(day)
    if chance.random() < 1 / 3:
        limit = income.dollars(people, chance.choice((100, *rules.PERCENTS.values(), 322, 400)))
        return limit + chance.choice((-12, -1, 0, 1, 5, 12, 13))
    return income.dollars(people, chance.randint(0, chance.choice((60, 450, 450))))


def _band(day: datetime.date, people: int, dollars: int) -> str:
    """What people tap who read the amounts beside the answers."""
    income = guide.guide().income_on(day)
    for name, percent in rules.PERCENTS.items():
        if dollars <= income.dollars(people, percent):
            return name
    return "more"


def _members(chance: random.Random, size: int, age: int) -> tuple[list[dict[str, Any]], int]:
    """Who earns, perhaps their spouse, and children; and which of them asks."""
    alone = size == 1
    first = age if age > 18 or alone else chance.randint(30, 50)
    ages = [first]
    if not alone and chance.random() < 0.5:
        ages.append(max(19, first - chance.randint(0, 5)))
    grown = len(ages)
    ages += [chance.randint(0, 18) for _ in range(size - grown)]
    asked = 0
    if age < 19 and not alone:
        if len(ages) == grown:  # a couple leaves no room for the child
            ages, grown = [*ages[:1], age], 1
        asked = grown
        ages[asked] = age
    members = [
        {
            "age": each,
            "is_tax_unit_head": place == 0,
            "is_tax_unit_spouse": place == 1 and grown == 2,
            "is_tax_unit_dependent": place >= grown,
        }
        for place, each in enumerate(ages)
    ]
    return members, asked


def ask(households: Sequence[Household]) -> dict[str, Any]:
    sent = [
        {
            "key": each.key,
            "county": each.county.upper().replace("-", "_") + "_COUNTY_CA",
            "people": each.members,
        }
        for each in households
    ]
    done = subprocess.run(
        [environment(), str(HERE / "ask.py")],
        input=json.dumps(sent),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def environment() -> str:
    """The Python that has PolicyEngine."""
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / ".made-from"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        print("installing PolicyEngine into var/policyengine-venv (once)", flush=True)
        pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        subprocess.run([python, *pip, "--require-hashes", "-r", str(REQUIREMENTS)], check=True)
        stamp.write_text(wanted)
    return str(python)


def held(household: Household, said: dict[str, Any]) -> Iterator[Answer]:
    """What both say of who asks, of help to pay for a plan, and of their child."""
    sentences = [each for each in guide.guide().sentences if each.path in ("", household.path)]
    told = {each.id for each in rules.holding(sentences, household.answers, household.day)}
    settled = rules.settled(sentences, household.answers, household.day)
    theirs = said[f"{household.key}.{household.asked}"][str(household.day.year)]
    yield _coverage(household, settled, theirs, "self")
    help_to_pay = _help(household, told, theirs)
    if help_to_pay:
        yield help_to_pay
    if household.child is not None:
        childs = said[f"{household.key}.{household.child}"][str(household.day.year)]
        yield _coverage(household, settled, childs, "child")


def _coverage(
    household: Household, settled: dict[str, set[str]], theirs: dict[str, Any], who: str
) -> Answer:
    young = who == "child" or household.answers["age"] == "under_19"
    outcomes = settled.get("child", set()) if young else set()
    incomes = settled.get("child_income", set()) if young else settled["income"]
    if who == "self":
        outcomes = outcomes | settled.get("own", set())
        if household.path == "counted":
            # The guide tells those who are counted on their own path, others on the other.
            outcomes = settled.get("counted", outcomes) if not young else outcomes
    (outcome,) = outcomes
    income = "ask" if "ask" in settled.get("income", ()) else next(iter(incomes))
    agree = set(SAME[outcome])
    if outcome == "keep" and income == "above":  # "stay within the rules", and they do not
        agree = {"over"}
    if income == "ask":
        agree |= {"over", "program"}
    if outcome == "another_program" and household.answers["income"] == "more":
        agree |= {"over"}
    if "in_force" in settled.get("work", ()) and who == "self" and "full" in agree:
        agree |= {"80 hours"}
    return _answer(household, "coverage", who, outcome, agree, policyengine(theirs))


def policyengine(theirs: dict[str, Any]) -> str:
    if theirs["eligible"]:
        return "full"
    if theirs["work"]:
        return "80 hours"
    if theirs["category"] != "NONE":
        return "restricted"
    return "over" if theirs["chip"] == "NONE" else "program"


def _help(household: Household, told: set[str], theirs: dict[str, Any]) -> Answer | None:
    """Help to pay for a plan of Covered California, where the guide speaks of plans at all."""
    if "covered-who" not in told:
        return None
    left_out = household.status in ("UNDOCUMENTED", "DACA")
    if "covered-help-now" in told:
        left_out = household.status not in COUNTED
    if left_out:
        return _answer(household, "help", "self", "no", {"no"}, "yes" if theirs["help"] else "no")
    if household.answers["income"] in ("more", "unsure") or policyengine(theirs) != "over":
        return None  # the guide names no limit, and other coverage comes first
    return _answer(household, "help", "self", "yes", {"yes"}, "yes" if theirs["help"] else "no")


def _answer(
    household: Household, topic: str, who: str, outcome: str, agree: set[str], theirs: str
) -> Answer:
    year = str(household.day.year)
    about = {
        "topic": topic,
        "who": who,
        "guide": outcome,
        "policyengine": theirs,
        "status": household.status,
        "entry": "recent" if household.recent else "old",
        "age": "under_19" if who == "child" else household.answers["age"],
        "under_21": "yes" if who == "child" or household.age < 21 else "no",
        "pregnant": household.pregnant if who == "self" else "no",
        "coverage": household.answers["coverage"],
        "beside": _beside(household),
        "day": "2026-10" if year == "2026" and household.day >= NARROWER else year,
    }
    return Answer(about, frozenset(agree))


def _beside(household: Household) -> str:
    """Whether the income is over one of the guide's limits by less than $12 a year, since the state
    rounds a month's limit up, or in 2027 by less than the poverty line may have risen."""
    income = guide.guide().income_on(household.day)
    for percent in rules.PERCENTS.values():
        limit = income.dollars(household.people, percent)
        if 0 < household.dollars - limit <= 12:
            return "month"
        if household.day.year > 2026 and limit < household.dollars <= limit * 1.04:
            return "line"
    return "no"


def read_causes(text: str) -> list[Cause]:
    """Each part of DIFFERENCES.md: its title, and the block that says of which differences."""
    causes = []
    for part in re.split(r"(?m)^## ", text)[1:]:
        block = re.search(r"```yaml\n(.*?)```", part, re.DOTALL)
        title = part.split("\n", 1)[0]
        if not block or not all(
            f"**{word}**" in part for word in ("The guide:", "PolicyEngine:", "We believe:")
        ):
            raise SystemExit(f"{DIFFERENCES.name}: {title!r} lacks its block or one of its answers")
        causes.append(Cause(title, yaml.safe_load(block[1]), Counter()))
    return causes


def sort_out(differing: list[dict[str, str]], causes: list[Cause]) -> list[dict[str, str]]:
    """Count each difference with the first line that explains it; the others come back."""
    unexplained = []
    for about in differing:
        for cause in causes:
            number = cause.explains(about)
            if number is not None:
                cause.found[number] += 1
                break
        else:
            unexplained.append(about)
    return unexplained


def most_alike(unexplained: list[dict[str, str]]) -> list[tuple[str, int]]:
    return Counter(str(about) for about in unexplained).most_common(60)


if __name__ == "__main__":
    sys.exit(main())
