"""Setting pledges aside in bulk, and bringing them back."""

import asyncio
import datetime
import html
import re
from collections.abc import Awaitable, Callable

import pytest

from backend.campaigns import exclusions, pledges, queries, signing, tallies
from backend.campaigns.exclusions import Pattern
from backend.campaigns.pledges import Opened
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, ConsentText, Pledge, SettingAside
from backend.staff.tables import Account, AuditEntry, now
from tests.campaigns.conftest import county_id, signature
from tests.campaigns.working import by_receipt, confirm
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]
CANARY = "Xochitl Canario"


@pytest.fixture
async def ana(record: None) -> Account:
    return await Account.open_for("Ana", ["campaigner"])


async def signed(
    campaign: Campaign, name: str, contact: str, county: str = "sonoma", confirmed: bool = True
) -> Opened:
    receipt = await signing.sign(campaign, await signature(name, contact, county))
    pledge = await by_receipt(receipt)
    assert pledge is not None
    # Within one transaction the database's clock stands still.
    await Pledge.update({Pledge.signed_at: now()}).where(Pledge.id == pledge.id)
    if confirmed:
        await tallies.move([pledge.id], PledgeState.CONFIRMED, {Pledge.confirmed_at: now()})
    return pledge


async def states(campaign: Campaign) -> dict[str, str]:
    rows = await Pledge.select().where(Pledge.campaign == campaign.id)
    opened = [pledges.opened(row) for row in rows]
    return {pledge.name or "": pledge.state.name.lower() for pledge in opened}


async def numbers(campaign: Campaign) -> tuple[int, int, int]:
    await tallies.count()
    found = await tallies.numbers(campaign.id)
    assert await tallies.recount() == 0
    return found.confirmed, found.awaiting, found.set_aside


async def found_by(campaign: Campaign, by: Account, pattern: Pattern) -> SettingAside:
    aside = await exclusions.look_for(campaign, by, pattern, "Made by a program")
    await exclusions.set_aside({"aside": aside.id})
    looked = await exclusions.with_id(campaign, aside.id)
    assert looked is not None
    return looked


async def names_found(campaign: Campaign, by: Account, **pattern: str) -> set[str]:
    aside = await found_by(campaign, by, Pattern(**pattern))
    return {pledge.name or "" for pledge in await exclusions.samples(aside)}


async def trail() -> str:
    return str(await AuditEntry.select())


def told(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


async def told_to_the_public(campaign: Campaign) -> list[tuple[str, int]]:
    return (await queries.reasons([campaign.id])).get(campaign.id, [])


async def test_what_matches_is_set_aside_and_brought_back_as_it_was(
    campaign: Campaign, ana: Account
) -> None:
    await signed(campaign, "Bot one", "one@spam.example.com")
    await signed(campaign, "Bot two", "two@spam.example.com", confirmed=False)
    await signed(campaign, "Real person", "real@example.org")
    assert await numbers(campaign) == (2, 1, 0)
    aside = await found_by(campaign, ana, Pattern(domain="example.com"))
    assert (aside.matched, len(aside.samples)) == (2, 2)
    assert await numbers(campaign) == (2, 1, 0)
    assert await told_to_the_public(campaign) == []
    await exclusions.begin(campaign, aside.id, ana)
    await exclusions.set_aside({"aside": aside.id})
    assert await numbers(campaign) == (1, 0, 2)
    assert await told_to_the_public(campaign) == [("Made by a program", 0)]
    # The job once more, as after a crash.
    await exclusions.set_aside({"aside": aside.id})
    assert await numbers(campaign) == (1, 0, 2)
    await exclusions.undo(campaign, aside.id, ana)
    assert await told_to_the_public(campaign) == []
    await exclusions.undo_set_aside({"aside": aside.id})
    await exclusions.undo_set_aside({"aside": aside.id})
    assert await numbers(campaign) == (2, 1, 0)
    assert await states(campaign) == {
        "Bot one": "confirmed",
        "Bot two": "awaiting",
        "Real person": "confirmed",
    }
    assert not await Pledge.exists().where(Pledge.set_aside_by == aside.id)


async def test_each_thing_a_pattern_can_say(campaign: Campaign, ana: Account) -> None:
    await signed(campaign, "Ana María", "ana@example.org", "sonoma")
    await signed(campaign, "Bot 17", "bot17@mail.spam.example", "marin", confirmed=False)
    await signed(campaign, "[Bot] x", "+1 707 555 0123", "marin")
    news = await ConsentText.select(ConsentText.id).where(ConsentText.purpose == "news").first()
    assert news is not None
    last = await Pledge.select(Pledge.id).order_by(Pledge.signed_at, ascending=False).first()
    assert last is not None
    await Pledge.update({Pledge.consents: [news["id"]], Pledge.source: "paper"}).where(
        Pledge.id == last["id"]
    )
    everyone = {"Ana María", "Bot 17", "[Bot] x"}
    hour = datetime.timedelta(hours=1)
    cases: list[tuple[dict[str, str], set[str]]] = [
        ({"county": "sonoma"}, {"Ana María"}),
        ({"county": "marin", "state": "awaiting"}, {"Bot 17"}),
        ({"state": "confirmed"}, {"Ana María", "[Bot] x"}),
        ({"consent": "news"}, {"[Bot] x"}),
        ({"consent": "partner"}, set()),
        ({"source": "paper"}, {"[Bot] x"}),
        ({"since": (now() - hour).isoformat()}, everyone),
        ({"until": (now() - hour).isoformat()}, set()),
        ({"since": (now() - hour).isoformat(), "until": now().isoformat()}, everyone),
        ({"domain": "spam.example"}, {"Bot 17"}),
        ({"domain": "@EXAMPLE.org"}, {"Ana María"}),
        ({"domain": "ample.org"}, set()),
        ({"name": "  ana   MARÍA ", "name_way": "is"}, {"Ana María"}),
        ({"name": "bot", "name_way": "contains"}, {"Bot 17", "[Bot] x"}),
        ({"name": "bot *", "name_way": "pattern"}, {"Bot 17"}),
        ({"name": "[bot]*", "name_way": "pattern"}, {"[Bot] x"}),
        ({"name": "bot ??", "name_way": "pattern"}, {"Bot 17"}),
        ({"name": "bot ???", "name_way": "pattern"}, set()),
        ({"contact": "bot*@*", "contact_way": "pattern"}, {"Bot 17"}),
        ({"contact": "+1707", "contact_way": "contains"}, {"[Bot] x"}),
        ({"name": "bot", "county": "sonoma"}, set()),
    ]
    for pattern, expected in cases:
        assert await names_found(campaign, ana, **pattern) == expected, pattern


async def test_a_pattern_that_would_run_away_does_not(campaign: Campaign, ana: Account) -> None:
    await signed(campaign, "a" * 100, "a@example.org")
    async with asyncio.timeout(5):
        pattern = {"name": "*a" * 149 + "b", "name_way": "pattern"}
        assert await names_found(campaign, ana, **pattern) == set()


async def test_it_goes_on_where_a_crash_left_it(
    campaign: Campaign, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusions, "PAGE", 3)
    for number in range(10):
        await signed(campaign, f"Bot {chr(97 + number)}", f"b{number}@spam.example")
    aside = await found_by(campaign, ana, Pattern(name="bot"))
    assert aside.matched == 10
    await exclusions.begin(campaign, aside.id, ana)
    assert await exclusions._one_page(aside.id)
    # The worker died here. Another one begins the job anew.
    assert (await numbers(campaign)) == (7, 0, 3)
    await exclusions.set_aside({"aside": aside.id})
    found = await exclusions.with_id(campaign, aside.id)
    assert found is not None
    assert found.number == 10
    assert await numbers(campaign) == (0, 0, 10)


async def test_undoing_in_the_middle_stops_the_work(
    campaign: Campaign, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusions, "PAGE", 2)
    for number in range(6):
        await signed(campaign, f"Bot {chr(97 + number)}", f"b{number}@spam.example")
    aside = await found_by(campaign, ana, Pattern(name="bot"))
    await exclusions.begin(campaign, aside.id, ana)
    assert await exclusions._one_page(aside.id)
    await exclusions.undo(campaign, aside.id, ana)
    await exclusions.set_aside({"aside": aside.id})
    await exclusions.undo_set_aside({"aside": aside.id})
    assert await numbers(campaign) == (6, 0, 0)


async def test_who_signs_later_or_elsewhere_is_not_touched(
    campaign: Campaign, ana: Account
) -> None:
    await signed(campaign, "Bot a", "a@spam.example")
    aside = await found_by(campaign, ana, Pattern(name="bot"))
    later = await signed(campaign, "Bot b", "b@spam.example")
    await Pledge.update({Pledge.signed_at: now() + datetime.timedelta(seconds=1)}).where(
        Pledge.id == later.id
    )
    await exclusions.begin(campaign, aside.id, ana)
    await exclusions.set_aside({"aside": aside.id})
    assert await states(campaign) == {"Bot a": "set_aside", "Bot b": "confirmed"}


async def test_what_one_set_aside_another_neither_takes_nor_brings_back(
    campaign: Campaign, ana: Account
) -> None:
    await signed(campaign, "Bot a", "a@spam.example")
    first = await found_by(campaign, ana, Pattern(name="bot"))
    second = await found_by(campaign, ana, Pattern(domain="spam.example"))
    for aside in (first, second):
        await exclusions.begin(campaign, aside.id, ana)
        await exclusions.set_aside({"aside": aside.id})
    assert [number for _reason, number in await told_to_the_public(campaign)] == [0]
    await exclusions.undo(campaign, second.id, ana)
    await exclusions.undo_set_aside({"aside": second.id})
    assert await numbers(campaign) == (0, 0, 1)


async def test_who_confirms_while_set_aside_comes_back_confirmed(
    campaign: Campaign, ana: Account
) -> None:
    pledge = await signed(campaign, "Person", "p@example.org", confirmed=False)
    aside = await found_by(campaign, ana, Pattern(county="sonoma"))
    await exclusions.begin(campaign, aside.id, ana)
    await exclusions.set_aside({"aside": aside.id})
    assert await confirm(pledge.receipt or "")
    assert await numbers(campaign) == (0, 0, 1)
    await exclusions.undo(campaign, aside.id, ana)
    await exclusions.undo_set_aside({"aside": aside.id})
    assert await numbers(campaign) == (1, 0, 0)


async def test_who_signs_anew_while_set_aside_comes_back_too(
    campaign: Campaign, ana: Account
) -> None:
    await signed(campaign, "Person", "p@example.org")
    aside = await found_by(campaign, ana, Pattern(county="sonoma"))
    await exclusions.begin(campaign, aside.id, ana)
    await exclusions.set_aside({"aside": aside.id})
    again = await signed(campaign, "Person", "p@example.org", confirmed=False)
    assert await confirm(again.receipt or "")
    assert await numbers(campaign) == (0, 0, 1)
    await exclusions.undo(campaign, aside.id, ana)
    await exclusions.undo_set_aside({"aside": aside.id})
    assert await numbers(campaign) == (1, 0, 0)


async def test_no_name_is_in_the_clear_and_the_pattern_goes_when_it_is_done(
    campaign: Campaign, ana: Account
) -> None:
    await signed(campaign, CANARY, "c@spam.example")
    aside = await found_by(campaign, ana, Pattern(name=CANARY, name_way="is"))
    row = await SettingAside.select().where(SettingAside.id == aside.id).first()
    assert row is not None
    assert row["sealed"]
    assert "anario" not in str(row)
    await exclusions.begin(campaign, aside.id, ana)
    await exclusions.set_aside({"aside": aside.id})
    row = await SettingAside.select().where(SettingAside.id == aside.id).first()
    assert row is not None
    assert (row["sealed"], row["data_key"], row["samples"]) == (None, None, [])
    assert "anario" not in await trail()
    assert "'kinds': ['name']" in await trail()


async def test_what_was_only_looked_for_is_removed(campaign: Campaign, ana: Account) -> None:
    await signed(campaign, "Bot a", "a@spam.example")
    kept = await found_by(campaign, ana, Pattern(county="sonoma"))
    await exclusions.begin(campaign, kept.id, ana)
    await found_by(campaign, ana, Pattern(name=CANARY))
    assert await exclusions.remove_unused(now() - datetime.timedelta(days=7)) == 0
    assert await exclusions.remove_unused(now()) == 1
    assert [each.id for each in await exclusions.all_of(campaign)] == [kept.id]


async def test_setting_aside_through_the_pages(at_the_desk: AtTheDesk, campaign: Campaign) -> None:
    bo = await at_the_desk("campaigner", name="Bo", fresh=True)
    await signed(campaign, CANARY, "c@spam.example")
    here = f"/desk/campaigns/{campaign.id}/asides"
    answer = await bo.post(f"{here}/new", domain="spam.example", reason="Made by a program")
    assert answer.status_code == 303
    address = answer.headers["location"]
    page = await bo.get(address)
    assert 'hx-trigger="every 2s"' in page.text
    early = await bo.post(f"{address}/begin")
    assert early.status_code == 409
    aside = int(address.rpartition("/")[2])
    await exclusions.set_aside({"aside": aside})
    page = await bo.get(address)
    assert "1 pledge is like that." in told(page.text)
    assert CANARY in page.text
    assert "every 2s" not in page.text
    assert (await bo.post(f"{address}/begin")).status_code == 303
    assert (await bo.post(f"{address}/begin")).status_code == 409
    assert (await bo.post(f"{address}/drop")).status_code == 409
    await exclusions.set_aside({"aside": aside})
    await tallies.count()
    assert "1 pledge is set aside." in told((await bo.get(address)).text)
    public = told((await bo.get(f"/campaigns/{campaign.slug}")).text)
    assert "Made by a program" in public
    assert "Fewer than 10 were set aside and do not count." in public
    assert (await bo.post(f"{address}/undo")).status_code == 303
    assert (await bo.post(f"{address}/undo")).status_code == 409
    await exclusions.undo_set_aside({"aside": aside})
    assert "1 pledge is brought back." in told((await bo.get(address)).text)
    assert "Made by a program" not in (await bo.get(f"/campaigns/{campaign.slug}")).text
    assert "anario" not in await trail()
    assert "spam.example" not in await trail()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Say at least one thing"),
        ({"county": "atlantis"}, "Choose one of the list."),
        ({"since": "10000-01-01T00:00"}, "Write the moment like this"),
        ({"since": "2026-11-24T25:00"}, "Write the moment like this"),
        ({"since": "2026-11-24", "until": "2026-11-23"}, "This is not after the first moment."),
        ({"name": "x" * 10_000}, "300 letters are the most"),
        ({"name": "x", "name_way": "regex"}, "Choose one of the list."),
        ({"state": "set_aside"}, "Choose one of the list."),
        ({"county": "sonoma", "reason": ""}, "Write something here."),
        ({"county": "sonoma", "reason": "r" * 10_000}, "300 letters are the most"),
    ],
)
async def test_a_pattern_that_says_nothing_is_told(
    at_the_desk: AtTheDesk, campaign: Campaign, fields: dict[str, str], words: str
) -> None:
    bo = await at_the_desk("campaigner", fresh=True)
    given = {"reason": "Because", **fields}
    answer = await bo.post(f"/desk/campaigns/{campaign.id}/asides/new", **given)
    assert answer.status_code == 422
    assert words in told(answer.text)
    assert not await SettingAside.exists()


async def test_another_campaigns_setting_aside_is_not_found(
    at_the_desk: AtTheDesk, campaign: Campaign, ana: Account
) -> None:
    aside = await found_by(campaign, ana, Pattern(county="sonoma"))
    other = await Campaign.select(Campaign.id).where(Campaign.id != campaign.id).first()
    assert other is not None
    bo = await at_the_desk("campaigner", fresh=True)
    for id in (aside.id, 2**31, 2**64):
        address = f"/desk/campaigns/{other['id']}/asides/{id}"
        assert (await bo.get(address)).status_code == 404
        for verb in ("begin", "undo", "drop"):
            assert (await bo.post(f"{address}/{verb}")).status_code == 404


async def test_a_county_is_counted_right_through_it_all(campaign: Campaign, ana: Account) -> None:
    await signed(campaign, "Bot a", "a@spam.example", "marin")
    await signed(campaign, "Real", "r@example.org", "sonoma")
    assert await county_id("marin")
    aside = await found_by(campaign, ana, Pattern(county="marin"))
    await exclusions.begin(campaign, aside.id, ana)
    await exclusions.set_aside({"aside": aside.id})
    await tallies.count()
    found = await tallies.numbers(campaign.id)
    assert found.by_county == {"marin": (0, 0, 0, 1), "sonoma": (1, 0, 0, 0)}
