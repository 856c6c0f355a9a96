"""The queue of numbers to call: one person a number, and what came of it reaches people."""

import asyncio
import datetime
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from html import unescape
from typing import Any

import httpx
import pytest

from backend.database import DB, use
from backend.detained import calls, editing, loading
from backend.detained.tables import CheckedChange, LineClaim
from backend.policies import queries
from backend.policies.tables import HelpLine
from backend.staff.tables import Account, AuditEntry, now
from backend.web.clock import today
from backend.web.errors import Refused
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]
CALLS = "/desk/detained/calls"
FRESNO = "559-206-0151"


async def line(key: str) -> HelpLine:
    found: HelpLine | None = await HelpLine.objects().where(HelpLine.key == key).first()
    assert found is not None
    return found


async def here(key: str) -> str:
    return f"{CALLS}/{(await line(key)).id}"


async def in_line(ana: Colleague) -> list[str]:
    """The names in the queue, first to last."""
    page = (await ana.get(CALLS)).text
    parts = re.findall(r'<li id="line-\d+".*?<h2><a [^>]*>([^<]+)</a></h2>', page, re.DOTALL)
    return [unescape(name) for name in parts]


async def part_of(ana: Colleague, key: str) -> str:
    """What the queue says of one line."""
    found = re.search(
        rf'<li id="line-{(await line(key)).id}".*?(?=<li id="line-|</ul>\s*</main>)',
        (await ana.get(CALLS)).text,
        re.DOTALL,
    )
    assert found
    return found[0]


async def told(ana: Colleague, key: str, outcome: str, **fields: Any) -> httpx.Response:
    """Send the form as it stands on the page."""
    seen = re.search(r'name="seen" value="([^"]+)"', await part_of(ana, key))
    return await ana.post(await here(key), outcome=outcome, seen=seen[1] if seen else "", **fields)


async def called(ana: Colleague, key: str, outcome: str, **fields: Any) -> None:
    assert (await ana.post(f"{await here(key)}/claim")).status_code == 303
    answer = await told(ana, key, outcome, **fields)
    assert answer.status_code == 303, answer.text


async def undo(ana: Colleague) -> httpx.Response:
    [address] = re.findall(rf'action="({CALLS}/\d+/undo)"', (await ana.get(CALLS)).text)
    return await ana.post(address)


async def actions() -> list[str]:
    rows = await AuditEntry.select(AuditEntry.action).order_by(AuditEntry.id)
    return [row["action"] for row in rows if row["action"].startswith("line_")]


async def test_every_number_waits_the_one_read_longest_ago_first(at_the_desk: AtTheDesk) -> None:
    ana, ben = await at_the_desk("editor", name="Ana"), await at_the_desk("editor", name="Ben")
    old = datetime.date(2026, 1, 5)
    await HelpLine.update({HelpLine.checked_on: old}, force=True).where(HelpLine.key == "inland")
    names = await in_line(ana)
    assert names[0] == "Inland Coalition for Immigrant Justice"
    numbered = await HelpLine.count().where(HelpLine.phone != "")
    assert len(names) == int(numbered)
    # Weak ones too, of which people see nothing yet; none without a number.
    assert "Mendocino County Rapid Response Network" in names
    assert "Orange County Rapid Response Network" not in names
    # What a colleague is calling is last, for everybody else.
    assert (await ben.post(f"{await here('inland')}/claim")).status_code == 303
    assert (await in_line(ana))[-1] == "Inland Coalition for Immigrant Justice"
    assert (await in_line(ben))[0] == "Inland Coalition for Immigrant Justice"


async def test_the_script_names_the_counties_in_both_languages(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor", name="Ana")
    assert "Hello. I am calling" not in await part_of(ana, "inland")
    await ana.post(f"{await here('inland')}/claim")
    said = await part_of(ana, "inland")
    assert "when ICE took someone in Riverside or San Bernardino County?" in said
    assert "en el condado de Riverside o San Bernardino?" in said
    assert 'href="tel:+19093614588"' in said
    await ana.post(f"{await here('chirla')}/claim")
    assert "when ICE took someone in California?" in await part_of(ana, "chirla")


async def test_one_person_calls_a_number_and_after_half_an_hour_another_can(
    at_the_desk: AtTheDesk,
) -> None:
    ana, ben = await at_the_desk("editor", name="Ana"), await at_the_desk("editor", name="Ben")
    address = await here("valley-watch")
    for _twice in range(2):
        assert (await ana.post(f"{address}/claim")).status_code == 303
    assert await actions() == ["line_claimed"]
    refused = await ben.post(f"{address}/claim")
    assert refused.status_code == 409
    assert "Ana is calling this number now." in refused.text
    assert "Ana is calling this number now." in await part_of(ben, "valley-watch")
    seen = (await line("valley-watch")).changed_at.isoformat()
    assert (await ben.post(address, outcome="answered", seen=seen)).status_code == 409
    assert (await line("valley-watch")).read == "copy"
    await LineClaim.update({LineClaim.at: now() - calls.IN_HAND}, force=True)
    assert "I am calling" in await part_of(ben, "valley-watch")
    assert (await ben.post(f"{address}/claim")).status_code == 303
    assert (await ana.post(address, outcome="answered", seen=seen)).status_code == 409
    assert (await ben.post(f"{address}/let-go")).status_code == 303
    assert await actions() == ["line_claimed", "line_claimed", "line_let_go"]
    assert "I am calling" in await part_of(ana, "valley-watch")


async def test_an_answer_makes_it_a_line_that_we_called(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    for address in ("/counties/mendocino", "/counties/mendocino/detained"):
        assert "707-621-8220" not in (await client.get(address)).text
    await called(ana, "mendocino", "answered")
    found = await line("mendocino")
    assert (found.read, found.checked_on) == ("called", today())
    for address in ("/counties/mendocino", "/counties/mendocino/detained"):
        page = (await client.get(address)).text
        assert "707-621-8220" in page
        assert "We called on" in page
    assert await actions() == ["line_claimed", "line_answered"]
    assert "somebody answered, and it is right" in (await ana.get(CALLS)).text
    # Just called, it is behind what was only read.
    names = await in_line(ana)
    assert names.index("Mendocino County Rapid Response Network") > len(names) // 2


async def test_what_they_speak_stands_with_the_line(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    await ana.post(f"{await here('valley-watch')}/claim")
    assert (await told(ana, "valley-watch", "spoke")).status_code == 422
    assert (await told(ana, "valley-watch", "maybe")).status_code == 422
    answer = await told(ana, "valley-watch", "spoke", languages=["hmn", "es", "elvish"])
    assert answer.status_code == 303
    found = await line("valley-watch")
    assert (found.languages, found.read) == (["es", "hmn"], "called")
    page = (await client.get("/counties/fresno/detained")).text
    assert "Languages: Spanish, Hmong." in page
    assert "line_spoke" in await actions()


async def test_when_nobody_answers_it_waits_at_the_end(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor", name="Ana")
    await called(ana, "monterey", "answered")
    await called(ana, "valley-watch", "nobody")
    found = await line("valley-watch")
    assert (found.read, found.missed_on) == ("copy", today())
    assert (await in_line(ana))[-1] == "Valley Watch Network (Faith in the Valley)"
    assert "Nobody answered on" in await part_of(ana, "valley-watch")
    # The files lead it as before.
    assert found.desk_at is None
    assert not await loading.load()


async def test_a_wrong_number_is_hidden_at_once_and_waits_to_be_mended(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    await ana.post(f"{await here('valley-watch')}/claim")
    assert (await told(ana, "valley-watch", "wrong", why=" ")).status_code == 422
    assert (await told(ana, "valley-watch", "wrong", why="It is a shop.")).status_code == 303
    for address in ("/counties/fresno", "/counties/fresno/detained", "/detained"):
        assert FRESNO not in (await client.get(address)).text, address
    page = (await ana.get("/desk/detained")).text
    mend = page[page.index("wrong-title") : page.index("due-title")]
    assert "Valley Watch Network" in mend
    assert "It is a shop." in mend
    assert "Valley Watch Network" not in page[page.index("due-title") : page.index("lines-title")]
    assert "Valley Watch Network (Faith in the Valley)" not in await in_line(ana)
    assert "number of a line is wrong" in (await ana.get("/desk")).text
    # The right number, read somewhere: people see it again, as not called.
    row = await line("valley-watch")
    by = await Account.objects().where(Account.name == "Ana").first()
    assert by is not None
    await editing.change(row, by, row.changed_at.isoformat(), {"phone": "559-555-0101"})
    assert "559-555-0101" in (await client.get("/counties/fresno/detained")).text
    assert "It is a shop." not in (await ana.get("/desk/detained")).text


async def test_a_new_number_is_not_one_that_we_called(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    await called(ana, "valley-watch", "answered")
    row = await line("valley-watch")
    by = await Account.objects().where(Account.name == "Ana").first()
    assert by is not None
    await editing.change(row, by, row.changed_at.isoformat(), {"phone": "559-555-0101"})
    page = (await client.get("/counties/fresno/detained")).text
    assert "559-555-0101" in page
    assert "We called on" not in page


@pytest.mark.parametrize(
    ("outcome", "fields"),
    [
        ("answered", {}),
        ("spoke", {"languages": ["es"]}),
        ("nobody", {}),
        ("wrong", {"why": "It is a shop."}),
    ],
)
async def test_each_outcome_can_be_taken_back_and_nothing_happens_twice(
    at_the_desk: AtTheDesk, outcome: str, fields: dict[str, Any]
) -> None:
    ana, ben = await at_the_desk("editor", name="Ana"), await at_the_desk("editor", name="Ben")
    before = await line("valley-watch")
    await called(ana, "valley-watch", outcome, **fields)
    after = (await line("valley-watch")).to_dict()
    # The same button again, from a page that hung.
    seen = before.changed_at.isoformat()
    again = await ana.post(await here("valley-watch"), outcome=outcome, seen=seen, **fields)
    assert again.status_code == 303
    assert (await line("valley-watch")).to_dict() == after
    assert len(await actions()) == 2
    # Another button is another thing.
    other = "nobody" if outcome != "nobody" else "answered"
    assert (await ana.post(await here("valley-watch"), outcome=other, seen=seen)).status_code == 409

    [address] = re.findall(rf'action="({CALLS}/\d+/undo)"', (await ben.get(CALLS)).text)
    for _twice in range(2):
        assert (await ben.post(address)).status_code == 303
    now_again = (await line("valley-watch")).to_dict()
    was = before.to_dict()
    for name in ("changed_at",):
        del now_again[name], was[name]
    assert now_again == was
    assert (await actions())[2:] == ["line_call_undone"]
    assert "/undo" not in (await ana.get(CALLS)).text
    assert FRESNO in (await ana.get("/counties/fresno/detained")).text


async def test_what_is_a_day_old_or_was_changed_since_stays(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor", name="Ana")
    await called(ana, "valley-watch", "answered")
    [address] = re.findall(rf'action="({CALLS}/\d+/undo)"', (await ana.get(CALLS)).text)
    await CheckedChange.update({CheckedChange.made_at: now() - calls.CAN_BE_UNDONE}, force=True)
    assert "/undo" not in (await ana.get(CALLS)).text
    assert (await ana.post(address)).status_code == 409
    await CheckedChange.update({CheckedChange.made_at: now()}, force=True)
    await ana.post(f"/desk/detained/lines/{(await line('valley-watch')).id}/confirm")
    assert (await ana.post(address)).status_code == 409
    assert (await line("valley-watch")).read == "called"
    assert (await ana.post(f"{CALLS}/{2**62}/undo")).status_code == 409


async def test_who_called_an_old_number_says_nothing_of_the_new_one(
    at_the_desk: AtTheDesk,
) -> None:
    ana, ben = await at_the_desk("editor", name="Ana"), await at_the_desk("editor", name="Ben")
    await ana.post(f"{await here('valley-watch')}/claim")
    row = await line("valley-watch")
    by = await Account.objects().where(Account.name == ben.name).first()
    assert by is not None
    await editing.change(row, by, row.changed_at.isoformat(), {"phone": "559-555-0101"})
    answer = await ana.post(
        await here("valley-watch"), outcome="answered", seen=row.changed_at.isoformat()
    )
    assert answer.status_code == 409
    assert "Somebody changed this line while you called." in answer.text
    assert (await line("valley-watch")).read == "copy"


async def test_what_nobody_called_stands_on_the_first_page(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor", name="Ana")
    before = await calls.how_many()
    assert (
        f'<span class="count">{before}</span> <a href="{CALLS}">numbers of lines wait'
        in (await ana.get("/desk")).text
    )
    await called(ana, "monterey", "answered")
    await called(ana, "inland", "nobody")
    assert await calls.how_many() == before - 2
    yesterday = today() - datetime.timedelta(days=1)
    await HelpLine.update({HelpLine.missed_on: yesterday}, force=True).where(
        HelpLine.key == "inland"
    )
    assert await calls.how_many() == before - 1


async def test_only_editors_call_and_what_is_not_there_has_words(at_the_desk: AtTheDesk) -> None:
    kim = await at_the_desk("campaigner", name="Kim")
    address = await here("chirla")
    for answer in (await kim.get(CALLS), await kim.post(f"{address}/claim"),
                   await kim.post(address, outcome="wrong", why="no")):  # fmt: skip
        assert answer.status_code == 403
    ana = await at_the_desk("editor", name="Ana")
    for id in (0, 2**40, (await line("orange")).id):
        assert (await ana.post(f"{CALLS}/{id}/claim")).status_code == 409
    assert await LineClaim.count() == 0


@pytest.fixture
async def committed(own_url: str, database_url: str) -> AsyncIterator[list[Account]]:
    """Two editors outside any test's transaction, so that each has one of their own, on a copy of
    the database: what they commit, the trail above all, is nobody else's to find."""
    use(own_url)
    await DB.start_connection_pool(min_size=1, max_size=5)
    queries.forget()
    try:
        yield [await Account.open_for(name, ["editor"]) for name in ("Ana", "Ben")]
    finally:
        await DB.close_connection_pool()
        use(database_url)
        queries.forget()


async def test_two_at_once_do_not_overwrite_each_other(committed: list[Account]) -> None:
    row = await line("valley-watch")
    seen = row.changed_at.isoformat()
    claims = await asyncio.gather(
        *(calls.claim(row.id, each) for each in committed), return_exceptions=True
    )
    assert [type(each) for each in claims if each is not None] == [Refused]
    winner = committed[claims.index(None)]
    loser = next(each for each in committed if each is not winner)
    done = await asyncio.gather(
        calls.answered(row.id, winner, seen),
        calls.answered(row.id, winner, seen),
        calls.wrong(row.id, loser, seen, "It is a shop."),
        return_exceptions=True,
    )
    assert [type(each) for each in done] == [type(None), type(None), Refused]
    found = await line("valley-watch")
    assert (found.read, found.wrong) == ("called", "")
    assert await CheckedChange.count() == 1
