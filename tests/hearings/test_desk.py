"""Hearings at the desk: announced, moved, cancelled, held and taken out, by people who may."""

import datetime
import html
import re
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from markupsafe import escape

from backend.counties.tables import County
from backend.hearings import changes, kinds, ledger, proposals, queries
from backend.hearings import entry as entries
from backend.hearings.desk import forms as hearing_forms
from backend.hearings.desk import lines as hearing_lines
from backend.hearings.desk import pages as hearings
from backend.hearings.desk import todo
from backend.hearings.desk import wording as hearing_words
from backend.hearings.entry import Entry, Said, Vote
from backend.hearings.kinds import Choice, Kind, Result, Status, Topic
from backend.hearings.relevance import Match
from backend.hearings.tables import Hearing, HearingSource, MemberVote, Proposal, SourceEvent
from backend.policies.days import Day
from backend.policies.files import SourceEntry
from backend.staff.tables import Account, AuditEntry
from backend.web.clock import CALIFORNIA, today
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]
NEW = "/desk/hearings/new"
SOURCES = "/desk/hearings/sources"
PROPOSALS = "/desk/hearings/proposals"


def day(days: int) -> str:
    return (today() + datetime.timedelta(days=days)).isoformat()


def in_days(days: int, hour: int = 9, minute: int = 30) -> datetime.datetime:
    when = today() + datetime.timedelta(days=days)
    return datetime.datetime.combine(when, datetime.time(hour, minute), CALIFORNIA)


def forum(**fields: Any) -> dict[str, Any]:
    what = {
        "kind": "forum",
        "status": "scheduled",
        "title_en": "Forum on what the sheriff did for ICE",
        "title_es": "Foro sobre lo que el alguacil hizo para ICE",
        "county": "sonoma",
        "body": "Board of Supervisors",
        "starts_on": day(40),
        "starts_time": "09:30",
        "place": "Board chambers",
        "agenda_url": "https://sonoma.example.org/agenda",
        "topic": ["forums"],
    }
    return {**what, **fields}


def whole(**fields: Any) -> Entry:
    """An entry with something in every field."""
    what: dict[str, Any] = {
        "kind": Kind.HEARING,
        "title": Said(en="A  hearing\twith odd spaces", es="Una audiencia"),
        "starts_at": in_days(-3).replace(second=30),
        "ends_at": in_days(-3, 12),
        "status": Status.HELD,
        "county": "sonoma",
        "body": "Board",
        "time_text": "9:30 A.M. or soon after",
        "place": "Chambers",
        "address": "575 Administration Drive",
        "remote_url": "https://example.org/join?a=1&b=2",
        "remote_how": "Call in.",
        "agenda_url": "https://example.org/agenda",
        "agenda_item": "12",
        "file_number": "26-100",
        "campaign": "no-such-campaign",
        "topics": [Topic.JAILS, Topic.HOLDS],
        "decides": Said(en="The contract.\nAnd more. ", es="El contrato."),
        "how_to_speak": Said(en="Fill in a card.", es="Llene una tarjeta."),
        "speak_by": in_days(-4, 17, 0),
        "interpreter": Said(en="Spanish."),
        "remote_speaking": False,
        "special_meeting": True,
        "noticed_on": today() - datetime.timedelta(days=40),
        "outcome": Said(en="It passed.", es="Se aprobó."),
        "result": Result.PASSED,
        "votes": [Vote(member="Lee: the first", choice=Choice.YES),
                  Vote(member="B", choice=Choice.RECUSED)],
        "figures": Said(en="12 people."),
        "sources": [
            SourceEntry(title="Agenda", publisher="Sonoma", url="https://example.org/a", grade="A",
                        read_on=Day.parse("2026-11-01"), published_on=Day.parse("2026-10")),
        ],
    }  # fmt: skip
    return Entry(**{**what, **fields})


class Fields(HTMLParser):
    """What a browser would send of a page's forms."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.area = self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "input" and name and name != "form_token":
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.found.setdefault(name, []).append(given.get("value", ""))
        elif tag == "textarea":
            self.area = name
            self.found[name] = [""]
        elif tag == "select":
            self.select = name
        elif tag == "option" and (self.select not in self.found or "selected" in given):
            self.found[self.select] = [given.get("value", "")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.found[self.area][0] += data


async def form_of(colleague: Colleague, address: str) -> dict[str, Any]:
    page = await colleague.get(address)
    assert page.status_code == 200, page.text
    parser = Fields()
    parser.feed(page.text)
    return dict(parser.found)


def but(form: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**form, **fields}


def told(page: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


def wrong(page: httpx.Response) -> list[str]:
    return re.findall(r'field-error" id="(\w+)-mistake', page.text)


async def announced(colleague: Colleague, **fields: Any) -> str:
    answer = await colleague.post(NEW, **forum(**fields))
    assert answer.status_code == 303, told(answer)
    return str(answer.headers["location"])


async def standing(address: str) -> tuple[Hearing, Entry]:
    hearing = await queries.one(int(address.rpartition("/")[2]))
    assert hearing is not None
    return hearing, await queries.entry_of(hearing)


async def trail() -> list[str]:
    rows = await AuditEntry.select(AuditEntry.action).order_by(AuditEntry.id)
    return [row["action"] for row in rows]


@pytest.mark.parametrize(
    ("role", "may"),
    [("editor", True), ("campaigner", True), ("admin", True), ("canvass_lead", False)],
)
async def test_who_edits_hearings_sees_them_here(
    at_the_desk: AtTheDesk, role: str, may: bool
) -> None:
    colleague = await at_the_desk(role)
    for address in ("/desk/hearings", NEW, PROPOSALS, SOURCES):
        assert (await colleague.get(address)).status_code == (200 if may else 403)
    link = 'href="/desk/hearings"'
    assert (link in (await colleague.get("/desk")).text) == may
    if not may:
        assert (await colleague.post(NEW, **forum())).status_code == 403
        assert not await Hearing.exists()


async def test_a_forum_is_announced_moved_and_cancelled(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor", "Ana")
    here = await announced(ana)
    hearing, entry = await standing(here)
    assert (entry.starts_at, entry.title.es) == (in_days(40), forum()["title_es"])
    assert "Forum on what the sheriff did" in (await ana.get("/desk/hearings")).text
    move = await form_of(ana, f"{here}/moves")
    answer = await ana.post(f"{here}/moves", **{**move, "starts_on": day(47), "why": "No quorum"})
    assert answer.status_code == 303, told(answer)
    hearing, entry = await standing(here)
    assert (hearing.status, hearing.sequence, entry.starts_at) == ("moved", 1, in_days(47))
    cancel = await form_of(ana, f"{here}/cancellations")
    assert (await ana.post(f"{here}/cancellations", **cancel)).status_code == 422
    await ana.post(f"{here}/cancellations", **but(cancel, why="The sheriff will not come"))
    page = told(await ana.get(here))
    for words in ("No quorum", "The sheriff will not come", "Ana", "Moved", "Cancelled", "Before:"):
        assert words in page
    assert "Move it" not in page
    assert await trail() == ["hearing_announced", "hearing_moved", "hearing_cancelled"]
    back = await form_of(ana, f"{here}/returns")
    assert (await ana.post(f"{here}/returns", **back)).status_code == 303
    assert (await standing(here))[0].status == "scheduled"


async def test_what_is_postponed_gets_its_new_day_later(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    here = await announced(ana)
    off = await form_of(ana, f"{here}/postponements")
    await ana.post(f"{here}/postponements", **but(off, why="The room is flooded"))
    assert (await standing(here))[0].status == "postponed"
    move = await form_of(ana, f"{here}/moves")
    assert move["starts_on"] == [""]
    assert wrong(await ana.post(f"{here}/moves", **move)) == ["starts_on"]
    assert (await ana.post(f"{here}/moves", **{**move, "starts_on": day(60)})).status_code == 303
    assert (await standing(here))[0].status == "moved"


async def test_a_move_that_moves_nothing_is_told(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    here = await announced(ana)
    answer = await ana.post(f"{here}/moves", **await form_of(ana, f"{here}/moves"))
    assert answer.status_code == 422
    assert "Say what is new." in told(answer)
    assert (await standing(here))[0].status == "scheduled"


async def test_how_they_voted_is_told_once_it_was_held(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    here = await announced(ana)
    assert "Say what came of it" not in told(await ana.get(here))
    early = await form_of(ana, f"{here}/outcome")
    answer = await ana.post(f"{here}/outcome", **early)
    assert "It has not begun yet" in told(answer)
    await Hearing.update({Hearing.starts_at: in_days(-1)}).where(Hearing.county.is_not_null())
    assert "Was it held?" in told(await ana.get(here))
    form = await form_of(ana, f"{here}/outcome")
    form |= {"outcome_en": "It passed.", "outcome_es": "Se aprobó.", "result": "passed"}
    for votes in ("Lee", "Lee yes", ": yes", "Lee: maybe", "Lee: yes\nlee: no", "x" * 200 + ": no"):
        answer = await ana.post(f"{here}/outcome", **{**form, "votes": votes})
        assert wrong(answer) == ["votes"], votes
        assert html.escape(votes) in answer.text
    votes = "Lee: Yes\n\n Ruiz-Cruz :  NO\nMaría Díaz: abstención\r\nBo: absent."
    assert (await ana.post(f"{here}/outcome", **{**form, "votes": votes})).status_code == 303
    rows = await MemberVote.select(MemberVote.member, MemberVote.choice).order_by(MemberVote.place)
    assert [tuple(row.values()) for row in rows] == [
        ("Lee", "yes"), ("Ruiz-Cruz", "no"), ("María Díaz", "abstained"), ("Bo", "absent"),
    ]  # fmt: skip
    assert (await standing(here))[0].status == "held"
    assert "María Díaz: abstained" in told(await ana.get(here))


async def test_what_was_never_real_is_taken_out_and_its_history_stays(
    at_the_desk: AtTheDesk,
) -> None:
    ana = await at_the_desk("editor", "Ana")
    here = await announced(ana)
    form = await form_of(ana, f"{here}/removals")
    assert (await ana.post(f"{here}/removals", **form)).status_code == 422
    stale = await ana.post(f"{here}/removals", **but(form, seen="7", why="Twice here"))
    assert "Somebody changed this hearing meanwhile" in told(stale)
    for _time in ("once", "and again"):
        answer = await ana.post(f"{here}/removals", **but(form, why="Twice here"))
        assert answer.status_code == 303
    page = told(await ana.get(here))
    assert "Only its history is left" in page
    assert "Twice here" in page
    assert (await ana.get(f"{here}/edit")).status_code == 410
    assert "Forum on what" not in (await ana.get("/desk/hearings")).text
    assert "Forum on what" in (await ana.get("/desk/hearings?status=taken_out")).text
    assert (await trail()).count("hearing_taken_out") == 1


async def test_saving_unchanged_changes_nothing(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    hearing = await changes.announce(whole(), await Account.open_for("Bo", ["editor"]))
    before = await trail()
    here = f"/desk/hearings/{hearing.id}"
    form = await form_of(ana, f"{here}/edit")
    assert form["topic"] == ["holds", "jails"]
    answer = await ana.post(f"{here}/edit", **form)
    assert answer.status_code == 303, told(answer)
    assert await trail() == before
    now, entry = await standing(here)
    assert (entries.differing(entry, whole()), now.sequence) == ([], 0)
    preview = await ana.post(f"{here}/edit", **form, do="preview")
    assert "Nothing is different." in told(preview)


async def test_an_edit_shows_before_and_after_and_then_in_its_history(
    at_the_desk: AtTheDesk,
) -> None:
    ana = await at_the_desk("editor", "Ana")
    here = await announced(ana)
    form = {**await form_of(ana, f"{here}/edit"), "body": "Board of Supervisors and Sheriff"}
    preview = await ana.post(f"{here}/edit", **form, do="preview")
    assert "<ins> and Sheriff</ins>" in preview.text
    assert (await standing(here))[1].body == "Board of Supervisors"
    await ana.post(f"{here}/edit", **but(form, why="Both meet"))
    page = await ana.get(here)
    assert "<ins> and Sheriff</ins>" in page.text
    assert "Both meet" in page.text


async def test_two_editors_do_not_overwrite_each_other(at_the_desk: AtTheDesk) -> None:
    ana, bo = await at_the_desk("editor", "Ana"), await at_the_desk("campaigner", "Bo")
    here = await announced(ana)
    hers, his = await form_of(ana, f"{here}/edit"), await form_of(bo, f"{here}/edit")
    cancel = await form_of(bo, f"{here}/cancellations")
    assert (await ana.post(f"{here}/edit", **{**hers, "place": "Room 9"})).status_code == 303
    answer = await bo.post(f"{here}/edit", **{**his, "body": "His own words"})
    assert answer.status_code == 422
    page = told(answer)
    for words in ("Somebody changed this hearing meanwhile", "Ana", "Room 9", "What changed"):
        assert words in page
    assert "His own words" in answer.text
    stale = await bo.post(f"{here}/cancellations", **but(cancel, why="It is off"))
    assert "Somebody changed this hearing meanwhile" in told(stale)
    assert (await standing(here))[1].place == "Room 9"
    # Having seen it, he saves what now stands in his form.
    parser = Fields()
    parser.feed(answer.text)
    assert (await bo.post(f"{here}/edit", **{**parser.found, "place": "Room 9"})).status_code == 303
    _hearing, entry = await standing(here)
    assert (entry.place, entry.body) == ("Room 9", "His own words")


async def test_a_form_that_comes_twice_does_it_once(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    here = await announced(ana)
    assert await announced(ana) == here
    for act, more in (
        ("moves", {"starts_on": day(47)}),
        ("edit", {"place": "Room 9"}),
        ("cancellations", {"why": "Off"}),
        ("returns", {}),
    ):
        form = {**await form_of(ana, f"{here}/{act}"), **more}
        before = await queries.last_change(int(here.rpartition("/")[2]))
        for _time in ("once", "and again"):
            answer = await ana.post(f"{here}/{act}", **form)
            assert answer.status_code == 303, (act, told(answer))
        assert await queries.last_change(int(here.rpartition("/")[2])) == before + 1, act


async def test_an_act_that_does_not_fit_is_refused_in_words(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    here = await announced(ana)
    await ana.post(f"{here}/cancellations", seen="1", why="Off")
    answer = await ana.post(f"{here}/postponements", seen="2", why="Later")
    assert answer.status_code == 422
    assert "It is: Cancelled." in told(answer)
    assert (await ana.get(f"{here}/dances")).status_code == 404
    assert (await ana.post(f"{here}/dances")).status_code == 404


async def test_the_next_meeting_is_copied_from_the_last(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    hearing = await changes.announce(whole(), await Account.open_for("Bo", ["editor"]))
    form = await form_of(ana, f"{NEW}?copy={hearing.id}")
    assert form["body"] == ["Board"]
    assert form["starts_time"] == ["09:30"]
    for name in ("starts_on", "votes", "outcome_en", "result", "agenda_item", "noticed_on"):
        assert form[name] == [""], name
    answer = await ana.post(NEW, **{**form, "starts_on": day(10), "ends_on": ""})
    assert answer.status_code == 303, told(answer)
    assert answer.headers["location"] != f"/desk/hearings/{hearing.id}"


async def test_a_forum_that_is_owed_comes_with_its_county(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    form = await form_of(ana, f"{NEW}?kind=forum&county=modoc")
    assert (form["kind"], form["county"], form["topic"]) == (["forum"], ["modoc"], ["forums"])
    odd = await form_of(ana, f"{NEW}?kind=%00&county=atlantis&copy=x")
    assert (odd["kind"], odd["county"]) == ([""], [""])


async def test_a_county_that_owes_a_forum_is_told_until_it_is_announced(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await at_the_desk("editor")
    day_of_this_record = datetime.date(2026, 11, 24)
    for module in (hearings, todo):
        monkeypatch.setattr(module, "today", lambda: day_of_this_record)
    owed = await ledger.owed(day_of_this_record)
    assert owed
    words = str(escape(owed[0].why))
    link = f"/desk/hearings/new?kind=forum&amp;county={owed[0].county}"
    page = (await ana.get("/desk/hearings")).text
    assert words in page
    assert link in page
    assert "/desk/hearings#owed" in (await ana.get("/desk")).text
    form = await form_of(ana, html.unescape(link))
    answer = await ana.post(
        NEW,
        **but(
            form,
            title_en="The forum",
            starts_on=f"{owed[0].year}-12-15",
            starts_time="9 AM",
            agenda_url="https://example.org/a",
        ),
    )
    assert answer.status_code == 303, told(answer)
    assert words not in (await ana.get("/desk/hearings")).text


async def test_the_list_is_asked_by_county_status_and_words(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    await announced(ana)
    await announced(ana, county="", title_en="A day at the Capitol", kind="rally", agenda_url="")
    page = (await ana.get("/desk/hearings?county=sonoma")).text
    assert "Forum on what" in page
    assert "Capitol" not in page
    page = (await ana.get("/desk/hearings?county=state")).text
    assert "Capitol" in page
    assert "Forum on what" not in page
    assert "Capitol" in (await ana.get("/desk/hearings?q=DAY+capitol")).text
    for query in ("status=cancelled", "county=%00", "county=" + "x" * 500, "q=%00", "status=x%00"):
        answer = await ana.get(f"/desk/hearings?{query}")
        assert answer.status_code == 200
    part = {"HX-Request": "true", "HX-Request-Type": "partial"}
    answer = await ana.get("/desk/hearings?county=sonoma", headers=part)
    assert answer.text.lstrip().startswith('<div id="found"')


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"title_en": " "}, "title_en"),
        ({"title_en": "T" * 10_000}, "title_en"),
        ({"decides_es": "T" * 10_000}, "decides_es"),
        ({"kind": ""}, "kind"),
        ({"kind": "wedding"}, "kind"),
        ({"status": "lost"}, "status"),
        ({"status": "held"}, "status"),
        ({"county": "atlantis"}, "county"),
        ({"starts_on": ""}, "starts_on"),
        ({"starts_on": "10000-01-01"}, "starts_on"),
        ({"starts_on": "9999-12-31"}, "starts_on"),
        ({"starts_on": "2026-02-30"}, "starts_on"),
        ({"starts_on": "next week"}, "starts_on"),
        ({"starts_time": ""}, "starts_time"),
        ({"starts_time": "25:00"}, "starts_time"),
        ({"starts_time": "13:00 PM"}, "starts_time"),
        ({"starts_time": "9"}, "starts_time"),
        ({"starts_time": "9" * 10_000}, "starts_time"),
        ({"time_unknown": "yes"}, "starts_time"),
        ({"ends_on": day(39), "ends_time": "10:00"}, "ends_time"),
        ({"ends_on": day(41)}, "ends_time"),
        ({"ends_time": "9:15 a.m."}, "ends_time"),
        ({"speak_time": "10:00"}, "speak_on"),
        ({"remote_url": "javascript:alert(1)"}, "remote_url"),
        ({"agenda_url": "https://e.org/" + "a" * 10_000}, "agenda_url"),
        ({"agenda_url": ""}, "agenda_url"),
        ({"agenda_item": "1" * 61}, "agenda_item"),
        ({"place": "p" * 10_000}, "place"),
        ({"noticed_on": "2026-13-01"}, "noticed_on"),
        ({"topic": ["forums", "weddings"]}, "topics"),
        ({"result": "maybe"}, "result"),
        ({"votes": "Lee: yes"}, "votes"),
        ({"votes": "x\n" * 5_000}, "votes"),
        ({"source0_title": "Only a title"}, "source0_publisher"),
        ({"source0_title": "T", "source0_publisher": "P", "source0_url": "ftp://x",
          "source0_read_on": day(0), "source0_grade": "A"}, "source0_url"),
        ({"source0_title": "T", "source0_publisher": "P", "source0_url": "https://x.org",
          "source0_read_on": day(1), "source0_grade": "A"}, "source0_read_on"),
        ({"source19_title": "T", "source19_publisher": "P", "source19_url": "https://x.org",
          "source19_read_on": day(0), "source19_grade": "Z"}, "source19_grade"),
    ],
)  # fmt: skip
async def test_mistakes_are_told_and_nothing_typed_is_lost(
    at_the_desk: AtTheDesk, fields: dict[str, Any], where: str
) -> None:
    ana = await at_the_desk("editor")
    answer = await ana.post(NEW, **forum(**{"place": "Typed & kept", **fields}))
    assert answer.status_code == 422
    assert where in wrong(answer)
    assert f'href="#{where}"' in answer.text
    assert f'id="{where}"' in answer.text
    if "place" not in fields:
        assert "Typed &amp; kept" in answer.text
    assert not await Hearing.exists()


async def test_markup_and_nul_do_no_harm(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    bad = "<script>alert(1)</script>\0 \u202egnp.exe"
    here = await announced(ana, title_en=bad, decides_en=bad, place=bad)
    for address in (here, f"{here}/edit", f"{here}/moves", "/desk/hearings"):
        page = (await ana.get(address)).text
        assert "<script>alert" not in page
        assert "\u202e" not in page
    raw = await ana.browser.post(
        NEW,
        content=b"title_en=%ff%fe%00&kind=forum&county=%ed%a0%80&form_token="
        + ana.form_token.encode(),
        headers={"Sec-Fetch-Site": "same-origin",
                 "Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert raw.status_code in (400, 422)


@pytest.mark.parametrize("id", ["0", "999999", str(2**31), str(2**64), "9" * 500])
async def test_a_hearing_that_is_not_there(at_the_desk: AtTheDesk, id: str) -> None:
    ana = await at_the_desk("editor")
    for path in ("", "/edit", "/moves", "/removals"):
        answer = await ana.get(f"/desk/hearings/{id}{path}")
        assert answer.status_code == 404
        assert "There is no such hearing." in answer.text
        if path:
            answer = await ana.post(f"/desk/hearings/{id}{path}", **forum(), seen="9" * 100)
            assert answer.status_code == 404
    for place in (f"{PROPOSALS}/{id}", f"{PROPOSALS}/{id}/edit", f"{SOURCES}/{id}"):
        assert (await ana.get(place)).status_code == 404
    assert (await ana.get(f"{NEW}?copy={id}")).status_code == 404
    assert (await ana.get(f"{PROPOSALS}?source={id}")).status_code == 200


# Times: the days when clocks change.


def read(**fields: str) -> hearing_forms.HearingForm:
    return hearing_forms.read([(k, v) for k, v in forum(**fields).items() if k != "topic"])


@pytest.mark.parametrize(
    ("written", "meant"),
    [("13:30", (13, 30)), ("1:30 PM", (13, 30)), ("1:30 p.m.", (13, 30)), ("9 a.m.", (9, 0)),
     ("12:00 AM", (0, 0)), ("12:15pm", (12, 15)), ("09:30:00", (9, 30)), ("0:05", (0, 5))],
)  # fmt: skip
def test_a_time_is_written_as_people_write_it(written: str, meant: tuple[int, int]) -> None:
    assert hearing_forms.time_of(written) == datetime.time(*meant)


@pytest.mark.parametrize(
    "written", ["", "0:30 PM", "13 PM", "24:00", "9:60", "noon", "٩:٣٠", "-1:00"]
)
def test_what_is_no_time(written: str) -> None:
    assert hearing_forms.time_of(written) is None


def test_a_time_that_clocks_jump_over_is_told() -> None:
    form = read(starts_on="2026-03-08", starts_time="02:30")
    assert "there is no such time" in form.mistakes["starts_time"]
    assert read(starts_on="2026-03-08", starts_time="03:00").entry is not None
    assert read(starts_on="2026-03-08", starts_time="01:59").entry is not None


async def test_a_time_that_comes_twice_is_asked_about(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    when = {"starts_on": "2027-11-07", "starts_time": "01:30"}
    answer = await ana.post(NEW, **forum(**when))
    assert wrong(answer) == ["starts_fold"]
    assert 'name="starts_fold" value="second"' in answer.text
    meant = {"first": (8, "PDT"), "second": (9, "PST")}
    for which, (hour, zone) in meant.items():
        here = await announced(ana, **when, starts_fold=which, place=which)
        _hearing, entry = await standing(here)
        assert entry.starts_at == datetime.datetime(2027, 11, 7, hour, 30, tzinfo=datetime.UTC)
        assert f"1:30 a.m. ({zone})" in told(await ana.get(here)).replace("\u202f", " ")
        assert (await form_of(ana, f"{here}/edit"))["starts_fold"] == [which]
    early = await ana.post(
        NEW, **forum(**when, starts_fold="second", ends_time="01:45", ends_fold="first")
    )
    assert wrong(early) == ["ends_time"]


async def test_only_the_day_may_be_known(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    here = await announced(ana, starts_time="", time_unknown="yes")
    _hearing, entry = await standing(here)
    assert (entry.starts_at, entry.time_known) == (in_days(40, 12, 0), False)
    assert "time not known yet" in told(await ana.get(here))
    # Its time becomes known: that is no move.
    form = await form_of(ana, f"{here}/edit")
    assert form["starts_time"] == [""]
    form = {**form, "starts_time": ["18:00"]}
    del form["time_unknown"]
    await ana.post(f"{here}/edit", **form)
    assert (await standing(here))[1].starts_at == in_days(40, 18, 0)


# Proposals.


@pytest.fixture
async def source(record: None) -> HearingSource:
    made = HearingSource(name="Sonoma agendas", kind="legistar", place="sonoma-county",
                         words=["TRUTH Act"], enabled=True)  # fmt: skip
    await made.save()
    return made


async def proposed(source: HearingSource, **fields: Any) -> tuple[int, SourceEvent]:
    said = whole(status=Status.SCHEDULED, starts_at=in_days(20), ends_at=None, speak_by=None,
                 outcome=Said(), result=None, votes=[], figures=Said(), **fields)  # fmt: skip
    event = SourceEvent(source=source.id, key=str(await SourceEvent.count()), hash="x")
    await event.save()
    matches = [Match("SB-54", "item", "A report on S.B. 54 & <b>more</b>")]
    doubts = [("comment", {"said": "<i>soon</i>"})]
    assert await proposals.offer(source, event, said, matches, doubts) == "proposed"
    row = await Proposal.select(Proposal.id).where(Proposal.event == event.id).first()
    assert row is not None
    return int(row["id"]), event


async def test_a_proposal_shows_why_and_is_accepted(
    at_the_desk: AtTheDesk, source: HearingSource
) -> None:
    ana = await at_the_desk("editor", "Ana")
    id, _event = await proposed(source)
    assert "proposed hearing waits for you" in (await ana.get("/desk")).text
    for address in (PROPOSALS, f"{PROPOSALS}/{id}", f"{PROPOSALS}?source={source.id}"):
        page = (await ana.get(address)).text
        assert "<mark>S.B. 54</mark> &amp; &lt;b&gt;more" in page
        assert "in an agenda item" in page
        assert "&lt;i&gt;soon" in page
    assert not await Hearing.exists()
    answer = await ana.post(f"{PROPOSALS}/{id}/accept")
    assert answer.status_code == 303
    page = told(await ana.get(answer.headers["location"]))
    assert "from Sonoma agendas" in page
    # The button pressed twice leads to the same.
    again = await ana.post(f"{PROPOSALS}/{id}/accept")
    assert again.headers["location"] == answer.headers["location"]
    assert await Hearing.count() == 1
    assert "No proposal waits." in told(await ana.get(PROPOSALS))
    late = await ana.post(f"{PROPOSALS}/{id}/turn-down", why="Not ours")
    assert late.status_code == 409
    assert "decided this already" in told(late)


async def test_a_proposal_is_mended_before_it_is_accepted(
    at_the_desk: AtTheDesk, source: HearingSource
) -> None:
    ana = await at_the_desk("editor")
    id, _event = await proposed(source)
    form = await form_of(ana, f"{PROPOSALS}/{id}/edit")
    assert form["agenda_item"] == ["12"]
    bad = await ana.post(f"{PROPOSALS}/{id}/edit", **{**form, "title_en": " "}, do="save")
    assert wrong(bad) == ["title_en"]
    answer = await ana.post(f"{PROPOSALS}/{id}/edit", **{**form, "title_es": "Mejor dicho"})
    assert answer.status_code == 303, told(answer)
    assert (await standing(answer.headers["location"]))[1].title.es == "Mejor dicho"
    again = await ana.post(f"{PROPOSALS}/{id}/edit", **{**form, "title_es": "Otra vez"})
    assert again.status_code == 422
    assert "decided this already" in told(again)
    assert "Otra vez" in again.text


async def test_a_proposed_change_shows_before_and_after(
    at_the_desk: AtTheDesk, source: HearingSource
) -> None:
    ana = await at_the_desk("editor")
    id, event = await proposed(source)
    here = (await ana.post(f"{PROPOSALS}/{id}/accept")).headers["location"]
    [event] = await SourceEvent.objects()
    said = whole(status=Status.CANCELLED, starts_at=in_days(20), ends_at=None, speak_by=None,
                 outcome=Said(), result=None, votes=[], figures=Said())  # fmt: skip
    assert await proposals.offer(source, event, said, []) == "proposed"
    page = await ana.get(PROPOSALS)
    assert "It seems to be off" in told(page)
    assert "<del>Scheduled</del>" in page.text
    assert "<ins>Cancelled</ins>" in page.text
    [told_one] = await proposals.waiting()
    stale = await form_of(ana, f"{PROPOSALS}/{told_one.id}/edit")
    form = await form_of(ana, f"{here}/edit")
    await ana.post(f"{here}/edit", **{**form, "body": "The whole Board"})
    answer = await ana.post(f"{PROPOSALS}/{told_one.id}/edit", **stale)
    assert answer.status_code == 422
    assert "The whole Board" in told(answer)
    assert (await ana.post(f"{PROPOSALS}/{told_one.id}/accept")).status_code == 303
    _hearing, entry = await standing(here)
    assert (entry.status, entry.body) == (Status.CANCELLED, "The whole Board")


async def test_one_that_is_here_already_is_joined(
    at_the_desk: AtTheDesk, source: HearingSource
) -> None:
    ana = await at_the_desk("editor")
    here = await announced(ana, starts_on=day(20))
    id, _event = await proposed(source)
    assert "may be the same" in told(await ana.get(PROPOSALS))
    page = await ana.get(f"{PROPOSALS}/{id}")
    assert f'name="into" value="{here.rpartition("/")[2]}"' in page.text
    for into in (str(2**31), "999999", str(2**70)):
        answer = await ana.post(f"{PROPOSALS}/{id}/accept", into=into)
        assert answer.status_code == 409
        assert "There is no such hearing" in told(answer)
    assert await Hearing.count() == 1
    answer = await ana.post(f"{PROPOSALS}/{id}/accept", into=here.rpartition("/")[2])
    assert answer.headers["location"] == here
    assert await Hearing.count() == 1


async def test_a_proposal_is_turned_down_with_a_reason(
    at_the_desk: AtTheDesk, source: HearingSource
) -> None:
    ana = await at_the_desk("editor")
    id, _event = await proposed(source)
    silent = await ana.post(f"{PROPOSALS}/{id}/turn-down", why=" ")
    assert silent.status_code == 409
    assert "Say in a sentence why." in told(silent)
    for _time in ("once", "and again"):
        answer = await ana.post(f"{PROPOSALS}/{id}/turn-down", why="Another ICE\0" + "x" * 10_000)
        assert answer.status_code == 303
    assert (await trail()).count("proposal_turned_down") == 1
    assert "Turned down" in told(await ana.get(f"{PROPOSALS}/{id}"))


async def test_all_that_are_ticked_are_decided_at_once(
    at_the_desk: AtTheDesk, source: HearingSource
) -> None:
    ana = await at_the_desk("editor")
    first, second, third = [(await proposed(source, agenda_item=str(each)))[0] for each in range(3)]
    nothing = await ana.post(PROPOSALS, do="accept")
    assert nothing.status_code == 409
    assert "Tick those" in told(nothing)
    silent = await ana.post(PROPOSALS, do="turn_down", proposal=[str(first)])
    assert "Say in a sentence why." in told(silent)
    assert f'value="{first}" checked' in silent.text
    await ana.post(f"{PROPOSALS}/{second}/accept")
    answer = await ana.post(
        PROPOSALS, do="accept", proposal=[str(first), str(second), "x", "9" * 30]
    )
    assert answer.status_code == 409
    assert f"Proposal {second}: Somebody has decided this already." in told(answer)
    assert await Hearing.count() == 2
    answer = await ana.post(PROPOSALS, do="turn_down", why="Old", proposal=[str(third)])
    assert answer.status_code == 303
    assert await proposals.how_many() == 0


# Sources.


async def test_a_source_tells_how_it_does_and_is_changed(
    at_the_desk: AtTheDesk, source: HearingSource
) -> None:
    ana = await at_the_desk("editor")
    here = f"{SOURCES}/{source.id}"
    assert "Sonoma agendas" in (await ana.get(SOURCES)).text
    form = await form_of(ana, here)
    assert form["words"] == ["TRUTH Act"]
    form = {**form, "words": "TRUTH Act\nSB-54\n\n", "accepts": "changes"}
    answer = await ana.post(here, **form)
    assert answer.status_code == 303, told(answer)
    now = await HearingSource.objects().where(HearingSource.id == source.id).first()
    assert now is not None
    assert (now.words, now.accepts, now.enabled) == (["TRUTH Act", "SB-54"], "changes", True)
    del form["enabled"]
    await ana.post(here, **form)
    [row] = await HearingSource.select(HearingSource.enabled).where(HearingSource.id == source.id)
    assert not row["enabled"]
    assert (await trail()).count("source_changed") == 2
    for field, bad in (
        ("words", ""), ("words", "w" * 10_000), ("words", "\n".join(f"w{n}" for n in range(99))),
        ("accepts", "nobody"), ("place", "x" * 10_000),
    ):  # fmt: skip
        answer = await ana.post(here, **{**form, field: bad})
        assert answer.status_code == 422
        assert field in wrong(answer)
    answer = await ana.post(here, **{**form, "place": "https://not a name\0"})
    assert answer.status_code == 422


async def test_a_source_that_fails_is_told_on_the_first_page(
    at_the_desk: AtTheDesk, source: HearingSource
) -> None:
    ana = await at_the_desk("editor")
    assert "cannot be read" not in (await ana.get("/desk")).text
    await HearingSource.update(
        {HearingSource.failing_since: in_days(-1), HearingSource.failures: 3}
    ).where(HearingSource.id == source.id)
    assert "source of hearings cannot be read" in (await ana.get("/desk")).text
    assert "Failing since" in told(await ana.get(SOURCES))
    assert "Failing since" in told(await ana.get(f"{SOURCES}/{source.id}"))


async def test_a_new_source_is_off_until_somebody_switches_it_on(
    at_the_desk: AtTheDesk, record: None
) -> None:
    ana = await at_the_desk("editor")
    new = f"{SOURCES}/new"
    form = await form_of(ana, new)
    assert "TRUTH Act" in form["words"][0]
    bad = await ana.post(new, **{**form, "name": "", "kind": "fax", "county": "atlantis"})
    assert wrong(bad) == ["name", "kind", "county"]
    good = {**form, "name": "A feed", "kind": "icalendar", "place": "https://example.org/a.ics",
            "county": "sonoma", "accepts": ""}  # fmt: skip
    answer = await ana.post(new, **good)
    assert answer.status_code == 303, told(answer)
    made = await HearingSource.objects().where(HearingSource.name == "A feed").first()
    assert made is not None
    assert not made.enabled
    twice = await ana.post(new, **good)
    assert twice.status_code == 422
    assert "There is a source by that name." in told(twice)


TABLE = """title,kind,date,time,county,source_url
A forum from a table,forum,2027-01-12,9:00 AM,sonoma,https://example.org/a
"""


async def hand_in(colleague: Colleague, data: bytes, **fields: str) -> httpx.Response:
    return await colleague.browser.post(
        f"{SOURCES}/files",
        data={"form_token": colleague.form_token, **fields},
        files={"list": ("list.csv", data, "text/csv")},
        headers={"Sec-Fetch-Site": "same-origin"},
    )


async def test_a_list_is_looked_at_before_it_is_taken(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    assert 'type="file"' in (await ana.get(f"{SOURCES}/files")).text
    looked = await hand_in(ana, TABLE.encode(), do="look")
    assert looked.status_code == 200, told(looked)
    assert "1 hearing" in told(looked)
    assert "Nothing is saved yet." in told(looked)
    assert await proposals.how_many() == 0
    parser = Fields()
    parser.feed(looked.text)
    kept = {name: parser.found[name] for name in ("kept",)}
    for _time in ("once", "and again"):
        taken = await ana.post(f"{SOURCES}/files", **kept, do="take")
        assert taken.status_code == 200, told(taken)
        assert "The list is taken" in told(taken)
        assert await proposals.how_many() == 1
    assert "A forum from a table" in told(await ana.get(PROPOSALS))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Choose a file"),
        (b"\0\xff\xfe" * 50, "There is a problem"),
        (b"name,day\nx,y\n", "The column title is missing"),
        (TABLE.replace("2027-01-12", "10000-01-01").encode(), "Line 2, date"),
        (TABLE.replace("forum,2027", "wedding,2027").encode(), "Line 2, kind"),
        (b"x" * 800_000, "700 kB are the most"),
    ],
)
async def test_a_list_that_cannot_be_read_is_told(
    at_the_desk: AtTheDesk, data: bytes, words: str
) -> None:
    ana = await at_the_desk("editor")
    answer = await hand_in(ana, data, do="look")
    assert answer.status_code == 422
    assert words in told(answer)
    for kept in ("not base64!", "é", ""):
        assert (await ana.post(f"{SOURCES}/files", kept=kept, do="take")).status_code == 422
    assert not await Proposal.exists()


# Words.


def test_every_word_of_the_room_has_words_here() -> None:
    for words, named in (
        (kinds.Kind, hearing_words.kind),
        (kinds.Status, hearing_words.status),
        (kinds.Result, hearing_words.result),
        (kinds.Noted, hearing_words.noted),
    ):
        assert all(named(each) for each in words)


def test_every_field_of_an_entry_is_told_and_can_be_written() -> None:
    apart = {"time_known"}  # part of the beginning
    assert set(hearing_lines.LABELS) == set(Entry.__struct_fields__) - apart
    assert {line.field for line in hearing_lines.said(whole())} == set(hearing_lines.LABELS)


async def test_a_county_is_known_by_its_name(record: None) -> None:
    slugs = [row["slug"] for row in await County.select(County.slug)]
    assert all(hearing_lines.place_name(slug) != "All of California" for slug in slugs)
