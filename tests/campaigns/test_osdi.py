"""Coalition partners' programs read who agreed to just that, by token; PyPI `parsons` can."""

import datetime
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from backend.campaigns import osdi_api, partners, signing, tallies
from backend.campaigns.pledges import Opened
from backend.campaigns.states import CampaignState, PledgeState
from backend.campaigns.tables import Campaign, ConsentText, PartnerToken, Pledge
from backend.settings import VAR
from backend.staff.tables import Account, AuditEntry, now
from tests.campaigns.conftest import signature
from tests.campaigns.working import by_receipt
from tests.conftest import Colleague
from tests.serving import Served

AtTheDesk = Callable[..., Awaitable[Colleague]]
HERE = Path(__file__).parent / "parsons"
ENVIRONMENT = VAR / "parsons-venv"
API = "/osdi/api/v1"
CANARY, CANARY_MAIL = "Xochitl Canario", "canario.secreto@example.org"


@pytest.fixture
async def ana(record: None) -> Account:
    return await Account.open_for("Ana", ["admin"])


@pytest.fixture
async def shared(campaign: Campaign) -> Campaign:
    """A campaign whose page names a partner."""
    await Campaign.update({Campaign.partners: [{"name": "Aliados", "url": ""}]}).where(
        Campaign.id == campaign.id
    )
    return campaign


async def signed(
    campaign: Campaign, name: str, contact: str, *purposes: str, confirmed: bool = True
) -> Opened:
    rows = await ConsentText.select(ConsentText.id).where(
        ConsentText.purpose.is_in(["pledge", *purposes]), ConsentText.language == "en"
    )
    given = await signature(name, contact)
    consents = tuple(row["id"] for row in rows)
    receipt = await signing.sign(
        campaign, signing.Signature(given.name, given.contact, given.county, "en", consents)
    )
    pledge = await by_receipt(receipt)
    assert pledge is not None
    # Within one transaction the database's clock stands still.
    await Pledge.update({Pledge.signed_at: now()}).where(Pledge.id == pledge.id)
    if confirmed:
        await tallies.move([pledge.id], PledgeState.CONFIRMED, {Pledge.confirmed_at: now()})
    return pledge


async def read(client: httpx.AsyncClient, token: str, path: str) -> dict[str, Any]:
    answer = await client.get(API + path, headers={"OSDI-API-Token": token})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/hal+json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


async def status(client: httpx.AsyncClient, token: str | None, path: str = "/people") -> int:
    headers = {"OSDI-API-Token": token} if token is not None else {}
    answer = await client.get(API + path, headers=headers)
    assert answer.headers["cache-control"] == "no-store"
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    return answer.status_code


def people_in(body: dict[str, Any]) -> list[str]:
    return [each["given_name"] for each in body["_embedded"]["osdi:people"]]


def inside(address: str) -> str:
    return address.partition(API)[2]


async def test_only_who_confirmed_and_agreed_is_read(
    client: httpx.AsyncClient, shared: Campaign, ana: Account
) -> None:
    pledge = await signed(shared, CANARY, CANARY_MAIL, "partner")
    await signed(shared, "By Phone", "+1 707 555 0123", "partner", "news")
    await signed(shared, "Only News", "news@example.org", "news")
    await signed(shared, "Not Yet", "late@example.org", "partner", confirmed=False)
    token = await partners.make("Aliados", None, ana)
    entry = await read(client, token, "/")
    assert set(entry["_links"]) >= {"self", "osdi:people", "osdi:petitions", "osdi:signatures"}
    body = await read(client, token, inside(entry["_links"]["osdi:people"]["href"]))
    assert people_in(body) == [CANARY, "By Phone"]
    assert (body["total_records"], body["total_pages"]) == (2, 1)
    first, second = body["_embedded"]["osdi:people"]
    assert first["identifiers"] == [f"confianza:{pledge.id}"]
    assert first["email_addresses"][0] == {
        "primary": True,
        "address": CANARY_MAIL,
        "status": "subscribed",
    }
    assert second["phone_numbers"][0]["number"] == "+17075550123"
    [petition] = (await read(client, token, "/petitions"))["_embedded"]["osdi:petitions"]
    assert petition["title"] == "End holds here"
    assert petition["identifiers"] == [f"confianza:{shared.id}"]
    of_it = await read(client, token, inside(petition["_links"]["osdi:signatures"]["href"]))
    assert of_it == await read(client, token, inside(of_it["_links"]["self"]["href"]))
    signatures = of_it["_embedded"]["osdi:signatures"]
    assert signatures[0]["identifiers"] == first["identifiers"]
    assert len((await read(client, token, "/signatures"))["_embedded"]["osdi:signatures"]) == 2
    person = await read(client, token, inside(signatures[0]["_links"]["osdi:person"]["href"]))
    assert person["given_name"] == CANARY
    one = await read(client, token, inside(signatures[0]["_links"]["self"]["href"]))
    assert one == signatures[0]
    theirs = await read(client, token, inside(person["_links"]["osdi:signatures"]["href"]))
    assert theirs["_embedded"]["osdi:signatures"] == [signatures[0]]


async def test_who_left_comes_first_and_without_a_name(
    client: httpx.AsyncClient, shared: Campaign, ana: Account
) -> None:
    leaver = await signed(shared, CANARY, CANARY_MAIL, "partner")
    changed = await signed(shared, "Changed Mind", "changed@example.org", "partner")
    await signed(shared, "Stays", "stays@example.org", "partner")
    never = await signed(shared, "Never Given", "never@example.org", "partner", confirmed=False)
    token = await partners.make("Aliados", None, ana)
    await read(client, token, "/people")
    await signing.withdraw(leaver)
    await signing.correct(changed, consents=())
    await signing.withdraw(never)
    # A new token of the same partner, made when the old one was near its end, is told as well.
    again = await partners.make("Aliados", None, ana)
    for each in (token, again):
        body = await read(client, each, "/people")
        assert people_in(body) == ["", "", "Stays"]
        gone = body["_embedded"]["osdi:people"][:2]
        assert {entry["identifiers"][0] for entry in gone} == {
            f"confianza:{leaver.id}",
            f"confianza:{changed.id}",
        }
        assert all(entry["email_addresses"][0]["status"] == "unsubscribed" for entry in gone)
        assert "anario" not in json.dumps(body)
        assert body["total_records"] == 3
    pages = [await read(client, token, f"/people?page={n}&per_page=2") for n in (1, 2, 3)]
    assert [people_in(page) for page in pages] == [["", ""], ["Stays"], []]
    assert "next" in pages[0]["_links"]
    assert "next" not in pages[1]["_links"]
    assert await status(client, token, f"/people/{leaver.id}") == 404
    # Another partner's token was given nobody.
    await Campaign.update(
        {Campaign.partners: [{"name": "Aliados", "url": ""}, {"name": "Unidos", "url": ""}]}
    ).where(Campaign.id == shared.id)
    other = await partners.make("Unidos", None, ana)
    assert people_in(await read(client, other, "/people")) == ["Stays"]


async def test_a_partner_the_page_does_not_name_reads_nobody(
    client: httpx.AsyncClient, shared: Campaign, ana: Account
) -> None:
    await signed(shared, CANARY, CANARY_MAIL, "partner")
    token = await partners.make("Aliados", None, ana)
    assert people_in(await read(client, token, "/people")) == [CANARY]
    await Campaign.update({Campaign.partners: []}).where(Campaign.id == shared.id)
    assert people_in(await read(client, token, "/people")) == [""]
    assert (await read(client, token, "/petitions"))["_embedded"]["osdi:petitions"] == []


async def test_a_token_of_one_campaign_opens_no_other(
    client: httpx.AsyncClient, shared: Campaign, ana: Account
) -> None:
    partner = [{"name": "Aliados", "url": ""}]
    other = Campaign(
        slug="another",
        state=CampaignState.LIVE,
        title={"en": "Another", "es": "Otra"},
        ask={"en": "x", "es": "x"},
        story={"en": "x", "es": "x"},
        pledge_words={"en": "x", "es": "x"},
        partners=partner,
    )
    await other.save()
    pledge = await signed(other, "Elsewhere", "else@example.org", "partner")
    await signed(shared, "Here", "here@example.org", "partner")
    token = await partners.make("Aliados", shared, ana)
    wide = await partners.make("Aliados", None, ana)
    assert people_in(await read(client, token, "/people")) == ["Here"]
    assert set(people_in(await read(client, wide, "/people"))) == {"Here", "Elsewhere"}
    for path in (f"/petitions/{other.id}", f"/petitions/{other.id}/signatures",
                 f"/people/{pledge.id}", f"/signatures/{pledge.id}"):  # fmt: skip
        assert await status(client, token, path) == 404, path
        assert await status(client, wide, path) == 200, path
    # What the wide token was given does not look like someone who left to the narrow one.
    assert people_in(await read(client, token, "/people")) == ["Here"]


async def test_without_a_token_that_holds_nothing_opens(
    client: httpx.AsyncClient, shared: Campaign, ana: Account
) -> None:
    await signed(shared, CANARY, CANARY_MAIL, "partner")
    token = await partners.make("Aliados", None, ana)
    for wrong in (None, "", "x", token[:-1], token + "x", "x" * 3000):
        assert await status(client, wrong) == 401
        assert await status(client, wrong, "/") == 401
    row = await PartnerToken.select().first()
    assert row is not None
    assert token not in str(row)
    await PartnerToken.update({PartnerToken.ends_at: now()}).where(PartnerToken.id == row["id"])
    assert await status(client, token) == 401
    later = now() + datetime.timedelta(days=1)
    await PartnerToken.update({PartnerToken.ends_at: later}).where(PartnerToken.id == row["id"])
    assert await status(client, token) == 200
    assert await partners.revoke(row["id"], ana)
    assert not await partners.revoke(row["id"], ana)
    assert await status(client, token) == 401


async def test_guessing_and_hurrying_are_limited(
    client: httpx.AsyncClient, shared: Campaign, ana: Account
) -> None:
    for _ in range(osdi_api.WRONG_TOKENS.most):
        assert await status(client, "guess") == 401
    assert await status(client, "guess") == 429
    token = await partners.make("Aliados", None, ana)
    row = await PartnerToken.select(PartnerToken.id).first()
    assert row is not None
    assert await status(client, token) == 200
    assert await osdi_api.FETCHES.take(str(row["id"]).encode(), times=osdi_api.FETCHES.most - 1)
    assert await status(client, token) == 429


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/people?page=0", 400),
        ("/people?page=-1", 400),
        ("/people?page=x", 400),
        (f"/people?page={'9' * 2000}", 400),
        ("/people?per_page=0", 400),
        ("/people?page=99999999", 200),
        ("/people?per_page=5000", 200),
        ("/people?filter=x", 200),
        ("/people/1", 404),
        ("/people/" + "x" * 3000, 404),
        ("/people/confianza:00000000-0000-0000-0000-000000000000", 404),
        ("/signatures/%00", 400),
        (f"/petitions/{2**64}", 404),
        ("/petitions/0/signatures", 404),
        ("/nothing", 404),
    ],
)
async def test_bad_input_gets_a_problem_object(
    client: httpx.AsyncClient, shared: Campaign, ana: Account, path: str, expected: int
) -> None:
    token = await partners.make("Aliados", None, ana)
    assert await status(client, token, path) == expected


async def test_the_largest_page_is_a_hundred(
    client: httpx.AsyncClient, shared: Campaign, ana: Account
) -> None:
    token = await partners.make("Aliados", None, ana)
    assert (await read(client, token, "/people?per_page=5000"))["per_page"] == 100


async def test_every_fetch_is_in_the_trail_and_nobodys_name(
    client: httpx.AsyncClient, shared: Campaign, ana: Account
) -> None:
    pledge = await signed(shared, CANARY, CANARY_MAIL, "partner")
    token = await partners.make("Aliados", None, ana)
    for path in ("/", "/people", "/petitions", f"/petitions/{shared.id}/signatures",
                 f"/people/{pledge.id}"):  # fmt: skip
        await read(client, token, path)
    lines = await AuditEntry.select().order_by(AuditEntry.id)
    told = [
        (line["actor"], line["subject"], line["details"]["count"])
        for line in lines
        if line["action"] == "partner_read"
    ]
    assert told == [
        ("partner Aliados", "entry point", 0),
        ("partner Aliados", "people", 1),
        ("partner Aliados", "petitions", 0),
        ("partner Aliados", "signatures", 1),
        ("partner Aliados", "person", 1),
    ]
    assert "anario" not in str(lines)
    assert token not in str(lines)


async def test_an_admin_makes_a_token_that_is_shown_once(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient, shared: Campaign
) -> None:
    admin = await at_the_desk("admin", fresh=True)
    answer = await admin.post("/desk/partners", name="Aliados", campaign=str(shared.id))
    assert answer.status_code == 200
    shown = re.search(r'<p class="secret">([^<]+)</p>', answer.text)
    assert shown
    assert await status(client, shown[1]) == 200
    page = (await admin.get("/desk/partners")).text
    assert shown[1] not in page
    assert "End this token" in page
    row = await PartnerToken.select().first()
    assert row is not None
    assert row["ends_at"] - row["made_at"] > datetime.timedelta(days=89)
    assert (await admin.post(f"/desk/partners/{row['id']}/revoke")).status_code == 303
    assert await status(client, shown[1]) == 401
    assert (await admin.post(f"/desk/partners/{row['id']}/revoke")).status_code == 404
    assert (await admin.post(f"/desk/partners/{2**64}/revoke")).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [{}, {"name": "Strangers", "campaign": "all"}, {"name": "Aliados", "campaign": "1"},
     {"name": "Aliados", "campaign": "9" * 100}, {"name": "Aliados", "campaign": "x"},
     {"name": "A" * 10_000, "campaign": "all"}],
)  # fmt: skip
async def test_a_token_is_for_a_partner_that_a_page_names(
    at_the_desk: AtTheDesk, shared: Campaign, fields: dict[str, str]
) -> None:
    admin = await at_the_desk("admin", fresh=True)
    answer = await admin.post("/desk/partners", **fields)
    assert answer.status_code == 422
    assert not await PartnerToken.exists()


async def test_a_token_needs_an_admin_and_their_passkey(
    at_the_desk: AtTheDesk, shared: Campaign
) -> None:
    fields = {"name": "Aliados", "campaign": "all"}
    campaigner = await at_the_desk("campaigner", fresh=True)
    assert (await campaigner.post("/desk/partners", **fields)).status_code == 403
    admin = await at_the_desk("admin")
    assert (await admin.post("/desk/partners", **fields)).status_code == 303
    assert not await PartnerToken.exists()


def installed() -> Path:
    """The Python that has `parsons`, made once: it shares nothing with ours."""
    python = ENVIRONMENT / "bin" / "python"
    locks = [HERE / "build.txt", HERE / "requirements.txt"]
    wanted = "".join(lock.read_text() for lock in locks)
    mark = ENVIRONMENT / "installed.txt"
    if mark.exists() and mark.read_text() == wanted:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--require-hashes", "--no-deps"]
    # It comes as source only. What builds it is in the lock, so nothing else is fetched for that.
    subprocess.run([*pip, "-r", str(locks[0])], check=True)
    subprocess.run([*pip, "--no-build-isolation", "-r", str(locks[1])], check=True)
    mark.write_text(wanted)
    return python


@pytest.fixture
async def real_rows(served: Served, served_url: str, database_url: str) -> AsyncIterator[str]:
    """A campaign of the served site with three who agreed and one who left, and a token. They are
    committed, so they are taken away again."""
    from backend import database
    from backend.database import DB

    assert DB.current_transaction.get() is None
    database.use(served_url)
    campaign = Campaign(
        slug="read-by-parsons",
        state=CampaignState.LIVE,
        title={"en": "Read by parsons", "es": "Leída por parsons"},
        ask={"en": "x", "es": "x"},
        story={"en": "x", "es": "x"},
        pledge_words={"en": "x", "es": "x"},
        partners=[{"name": "Parsons readers", "url": ""}],
    )
    await campaign.save()
    account = await Account.open_for("who tests parsons", ["admin"])
    token = await partners.make("Parsons readers", campaign, account)
    try:
        for letter in "abc":
            await signed(campaign, f"Person {letter}", f"{letter}@parsons.example.org", "partner")
        yield token
    finally:
        database.use(database_url)
        connection = await asyncpg.connect(served_url)
        for statement in (
            "DELETE FROM partner_given",
            "DELETE FROM partner_token WHERE name = 'Parsons readers'",
            f"DELETE FROM pledge WHERE campaign = {campaign.id}",
            f"DELETE FROM count_line WHERE campaign = {campaign.id}",
            f"DELETE FROM pledge_count WHERE campaign = {campaign.id}",
            f"DELETE FROM campaign WHERE id = {campaign.id}",
            "DELETE FROM pgqueuer WHERE entrypoint = 'pledge_mail'",
        ):
            await connection.execute(statement)
        await connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
        await connection.execute("DELETE FROM audit_entry")
        await connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER ALL")
        await connection.execute("DELETE FROM account WHERE name = 'who tests parsons'")
        await connection.close()


async def test_parsons_reads_it(real_rows: str, served: Served) -> None:
    command = [str(installed()), str(HERE / "read.py"), f"{served.url}{API}", real_rows]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["given_name"] for each in found["people"]] == ["Person a", "Person b", "Person c"]
    assert [each["title"] for each in found["petitions"]] == ["Read by parsons"]
    assert len(found["signatures"]) == 3
    assert found["person"]["email_addresses"][0]["address"] == "a@parsons.example.org"
    assert len(found["signatures_of_one"]) == 1
