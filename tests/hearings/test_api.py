"""Programs get the hearings as the pages show them."""

import datetime

import httpx
import pytest

from backend.hearings import changes
from backend.hearings.entry import Said, Vote
from backend.hearings.kinds import Choice, Kind, Result, Status, Topic
from backend.policies import queries
from backend.staff.tables import Account
from backend.web.clock import today
from tests.hearings.saying import announced, changed, in_days, with_the_past

LIST = "/api/v1/hearings"


async def test_a_hearing_has_all_that_its_page_has(client: httpx.AsyncClient) -> None:
    hearing = await announced(
        noticed_on=today(),
        agenda_url="https://county.test/agenda",
        file_number="26-100",
        campaign="health-for-all",
        remote_speaking=True,
    )
    answer = await client.get(LIST)
    assert answer.headers["access-control-allow-origin"] == "*"
    [mine] = answer.json()
    assert mine["uid"] == f"{hearing.uid}@confianza"
    assert mine["url"].endswith(f"/hearings/{hearing.id}")
    assert mine["kind"] == "forum"
    assert mine["status"] == "scheduled"
    assert mine["title"] == {
        "en": "Forum on the sheriff & ICE",
        "es": "Foro sobre el alguacil e ICE",
    }
    assert mine["county"] == "modoc"
    assert mine["starts_at"] == in_days(40).isoformat()
    assert mine["time_known"] is True
    assert mine["topics"] == ["forums"]
    assert mine["decides"] == {}
    assert mine["remote_speaking"] is True
    assert mine["campaign"] == "health-for-all"
    due = today() + datetime.timedelta(days=10)
    assert mine["forum_notice"] == {
        "due_on": due.isoformat(),
        "announced_on": today().isoformat(),
        "days": 40,
    }


async def test_moved_cancelled_and_taken_out_show_at_once(client: httpx.AsyncClient) -> None:
    hearing = await announced()
    await changed(hearing, starts_at=in_days(41))
    [mine] = (await client.get(LIST)).json()
    assert (mine["status"], mine["sequence"]) == ("moved", 1)
    assert mine["starts_at"] == in_days(41).isoformat()
    await changed(hearing, starts_at=in_days(41), status=Status.CANCELLED)
    [mine] = (await client.get(LIST)).json()
    assert (mine["status"], mine["sequence"]) == ("cancelled", 2)
    await changes.take_out(hearing.id, await Account.open_for("Ana", ["editor"]), "Not ours")
    queries.forget()
    assert (await client.get(LIST)).json() == []


async def test_a_past_vote_has_its_members(client: httpx.AsyncClient) -> None:
    await announced(
        kind=Kind.VOTE,
        starts_at=in_days(-2),
        status=Status.HELD,
        result=Result.PASSED,
        votes=[Vote(member="A", choice=Choice.YES), Vote(member="B", choice=Choice.RECUSED)],
    )
    assert (await client.get(LIST)).json() == []
    day = (today() - datetime.timedelta(days=2)).isoformat()
    [mine] = (await client.get(f"{LIST}?from={day}&to={day}&county=modoc")).json()
    assert mine["result"] == "passed"
    assert mine["votes"] == [
        {"member": "A", "choice": "yes"},
        {"member": "B", "choice": "recused"},
    ]
    assert mine["forum_notice"] is None


async def test_the_record_of_the_house_has_sources(client: httpx.AsyncClient) -> None:
    await with_the_past()
    [mine] = (await client.get(f"{LIST}?from=2025-04-22&to=2025-04-22")).json()
    assert mine["county"] == "san-diego"
    assert mine["time_known"] is False
    assert mine["forum_notice"]["days"] == 32
    assert mine["sources"][0]["grade"] == "A"
    assert mine["sources"][0]["published_on"] == "2025-04-22"


async def test_what_is_asked_for_narrows_the_answer(client: httpx.AsyncClient) -> None:
    await announced(title=Said(en="Modoc"))
    await announced(title=Said(en="State"), county="", kind=Kind.VOTE)
    await announced(title=Said(en="Sonoma"), county="sonoma", topics=[Topic.HEALTH])
    first, last = (in_days(days).date().isoformat() for days in (40, 41))
    for query, wanted in {
        "county=modoc": {"Modoc", "State"},
        "county=state": {"State"},
        "topic=health": {"Sonoma"},
        "kind=vote&county=modoc": {"State"},
        f"from={first}&to={first}": {"Modoc", "State", "Sonoma"},
        f"from={last}": set(),
    }.items():
        found = (await client.get(f"{LIST}?{query}")).json()
        assert {each["title"]["en"] for each in found} == wanted, query


async def test_a_day_is_californias_from_midnight_to_midnight(client: httpx.AsyncClient) -> None:
    for year, month, day in ((2026, 3, 8), (2026, 11, 1), (2026, 12, 31)):
        whole = datetime.date(year, month, day)
        midnight = datetime.datetime.combine(whole, datetime.time(), in_days(0).tzinfo)
        ends = datetime.datetime.combine(whole, datetime.time(23, 59), in_days(0).tzinfo)
        for name, at in (("first", midnight), ("last", ends)):
            await announced(title=Said(en=f"{whole} {name}"), starts_at=at)
        found = (await client.get(f"{LIST}?from={whole}&to={whole}")).json()
        assert [each["title"]["en"] for each in found] == [f"{whole} first", f"{whole} last"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("county=atlantis", "county: give a county’s slug, or state."),
        ("county=%00", "county:"),
        ("topic=everything", "topic: give one of holds, jails"),
        ("kind=party", "kind: give one of hearing, vote"),
        ("kind=vote&kind=forum", "kind: give it once."),
        ("from=2026", "from: give one day"),
        ("from=tomorrow", "from: give one day"),
        ("from=1999-12-31", "from: give one day"),
        ("to=9999-12-31", "to: give one day"),
        ("to=2101-01-01", "to: give one day"),
        ("from=2026-12-02&to=2026-12-01", "to: it lies before from."),
        ("county=" + "x" * 5000, ""),
    ],
)
async def test_a_wrong_question_gets_a_problem_object(
    client: httpx.AsyncClient, query: str, told: str
) -> None:
    answer = await client.get(f"{LIST}?{query}")
    assert answer.status_code in (400, 414)
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.json()["detail"]


async def test_an_answer_that_is_the_same_is_not_sent_again(client: httpx.AsyncClient) -> None:
    hearing = await announced()
    first = await client.get(LIST)
    asked = {"If-None-Match": first.headers["etag"]}
    queries.forget()
    assert (await client.get(LIST, headers=asked)).status_code == 304
    await changed(hearing, status=Status.CANCELLED)
    assert (await client.get(LIST, headers=asked)).status_code == 200


async def test_the_schema_says_what_can_be_asked_and_what_comes(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/api/openapi.json")).json()
    listed = schema["paths"][LIST]["get"]
    assert listed["operationId"] == "listHearings"
    assert {each["name"] for each in listed["parameters"]} == {
        "county", "topic", "kind", "from", "to",
    }  # fmt: skip
    assert "`sequence` rises when" in listed["description"]
    shape = schema["components"]["schemas"]["HearingAnswer"]
    assert {"uid", "status", "votes", "forum_notice"} <= set(shape["properties"])
