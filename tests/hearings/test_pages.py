"""What people read of hearings: what is coming, one of them, and what was voted."""

import datetime
import re
from typing import Any

import httpx
import pytest

from backend.hearings import changes, ledger, wording
from backend.hearings.entry import Said, Vote
from backend.hearings.kinds import Choice, Kind, Result, Status, Topic
from backend.hearings.tables import Hearing
from backend.policies import queries
from backend.staff.tables import Account
from backend.web.clock import CALIFORNIA
from tests.hearings.saying import announced, changed, in_days, with_the_past


def words(page: str) -> str:
    """What is to be read of it, in one line."""
    main = page.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).replace("&amp;", "&").split())


async def test_an_empty_list_says_so_and_what_will_happen(client: httpx.AsyncClient) -> None:
    told = words((await client.get("/hearings?county=modoc")).text)
    rings = "Your phone can ring when one is. Turn on alerts"
    assert f"No hearing is announced in Modoc. {rings}" in told
    assert f"No hearing is announced. {rings}" in words((await client.get("/hearings")).text)
    assert "Nothing like that is announced" in words(
        (await client.get("/hearings?kind=rally&county=modoc")).text
    )


async def test_what_is_coming_stands_under_its_day(client: httpx.AsyncClient) -> None:
    await announced(title=Said(en="Second"), starts_at=in_days(1, 14, 30))
    await announced(title=Said(en="First"), starts_at=in_days(1, 9), county="")
    await announced(title=Said(en="Today"), starts_at=in_days(0, 23, 59))
    page = (await client.get("/hearings")).text
    told = words(page)
    assert told.index("Today ·") < told.index("Tomorrow ·") < told.index("First")
    assert told.index("First") < told.index("Second")
    assert page.count('class="day"') == 2
    assert "2:30 p.m. (Pacific)" in told


async def test_the_list_narrows_by_county_topic_and_kind(client: httpx.AsyncClient) -> None:
    await announced(title=Said(en="Modoc’s"))
    await announced(title=Said(en="California’s"), county="", kind=Kind.VOTE)
    await announced(title=Said(en="Sonoma’s"), county="sonoma", topics=[Topic.HEALTH])
    for query, wanted in {
        "": {"Modoc’s", "California’s", "Sonoma’s"},
        "county=modoc": {"Modoc’s", "California’s"},
        "county=state": {"California’s"},
        "topic=health": {"Sonoma’s"},
        "kind=vote": {"California’s"},
        "county=sonoma&topic=health&kind=forum": {"Sonoma’s"},
        "county=&topic=&kind=": {"Modoc’s", "California’s", "Sonoma’s"},
    }.items():
        page = (await client.get(f"/hearings?{query}")).text
        shown = {
            each for each in ("Modoc’s", "California’s", "Sonoma’s") if f"{each}</bdi>" in page
        }
        assert shown == wanted, query


async def test_htmx_gets_the_list_alone(client: httpx.AsyncClient) -> None:
    await announced()
    partial = {"HX-Request": "true", "HX-Request-Type": "partial"}
    part = (await client.get("/hearings?county=modoc", headers=partial)).text
    assert part.strip().startswith('<div id="coming">')
    assert "data-focus" in part
    assert "<main" not in part


@pytest.mark.parametrize(
    "query",
    [
        "county=atlantis",
        "county=" + "x" * 10_000,
        "topic=everything",
        "topic=" + "ü" * 3_000,
        "kind=party",
        "county=%00",
        "kind=forum&kind=%FF",
    ],
)
async def test_what_nobody_knows_is_told_in_words(client: httpx.AsyncClient, query: str) -> None:
    for address in ("/hearings", "/hearings.ics", "/hearings.atom"):
        answer = await client.get(f"{address}?{query}")
        assert answer.status_code in (400, 404, 414)
        if answer.status_code != 414:
            assert re.search("We know no|We could not understand", answer.text)


async def test_a_page_answers_first_and_then_all_the_rest(client: httpx.AsyncClient) -> None:
    hearing = await announced(
        decides=Said(en="Nothing is decided. The sheriff answers."),
        how_to_speak=Said(en="Fill in a card at the door."),
        speak_by=in_days(39, 17),
        interpreter=Said(en="Ask for one three days before."),
        remote_url="https://meet.test/1",
        agenda_item="7",
        file_number="26-100",
        campaign="end-ice-holds-and-transfers",
        time_text="9:30 A.M. or soon after",
        noticed_on=in_days(0).date(),
    )
    page = (await client.get(f"/hearings/{hearing.id}")).text
    told = words(page)
    order = [
        "Forum on the sheriff & ICE",
        "9:30 a.m. (Pacific)",
        "The announcement says: “9:30 A.M. or soon after”",
        "Board chambers , 204 South Court Street",
        "Nothing is decided. The sheriff answers.",
        "26-100 · item 7 on the agenda",
        "Fill in a card at the door.",
        "Sign up to speak by",
        "Ask for one three days before.",
        "Take part online",
        "In counties of 30,000 people or more, the board of supervisors must let you speak",
        "in force from July 1, 2026",
        "The agenda is expected by",
        "It did on",
        "40 days before",
        "Put on our list",
    ]
    places = [told.index(each) for each in order]
    assert places == sorted(places)
    assert 'href="/campaigns/end-ice-holds-and-transfers"' in page
    assert f'href="/hearings/{hearing.id}.ics?lang=en"' in page
    assert 'class="qr"' in page
    assert "Brown Act Handbook" in told


async def test_programs_find_an_event_in_the_page(client: httpx.AsyncClient) -> None:
    hearing = await announced()
    page = (await client.get(f"/hearings/{hearing.id}")).text
    assert 'itemtype="https://schema.org/Event"' in page
    assert 'itemprop="name"' in page
    assert f'datetime="{in_days(40).isoformat()}"' in page
    assert 'href="https://schema.org/EventScheduled"' in page
    await changed(hearing, starts_at=in_days(41))
    page = (await client.get(f"/hearings/{hearing.id}")).text
    assert 'href="https://schema.org/EventRescheduled"' in page
    before = in_days(40).astimezone(datetime.UTC).isoformat()
    assert f'itemprop="previousStartDate" content="{before}"' in page


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"starts_at": in_days(45)}, "EventRescheduled", "Moved: the new time and place stand"),
        ({"status": Status.POSTPONED}, "EventPostponed", "Postponed: do not go."),
        ({"status": Status.CANCELLED}, "EventCancelled", "Cancelled: do not go."),
    ],
)
async def test_what_changed_is_said_in_words_beside_a_sign(
    client: httpx.AsyncClient, fields: dict[str, Any], status: str, sentence: str
) -> None:
    hearing = await announced()
    await changed(hearing, **fields)
    for address in (f"/hearings/{hearing.id}", "/hearings", "/counties/modoc/hearings"):
        page = (await client.get(address)).text
        assert sentence in words(page), address
        assert re.search(r'<p class="news \w+"><svg', page), address
        assert ("<s>" in page) == ("do not go" in sentence), "a time that no longer holds is struck"
    page = (await client.get(f"/hearings/{hearing.id}")).text
    assert status in page
    assert ("Add to calendar" in page) == ("starts_at" in fields)


async def test_every_change_stands_in_its_history(client: httpx.AsyncClient) -> None:
    hearing = await announced()
    await changed(hearing, starts_at=in_days(41), place="Fairgrounds")
    told = words((await client.get(f"/hearings/{hearing.id}")).text)
    assert "Changed: the time, the place." in told
    assert "Board chambers, 204 South Court Street, Alturas → Fairgrounds" in told
    await changed(hearing, starts_at=in_days(41), place="Fairgrounds", status=Status.CANCELLED)
    told = words((await client.get(f"/hearings/{hearing.id}")).text)
    assert told.index("Cancelled ·") < told.index("Moved ·") < told.index("Put on our list ·")


async def test_what_came_of_it_stands_first_afterwards(client: httpx.AsyncClient) -> None:
    hearing = await announced(
        kind=Kind.VOTE,
        starts_at=in_days(-2),
        status=Status.HELD,
        result=Result.PASSED,
        outcome=Said(en="The board passed it 3 to 2."),
        votes=[
            Vote(member="A. Álvarez", choice=Choice.YES),
            Vote(member="B. Brown", choice=Choice.ABSENT),
        ],
    )
    told = words((await client.get(f"/hearings/{hearing.id}")).text)
    assert told.index("Passed The board passed it 3 to 2.") < told.index("When")
    assert "A. Álvarez yes" in told
    assert "B. Brown absent" in told
    assert "How to speak there" not in told
    assert "Add to calendar" not in told


async def test_one_that_has_passed_without_news_says_so(client: httpx.AsyncClient) -> None:
    hearing = await announced(starts_at=in_days(-2))
    told = words((await client.get(f"/hearings/{hearing.id}")).text)
    assert "Its day has passed. We do not know yet what came of it." in told


@pytest.mark.parametrize(
    "name", ["0", "999999", "2147483648", "99999999999999999999", "x", "-1", "1.5", "٣", ".ics"]
)
async def test_a_number_that_is_none_gets_words(client: httpx.AsyncClient, name: str) -> None:
    for address in (f"/hearings/{name}", f"/hearings/{name}.ics"):
        answer = await client.get(address)
        assert answer.status_code == 404, address
        assert "<main" in answer.text


async def test_one_that_was_taken_out_is_gone(client: httpx.AsyncClient) -> None:
    hearing = await announced()
    ana = await Account.open_for("Ana", ["editor"])
    await changes.take_out(hearing.id, ana, "It was another county’s")
    queries.forget()
    answer = await client.get(f"/hearings/{hearing.id}")
    assert answer.status_code == 404
    assert "We know no such hearing. It may have been taken out" in answer.text
    assert (await client.get(f"/hearings/{hearing.id}.ics")).status_code == 404


async def test_the_longest_words_and_markup_are_shown_as_words(client: httpx.AsyncClient) -> None:
    hearing = await announced(
        title=Said(en="<script>alert(1)</script>" + "W" * 3000),
        decides=Said(en="x " * 1999),
        how_to_speak=Said(en="<b>"),
        body='"><img src=x onerror=alert(1)>',
    )
    for address in (f"/hearings/{hearing.id}", "/hearings", "/hearings/next"):
        page = await client.get(address)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text


async def test_in_spanish_everything_is_spanish_where_somebody_wrote_it(
    client: httpx.AsyncClient,
) -> None:
    hearing = await announced(decides=Said(en="Only in English."))
    page = (await client.get(f"/hearings/{hearing.id}?lang=es")).text
    assert "Foro sobre el alguacil e ICE" in page
    assert re.search(r'<dd itemprop="description" lang="en">Only in English', page)
    assert re.search(r"9:30\sa\.m\. \(hora del Pacífico\)", page)


async def test_past_votes_can_be_read_by_board_and_by_member(client: httpx.AsyncClient) -> None:
    await with_the_past()
    votes = [Vote(member="A. Álvarez", choice=Choice.NO), Vote(member="B", choice=Choice.YES)]
    await announced(
        title=Said(en="A vote in Modoc"),
        kind=Kind.VOTE,
        starts_at=in_days(-2),
        status=Status.HELD,
        result=Result.FAILED,
        votes=votes,
    )
    await announced(
        title=Said(en="A commission’s"),
        body="Planning Commission",
        starts_at=in_days(-3),
        status=Status.HELD,
    )
    told = words((await client.get("/hearings/past")).text)
    assert told.index("A vote in Modoc") < told.index("A commission’s")
    assert "Board Policy L-2" in told, "from the house’s own files"
    told = words((await client.get("/hearings/past", params={"member": "A. Álvarez"})).text)
    assert "Votes of A. Álvarez" in told
    assert "A vote in Modoc" in told
    assert "A. Álvarez no" in told
    assert "B yes" not in told
    assert "commission’s" not in told
    told = words((await client.get("/hearings/past?body=Planning+Commission")).text)
    assert "A commission’s" in told
    assert "A vote in Modoc" not in told
    told = words((await client.get("/hearings/past?county=san-diego")).text)
    assert "Two supervisors voted yes, one voted no and one did not take a side." in told
    assert "A vote in Modoc" not in told


@pytest.mark.parametrize(
    "query", ["county=atlantis", "body=" + "x" * 9000, "member=Nobody", "member=%00", "body=%FF"]
)
async def test_a_board_or_member_nobody_knows_gets_words(
    client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.get(f"/hearings/past?{query}")
    assert answer.status_code in (400, 404, 414)
    assert "<main" in answer.text


async def test_a_countys_page_has_what_comes_and_its_last_forum(client: httpx.AsyncClient) -> None:
    await with_the_past()
    await announced(county="tulare")
    told = words((await client.get("/counties/tulare/hearings")).text)
    assert "Forum on the sheriff & ICE" in told
    assert "Tuesday, September 27, 2022" in told
    assert "In 2021, ICE made 157 requests about people in the county jail." in told
    assert "TRUTH forum reveals ICE requests are thawing" in told
    assert "Do not compare these with another county." in told
    empty = words((await client.get("/counties/modoc/hearings")).text)
    assert "No hearing is announced in Modoc." in empty
    assert "We know of no forum in this county. That does not mean that there was none." in empty
    assert (await client.get("/counties/atlantis/hearings")).status_code == 404


async def test_a_forum_that_only_the_record_tells_of_is_shown(client: httpx.AsyncClient) -> None:
    await with_the_past()
    told = words((await client.get("/counties/napa/hearings")).text)
    assert "August 6, 2024" in told
    assert "The board put a public hearing on ICE and the jail on its agenda." in told
    assert "It does not show what happened at the hearing." in told


async def test_pages_on_the_phone_ask_for_every_county_at_once(client: httpx.AsyncClient) -> None:
    await with_the_past()
    hearing = await announced()
    part = (await client.get("/hearings/next")).text
    assert part.count("data-county=") == 58
    modoc = part.partition('data-county="modoc"')[2].partition("</div>")[0]
    assert f'href="/hearings/{hearing.id}"' in modoc
    tulare = part.partition('data-county="tulare"')[2].partition("</div>")[0]
    assert "No hearing is announced in Tulare." in tulare
    assert "September 27, 2022" in tulare
    line = re.search(r"Forums since 2018:</strong> ([^<]*)", tulare)
    assert line is not None
    assert re.fullmatch(r"Held: [^·]*\b2022[^·]* · Owed, and not found: .*\b2021\b.*", line[1])
    alpine = part.partition('data-county="alpine"')[2].partition("</div>")[0]
    assert "Forums since 2018:</strong> Not found" in alpine
    page = (await client.get("/counties/modoc")).text
    assert 'href="/counties/modoc/hearings"' in page
    assert str(hearing.id) not in page.partition('class="what-comes"')[2].partition("</section>")[0]
    before = (await client.get("/counties/modoc?on=2015-01-01")).text
    assert "what-comes" not in before, "what is coming is no matter of another day"


def test_years_in_a_row_are_said_as_one() -> None:
    held, owed = (
        [ledger.Line("modoc", year, state, (), year - 1, None, None, None, None) for year in years]
        for state, years in (
            (ledger.State.HELD, (2018, 2019, 2021, 2022, 2023, 2025)),
            (ledger.State.NOT_FOUND, (2020, 2024)),
        )
    )
    assert wording.forum_years([*held, *owed]) == "Held: 2018, 2019, 2021–2023, 2025"
    assert wording.forum_years(owed) == "Not found"


async def test_a_campaign_shows_what_comes_next(client: httpx.AsyncClient) -> None:
    page = (await client.get("/campaigns/health-for-all")).text
    assert "What comes next" not in page
    await announced(campaign="health-for-all")
    page = (await client.get("/campaigns/health-for-all")).text
    assert "What comes next" in page
    assert "Forum on the sheriff &amp; ICE" in page


async def test_a_page_is_not_sent_again_to_who_has_it(client: httpx.AsyncClient) -> None:
    hearing = await announced()
    for address in ("/hearings", f"/hearings/{hearing.id}", "/hearings/next", "/hearings/past"):
        first = await client.get(address)
        again = await client.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304, address
    await changed(hearing, status=Status.CANCELLED)
    first_again = await client.get("/hearings")
    assert "Cancelled" in first_again.text


async def test_an_event_at_midnight_stands_on_the_day_that_begins(
    client: httpx.AsyncClient,
) -> None:
    starts = datetime.datetime(2027, 1, 1, 0, 0, tzinfo=CALIFORNIA)
    hearing = await announced(starts_at=starts)
    told = words((await client.get(f"/hearings/{hearing.id}")).text)
    assert "Friday, January 1, 2027, 12:00 a.m. (Pacific)" in told
    late = await announced(starts_at=starts - datetime.timedelta(minutes=1))
    told = words((await client.get(f"/hearings/{late.id}")).text)
    assert "Thursday, December 31, 2026, 11:59 p.m. (Pacific)" in told


async def test_the_hour_that_comes_twice_says_which_one_it_is(client: httpx.AsyncClient) -> None:
    first = datetime.datetime(2026, 11, 1, 8, 30, tzinfo=datetime.UTC)
    for moment, zone in ((first, "PDT"), (first + datetime.timedelta(hours=1), "PST")):
        hearing = await announced(starts_at=moment)
        told = words((await client.get(f"/hearings/{hearing.id}")).text)
        assert f"Sunday, November 1, 2026, 1:30 a.m. ({zone})" in told


async def test_what_the_files_say_is_loaded_once(record: None) -> None:
    from backend.hearings import past

    before = await Hearing.count()
    assert await past.load() == len(past.check())
    assert await Hearing.count() == before + len(past.check())
    assert await past.load() == 0
    uid, _entry = past.check()[0]
    await Hearing.update({Hearing.taken_out_at: datetime.datetime.now(datetime.UTC)}).where(
        Hearing.uid == uid
    )
    assert await past.load() == 0, "what the desk took out stays out"
    await Hearing.delete(force=True).where(Hearing.uid == uid)
    assert await past.load() == 1
