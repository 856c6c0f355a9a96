"""Nobody can find out whether a phone number or an address signed: not from any number, not from
any answer, and not from the time an answer takes."""

import asyncio
import itertools
import math
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from backend.campaigns import partners, removal, signing, tallies
from backend.campaigns.tables import Campaign, Pledge
from backend.database import DB
from backend.staff.tables import Account, now
from backend.web import page_cache
from backend.web.letter_budget import LetterBudget
from tests.campaigns.conftest import signature
from tests.campaigns.working import publish, work
from tests.databases import empty_database
from tests.serving import Served, serving

OURS = {"Sec-Fetch-Site": "same-origin"}
# Of the critical values of the two-sample Kolmogorov–Smirnov statistic, the one that equal
# distributions exceed once in ten thousand (sqrt(-ln(α/2)/2), α = 0.0001).
CRITICAL = 2.225


async def everything_public(client: httpx.AsyncClient, campaign: Campaign, token: str) -> list[str]:
    """Each answer that shows a number, without the moment it was counted."""
    page_cache.clear()
    page = f"/campaigns/{campaign.slug}"
    answers = [
        await client.get(address)
        for address in ("/campaigns", page, f"{page}/numbers", f"{page}/embed", f"{page}/poster",
                        f"{page}/preview-en.png", "/api/v1/campaigns", "/more", "/",
                        "/counties/alpine")
    ]  # fmt: skip
    reader = {"OSDI-API-Token": token}
    answers.append(await client.get("/osdi/petitions", headers=reader))
    moments = r"Counted on [^.]*\.|counted on [^.]*\.|\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)"
    return [
        f"{answer.url.path} {answer.status_code} " + re.sub(moments, "", answer.text)
        for answer in answers
    ]


async def watch(
    client: httpx.AsyncClient, campaign: Campaign, token: str, attack: str, others: int
) -> list[list[str]]:
    """What somebody sees who signs with a contact, looks again and again, and withdraws; beside
    `others` who signed, so that the next one fills a ten."""
    seen = []

    async def look() -> None:
        await work()
        await publish()
        numbers = await tallies.numbers(campaign.id)
        seen.append([*await everything_public(client, campaign, token), repr(numbers.by_county)])

    for number in range(others):
        await signing.sign(
            campaign, await signature(f"P {number}", f"p{number}@gmail.com", "alpine")
        )
    await look()
    receipts = []
    for name in attack.split("|")[1:]:
        contact = attack.split("|")[0]
        receipts.append(await signing.sign(campaign, await signature(name, contact, "alpine")))
        await look()
    # A week later, and a month.
    for days in (8, 24):
        await Pledge.update({Pledge.signed_at: Pledge.signed_at - timedelta(days=days)}, force=True)
        await removal.remove_unconfirmed(now() - timedelta(days=7))
        await removal.remove_typed(now() - timedelta(days=30))
        await look()
    for receipt in receipts:
        pledge = await signing.by_receipt(receipt)
        if pledge is not None:
            await signing.withdraw(pledge)
            await look()
    return [[re.sub(r"\d\d+:\d\d:\d\d", "", text) for text in each] for each in seen]


@pytest.mark.parametrize("contact", ["(213) 373-4253", "victim@example.org"])
@pytest.mark.parametrize("names", ["Maria Perez", "Somebody Else", "One Name|Another Name"])
@pytest.mark.parametrize("others", [0, 7, 8])
async def test_no_number_tells_whether_a_contact_signed(
    client: httpx.AsyncClient, campaign: Campaign, contact: str, names: str, others: int
) -> None:
    """The attack: sign in quiet Alpine with somebody's number and one or two names, guessed or made
    up, and read every number there is, for as long as one likes."""
    await Campaign.update({Campaign.partners: [{"name": "Aliados", "url": ""}]}).where(
        Campaign.id == campaign.id
    )
    account = await Account.open_for("Ana", ["admin"])
    token = await partners.make("Aliados", None, account)
    transaction = DB.current_transaction.get()
    assert transaction is not None
    stories = []
    for signed_before in (contact, contact.replace("victim", "nobody").replace("4253", "4254")):
        before = await transaction.savepoint()
        await LetterBudget.delete(force=True)
        await signing.sign(campaign, await signature("Maria Perez", signed_before, "los-angeles"))
        await work()
        attack = f"{contact}|{names}"
        stories.append(await watch(client, campaign, token, attack, others))
        await before.rollback_to()
    assert len(stories[0]) >= 4
    for known, unknown in zip(*stories, strict=True):
        assert known == unknown


async def test_a_confirmed_pledge_of_ones_own_does_not_help_either(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    """Public numbers move in tens: not for one person."""
    for number in range(13):
        await signing.sign(
            campaign, await signature(f"P {number}", f"p{number}@gmail.com", "alpine")
        )
    await work()
    await publish()
    first = (await client.get("/api/v1/campaigns")).json()
    for number in range(6):
        await signing.sign(
            campaign, await signature(f"Q {number}", f"q{number}@gmail.com", "alpine")
        )
        await work()
        await publish()
        page_cache.clear()
        now_ = (await client.get("/api/v1/campaigns")).json()
        mine = [each for each in now_ if each["slug"] == campaign.slug]
        was = [each for each in first if each["slug"] == campaign.slug]
        assert mine[0]["numbers"] == was[0]["numbers"]
        assert mine[0]["by_county"] == was[0]["by_county"]


def farthest_apart(one: list[float], other: list[float]) -> float:
    """The two-sample Kolmogorov–Smirnov statistic, over its critical value: 1 and more means that
    the two can be told apart."""
    every = sorted(one + other)
    one, other = sorted(one), sorted(other)
    i = j = 0
    worst = 0.0
    for value in every:
        while i < len(one) and one[i] <= value:
            i += 1
        while j < len(other) and other[j] <= value:
            j += 1
        worst = max(worst, abs(i / len(one) - j / len(other)))
    return worst / (CRITICAL * math.sqrt((len(one) + len(other)) / (len(one) * len(other))))


def test_the_statistic_tells_eight_from_twelve_milliseconds() -> None:
    """What the audit measured, in tenths of milliseconds."""
    new = [80 + (number * 37 % 21) for number in range(500)]
    known = [118 + (number * 37 % 21) for number in range(500)]
    assert farthest_apart(new, known) > 5
    assert farthest_apart(new, new[::-1]) < 0.1


TIMES = 500


@pytest.fixture
def quiet_site(server_url: str, tmp_path: Path) -> Iterator[Served]:
    with (
        empty_database(server_url, "timed") as url,
        serving(
            tmp_path / "log",
            DATABASE_URL=url,
            VAR=str(tmp_path / "var"),
            TRUSTED_PROXIES="1",
        ) as site,
    ):
        yield site


async def test_no_time_tells_whether_a_contact_signed(quiet_site: Served) -> None:
    """The attack: ask 500 times each for contacts that signed and that did not, in a mixed order,
    and compare how long each answer took."""
    url = quiet_site.url
    networks = itertools.count()

    def there() -> dict[str, str]:
        number = next(networks)
        # Each from a network of its own, so that no sum is asked for.
        return {**OURS, "X-Forwarded-For": f"{11 + number // 250 % 200}.{number % 250}.7.7"}

    async with httpx.AsyncClient(timeout=60) as people:
        page = await people.get(f"{url}/campaigns/ice-out-of-jails")
        [agree] = re.findall(r'name="agree_pledge" value="([0-9]+)"', page.text)

        async def sign(contact: str) -> float:
            form = {"name": "Ana", "contact": contact, "zip": "95401", "agree_pledge": agree}
            begun = time.perf_counter()
            answer = await people.post(
                f"{url}/campaigns/ice-out-of-jails/pledges", data=form, headers=there()
            )
            took = time.perf_counter() - begun
            assert answer.status_code == 200, answer.text
            people.cookies.clear()
            return took

        async def leave(contact: str) -> float:
            begun = time.perf_counter()
            answer = await people.post(
                f"{url}/pledges/leave", data={"contact": contact}, headers=there()
            )
            took = time.perf_counter() - begun
            assert answer.status_code == 200, answer.text
            return took

        known = [f"known{number}@gmail.com" for number in range(TIMES)]
        for some in _by(known, 8):
            await asyncio.gather(*(sign(contact) for contact in some))
        # So many of each at once: with 16 in all, what leaving took was lost in the crowd.
        for ask, at_once in ((sign, 8), (leave, 2)):
            times: dict[bool, list[float]] = {True: [], False: []}
            for pair in _by(known, at_once):
                asked = [(True, each) for each in pair]
                asked += [(False, f"{ask.__name__}.{each}") for each in pair]
                asked.sort(key=lambda one: hash(one[1]))
                took = await asyncio.gather(*(ask(contact) for _known, contact in asked))
                for (is_known, _contact), seconds in zip(asked, took, strict=True):
                    times[is_known].append(seconds)
            assert farthest_apart(times[True], times[False]) < 1, ask.__name__


def _by(every: list[str], number: int) -> list[list[str]]:
    return [every[at : at + number] for at in range(0, len(every), number)]
