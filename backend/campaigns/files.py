"""Reading the campaigns' YAML files: every mistake is named with its file and line."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from backend.policies.days import Day
from backend.policies.files import (
    Mistake,
    Name,
    Part,
    RecordError,
    SourceEntry,
    Text,
    Words,
    at_its_line,
    read_file,
)

FOLDER = Path(__file__).parent / "data"
CONSENTS = "consents.yaml"

Markdown = Annotated[str, msgspec.Meta(min_length=1, max_length=6000)]
Goal = Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]

# A sentence of a story names its source by number: "… since 2018 [1]."
CITED = re.compile(r"\[(\d{1,2})\]")


class LongText(Part, forbid_unknown_fields=True, kw_only=True):
    en: Markdown
    es: Markdown


class TargetEntry(Part, forbid_unknown_fields=True, kw_only=True):
    """Who decides, and about what."""

    name: Text
    why: Text


class PartnerEntry(Part, forbid_unknown_fields=True, kw_only=True):
    name: Words
    url: Annotated[str, msgspec.Meta(pattern=r"^https://[^\s]+$", max_length=500)] = ""


class ReviewEntry(Part, forbid_unknown_fields=True, kw_only=True):
    """A person has read the translation; `of` is the fingerprint of the English they compared."""

    by: Words
    on: Day
    of: Words


class CampaignFile(Part, forbid_unknown_fields=True, kw_only=True):
    slug: Name
    title: Text
    ask: Text
    story: LongText
    pledge_words: Text
    targets: Annotated[list[TargetEntry], msgspec.Meta(min_length=1)]
    sources: Annotated[list[SourceEntry], msgspec.Meta(min_length=1, max_length=40)]
    goals: Annotated[list[Goal], msgspec.Meta(min_length=1)]
    partners: list[PartnerEntry] = msgspec.field(default_factory=list)
    counties: list[str] = msgspec.field(default_factory=list)
    opens_on: Day | None = None
    closes_on: Day | None = None
    reviewed: dict[Literal["es"], ReviewEntry] = msgspec.field(default_factory=dict)


class ConsentsFile(Part, forbid_unknown_fields=True, kw_only=True):
    """What people agree to, each purpose apart."""

    pledge: Text
    news: Text
    partner: Text


def read(
    folder: Path, counties: frozenset[str]
) -> tuple[dict[str, CampaignFile], ConsentsFile | None]:
    """Every campaign of the folder by its slug, and the consents (None: there is no such file).

    Raises RecordError with all mistakes found, not just the first.
    """
    found: list[str] = []
    campaigns: dict[str, CampaignFile] = {}
    consents: ConsentsFile | None = None
    for path in sorted(folder.glob("*.yaml")):
        try:
            if path.name == CONSENTS:
                consents = read_file(path, ConsentsFile)
                continue
            campaign = campaigns[path.stem] = read_file(path, CampaignFile)
        except RecordError as error:
            found += error.mistakes
            continue
        found += [
            at_its_line(path, steps, sentence)
            for steps, sentence in _mistakes(path.stem, campaign, counties)
        ]
    if found:
        raise RecordError(found)
    return campaigns, consents


def _mistakes(name: str, file: CampaignFile, counties: frozenset[str]) -> Iterator[Mistake]:
    """What a schema cannot see."""
    if file.slug != name:
        yield ["slug"], f"the file is called {name}.yaml but says it is {file.slug!r}"
    for index, slug in enumerate(file.counties):
        if slug not in counties:
            yield ["counties", index], f"no county is called {slug!r}"
    if file.goals != sorted(set(file.goals)):
        yield ["goals"], "goals go up, each larger than the one before"
    for field in ("opens_on", "closes_on"):
        day = getattr(file, field)
        if day and not day.exact:
            yield [field], f"{field} needs a whole day, like 2026-11-24"
    if file.opens_on and file.closes_on and file.closes_on.last < file.opens_on.first:
        yield ["closes_on"], "it closes before it opens"
    yield from _mistakes_in_citing(file)


def _mistakes_in_citing(file: CampaignFile) -> Iterator[Mistake]:
    english, spanish = ([int(n) for n in CITED.findall(text)] for text in _stories(file))
    for number in sorted(set(english) | set(spanish)):
        if not 1 <= number <= len(file.sources):
            yield ["story"], f"there is no source {number}"
    if english != spanish:
        yield ["story", "es"], "it does not cite the same sources in the same order as the English"
    for number, source in enumerate(file.sources, 1):
        if number not in english:
            yield ["sources", number - 1], f"the story never cites source {number}"
        if source.grade == "C":
            yield ["sources", number - 1], "a campaign needs sources better than grade C"


def _stories(file: CampaignFile) -> tuple[str, str]:
    return file.story.en, file.story.es
