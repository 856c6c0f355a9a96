"""The shapes of campaigns as JSON: what programs get, and what OpenAPI says they get."""

import msgspec

Words = dict[str, str]


class CampaignNumbers(msgspec.Struct):
    """Rounded down to tens; 0 is fewer than ten. `confirmed` signers said that it was they, by the
    mailbox they named or when staff called them; `awaiting` left an e-mail address and have not
    yet, on paper and at events too; `phones` left a phone number that nobody has called; of both,
    who signed twice stands in it twice. `set_aside` were taken out of the count by staff, for the
    reasons in `set_aside_for`."""

    confirmed: int
    awaiting: int
    phones: int
    set_aside: int


class CountyNumbers(msgspec.Struct):
    """The same in a county: told once a day, and only where one of them is ten or more."""

    county: str
    confirmed: int
    awaiting: int
    phones: int
    set_aside: int


class SetAside(msgspec.Struct):
    reason: str
    number: int


class TargetAnswer(msgspec.Struct):
    """Who decides, and why they."""

    name: Words
    why: Words


class PartnerAnswer(msgspec.Struct):
    name: str
    url: str


class CampaignSource(msgspec.Struct):
    """`grade`: A official text, R a reprint of one, B named outlet or organization."""

    title: str
    publisher: str
    url: str
    published_on: str | None
    read_on: str
    grade: str


class CampaignAnswer(msgspec.Struct):
    """`state`: live, closed or archived; `open` when it can be signed today. Words are in English
    and Spanish; `story` and `outcome` are Markdown, in which `[2]` cites the second of `sources`.
    `translated` names the languages whose words a person has read. `counties` are slugs; none
    means all. Numbers are in steps of `rounded_down_to`, so that none of them tells whether one
    person signed: all of California as of `counted_at` (null: never counted), every ten minutes;
    counties as of `counties_counted_at`, once a day."""

    slug: str
    url: str
    state: str
    open: bool
    title: Words
    ask: Words
    story: Words
    pledge_words: Words
    outcome: Words | None
    translated: list[str]
    targets: list[TargetAnswer]
    partners: list[PartnerAnswer]
    counties: list[str]
    opens_on: str | None
    closes_on: str | None
    names_erased_on: str | None
    goal: int | None
    numbers: CampaignNumbers
    by_county: list[CountyNumbers]
    rounded_down_to: int
    counted_at: str | None
    counties_counted_at: str | None
    set_aside_for: list[SetAside]
    sources: list[CampaignSource]
