"""Lists to take along: each for one purpose, of those who agreed to just that."""

import csv
import io
from collections.abc import Awaitable, Callable

import pytest

from backend.campaigns import export, pledges, signing, tallies
from backend.campaigns.pledges import Opened
from backend.campaigns.signing import Signature
from backend.campaigns.states import PledgeState
from backend.campaigns.tables import Campaign, ConsentText, Pledge
from backend.staff.tables import AuditEntry, now
from backend.web import spreadsheet
from tests.campaigns.conftest import signature
from tests.campaigns.working import by_receipt
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]


async def signed(
    campaign: Campaign, name: str, contact: str, *purposes: str, confirmed: bool = True
) -> Opened:
    rows = await ConsentText.select(ConsentText.id).where(
        ConsentText.purpose.is_in(["pledge", *purposes]), ConsentText.language == "en"
    )
    given = await signature(name, contact)
    consents = tuple(row["id"] for row in rows)
    receipt = await signing.sign(
        campaign, Signature(given.name, given.contact, given.county, "es", consents)
    )
    pledge = await by_receipt(receipt)
    assert pledge is not None
    # Within one transaction the database's clock stands still.
    await Pledge.update({Pledge.signed_at: now()}).where(Pledge.id == pledge.id)
    if confirmed:
        await tallies.move([pledge.id], PledgeState.CONFIRMED, {Pledge.confirmed_at: now()})
    return pledge


@pytest.fixture
async def people(campaign: Campaign) -> Campaign:
    """A campaign with a partner, and people who agreed to different things."""
    await Campaign.update(
        {Campaign.partners: [{"name": "Aliados", "url": ""}, {"name": "Unidos", "url": ""}]}
    ).where(Campaign.id == campaign.id)
    await signed(campaign, "Nadia News", "nadia@example.org", "news")
    await signed(campaign, "Pablo Partner", "+1 707 555 0123", "partner")
    await signed(campaign, "Nobody Else", "nobody@example.org")
    await signed(campaign, "Late Person", "late@example.org", "news", "partner", confirmed=False)
    return campaign


async def trail() -> list[tuple[str, str, dict[str, object]]]:
    lines = await AuditEntry.select().order_by(AuditEntry.id)
    return [(line["action"], line["subject"], line["details"]) for line in lines]


@pytest.mark.parametrize(
    ("query", "expected", "details"),
    [
        (
            "purpose=delivery",
            [
                ["name", "county"],
                ["Nadia News", "Sonoma"],
                ["Pablo Partner", "Sonoma"],
                ["Nobody Else", "Sonoma"],
            ],
            {"purpose": "delivery", "rows": 3},
        ),
        (
            "purpose=news",
            [
                ["name", "contact", "county", "language"],
                ["Nadia News", "nadia@example.org", "Sonoma", "es"],
            ],
            {"purpose": "news", "rows": 1},
        ),
        (
            "purpose=partner&partner=Aliados",
            [
                ["name", "contact", "county", "language"],
                ["Pablo Partner", "+17075550123", "Sonoma", "es"],
            ],
            {"purpose": "partner", "rows": 1, "partner": "Aliados"},
        ),
    ],
)
async def test_a_list_holds_who_agreed_and_no_more(
    at_the_desk: AtTheDesk,
    people: Campaign,
    query: str,
    expected: list[list[str]],
    details: dict[str, object],
) -> None:
    ana = await at_the_desk("campaigner", fresh=True)
    answer = await ana.get(f"/desk/campaigns/{people.id}/export.csv?{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert list(csv.reader(io.StringIO(answer.text))) == expected
    assert await trail() == [("exported", f"campaign {people.slug}", details)]


async def test_a_name_runs_nothing_where_the_list_sign_is_another(
    at_the_desk: AtTheDesk, people: Campaign
) -> None:
    await signed(people, "Ana;=2+5+cmd|'/C calc'!A0", "ana@example.org")
    ana = await at_the_desk("campaigner", fresh=True)
    answer = await ana.get(f"/desk/campaigns/{people.id}/export.csv?purpose=delivery")
    line = next(line for line in answer.text.splitlines() if "Ana" in line)
    assert line.startswith("\"Ana;'=2+5")
    for sign in ";|":
        cells = next(csv.reader([line], delimiter=sign, quoting=csv.QUOTE_NONE))
        assert not [cell for cell in cells if cell.strip('"').startswith(("=", "+", "-", "@"))]


async def test_excel_gets_its_mark(at_the_desk: AtTheDesk, people: Campaign) -> None:
    ana = await at_the_desk("campaigner", fresh=True)
    address = f"/desk/campaigns/{people.id}/export.csv?purpose=delivery"
    assert (await ana.get(f"{address}&excel=yes")).content.startswith(b'\xef\xbb\xbf"name"')
    assert (await ana.get(address)).content.startswith(b'"name"')


async def test_a_passkey_is_shown_first(at_the_desk: AtTheDesk, people: Campaign) -> None:
    ana = await at_the_desk("campaigner")
    answer = await ana.get(f"/desk/campaigns/{people.id}/export.csv?purpose=news")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/desk/step-up?next=")
    assert await trail() == []


async def test_the_page_says_each_choice_in_words(
    at_the_desk: AtTheDesk, people: Campaign, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner")
    page = (await ana.get(f"/desk/campaigns/{people.id}/export")).text
    for words in ("Hand over the pledges", "Send them news", "Give them to a partner", "Aliados"):
        assert words in page
    await Campaign.update({Campaign.partners: []}).where(Campaign.id == campaign.id)
    page = (await ana.get(f"/desk/campaigns/{people.id}/export")).text
    assert "nothing may be shared" in page


@pytest.mark.parametrize(
    "query", ["", "purpose=all", "purpose=partner", "purpose=partner&partner=Strangers",
              f"purpose={'x' * 2000}"],
)  # fmt: skip
async def test_a_list_without_a_purpose_is_refused(
    at_the_desk: AtTheDesk, people: Campaign, query: str
) -> None:
    ana = await at_the_desk("campaigner", fresh=True)
    answer = await ana.get(f"/desk/campaigns/{people.id}/export.csv?{query}")
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert await trail() == []


async def test_a_partner_named_later_gets_only_who_signed_since(
    at_the_desk: AtTheDesk, people: Campaign
) -> None:
    since = now().isoformat()
    await Campaign.update(
        {Campaign.partners: [{"name": "Newcomers", "url": "", "since": since}]}
    ).where(Campaign.id == people.id)
    late = await signed(people, "Since Then", "since@example.org", "partner")
    await Pledge.update({Pledge.signed_at: now()}).where(Pledge.id == late.id)
    ana = await at_the_desk("campaigner", fresh=True)
    address = f"/desk/campaigns/{people.id}/export.csv?purpose=partner&partner=Newcomers"
    names = [row[0] for row in csv.reader(io.StringIO((await ana.get(address)).text))]
    assert names == ["name", "Since Then"]


async def test_who_withdrew_or_is_erased_or_set_aside_is_on_no_list(people: Campaign) -> None:
    every = await Pledge.select().where(Pledge.campaign == people.id)
    by_name = {pledge.name: pledge for pledge in map(pledges.opened, every)}
    await signing.withdraw(by_name["Nadia News"])
    await tallies.move([by_name["Pablo Partner"].id], PledgeState.SET_ASIDE)
    await Pledge.update({Pledge.data_key: None, Pledge.name: None}).where(
        Pledge.id == by_name["Nobody Else"].id
    )
    for purpose in export.Purpose:
        asked = export.List(people, purpose, "Aliados")
        assert await export.number(asked) == 0
        assert [row async for row in export.rows(asked)] == []


async def test_a_long_list_comes_whole_and_once(
    people: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "AT_ONCE", 2)
    for letter in "abcde":
        await signed(people, f"Person {letter}", f"{letter}@example.org")
    # Two who signed at the very same moment are still two.
    await Pledge.update({Pledge.signed_at: now()}).where(Pledge.campaign == people.id)
    rows = [row async for row in export.rows(export.List(people, export.Purpose.DELIVERY))]
    assert len(rows) == len({row[0] for row in rows}) == 8


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t'=1"),
        ("＝1", "'＝1"),
        ("+17075550123", "+17075550123"),
        ("Ana López", "Ana López"),
    ],
)
def test_no_cell_is_a_formula(cell: str, safe: str) -> None:
    assert spreadsheet.tame(cell) == safe
