"""Signing through the site, as people do: in a form, with mistakes, twice, and coming back."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from backend.campaigns import pledge_pages, pledges, receipts, signing, tallies
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign, ConsentText, Pledge
from backend.web import page_cache, proof_of_work, rate_limits
from tests.campaigns.conftest import boxes
from tests.campaigns.working import by_receipt, letters, receipt_in, work

OURS = {"Sec-Fetch-Site": "same-origin"}
GOOD = {
    "name": "Ana López",
    "contact": "ana@example.org",
    "zip": "95401",
}


async def send(
    client: httpx.AsyncClient,
    campaign: Campaign,
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> httpx.Response:
    ticked = await boxes("pledge", "news")
    data = {k: value for k, value in {**GOOD, **ticked, **fields}.items() if value is not None}
    return await client.post(
        f"/campaigns/{campaign.slug}/pledges", data=data, headers={**OURS, **(headers or {})}
    )


async def act(
    client: httpx.AsyncClient, page: httpx.Response, what: str, **fields: str
) -> httpx.Response:
    """Press a button of a signer's own page."""
    [of] = set(re.findall(r'name="of" value="([0-9a-f]+)"', page.text))
    return await client.post(f"/pledges/mine/{what}", data={"of": of, **fields}, headers=OURS)


async def digits_of(receipt: str) -> str:
    await work()
    pledge = await signing.by_receipt(receipt)
    assert pledge is not None
    return receipts.six_digits(pledge.id, pledge.round)


async def test_the_answer_to_signing_is_the_receipt_that_leads_back(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = await send(client, campaign)
    code = receipt_in(page)
    assert len(code) == 10
    assert page.headers["cache-control"] == "no-store"
    assert "One step is left" in page.text
    for secret in ("Ana López", "ana@example.org"):
        assert secret not in page.text
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    digits = await digits_of(code)
    mine = await client.get("/pledges/mine")
    assert receipt_in(mine) == code
    assert 'class="qr"' in mine.text
    wrong = await act(client, mine, "confirmations", code="12 34 5x")
    assert wrong.status_code == 422
    assert 'value="12 34 5x"' in wrong.text, "what was typed stays"
    done = await act(client, mine, "confirmations", code=digits)
    assert "Your pledge counts" in done.text
    new = receipt_in(done)
    assert new != code
    client.cookies.clear()
    old = await client.post("/pledges", data={"code": code}, headers=OURS)
    assert old.status_code == 404, "who typed the address has nothing any more"
    typed = {"code": receipts.in_words(new).lower()}
    opened = await client.post("/pledges", data=typed, headers=OURS)
    assert opened.headers["location"] == "/pledges/mine"
    gone = await act(client, await client.get("/pledges/mine"), "withdrawal")
    assert gone.headers["location"] == "/pledges/withdrawn"
    assert "Withdrawn and deleted" in (await client.get("/pledges/withdrawn")).text
    assert await Pledge.count() == 0


async def test_no_address_holds_a_receipt(client: httpx.AsyncClient, campaign: Campaign) -> None:
    """What a shared phone's history and a proxy's log would keep."""
    page = await send(client, campaign)
    code = receipt_in(page)
    digits = await digits_of(code)
    old = [f"/pledges/{code}", f"/pledges/{code}?code={digits}", f"/pledges?code={code}"]
    for link in old:
        client.cookies.clear()
        moved = await client.get(link)
        assert (moved.status_code, moved.headers["location"]) == (303, "/pledges/mine")
        mine = await client.get("/pledges/mine")
        assert receipt_in(mine) == code
        assert (digits in mine.text) == ("?code=" + digits in link)
    every = "".join(re.findall(r'(?:href|action|hx-post)="([^"]*)"', page.text + mine.text))
    assert code not in every
    assert (await signing.by_receipt(code)).confirmed is False, "opening confirms nothing"


async def test_pressing_twice_signs_once(client: httpx.AsyncClient, campaign: Campaign) -> None:
    first, second = await send(client, campaign), await send(client, campaign)
    assert receipt_in(first) == receipt_in(second)
    assert await Pledge.count() == 1
    other = await send(client, campaign, name="Ben")
    assert receipt_in(other) != receipt_in(first)


async def test_a_form_of_another_pledge_changes_nothing(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    first = await send(client, campaign)
    await send(client, campaign, name="Ben")
    answer = await act(client, first, "withdrawal")
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.text
    assert await Pledge.count() == 2


@pytest.mark.parametrize("cookie", ["", "x", "K7QMX9RTAB...", "a.b.c.d", "..." * 900, "é.ü.ö.ä"])
async def test_a_cookie_that_we_did_not_write_leads_nowhere(
    client: httpx.AsyncClient, campaign: Campaign, cookie: str
) -> None:
    given = {"Cookie": f"pledge={cookie}".encode()}
    answer = await client.get("/pledges/mine", headers=given)
    assert answer.status_code == 403
    assert 'href="/pledges"' in answer.text


async def test_new_repeated_doubtful_and_set_aside_see_the_same_page(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    def shape(page: httpx.Response) -> str:
        return re.sub(r"[0-9A-Z]{5}-[0-9A-Z]{5}|[0-9a-f]{20}", "CODE", page.text)

    async def signed(**fields: str) -> httpx.Response:
        client.cookies.clear()
        await rate_limits.forget_all()
        page = await send(client, campaign, **fields)
        await work()
        return page

    new = await signed()
    repeated = await signed()
    doubtful = await signed(contact="ben@example.org", website="http://x")
    quick = await signed(contact="cy@example.org", took="1")
    assert {shape(page) for page in (repeated, doubtful, quick)} == {shape(new)}
    assert len(await letters()) == 2, "to who is not doubted, each time"
    aside = await signed(contact="dan@example.org")
    mine = await client.get("/pledges/mine")
    pledge = await signing.by_receipt(receipt_in(aside))
    assert pledge is not None
    await tallies.move([pledge.id], pledges.PledgeState.SET_ASIDE)
    later = await client.get("/pledges/mine")
    assert later.text == mine.text


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "", "Write your name."),
        ("name", "x" * 10_000, "Write a shorter name"),
        ("name", "12345", "Write your name in letters."),
        ("name", "<b>Ana</b>", "Write only your name here."),
        ("name", "\u202e\u2066", "Write your name."),
        ("contact", "", "Write an e-mail address or a phone number."),
        ("contact", "ana@example", "This e-mail address cannot be right."),
        ("contact", "12345", "This phone number cannot be right."),
        ("contact", "a" * 10_000 + "@example.org", "This e-mail address cannot be right."),
        ("zip", "", "Write the five digits of your ZIP code."),
        ("zip", "9540", "Write the five digits of your ZIP code."),
        ("zip", "٩٥٤٠١", "Write the five digits of your ZIP code."),
        ("zip", "10001", "This is not a ZIP code of California."),
        ("agree_pledge", None, "Tick this box"),
    ],
)
async def test_a_mistake_is_told_beside_its_field_and_nothing_typed_is_lost(
    client: httpx.AsyncClient, campaign: Campaign, field: str, value: str | None, told: str
) -> None:
    answer = await send(client, campaign, **{field: value})
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert f'href="#{field}"' in answer.text
    assert answer.text.count(told) == 2, "at the top and beside the field"
    assert "<title>Error" in answer.text
    if field != "name":
        assert 'value="Ana López"' in answer.text
    assert await Pledge.count() == 0


@pytest.mark.parametrize(
    "name",
    ["María-José O’Neill", "李小龍", "محمد رضا", "Nguyễn Thị Minh Khai", "Հայկ", "ລາວ", "Ana 🌊",
     "a\u202eb", "Ng", "\u0627\u0644\u0644\u0647 & Söhne"],
)  # fmt: skip
async def test_names_in_any_script_are_taken(
    client: httpx.AsyncClient, campaign: Campaign, name: str
) -> None:
    answer = await send(client, campaign, name=name)
    pledge = await by_receipt(receipt_in(answer))
    assert pledge is not None
    assert pledge.name == name.replace("\u202e", "")


async def test_a_zip_in_two_counties_asks_which(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    from backend.counties import gazetteer

    shared = next(zip for zip in gazetteer.zips().values() if len(zip.counties) > 1)
    asked = await send(client, campaign, zip=shared.zip)
    assert asked.status_code == 422
    assert "in more than one county" in asked.text
    for county in shared.counties:
        assert f'value="{county.slug}"' in asked.text
    elsewhere = await send(client, campaign, zip=shared.zip, county="los-angeles-of-the-north")
    assert elsewhere.status_code == 422
    taken = await send(client, campaign, zip=shared.zip, county=shared.counties[1].slug)
    assert taken.status_code == 200


async def test_htmx_gets_the_form_again_or_the_receipt_in_place_of_the_page(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    htmx = {"HX-Request": "true", "HX-Request-Type": "partial"}
    wrong = await send(client, campaign, headers=htmx, name="")
    assert wrong.status_code == 422
    assert wrong.text.strip().startswith("<form")
    right = await send(client, campaign, headers=htmx)
    assert receipt_in(right)
    assert right.text.strip().startswith("<article")
    assert right.headers["hx-retarget"] == "#main"
    assert right.headers["hx-push-url"] == "/pledges/mine"


async def test_a_closed_campaign_takes_no_name(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    await Campaign.update({Campaign.state: CampaignState.CLOSED}).where(Campaign.id == campaign.id)
    answer = await send(client, campaign)
    assert answer.status_code == 409
    assert "not open for signatures" in answer.text
    assert await Pledge.count() == 0
    for slug in ("nothing", "x" * 3000, "%F0%9F%8C%8A", "1"):
        answer = await client.post(f"/campaigns/{slug}/pledges", data=GOOD, headers=OURS)
        assert answer.status_code == 404


async def test_another_site_cannot_sign_for_somebody(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    answer = await client.post(
        f"/campaigns/{campaign.slug}/pledges", data=GOOD, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert await Pledge.count() == 0


def solved(page: httpx.Response) -> str:
    """The sum of a page, worked out as a phone does."""
    import base64
    import json

    import altcha

    asked = re.search(r'data-puzzle="([^"]*)"', page.text)
    assert asked is not None
    found = json.loads(unescape(asked[1]))
    named = ("algorithm", "challenge", "maxnumber", "salt", "signature")
    solution = altcha.solve_challenge_v1(altcha.ChallengeV1(*(found[name] for name in named)))
    return base64.b64encode(json.dumps({**found, "number": solution.number}).encode()).decode()


async def sign_three(client: httpx.AsyncClient, campaign: Campaign) -> None:
    for number in range(3):
        assert receipt_in(await send(client, campaign, contact=f"p{number}@example.org"))
        client.cookies.clear()


async def test_from_the_fourth_of_a_network_on_a_phone_does_a_sum_and_each_counts_once(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    await sign_three(client, campaign)
    asked = await send(client, campaign, contact="ben@example.org")
    assert asked.status_code == 429
    assert 'value="ben@example.org"' in asked.text
    payload = solved(asked)
    assert receipt_in(await send(client, campaign, contact="ben@example.org", puzzle=payload))
    again = await send(client, campaign, contact="cy@example.org", puzzle=payload)
    assert again.status_code == 429


async def test_without_a_script_one_waits_and_signs(
    client: httpx.AsyncClient, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_three(client, campaign)
    asked = await send(client, campaign, contact="ben@example.org")
    [ticket] = re.findall(r'name="ticket" value="([^"]+)"', asked.text)
    assert "count to thirty" in asked.text
    soon = await send(client, campaign, contact="ben@example.org", ticket=ticket)
    assert soon.status_code == 429
    moment = proof_of_work._moment()
    monkeypatch.setattr(proof_of_work, "_moment", lambda: moment + 25_000)
    assert receipt_in(await send(client, campaign, contact="ben@example.org", ticket=ticket))


async def test_the_more_people_sign_the_harder_is_the_sum(
    client: httpx.AsyncClient, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.campaigns import queries

    def hardness(page: httpx.Response) -> int:
        return int(re.findall(r"&#34;maxnumber&#34;: ([0-9]+)", page.text)[0])

    await sign_three(client, campaign)
    calm = hardness(await send(client, campaign, contact="ben@example.org"))
    monkeypatch.setattr(pledge_pages, "CALM", 1)
    monkeypatch.setattr(queries._rate, "at", -1e9)
    assert hardness(await send(client, campaign, contact="ben@example.org")) == 3 * calm


@pytest.mark.slow
async def test_the_fifteenth_signer_at_a_markets_hotspot_sees_the_receipt(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    """Each signs, looks, types the code from their paper, and confirms; all come from one network.
    Twenty of them look more than 40 times in an hour, which was the most."""
    for number in range(20):
        client.cookies.clear()
        contact = f"market{number}@example{number}.org"
        page = await send(client, campaign, contact=contact)
        if page.status_code == 429:
            page = await send(client, campaign, contact=contact, puzzle=solved(page))
        code = receipt_in(page)
        client.cookies.clear()
        typed = await client.post("/pledges", data={"code": code}, headers=OURS)
        assert typed.status_code == 303
        mine = await client.get("/pledges/mine")
        assert receipt_in(mine) == code
        done = await act(client, mine, "confirmations", code=await digits_of(code))
        assert "Your pledge counts" in done.text


@pytest.mark.slow
async def test_who_typed_a_phone_number_cannot_confirm_it_however_they_ask(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    """The attack: with the receipt alone, 600 numbers nobody owns were confirmed in 11 s."""
    for number in range(3):
        client.cookies.clear()
        page = await send(client, campaign, contact=f"(213) 373-425{number}")
        code = receipt_in(page)
        await work()
        pledge = await signing.by_receipt(code)
        assert pledge is not None
        digits = [receipts.six_digits(pledge.id, round) for round in range(3)]
        for fields in ({}, {"code": ""}, {"code": code}, *({"code": each} for each in digits)):
            answer = await act(client, page, "confirmations", **fields)
            assert "Your pledge counts" not in answer.text
        for again in ("codes", "corrections"):
            await act(client, page, again, name="Ana", zip="95401")
        assert (await act(client, page, "confirmations")).status_code == 422
    await work()
    await tallies.count()
    numbers = await tallies.numbers(campaign.id)
    assert (numbers.confirmed, numbers.phones) == (0, 3)


async def test_only_wrong_codes_are_counted_and_then_a_sum_comes_before_any(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    code = receipt_in(await send(client, campaign))
    for _look in range(60):
        opened = await client.post("/pledges", data={"code": code}, headers=OURS)
        assert opened.status_code == 303
    client.cookies.clear()
    for _guess in range(25):
        answer = await client.post("/pledges", data={"code": receipts.new()}, headers=OURS)
    assert answer.status_code == 429, "a guess needs a sum now"
    right = await client.post("/pledges", data={"code": code}, headers=OURS)
    assert right.status_code == 429, "or who guesses would learn by it which is right"
    summed = {"code": code, "puzzle": solved(right)}
    assert (await client.post("/pledges", data=summed, headers=OURS)).status_code == 303


@pytest.mark.slow
async def test_guesses_from_many_networks_meet_a_sum_too(
    client: httpx.AsyncClient, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: 2,400 guesses from 60 networks, none refused."""
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    told = {404: 0, 429: 0}
    for guess in range(2400):
        there = {**OURS, "X-Forwarded-For": f"{100 + guess % 60}.{guess % 60}.1.9"}
        code = receipts.new()
        if guess % 2:  # as links of earlier releases had it
            answer = await client.get(f"/pledges/{code}", headers=there)
        else:
            answer = await client.post("/pledges", data={"code": code}, headers=there)
        told[answer.status_code] += 1
    # A little room fills up again while they guess.
    assert told[404] <= 1000 + 60
    right = receipt_in(await send(client, campaign))
    client.cookies.clear()
    asked = await client.post("/pledges", data={"code": right}, headers=OURS)
    assert asked.status_code == 429
    summed = {"code": right, "puzzle": solved(asked)}
    assert (await client.post("/pledges", data=summed, headers=OURS)).status_code == 303


async def test_asking_for_ones_pledges_says_the_same_to_everyone(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    await send(client, campaign)
    told = [
        (await client.post("/pledges/leave", data={"contact": contact}, headers=OURS)).text
        for contact in ("ana@example.org", "nobody@example.org")
    ]
    assert told[0] == told[1]
    wrong = await client.post("/pledges/leave", data={"contact": "x" * 10_000}, headers=OURS)
    assert wrong.status_code == 422


async def test_a_signer_changes_what_is_wrong(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = await send(client, campaign)
    code = receipt_in(page)
    change = {"name": "Ana L.", "zip": "96101", **await boxes("partner")}
    done = await act(client, page, "corrections", **change)
    assert "Modoc" in done.text
    pledge = await by_receipt(code)
    assert pledge is not None
    assert pledge.name == "Ana L."
    wrong = await act(client, page, "corrections", zip="1", name="Ana Luisa")
    assert wrong.status_code == 422
    assert 'value="Ana Luisa"' in wrong.text
    nothing = await act(client, page, "corrections")
    assert nothing.status_code == 200
    pledge = await by_receipt(code)
    assert pledge is not None
    assert pledge.name == "Ana L."


async def test_what_the_signer_read_is_what_is_kept(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = await client.get(f"/campaigns/{campaign.slug}")
    on_the_page = dict(re.findall(r'name="(agree_[a-z]+)" value="([0-9]+)"', page.text))
    words = "These are the words of next year."
    newer = ConsentText(purpose="news", language="en", words=words, hash="0" * 64)
    await newer.save()
    page_cache.clear()
    assert words in (await client.get(f"/campaigns/{campaign.slug}")).text
    answer = await send(client, campaign, **on_the_page)
    code = receipt_in(answer)
    pledge = await signing.by_receipt(code)
    assert pledge is not None
    assert pledge.consents == [int(id) for id in on_the_page.values()]
    # A correction does not touch what was agreed to with the signature itself.
    change = {"agree_news": str(newer.id)}
    await act(client, answer, "corrections", **change)
    pledge = await signing.by_receipt(code)
    assert pledge is not None
    assert pledge.consents == [int(on_the_page["agree_pledge"]), newer.id]


@pytest.mark.parametrize("box", ["yes", "0", "-1", "999999", "9" * 400, "1.", "\u0661", "\0"])
async def test_a_box_beside_words_that_never_were_is_asked_again(
    client: httpx.AsyncClient, campaign: Campaign, box: str
) -> None:
    answer = await send(client, campaign, agree_news=box)
    assert answer.status_code == 422
    assert answer.text.count("These words have changed.") == 2
    assert re.search(r'id="agree_news"[^>]*aria-invalid', answer.text)
    assert not re.search(r'id="agree_news"[^>]* checked', answer.text)
    assert re.search(r'id="agree_pledge"[^>]* checked', answer.text)
    assert 'value="Ana López"' in answer.text
    wrong = await act(client, await send(client, campaign), "corrections", agree_news=box)
    assert wrong.status_code == 422
    assert "These words have changed." in wrong.text


async def test_a_box_of_one_purpose_is_not_anothers(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    [news] = (await boxes("news")).values()
    assert (await send(client, campaign, agree_pledge=news)).status_code == 422


async def test_in_spanish_the_form_and_the_receipt_are_spanish(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    answer = await send(client, campaign, headers={"Accept-Language": "es"})
    assert 'lang="es"' in answer.text
    pledge = await signing.by_receipt(receipt_in(answer))
    assert pledge is not None
    assert pledge.language == "es"
