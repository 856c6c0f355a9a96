"""The record at the desk: an editor drafts, another decides, and everyone can read what changed."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from html import unescape
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from backend.policies import changes, entries
from backend.policies.entries import FactName
from backend.policies.tables import Change, Rule
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]
ATOM = "{http://www.w3.org/2005/Atom}"
NEW = "/desk/record/sonoma/rule/new"
HOLD = "/desk/record/sonoma/rule/sheriff-2014"
RULE = {
    "answer_notification": "judicial_warrant_only",
    "issuer": "sheriff_policy",
    "instrument_en": "Sheriff’s new order",
    "instrument_es": "Nueva orden del alguacil",
    "from": "2026-11-01",
    "from_means": "on",
    "summary_en": "The jail tells ICE only when a judge signs a warrant.",
    "summary_es": "La cárcel avisa a ICE solo si un juez firma una orden.",
    "checked_on": "2026-11-24",
    "review_by": "2027-05-24",
    "source1_title": "General order 5",
    "source1_publisher": "Sonoma County Sheriff",
    "source1_url": "https://example.org/order-5.pdf",
    "source1_published_on": "2026-11-01",
    "source1_read_on": "2026-11-24",
    "source1_grade": "A",
    "why_en": "The sheriff signed a new order.",
    "why_es": "El alguacil firmó una orden nueva.",
}


async def drafted(editor: Colleague, address: str = NEW, **fields: str) -> str:
    answer = await editor.post(address, **{**RULE, **fields})
    assert answer.status_code == 303, re.findall(r"field-error[^>]*>([^<]*)", answer.text)
    return answer.headers["location"]


async def form_of(editor: Colleague, address: str) -> dict[str, Any]:
    """What the form at an address would send, unchanged."""
    text = (await editor.get(address)).text
    fields: dict[str, Any] = dict(re.findall(r'<input id="(\w+)"[^>]* value="([^"]*)"', text))
    fields |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>([^<]*)</textarea>', text))
    for name, options in re.findall(r'(?s)<select id="(\w+)"[^>]*>(.*?)</select>', text):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    ticked = re.findall(r'name="source" value="(\w+)" checked', text)
    fields |= {"source": ticked} if ticked else {}
    for name in [name for name in fields if re.match(r"source\d", name)]:
        del fields[name]
    return {
        name: [unescape(each) for each in value] if isinstance(value, list) else unescape(value)
        for name, value in fields.items()
        if value
    }


async def test_a_rule_goes_from_draft_to_the_countys_page_and_the_feed(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana, ben = await at_the_desk("editor", "Ana"), await at_the_desk("editor", "Ben")
    address = await drafted(ana)
    draft = await ana.get(address)
    assert "You wrote this: a second person approves it." in draft.text
    assert "<ins>" in draft.text
    assert "Only if a judge" not in (await notification(client))
    refused = await ana.post(f"{address}/approve")
    assert refused.status_code == 409
    assert "A second person has to approve" in refused.text
    assert address in (await ben.get("/desk/record")).text
    assert (await ben.post(f"{address}/approve")).status_code == 303
    again = await ben.post(f"{address}/approve")
    assert "decided this already" in again.text
    assert "Only if a judge signs a warrant." in await notification(client)
    public = (await client.get("/changes")).text
    assert "The sheriff signed a new order." in public
    assert 'href="/counties/sonoma"' in public
    spanish = await client.get("/changes?county=sonoma", headers={"Accept-Language": "es"})
    assert "El alguacil firmó una orden nueva." in spanish.text
    assert "The sheriff signed" not in spanish.text
    assert "Nothing has changed" in (await client.get("/changes?county=modoc")).text
    feed = await client.get("/changes.atom")
    assert feed.headers["content-type"].startswith("application/atom+xml")
    root = ET.fromstring(feed.content)
    [entry] = root.findall(f"{ATOM}entry")
    assert "The sheriff signed a new order." in entry.findtext(f"{ATOM}title")
    assert entry.findtext(f"{ATOM}id").startswith("tag:")
    assert root.findtext(f"{ATOM}updated") == entry.findtext(f"{ATOM}updated")
    history = await ana.get("/desk/record/sonoma/rule/sheriffs-new-order-2026")
    assert "Ana, Ben" in history.text


async def notification(client: httpx.AsyncClient) -> str:
    text = (await client.get("/counties/sonoma")).text
    return re.search(r'(?s)id="notification".*?</details>', text)[0]


async def test_a_correction_keeps_what_was_not_touched(at_the_desk: AtTheDesk) -> None:
    ana, ben = await at_the_desk("editor", "Ana"), await at_the_desk("editor", "Ben")
    name = FactName("sonoma", "rule", "sheriff-2014")
    before = (await entries.present({"sonoma"}))[name]
    form = await form_of(ana, f"{HOLD}/correct")
    unchanged = await ana.post(f"{HOLD}/correct", **{**form, "why_en": "Nothing."})
    assert unchanged.status_code == 422
    assert "Nothing is different" in unchanged.text
    form["citation"] = "Letter of May 7, 2014"
    address = (await ana.post(f"{HOLD}/correct", **{**form, "why_en": "Named."})).headers[
        "location"
    ]
    page = await ben.get(address)
    assert "<ins>Letter of May 7, 2014</ins>" in page.text
    assert (await ben.post(f"{address}/approve")).status_code == 303
    after = (await entries.present({"sonoma"}))[name]
    assert after == {**before, "citation": "Letter of May 7, 2014"}


@pytest.mark.parametrize(
    ("kind", "id"),
    [
        ("practice", "forum-2025"),
        ("figure", "requests-2017"),
        ("rule", "sheriff-2014"),
    ],
)
async def test_every_kind_of_fact_has_a_form_that_says_what_it_says(
    at_the_desk: AtTheDesk, kind: str, id: str
) -> None:
    ana = await at_the_desk("editor", "Ana")
    address = f"/desk/record/sonoma/{kind}/{id}/correct"
    form = await form_of(ana, address)
    answer = await ana.post(address, **{**form, "why_en": "Nothing."})
    assert "Nothing is different" in answer.text, re.findall(
        r"field-error[^>]*>([^<]*)", answer.text
    )


async def test_every_law_has_a_form_that_says_what_it_says(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor", "Ana")
    laws = [name for name in await entries.present({"state"}) if name.kind == "law"]
    for name in laws[:12]:
        address = f"/desk/record/state/law/{name.entry_id}/correct"
        form = await form_of(ana, address)
        answer = await ana.post(address, **{**form, "why_en": "Nothing."})
        assert "Nothing is different" in answer.text, (name, answer.status_code)


async def test_a_rule_that_another_one_followed_ends_when_it_begins(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana, ben = await at_the_desk("editor", "Ana"), await at_the_desk("editor", "Ben")
    form = await form_of(ana, f"{HOLD}/replace")
    assert "from" not in form
    later = {**form, "from": "2026-10-01", "why_en": "A new order."}
    missing = await ana.post(f"{HOLD}/replace", **later)
    assert "Say the last day of the old rule." in missing.text
    address = (await ana.post(f"{HOLD}/replace", **later, ended="2026-09-30")).headers["location"]
    assert (await ben.post(f"{address}/approve")).status_code == 303
    standing = await entries.present({"sonoma"})
    assert standing[FactName("sonoma", "rule", "sheriff-2014")]["until"] == "2026-09-30"
    assert [name for name in standing if name.kind == "rule" and name.entry_id.endswith("2026")]


async def test_a_fact_is_taken_out_and_its_history_stays(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana, ben = await at_the_desk("editor", "Ana"), await at_the_desk("editor", "Ben")
    silent = await ana.post(f"{HOLD}/retire", why_en=" ")
    assert silent.status_code == 422
    address = (await ana.post(f"{HOLD}/retire", why_en="It was another county.")).headers[
        "location"
    ]
    await ben.post(f"{address}/approve")
    assert "Freitas" not in (await client.get("/counties/sonoma")).text
    page = await ana.get(HOLD)
    assert "This fact was taken out" in page.text
    assert address in page.text
    assert (await ana.get(f"{HOLD}/correct")).status_code == 404


async def test_looking_again_moves_the_day_and_is_no_news(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", "Ana")
    await Rule.update({Rule.checked_on: date(2026, 1, 1)}).where(
        Rule.key == "sonoma/sheriff-2014/hold"
    )
    for _time in ("now", "again on the same day"):
        assert (await ana.post(f"{HOLD}/check")).headers["location"] == HOLD
    assert "2026-01-01" not in (await ana.get(HOLD)).text
    assert "Nothing has changed" in (await client.get("/changes")).text


async def test_a_draft_is_turned_down_with_a_reason_or_taken_back(at_the_desk: AtTheDesk) -> None:
    ana, ben = await at_the_desk("editor", "Ana"), await at_the_desk("editor", "Ben")
    address = await drafted(ana)
    assert "Say why" in (await ben.post(f"{address}/turn-down", because=" ")).text
    await ben.post(f"{address}/turn-down", because="The order is a draft itself.")
    assert "The order is a draft itself." in (await ana.get(address)).text
    second = await drafted(ana)
    assert (await ben.post(f"{second}/withdraw")).status_code == 409
    assert (await ana.post(f"{second}/withdraw")).status_code == 303
    assert await changes.drafts_waiting() == 0


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("summary_es", "", "Write it in both languages."),
        ("summary_en", "x" * 10_000, "This is too long"),
        ("from", "31/12/2026", "Write a day like 2026-11-24"),
        ("from", "9999-12-31", "Write a day like 2026-11-24"),
        ("from", "10000-01-01", "Write a day like 2026-11-24"),
        ("until", "2025", "ends"),
        ("issuer", "king", "Choose one of these."),
        ("issuer", "", "This is missing."),
        ("law", "no-such-law", "no law"),
        ("source1_url", "javascript:alert(1)", "Write the whole address"),
        ("source1_grade", "C", "grade C"),
        ("source1_title", "", "This is missing."),
        ("review_by", "2020-01-01", "before it was checked"),
        ("checked_on", "2026", "needs a whole day"),
        ("why_en", "", "Say in a sentence what changed."),
    ],
)
async def test_a_mistake_is_told_and_nothing_typed_is_lost(
    at_the_desk: AtTheDesk, field: str, value: str, told: str
) -> None:
    ana = await at_the_desk("editor", "Ana")
    answer = await ana.post(NEW, **{**RULE, field: value})
    assert answer.status_code == 422, answer.headers.get("location")
    assert "There is a problem" in answer.text
    assert told in answer.text
    assert "Nueva orden del alguacil" in answer.text
    assert await Change.count() == 0


async def test_a_fact_without_a_source_is_not_taken(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor", "Ana")
    bare = {name: value for name, value in RULE.items() if not name.startswith("source1")}
    answer = await ana.post(NEW, **bare)
    assert answer.status_code == 422
    assert "without it nothing is stated" in answer.text


async def test_markup_stays_text(at_the_desk: AtTheDesk, client: httpx.AsyncClient) -> None:
    ana, ben = await at_the_desk("editor", "Ana"), await at_the_desk("editor", "Ben")
    evil = "<script>alert(1)</script> & <b>so</b>"
    address = await drafted(ana, summary_en=evil, why_en=evil)
    assert "<script>alert" not in (await ben.get(address)).text
    await ben.post(f"{address}/approve")
    for page in ("/changes", "/counties/sonoma", "/changes.atom"):
        assert "<script>alert" not in (await client.get(page)).text
    ET.fromstring((await client.get("/changes.atom")).content)


@pytest.mark.parametrize(
    "address",
    [
        "/desk/record/nowhere/rule/new",
        "/desk/record/sonoma/law/new",
        "/desk/record/sonoma/poem/new",
        "/desk/record/sonoma/rule/nothing",
        "/desk/record/sonoma/rule/" + "x" * 500,
        "/desk/record/changes/0",
        "/desk/record/changes/99999999999999999999",
        "/desk/record/changes/one",
        "/desk/record/changes/-1",
        "/desk/record/sonoma/figure/requests-2017/replace",
    ],
)
async def test_what_is_not_there_is_told_in_words(at_the_desk: AtTheDesk, address: str) -> None:
    ana = await at_the_desk("editor", "Ana")
    answer = await ana.get(address)
    assert answer.status_code == 404
    assert "There is no such fact or change." in answer.text


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/changes?before=x", 404),
        ("/changes?before=99999999999999999999", 404),
        ("/changes?county=nowhere", 404),
        ("/changes?county=state", 200),
        ("/changes.atom?county=sonoma", 200),
        ("/changes?before=5", 200),
    ],
)
async def test_the_public_pages_answer_bad_questions_in_words(
    client: httpx.AsyncClient, address: str, status: int
) -> None:
    assert (await client.get(address)).status_code == status


async def test_the_list_finds_facts_by_county_kind_and_words(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor", "Ana")
    page = await ana.get("/desk/record?file=sonoma&kind=rule&q=Freitas")
    assert "1 fact" in page.text
    assert HOLD in page.text
    none = await ana.get("/desk/record?q=%00%F0%9F%8C%8A&file=x&kind=y")
    assert "No fact is like that." in none.text


REPORT = {
    **{key: value for key, value in RULE.items() if key.startswith(("source", "why"))},
    "topic": "stance", "summary_en": "He said so.", "summary_es": "Así dijo.",
    "checked_on": "2026-11-24", "review_by": "2027-05-24", "read": "page",
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("rule", {"superseded_by": "nobody"}),
        ("rule", {"superseded_by": "sheriff-2014"}),
        ("rule", {"until_means": "perhaps"}),
        ("rule", {"read": "dreamt"}),
        ("practice", {"topic": "forum", "from": "2199-01-01"}),
        ("practice", {"topic": "forum", "from": "2025-05-20", "year": "2026"}),
        ("practice", {"topic": "forum", "from": "2025-05-20", "year": "9999999"}),
        ("practice", {"topic": "forum", "answer": "lobby"}),
        ("practice", {"topic": "hold", "answer": "prohibited"}),
        ("practice", {"year": "2024"}),
    ],
)
async def test_what_the_record_cannot_hold_is_told_and_nothing_typed_is_lost(
    at_the_desk: AtTheDesk, kind: str, fields: dict[str, str]
) -> None:
    ana = await at_the_desk("editor", "Ana")
    typed = {**(RULE if kind == "rule" else REPORT), **fields}
    answer = await ana.post(f"/desk/record/sonoma/{kind}/new", **typed)
    assert answer.status_code == 422
    assert "field-error" in answer.text
    assert unescape(typed["summary_en"]) in unescape(answer.text)


async def test_a_report_that_answers_and_a_former_sheriffs_words_can_be_written_at_the_desk(
    at_the_desk: AtTheDesk,
) -> None:
    ana = await at_the_desk("editor", "Ana")
    said = {**REPORT, "topic": "handoff", "answer": "lobby", "from": "2025-06-01"}
    assert (await ana.post("/desk/record/sonoma/practice/new", **said)).status_code == 303
    former = {"until": "2026-11-20", "until_means": "at_least"}
    assert await drafted(ana, **former)
