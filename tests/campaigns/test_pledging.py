"""Signing through the site, as people do: in a form, with mistakes, twice, and coming back."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from backend.campaigns import counting, pledging, puzzle, receipts, signing
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign, ConsentText, Pledge
from backend.web import kept
from tests.campaigns.conftest import boxes

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


async def follow(client: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 303, answer.text
    return await client.get(answer.headers["location"])


async def test_signing_leads_to_a_receipt_that_leads_back(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    answer = await send(client, campaign)
    page = await follow(client, answer)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    code = answer.headers["location"].removeprefix("/pledges/")
    assert receipts.in_words(code) in page.text
    assert "One step is left" in page.text
    assert "Ana López" not in page.text
    assert "ana@example.org" not in page.text
    pledge = await signing.by_receipt(code)
    assert pledge is not None
    digits = receipts.six_digits(pledge.id, 1)
    opened = await client.get(f"/pledges/{code}?code={digits}")
    assert digits in opened.text
    assert (await signing.by_receipt(code)).state.name == "AWAITING", "opening confirms nothing"
    done = await client.post(f"/pledges/{code}/confirmations", data={"code": digits}, headers=OURS)
    assert "Your pledge counts" in (await follow(client, done)).text
    typed = await client.get("/pledges", params={"code": receipts.in_words(code).lower()})
    assert typed.headers["location"] == f"/pledges/{code}"
    gone = await client.post(f"/pledges/{code}/withdrawal", headers=OURS)
    assert "Withdrawn and deleted" in (await follow(client, gone)).text
    assert (await client.get(f"/pledges/{code}")).status_code == 404
    assert await Pledge.count() == 0


async def test_new_repeated_doubtful_and_set_aside_see_the_same_page(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    def shape(page: httpx.Response) -> str:
        text = re.sub(r"[0-9A-Z]{4}-?[0-9A-Z]{4}", "CODE", page.text)
        return re.sub(r"(?s)<svg[^>]*class=\"qr\".*?</svg>", "QR", text)

    new = await follow(client, await send(client, campaign))
    repeated = await follow(client, await send(client, campaign))
    doubtful = await follow(
        client, await send(client, campaign, contact="ben@example.org", website="http://x")
    )
    quick = await follow(client, await send(client, campaign, contact="cy@example.org", took="1"))
    aside = await send(client, campaign, contact="dan@example.org")
    pledge = await signing.by_receipt(aside.headers["location"].removeprefix("/pledges/"))
    assert pledge is not None
    await counting.move([pledge.id], signing.PledgeState.SET_ASIDE)
    set_aside = await follow(client, aside)
    assert {shape(page) for page in (repeated, doubtful, quick, set_aside)} == {shape(new)}
    await counting.count()
    numbers = await counting.numbers(campaign.id)
    assert (numbers.awaiting, numbers.set_aside) == (1, 1)


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
    pledge = await signing.by_receipt(answer.headers["location"].removeprefix("/pledges/"))
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
    assert taken.status_code == 303


async def test_htmx_gets_the_form_again_or_the_way_to_the_receipt(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    htmx = {"HX-Request": "true", "HX-Request-Type": "partial"}
    wrong = await send(client, campaign, headers=htmx, name="")
    assert wrong.status_code == 422
    assert wrong.text.strip().startswith("<form")
    right = await send(client, campaign, headers=htmx)
    assert right.status_code == 200
    assert right.headers["hx-redirect"].startswith("/pledges/")


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


async def test_past_the_threshold_a_phone_does_a_sum_and_each_sum_counts_once(
    client: httpx.AsyncClient, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64
    import json

    import altcha

    monkeypatch.setattr(pledging.FREELY, "most", 1)
    await send(client, campaign)
    asked = await send(client, campaign, contact="ben@example.org")
    assert asked.status_code == 429
    assert 'value="ben@example.org"' in asked.text
    found = json.loads(unescape(re.search(r'data-puzzle="([^"]*)"', asked.text)[1]))
    named = ("algorithm", "challenge", "maxnumber", "salt", "signature")
    sum = altcha.ChallengeV1(*(found[name] for name in named))
    solution = altcha.solve_challenge_v1(sum)
    payload = base64.b64encode(json.dumps({**found, "number": solution.number}).encode()).decode()
    assert not puzzle.is_solved(payload[:-8])
    assert (
        await send(client, campaign, contact="ben@example.org", puzzle=payload)
    ).status_code == 303
    again = await send(client, campaign, contact="cy@example.org", puzzle=payload)
    assert again.status_code == 429


async def test_guessing_codes_ends_soon(client: httpx.AsyncClient, campaign: Campaign) -> None:
    answers = [await client.get(f"/pledges/{receipts.new()}") for _ in range(45)]
    assert {answer.status_code for answer in answers[:40]} == {404}
    assert answers[-1].status_code == 429
    assert "Please wait" in answers[-1].text


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
    code = (await send(client, campaign)).headers["location"].removeprefix("/pledges/")
    change = {"name": "Ana L.", "zip": "96101", **await boxes("partner")}
    done = await client.post(f"/pledges/{code}/corrections", data=change, headers=OURS)
    assert "Modoc" in done.text
    pledge = await signing.by_receipt(code)
    assert pledge is not None
    assert pledge.name == "Ana L."
    wrong = await client.post(f"/pledges/{code}/corrections", data={"zip": "1"}, headers=OURS)
    assert wrong.status_code == 422
    nothing = await client.post(f"/pledges/{code}/corrections", data={}, headers=OURS)
    assert nothing.status_code == 200
    assert (await signing.by_receipt(code)).name == "Ana L."


async def test_what_the_signer_read_is_what_is_kept(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = await client.get(f"/campaigns/{campaign.slug}")
    on_the_page = dict(re.findall(r'name="(agree_[a-z]+)" value="([0-9]+)"', page.text))
    words = "These are the words of next year."
    newer = ConsentText(purpose="news", language="en", words=words, hash="0" * 64)
    await newer.save()
    kept.clear()
    assert words in (await client.get(f"/campaigns/{campaign.slug}")).text
    answer = await send(client, campaign, **on_the_page)
    code = answer.headers["location"].removeprefix("/pledges/")
    pledge = await signing.by_receipt(code)
    assert pledge is not None
    assert pledge.consents == [int(id) for id in on_the_page.values()]
    # A correction does not touch what was agreed to with the signature itself.
    change = {"agree_news": str(newer.id)}
    await client.post(f"/pledges/{code}/corrections", data=change, headers=OURS)
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
    code = (await send(client, campaign)).headers["location"].removeprefix("/pledges/")
    wrong = await client.post(
        f"/pledges/{code}/corrections", data={"agree_news": box}, headers=OURS
    )
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
    page = await client.get(answer.headers["location"], headers={"Accept-Language": "es"})
    assert 'lang="es"' in page.text
    pledge = await signing.by_receipt(answer.headers["location"].removeprefix("/pledges/"))
    assert pledge is not None
    assert pledge.language == "es"
