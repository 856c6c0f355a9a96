"""The page on which people choose, and the same as a calendar: both work without a script."""

import re

import httpx
import pytest

from backend.push import vapid
from backend.web import keyring
from tests.alerts.conftest import form
from tests.hearings.saying import announced


async def test_the_page_says_first_what_it_is_and_keeps_no_secret(
    client: httpx.AsyncClient, may_ring: object
) -> None:
    page = await client.get("/alerts")
    assert page.status_code == 200
    text = page.text
    assert f'data-key="{vapid.public_key()}"' in text
    assert text.index("What do you want to hear of?") < text.index('class="on"')
    assert len(re.findall(r'name="county"', text)) == 59
    assert re.search(r'name="wording" value="neutral" checked', text)
    assert "Hearing moved" not in text
    again = await client.get("/alerts", headers={"if-none-match": page.headers["etag"]})
    assert again.status_code == 304, "it is the same for everyone"


async def test_both_wordings_are_shown_as_a_lock_screen_has_them(
    client: httpx.AsyncClient, may_ring: object
) -> None:
    text = (await client.get("/alerts?lang=es")).text
    shown = re.findall(r'lock-screen">.*?<strong>(.*?)</strong>', text)
    assert shown[0] == "Hay novedades"
    assert "Foro sobre el alguacil e ICE" in shown[1]


async def test_where_nobody_can_be_rung_the_other_ways_are_offered(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVELOPMENT", "0")
    monkeypatch.delenv("PUSH_CONTACT", raising=False)
    text = (await client.get("/alerts")).text
    assert "Phones cannot be rung from here yet" in text
    assert 'class="on"' not in text
    assert "Send me e-mail" in text


async def test_what_was_chosen_is_a_calendar_and_is_kept_nowhere(client: httpx.AsyncClient) -> None:
    await announced()
    await announced(county="kern")
    await announced(county="yolo")
    await announced(county="")
    data = form(counties=frozenset({"modoc", "kern"}), topics=frozenset({"forums", "health"}))
    page = await client.get("/alerts/calendar", params=data)
    assert page.status_code == 200
    feed = re.search(r'value="https?://[^/"]+(/hearings\.ics[^"]+)"', page.text)
    assert feed is not None
    address = feed[1].replace("&amp;", "&")
    calendar = await client.get(address)
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert calendar.text.count("BEGIN:VEVENT") == 3
    only_health = address.replace("topic=forums&", "")
    assert "topic=health" in only_health
    assert (await client.get(only_health + "&topic=jails")).text.count("BEGIN:VEVENT") == 0


@pytest.mark.parametrize(
    ("reminders", "alarms"), [({"day", "hours"}, 2), ({"day"}, 1), ({"hours"}, 1), (set(), 0)]
)
async def test_a_calendar_rings_when_it_was_chosen(
    client: httpx.AsyncClient, reminders: set[str], alarms: int
) -> None:
    await announced()
    data = form(counties=frozenset({"modoc"}), reminders=frozenset(reminders))
    page = await client.get("/alerts/calendar", params=data)
    feed = re.search(r'value="https?://[^/"]+(/hearings\.ics[^"]+)"', page.text)
    assert feed is not None
    calendar = (await client.get(feed[1].replace("&amp;", "&"))).text
    assert calendar.count("BEGIN:VEVENT") == 1
    assert calendar.count("BEGIN:VALARM") == alarms
    assert ("TRIGGER:-P1D" in calendar) == ("day" in reminders)
    assert ("TRIGGER:-PT2H" in calendar) == ("hours" in reminders)


async def test_the_page_knows_a_new_key_at_once(
    client: httpx.AsyncClient, may_ring: object
) -> None:
    before = (await client.get("/alerts")).text
    keyring.add("vapid")
    after = (await client.get("/alerts")).text
    assert f'data-key="{vapid.public_key()}"' in after
    assert f'data-key="{vapid.public_key()}"' not in before


async def test_a_calendar_of_nothing_is_told_so(client: httpx.AsyncClient) -> None:
    answer = await client.get("/alerts/calendar")
    assert answer.status_code == 422
    assert "Choose a county" in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "county=x&county=y",
        "county=%00&county=%00",
        "topic=x&topic=y&county=kern",
        "county=kern&" * 300,
        "remind=x",
        "remind=%00&remind=day&remind=day",
    ],
)
async def test_odd_names_in_a_feed_break_nothing(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/hearings.ics?{query}")
    assert answer.status_code in (200, 404, 414)
