"""Campaigns as people and programs read them, through their addresses."""

import datetime
import re
from typing import Any

import httpx
import pytest

from backend.campaigns import public_pages
from backend.campaigns.states import CampaignState
from backend.campaigns.tables import Campaign, CampaignUpdate, PledgeCount, SettingAside
from backend.policies import queries as policies
from backend.web.clock import today
from tests.campaigns.conftest import county_id
from tests.campaigns.working import publish

SLUG = "end-holds-here"
PAGE = f"/campaigns/{SLUG}"


async def count(campaign: Campaign, county: str, confirmed: int, awaiting: int, aside: int) -> None:
    await PledgeCount.insert(
        PledgeCount(
            campaign=campaign.id,
            county=await county_id(county),
            confirmed=confirmed,
            awaiting=awaiting,
            set_aside=aside,
        )
    )
    policies.forget()


async def change(campaign: Campaign, **fields: Any) -> None:
    await Campaign.update(fields).where(Campaign.id == campaign.id)
    policies.forget()


@pytest.fixture
async def counted(campaign: Campaign) -> Campaign:
    await count(campaign, "sonoma", 1200, 30, 4)
    await count(campaign, "napa", 34, 5, 1)
    await publish()
    return campaign


async def test_the_list_shows_live_campaigns_with_their_three_numbers(
    client: httpx.AsyncClient, counted: Campaign
) -> None:
    page = (await client.get("/campaigns")).text
    for slug in ("end-ice-holds-and-transfers", "health-for-all", SLUG):
        assert f'href="/campaigns/{slug}"' in page
    assert "<strong>1,230</strong>" in page
    assert "30 or more left an e-mail address that is not confirmed yet." in page
    assert "Fewer than 10 were set aside and do not count." in page
    assert "Ask the sheriff." in page


async def test_live_ones_come_first_then_closed_ones_with_their_outcome(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    outcome = '{"en": "The board **agreed**.", "es": "La junta aceptó."}'
    await change(campaign, state=CampaignState.CLOSED, outcome=outcome)
    page = (await client.get("/campaigns")).text
    assert page.index("/campaigns/health-for-all") < page.index("Closed campaigns")
    assert page.index("Closed campaigns") < page.index(PAGE)
    assert "The board <strong>agreed</strong>." in page
    assert f'href="{PAGE}#sign"' not in page
    await change(campaign, state=CampaignState.ARCHIVED)
    assert PAGE not in (await client.get("/campaigns")).text


async def test_a_campaigns_page_says_it_all(client: httpx.AsyncClient, counted: Campaign) -> None:
    await CampaignUpdate.insert(
        CampaignUpdate(
            campaign=counted.id,
            title={"en": "A hearing", "es": "Una audiencia"},
            words={"en": "Come on *Tuesday*.", "es": "Vengan el martes."},
        )
    )
    await SettingAside.insert(
        SettingAside(campaign=counted.id, pattern={}, reason="Typed by a <program>", number=5)
    )
    policies.forget()
    page = (await client.get(PAGE)).text
    assert "<h1>End holds here</h1>" in page
    assert "<strong>1,230</strong>" in page
    assert "The last goal, 100, is reached." in page
    assert "Typed by a &lt;program&gt;" in page
    assert "Come on <em>Tuesday</em>." in page
    assert 'action="/campaigns/end-holds-here/pledges"' in page
    assert "Names and contacts are erased 90 days after this campaign closes." in page
    rows = re.findall(r'<th scope="row"><bdi>(\w+)</bdi></th>((?:<td.*?</td>)+)', page)
    assert [(name, re.findall(r">([^<>]+)<", cells)) for name, cells in rows] == [
        ("Napa", ["30", "Fewer than 10", "Fewer than 10", "Fewer than 10"]),
        ("Sonoma", ["1,200", "30", "Fewer than 10", "Fewer than 10"]),
    ]
    assert page.count("<path d=") >= 58
    assert 'class="step-3" aria-label="Sonoma: 1,200"' in page
    assert "In 56 counties fewer than 10 have signed." in page


async def test_a_story_shows_its_sources_in_order(client: httpx.AsyncClient) -> None:
    page = (await client.get("/campaigns/end-ice-holds-and-transfers")).text
    for number in range(1, 6):
        assert f'href="#source-{number}"' in page
        assert f'id="source-{number}"' in page
    assert 'id="source-6"' not in page
    assert "California Immigrant Policy Center" in page


async def test_spanish_that_nobody_has_read_says_so_and_leads_to_the_english(
    client: httpx.AsyncClient,
) -> None:
    spanish = (await client.get("/campaigns/health-for-all?lang=es")).text
    assert "<h1>Salud para todos</h1>" in spanish
    assert 'class="notice small"' in spanish
    assert '<a href="?lang=en" lang="en" hreflang="en">English</a>' in spanish
    english = (await client.get("/campaigns/health-for-all?lang=en")).text
    assert 'class="notice small"' not in english


async def test_a_draft_is_nobodys_business(client: httpx.AsyncClient, campaign: Campaign) -> None:
    await change(campaign, state=CampaignState.DRAFT)
    for rest in ("", "/numbers", "/embed", "/poster", "/sheet", "/preview-en.png"):
        answer = await client.get(PAGE + rest)
        assert answer.status_code == 404, rest
        assert "End holds here" not in answer.text
        assert 'href="/campaigns"' in answer.text, "with a way on"
    assert SLUG not in (await client.get("/campaigns")).text
    assert SLUG not in (await client.get("/api/v1/campaigns")).text


async def test_a_closed_campaign_shows_what_became_of_it_and_no_form(
    client: httpx.AsyncClient, counted: Campaign
) -> None:
    closed = datetime.datetime(2026, 11, 1, 20, tzinfo=datetime.UTC)
    await change(
        counted,
        state=CampaignState.CLOSED,
        closed_at=closed,
        outcome='{"en": "They listened.", "es": "Escucharon."}',
    )
    page = (await client.get(PAGE)).text
    assert "This campaign is closed. It cannot be signed any more." in page
    assert "They listened." in page
    assert "<form" not in page
    assert "<strong>1,230</strong>" in page
    assert "erased on January 30, 2027." in page
    for rest in ("/poster", "/sheet"):
        answer = await client.get(PAGE + rest)
        assert answer.status_code == 410
        assert "There is nothing to sign any more." in answer.text
        assert f'href="{PAGE}"' in answer.text
    await change(counted, state=CampaignState.ARCHIVED)
    archived = await client.get(PAGE)
    assert archived.status_code == 200
    assert "This campaign is over." in archived.text


async def test_a_campaign_is_signed_from_its_first_to_its_last_day(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    day = datetime.timedelta(days=1)
    await change(campaign, opens_on=today() + day)
    page = (await client.get(PAGE)).text
    assert "It can be signed from" in page
    assert '/pledges" method' not in page
    await change(campaign, opens_on=today(), closes_on=today())
    assert f'action="{PAGE}/pledges"' in (await client.get(PAGE)).text
    await change(campaign, opens_on=None, closes_on=today() - day)
    page = (await client.get(PAGE)).text
    assert "It could be signed until" in page
    assert f'action="{PAGE}/pledges"' not in page


async def test_closing_while_somebody_reads_tells_them_with_the_next_numbers(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = (await client.get(PAGE)).text
    again = re.search(r'data-again="([^"]+)"', page)
    assert again
    assert "closed" not in (await client.get(again[1])).text
    await change(campaign, state=CampaignState.CLOSED)
    assert "This campaign is closed." in (await client.get(again[1])).text
    sent = await client.post(f"{PAGE}/pledges", headers={"Sec-Fetch-Site": "same-origin"})
    assert sent.status_code == 409


@pytest.mark.parametrize("slug", ["nope", "Über", "x" * 61, "x" * 3000, "a%20b", "%F0%9F%90%88"])
async def test_a_campaign_that_is_not_there_is_told_in_words_with_a_way_on(
    client: httpx.AsyncClient, slug: str
) -> None:
    for rest in ("", "/numbers", "/embed", "/poster", "/sheet", "/preview-es.png"):
        answer = await client.get(f"/campaigns/{slug}{rest}")
        assert answer.status_code == 404, rest
        assert "We know no campaign by that name." in answer.text
        assert 'href="/campaigns"' in answer.text
    spanish = await client.get("/campaigns/nope", headers={"Accept-Language": "es"})
    assert "No conocemos ninguna campaña" in spanish.text


async def test_a_kept_page_holds_nothing_about_who_asks(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    first = await client.get(PAGE)
    again = await client.get(PAGE, headers={"User-Agent": "Another", "Cookie": "desk=x"})
    assert first.text == again.text
    assert "set-cookie" not in first.headers
    assert "token" not in first.text
    unchanged = await client.get(PAGE, headers={"If-None-Match": first.headers["etag"]})
    assert unchanged.status_code == 304


async def test_the_numbers_are_alike_for_everyone_and_cost_nothing(
    client: httpx.AsyncClient, counted: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await client.get(f"{PAGE}/numbers?lang=en")
    assert first.headers["cache-control"] == "public, max-age=60"
    assert first.headers["vary"] == "Accept-Encoding"
    assert "set-cookie" not in first.headers
    assert len(first.content) < 1000
    assert "<strong>1,230</strong>" in first.text

    async def never(*_: object) -> None:
        raise AssertionError("asked the database for numbers that are kept")

    monkeypatch.setattr(public_pages.publishing, "numbers", never)
    spanish = {"Accept-Language": "es", "Cookie": "lang=es"}
    assert (await client.get(f"{PAGE}/numbers?lang=en", headers=spanish)).text == first.text
    again = await client.get(
        f"{PAGE}/numbers?lang=en", headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304
    assert again.content == b""


async def test_told_numbers_are_at_most_a_minute_old_on_a_page(
    client: httpx.AsyncClient, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.web import page_cache

    clock = 1000.0
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: clock)
    assert "<strong>Fewer than 10</strong>" in (await client.get(f"{PAGE}/numbers")).text
    await count(campaign, "sonoma", 12, 0, 0)
    await publish()
    clock += 61
    page = (await client.get(f"{PAGE}/numbers")).text
    assert "<strong>10</strong>" in page
    assert "people or more signed and confirmed" in page
    assert "So no number tells whether one person signed." in page


async def test_only_the_counter_may_stand_in_other_peoples_pages(
    client: httpx.AsyncClient, counted: Campaign
) -> None:
    counter = await client.get(f"{PAGE}/embed?lang=es")
    policy = counter.headers["content-security-policy"]
    assert "frame-ancestors *" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert counter.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in counter.headers
    assert "<script" not in counter.text
    assert "http-equiv" not in counter.text
    assert re.search(r'<a href="[^"]+" target="_blank" rel="noopener">', counter.text)
    assert "<strong>1,230</strong>" in counter.text
    assert 'lang="es"' in counter.text
    for address in (
        "/",
        "/campaigns",
        PAGE,
        f"{PAGE}/numbers",
        f"{PAGE}/poster",
        f"{PAGE}/sheet",
        f"{PAGE}/preview-en.png",
        f"{PAGE}/embed/x",
        "/campaigns/nope/embed",
        "/counties/embed",
        "/pledges",
        "/nothing/campaigns/x/embed",
        "/api/v1/campaigns",
    ):
        answer = await client.get(address)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], address
    sent = await client.post(f"{PAGE}/embed")
    assert "frame-ancestors 'none'" in sent.headers["content-security-policy"]


@pytest.mark.parametrize("code", ["en", "es"])
async def test_a_shared_link_has_its_words_and_its_picture(
    client: httpx.AsyncClient, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    page = (await client.get(f"{PAGE}?lang={code}")).text
    told = dict(re.findall(r'<meta property="(og:[\w:]+)" content="([^"]*)">', page))
    titles: Any = campaign.title
    asks: Any = campaign.ask
    assert told["og:title"] == titles[code]
    assert told["og:description"] == asks[code]
    assert told["og:url"].endswith(f"{PAGE}?lang={code}")
    assert re.match(r"https?://[^/]+/campaigns/", told["og:image"])
    assert told["og:locale"] == {"en": "en_US", "es": "es_US"}[code]
    assert told["og:locale:alternate"] != told["og:locale"]
    picture = await client.get(httpx.URL(told["og:image"]).path)
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["cache-control"].startswith("public, max-age=")
    size = [str(int.from_bytes(picture.content[at : at + 4])) for at in (16, 20)]
    assert size == [told["og:image:width"], told["og:image:height"]]


async def test_the_picture_is_drawn_once(
    client: httpx.AsyncClient, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    draw = public_pages.preview_images.preview
    monkeypatch.setattr(
        public_pages.preview_images, "preview", lambda *what: drawn.append(what) or draw(*what)
    )
    for _time in range(3):
        assert (await client.get(f"{PAGE}/preview-es.png")).status_code == 200
    assert [title for (title,) in drawn] == ["Fin a las retenciones aquí"]
    assert (await client.get(f"{PAGE}/preview-fr.png")).status_code == 404


async def test_the_snippet_is_what_makes_the_counter_appear(
    client: httpx.AsyncClient, campaign: Campaign
) -> None:
    page = (await client.get(PAGE)).text
    snippet = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert snippet
    assert snippet[1].startswith("&lt;iframe src=")
    assert "<iframe" not in page
    source = re.search(r'src="[^"]*?(/campaigns/[^"]+)"', snippet[1])
    assert source
    assert (await client.get(source[1])).status_code == 200


async def test_poster_and_sheet_carry_a_qr_code_and_what_one_agrees_to(
    client: httpx.AsyncClient, counted: Campaign
) -> None:
    poster = (await client.get(f"{PAGE}/poster")).text
    assert 'class="qr"' in poster
    assert "Ask the sheriff." in poster
    assert "<strong>1,230</strong>" in poster
    sheet = (await client.get(f"{PAGE}/sheet?sheet=7")).text
    assert "Sheet 7" in sheet
    assert "Count me. Keep my name and my contact for this campaign" in sheet
    assert "coalition partners" not in sheet, "this campaign names none"
    assert sheet.count('class="line"') == 13
    other = (await client.get(f"{PAGE}/sheet?sheet=8")).text
    squares = [re.findall(r'<svg[^>]*class="qr".*?</svg>', each)[0] for each in (sheet, other)]
    assert squares[0] != squares[1], "each sheet has its own"


@pytest.mark.parametrize(
    "number", ["0", "1000", "-1", "x", "", "1.5", "٣", "9" * 500, "%00", "1%0d%0aX: y"]
)
async def test_a_sheet_has_a_number_from_1_to_999(
    client: httpx.AsyncClient, campaign: Campaign, number: str
) -> None:
    answer = await client.get(f"{PAGE}/sheet?sheet={number}")
    assert answer.status_code == 400
    if "%" not in number:
        assert "A sheet’s number is from 1 to 999." in answer.text
    assert (await client.get(f"{PAGE}/sheet")).status_code == 200
    assert (await client.get(f"{PAGE}/sheet?sheet=999")).status_code == 200


async def test_programs_get_the_same_words_and_numbers(
    client: httpx.AsyncClient, counted: Campaign
) -> None:
    await SettingAside.insert(
        SettingAside(campaign=counted.id, pattern={}, reason="One program", number=5)
    )
    policies.forget()
    answer = await client.get("/api/v1/campaigns")
    assert answer.headers["access-control-allow-origin"] == "*"
    by_slug = {each["slug"]: each for each in answer.json()}
    mine = by_slug[SLUG]
    assert mine["state"] == "live"
    assert mine["open"] is True
    assert mine["numbers"] == {"confirmed": 1230, "awaiting": 30, "phones": 0, "set_aside": 0}
    assert mine["by_county"] == [
        {"county": "napa", "confirmed": 30, "awaiting": 0, "phones": 0, "set_aside": 0},
        {"county": "sonoma", "confirmed": 1200, "awaiting": 30, "phones": 0, "set_aside": 0},
    ]
    assert mine["rounded_down_to"] == 10
    assert mine["set_aside_for"] == [{"reason": "One program", "number": 0}]
    assert datetime.datetime.fromisoformat(mine["counted_at"]).tzinfo is not None
    started = by_slug["health-for-all"]
    assert started["goal"] == 100
    assert started["translated"] == ["en"]
    assert started["counted_at"] is None
    assert started["title"] == {"en": "Health for all", "es": "Salud para todos"}
    assert started["sources"][0]["grade"] == "A"


async def test_the_shape_of_a_campaign_is_in_the_openapi_document(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/api/openapi.json")).json()
    operation = document["paths"]["/api/v1/campaigns"]["get"]
    assert operation["operationId"] == "listCampaigns"
    shape = document["components"]["schemas"]["CampaignAnswer"]
    first = (await client.get("/api/v1/campaigns")).json()[0]
    assert set(shape["properties"]) == set(first)


async def test_a_wrong_address_of_the_api_is_a_problem_object(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/campaigns/nope")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_campaigns_stand_second_in_the_main_places(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    places = re.findall(r'<a href="([^"]+)" class="place"', page)
    assert places[1] == "/campaigns"
    assert len(places) == 5
    page = (await client.get("/campaigns/health-for-all")).text
    assert re.search(r'href="/campaigns" class="place"[^>]* aria-current="page"', page)
