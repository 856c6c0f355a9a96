"""When someone was detained: the number first, whatever the county."""

import datetime
import re

import httpx
import pytest

from backend.counties import gazetteer
from backend.detained.tables import DetentionPlace
from backend.policies import queries
from backend.policies.tables import HelpLine
from backend.web.clock import today
from tests.detained.pages import PAGES, main_of

STATEWIDE = "888-624-4752"


async def page(client: httpx.AsyncClient, address: str) -> str:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


def numbers(html: str) -> list[str]:
    return re.findall(r'class="phone" href="tel:\+1(\d{10})"', html)


def first_line(html: str) -> str:
    main = main_of(html)
    line = next(each for each in main.below() if {"line", "first"} <= each.classes)
    return line.words()


async def test_the_number_stands_before_everything_else_in_every_county(
    client: httpx.AsyncClient,
) -> None:
    for county in gazetteer.counties():
        html = await page(client, f"/counties/{county.slug}/detained")
        main = main_of(html)
        words = main.words()
        assert re.search(r"\d{3}-\d{3}-\d{4}", words), county.slug
        heading = words.index("Tell them to say")
        assert words.index(re.search(r"\d{3}-\d{3}-\d{4}", words)[0]) < heading  # type: ignore[index]
        assert html.index('id="lines"') < html.index("say-title")


async def test_a_countys_own_line_comes_first_then_the_ones_for_all(
    client: httpx.AsyncClient,
) -> None:
    html = await page(client, "/counties/fresno/detained")
    assert numbers(html) == ["5592060151", "8886244752"]
    said = first_line(html)
    for words in ("559-206-0151", "Valley Watch Network", "Day and night, says a report of 2017.",
                  "Ask if someone speaks your language.", "It serves: Fresno, Kern, Madera, Merced",
                  "Fresnoland", "We read that on November 24, 2026."):  # fmt: skip
        assert words in said


async def test_a_line_that_takes_texts_can_be_texted_wherever_it_stands(
    client: httpx.AsyncClient,
) -> None:
    for address in ("/counties/ventura", "/counties/ventura/detained", "/detained"):
        html = await page(client, address)
        assert '<a class="text" href="sms:+18058708855" aria-label="Text 805-870-8855">' in html
        # A link is no help on paper.
        assert '<span class="written"> You can also text this number.</span>' in html
    assert "sms:" not in await page(client, "/counties/fresno/detained")
    await HelpLine.update({HelpLine.texts: True}, force=True).where(HelpLine.key == "chirla")
    queries.forget()
    card = main_of(await page(client, "/detained/card")).words()
    assert "You can also text this number." in card


async def test_a_county_says_of_each_line_how_sure_we_are(client: httpx.AsyncClient) -> None:
    html = await page(client, "/counties/riverside")
    called = html[html.index("call-title") :]
    called = called[: called.index("</section>")]
    assert "Read in copies, not called yet." in called
    assert "We called" not in called
    # Of weak sources alone: not shown at all.
    assert "800-515-1935" not in html
    day = datetime.date(2026, 11, 29)
    await HelpLine.update({HelpLine.read: "called", HelpLine.checked_on: day}, force=True).where(
        HelpLine.key == "inland"
    )
    queries.forget()
    html = await page(client, "/counties/riverside")
    assert re.search(r"Inland Coalition[^\n]*We called on November 29, 2026\.", html)
    assert html.count("We called on") == 1
    assert "The others: read in copies, not called yet." in html
    told = main_of(await page(client, "/counties/riverside/detained")).words()
    assert "We called on November 29, 2026." in told
    assert told.count("We have not called it ourselves yet.") == 1


async def test_a_county_without_a_line_says_so_and_what_helps_instead(
    client: httpx.AsyncClient,
) -> None:
    html = await page(client, "/counties/modoc/detained")
    assert "We know no line for Modoc County alone." in html
    assert numbers(html) == ["8886244752"]


async def test_a_network_whose_number_nobody_knows_is_named_without_one(
    client: httpx.AsyncClient,
) -> None:
    html = await page(client, "/counties/orange/detained")
    assert "we do not have its number: Orange County Rapid Response Network" in html
    assert numbers(html) == ["8886244752"]


@pytest.mark.parametrize("number", ["800-515-1935", "707-621-8220", "916-245-6773", "562-269-1083",
                                    "844-363-1423"])  # fmt: skip
async def test_weak_numbers_stay_off_the_pages_until_an_editor_confirms_them(
    client: httpx.AsyncClient, number: str
) -> None:
    html = [await page(client, address) for address in PAGES]
    html += [await page(client, f"/counties/{slug}/detained")
             for slug in ("riverside", "mendocino", "sacramento", "los-angeles")]  # fmt: skip
    assert number not in "".join(html)
    await HelpLine.update(
        {HelpLine.confirmed_at: datetime.datetime.now(datetime.UTC)}, force=True
    ).where(HelpLine.phone == number)
    queries.forget()
    assert number in await page(client, "/detained")


async def test_a_line_nobody_checked_for_90_days_says_so_and_is_not_the_first(
    client: httpx.AsyncClient,
) -> None:
    for days, shown in ((89, False), (90, True)):
        day = today() - datetime.timedelta(days=days)
        await HelpLine.update({HelpLine.checked_on: day}, force=True).where(
            HelpLine.key == "valley-watch"
        )
        await HelpLine.update({HelpLine.checked_on: today()}, force=True).where(
            HelpLine.key == "chirla"
        )
        queries.forget()
        html = await page(client, "/counties/fresno/detained")
        stale = re.findall(r'class="stale due"( hidden)?>Not checked lately, try this too\.', html)
        assert ("" in stale) == shown
        assert numbers(html)[0] == ("8886244752" if shown else "5592060151")


async def test_when_no_number_is_left_there_is_still_a_next_step(client: httpx.AsyncClient) -> None:
    await HelpLine.update({HelpLine.retired_at: datetime.datetime.now(datetime.UTC)}, force=True)
    queries.forget()
    for address in (*PAGES, "/counties/fresno", "/laws/truth-act"):
        await page(client, address)
    html = await page(client, "/counties/fresno/detained")
    assert "We have no number for you now." in html
    assert 'href="/detained/family"' in html


async def test_the_jails_rule_and_what_the_truth_act_gives(client: httpx.AsyncClient) -> None:
    html = await page(client, "/counties/san-diego/detained")
    for words in ("What can happen to them in this jail?", "Can this jail help ICE take someone?",
                  "the jail must hand over a form", "ask for the copy", "name one person",
                  'href="/laws/truth-act"'):  # fmt: skip
        assert words in html


async def test_it_is_one_tap_from_every_county_and_from_the_first_page(
    client: httpx.AsyncClient,
) -> None:
    assert 'href="/detained"' in await page(client, "/")
    for slug in ("modoc", "los-angeles", "san-diego"):
        assert f'href="/counties/{slug}/detained"' in await page(client, f"/counties/{slug}")


async def test_where_they_may_be_open_and_closed_with_dates(client: httpx.AsyncClient) -> None:
    words = main_of(await page(client, "/detained/places")).words()
    for part in ("California City Immigration Processing Center", "Since August 2025",
                 "Run by CoreCivic", "2,560 beds", "1572 Gateway Road, Calexico",
                 "Yuba County Jail", "From 1994 to February 8, 2023.", "It ended in 2018.",
                 "El Centro Service Processing Center", "661-859-1028"):  # fmt: skip
        assert part in words
    for street in ("10250 Rancho Road, Adelanto 92301", "10450 Rancho Road", "611 Frontage Road",
                   "425 Golden State Avenue", "22844 Virginia Boulevard, California City 93505",
                   "7488 Calzada de la Fuente, San Diego 92154"):  # fmt: skip
        assert street in words
    # How many were held is another number than how many fit in.
    assert "1,940 beds" in words
    assert "ICE’s sheet for fiscal 2026, to April, says 1,802 people on an average day." in words
    assert words.count("We have not called there ourselves yet.") == words.count("on an average")
    assert "888-351-4024" not in words
    for hidden in ("Central Valley Annex", "McFarland Female"):
        assert hidden not in words
    opened, ended = words.index("They hold people for ICE"), words.index("no longer do")
    assert opened < words.index("Otay Mesa") < ended < words.index("Theo Lacy")


async def test_both_numbers_of_mexicos_help_center_are_there(client: httpx.AsyncClient) -> None:
    for code in ("en", "es"):
        page = (await client.get(f"/detained/find?lang={code}")).text
        for number in ("+15206237874", "+18554636395"):
            assert f'href="tel:{number}"' in page, (code, number)


async def test_ices_offices_have_an_address_and_a_number(client: httpx.AsyncClient) -> None:
    html = await page(client, "/detained/find")
    for number, room in (("213-830-7911", "room 7631"), ("619-436-0410", "number 2242"),
                         ("415-365-8800", "room 590")):  # fmt: skip
        assert number.replace("-", "") in numbers(html)
        assert room in html
    assert html.count("We have not called it yet.") == 3
    assert "888-351-4024" not in html


async def test_a_confirmed_place_appears_and_a_proposed_one_never_does(
    client: httpx.AsyncClient,
) -> None:
    await DetentionPlace.update(
        {DetentionPlace.confirmed_at: datetime.datetime.now(datetime.UTC)}, force=True
    ).where(DetentionPlace.key.is_in(["central-valley", "mcfarland-reentry"]))
    queries.forget()
    html = await page(client, "/detained/places")
    assert "Central Valley Annex" in html
    assert "McFarland Female" not in html


async def test_what_calls_cost_with_the_day_it_began(client: httpx.AsyncClient) -> None:
    words = main_of(await page(client, "/detained/calls")).words()
    for part in ("San Francisco county jails free since 2020", "7¢ a minute since October 2021",
                 "10¢ a minute since April 6, 2026; video 19¢ a minute", "at least 3 calls",
                 "2 more calls", "We could not confirm that it goes on."):  # fmt: skip
        assert part in words


async def test_nothing_on_the_sheet_could_be_sent(client: httpx.AsyncClient) -> None:
    main = main_of(await page(client, "/detained/find"))
    assert not [each for each in main.below() if each.tag == "form"]
    typed = [each for each in main.below() if each.tag in ("input", "textarea")]
    # Seven things to know, and three on how to keep them.
    assert len(typed) == 10
    for each in typed:
        assert "name" not in each.attributes
        assert each.attributes["autocomplete"] == "off"


@pytest.mark.parametrize("address", PAGES)
async def test_in_spanish_it_says_that_no_person_has_read_it_yet(
    client: httpx.AsyncClient, address: str
) -> None:
    spanish = await page(client, f"{address}?lang=es")
    assert "Ninguna persona ha revisado todavía esta traducción" in spanish
    assert 'lang="es"' in spanish


@pytest.mark.parametrize(
    "address",
    [
        "/counties/nowhere/detained",
        "/counties/..%2f/detained",
        "/counties/" + "x" * 2000 + "/detained",
        "/detained/nothing",
    ],
)
async def test_an_address_that_is_none_has_words(client: httpx.AsyncClient, address: str) -> None:
    answer = await client.get(address)
    assert answer.status_code == 404
    assert 'href="' in answer.text


@pytest.mark.slow
async def test_the_file_for_the_phone_holds_every_county_and_is_small(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/offline/detained.json", headers={"Accept-Encoding": "br"})
    assert int(answer.headers["content-length"]) < 40_000
    build = (await client.get("/service-worker.js")).text
    for code, words in (("en", "Call now"), ("es", "Llame ahora")):
        pages = answer.json()["languages"][code]["pages"]
        assert {f"/counties/{county.slug}/detained" for county in gazetteer.counties()} < set(pages)
        assert set(PAGES) <= set(pages)
        assert words in pages["/counties/modoc/detained"]["main"]
        assert STATEWIDE in pages["/counties/modoc/detained"]["main"]
        for each in pages.values():
            for asset in re.findall(r'(?:src|href)="(/static/[^"#]+)', "".join(each.values())):
                assert asset in build
    record = (await client.get("/offline/record/en")).json()["pages"]
    assert not [address for address in record if address.endswith("/detained")]
