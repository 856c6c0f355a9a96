"""What rings by itself: each thing once, in time, and only for who chose it."""

import datetime
from typing import Any

import pytest

from backend.alerts import publishing, triggers
from backend.alerts.kinds import News
from backend.alerts.tables import AlertNews, HeardChange
from backend.enrollment import guide
from backend.hearings import changes, past, queries
from backend.hearings import entry as entries
from backend.hearings.entry import Entry, Said
from backend.hearings.kinds import Result, Status, Topic
from backend.hearings.tables import Hearing, HearingChange
from backend.policies.tables import Change, ChangedFact
from backend.push.tables import Ring
from backend.staff.tables import Account, now
from backend.web.clock import CALIFORNIA
from tests.alerts.conftest import Browser, hears, told
from tests.hearings.saying import announced, in_days

LATER = datetime.timedelta(minutes=5)


async def look(after: datetime.timedelta = LATER) -> list[AlertNews]:
    await triggers.hearings(now() + after)
    return await told()


async def change(hearing: Hearing, **fields: Any) -> None:
    """As an editor does: of what it says now, only this is new."""
    [standing] = await Hearing.objects().where(Hearing.id == hearing.id)
    before = entries.plain(await queries.entry_of(standing))
    made = {**before, **entries.plain(Entry(**{**_whole(before), **fields}))}
    await changes.change(hearing.id, entries.read(made), None)


def _whole(plain: dict[str, Any]) -> dict[str, Any]:
    entry = entries.read(plain)
    return {name: getattr(entry, name) for name in Entry.__struct_fields__}


def title(news: AlertNews, code: str = "en", wording: str = "full") -> str:
    words: Any = news.words
    return str(words[code][wording]["title"])


def body(news: AlertNews, code: str = "en", wording: str = "full") -> str:
    words: Any = news.words
    return str(words[code][wording]["body"])


async def test_a_new_hearing_rings_who_chose_its_county_and_topic(phone: Browser) -> None:
    hearing = await announced()
    [news] = await look()
    assert news.kind == News.ANNOUNCED
    assert news.navigate == f"/hearings/{hearing.id}"
    assert news.expires_at == hearing.starts_at - publishing.LEAD
    assert title(news) == "New: Forum on the sheriff & ICE"
    assert title(news, "es") == "Nueva: Foro sobre el alguacil e ICE"
    assert "Board chambers" in body(news)
    for number, (chosen, rung) in enumerate(
        [
            ({"counties": frozenset({"modoc"})}, True),
            ({"counties": frozenset(), "everywhere": True}, True),
            ({"counties": frozenset({"kern"})}, False),
            ({"topics": frozenset({Topic.HEALTH})}, False),
            ({"topics": frozenset({Topic.FORUMS})}, True),
            ({"kinds": frozenset({News.MOVED})}, False),
        ]
    ):
        before = await hears(news)
        assert (await phone.turn_on(f"phone{number}", **chosen)).status_code == 200
        assert await hears(news) == before + rung, chosen


async def test_neutral_words_name_nothing(record: None) -> None:
    hearing = await announced()
    await look()
    await change(hearing, starts_at=in_days(41))
    for news in await look():
        for code in ("en", "es"):
            said = title(news, code, "neutral") + body(news, code, "neutral")
            for word in ("Modoc", "ICE", "sheriff", "alguacil", "Forum", "Foro", "chambers"):
                assert word not in said


async def test_it_waits_until_the_editor_is_done_but_not_for_ever(record: None) -> None:
    hearing = await announced()
    assert await look(datetime.timedelta(minutes=1)) == []
    await change(hearing, place="Room 2")
    [news] = await look()
    # One ring, of what it came to: new, in the other room.
    assert news.kind == News.ANNOUNCED
    assert "Room 2" in body(news)


async def test_nothing_is_told_twice(record: None) -> None:
    await announced()
    assert len(await look()) == 1
    assert len(await look()) == 1
    await HeardChange.delete(force=True)
    assert len(await look()) == 1


async def test_a_move_says_the_new_time_and_a_second_one_that_it_is_updated(record: None) -> None:
    hearing = await announced()
    await look()
    await change(hearing, starts_at=in_days(41, 14))
    [_first, moved] = await look()
    assert moved.kind == News.MOVED
    assert title(moved) == "Moved: Forum on the sheriff & ICE"
    assert "2:30 p.m." in body(moved)
    assert title(moved, "es").startswith("Cambió de hora o lugar: ")
    assert moved.expires_at == in_days(41, 14) - publishing.LEAD
    await change(hearing, starts_at=in_days(42))
    [*_others, again] = await look()
    assert title(again).startswith("Updated: Moved: ")
    assert title(again, "en", "neutral").startswith("Updated: ")
    assert title(again, "es", "neutral").startswith("Actualización: ")
    # Both take the same place on a phone that can do that.
    assert again.ring.subject == moved.ring.subject == f"hearing {hearing.id}"


async def test_a_move_that_is_taken_back_at_once_rings_nobody(record: None) -> None:
    hearing = await announced()
    await look()
    await change(hearing, starts_at=in_days(41))
    await change(hearing, starts_at=in_days(40), status=Status.SCHEDULED)
    assert len(await look()) == 1


async def test_cancelled_postponed_and_back_on(record: None) -> None:
    hearing = await announced()
    await look()
    await change(hearing, status=Status.CANCELLED)
    cancelled = (await look())[-1]
    assert cancelled.kind == News.CANCELLED
    assert title(cancelled) == "Cancelled: Forum on the sheriff & ICE"
    assert body(cancelled).startswith("Do not go on ")
    await change(hearing, status=Status.SCHEDULED)
    back = (await look())[-1]
    assert back.kind == News.MOVED
    assert title(back) == "Updated: Back on: Forum on the sheriff & ICE"
    await change(hearing, status=Status.POSTPONED)
    put_off = (await look())[-1]
    assert title(put_off) == "Updated: Postponed: Forum on the sheriff & ICE"


async def test_what_should_not_have_been_there_is_called_off(record: None) -> None:
    ana = await Account.open_for("Ana", ["editor"])
    hearing = await announced()
    await look()
    await changes.take_out(hearing.id, ana, "It was another county's.")
    news = (await look())[-1]
    assert news.kind == News.CANCELLED
    assert news.navigate == "/hearings", "its own page is gone"


async def test_one_that_nobody_heard_of_is_taken_out_silently(record: None) -> None:
    ana = await Account.open_for("Ana", ["editor"])
    hearing = await announced()
    await changes.take_out(hearing.id, ana, "A mistake.")
    assert await look() == []


async def test_a_day_away_is_urgent_and_a_month_away_is_not(record: None) -> None:
    near, far = await announced(starts_at=now() + datetime.timedelta(hours=20)), await announced()
    await look()
    for hearing in (near, far):
        await change(hearing, status=Status.CANCELLED)
    both = {news.navigate: news.ring.urgent for news in await look() if news.kind == "cancelled"}
    assert both == {f"/hearings/{near.id}": True, f"/hearings/{far.id}": False}


async def test_a_decision_is_told_for_two_days(record: None) -> None:
    hearing = await announced(starts_at=in_days(-2))
    assert await look() == [], "it is over: nobody can go any more"
    outcome = Said(en="The board ended the contract.", es="La junta terminó el contrato.")
    await change(hearing, status=Status.HELD, result=Result.PASSED, outcome=outcome)
    [news] = await look()
    assert news.kind == News.OUTCOME
    assert body(news) == "Passed. The board ended the contract"
    assert "La junta" in body(news, "es")
    assert news.expires_at - now() < datetime.timedelta(days=2, minutes=10)


async def test_a_better_link_to_the_agenda_rings_nobody(record: None) -> None:
    hearing = await announced()
    await look()
    await change(hearing, agenda_url="https://example.org/agenda")
    assert len(await look()) == 1


async def test_what_came_with_the_house_rings_nobody(record: None) -> None:
    await past.load()
    assert await HearingChange.count() > 0
    assert await look() == []


async def test_old_news_is_history(record: None) -> None:
    await announced()
    assert await look(datetime.timedelta(days=4)) == []


async def test_news_of_the_whole_state_rings_everybody_of_the_topic(phone: Browser) -> None:
    await phone.turn_on("kern", counties=frozenset({"kern"}))
    await announced(county="")
    [news] = await look()
    assert await hears(news) == 1


async def test_reminders_come_a_day_and_two_hours_before_each_once(phone: Browser) -> None:
    hearing = await announced(starts_at=now() + datetime.timedelta(hours=30))
    await look()
    for number, reminders in enumerate(({"day"}, {"hours"}, {"day", "hours"}, set())):
        await phone.turn_on(f"phone{number}", reminders=frozenset(reminders))
    begins = hearing.starts_at
    for before in (25, 23.9, 23.8, 2.1, 1.9, 1.8, 0.1, -1):
        await triggers.reminders(begins - datetime.timedelta(hours=before))
    [_announced, day, hours] = await told()
    assert day.what.startswith("reminder day")
    assert hours.what.startswith("reminder hours")
    assert await hears(day) == await hears(hours) == 2
    assert day.expires_at == hours.expires_at == begins - publishing.LEAD
    assert title(day) == "Soon: Forum on the sheriff & ICE"
    assert title(day, "en", "neutral") == "A reminder"


async def test_whoever_heard_just_now_needs_no_reminder_yet(record: None) -> None:
    hearing = await announced(starts_at=now() + datetime.timedelta(hours=22))
    await look()
    await triggers.reminders(now() + LATER)
    assert len(await told()) == 1
    await triggers.reminders(hearing.starts_at - datetime.timedelta(hours=14))
    assert len(await told()) == 2


async def test_whoever_heard_a_moment_ago_is_not_reminded_two_hours_before(record: None) -> None:
    hearing = await announced(starts_at=now() + datetime.timedelta(hours=1.9))
    await look()
    await triggers.reminders(now() + LATER)
    assert len(await told()) == 1
    await triggers.reminders(hearing.starts_at - datetime.timedelta(minutes=40))
    assert [news.kind for news in await told()] == ["announced", "reminder"]


async def test_what_holds_no_more_is_rung_no_more(phone: Browser) -> None:
    """Who sleeps is rung in the morning: not with what was said the evening before."""
    hearing = await announced(starts_at=now() + datetime.timedelta(hours=23))
    await look()
    await triggers.reminders(hearing.starts_at - datetime.timedelta(hours=14))
    await change(hearing, status=Status.CANCELLED)
    *before, cancelled = await look()
    assert [news.kind for news in before] == ["announced", "reminder"]
    assert all(news.ring.cancelled_at for news in before)
    assert cancelled.ring.cancelled_at is None
    assert cancelled.ring.audience["kinds"] == ["cancelled"]


async def test_who_had_not_heard_of_it_yet_hears_where_it_is_now(phone: Browser) -> None:
    hearing = await announced()
    [first] = await look()
    await phone.turn_on(kinds=frozenset({News.ANNOUNCED}))
    await change(hearing, starts_at=in_days(41))
    [first, moved] = await look()
    assert first.ring.cancelled_at is not None
    assert await hears(moved) == 1
    # Whoever was reached already is not asked again about news they did not choose.
    await Ring.update({Ring.finished_at: now()}).where(Ring.id == moved.ring.id)
    await change(hearing, starts_at=in_days(42))
    again = (await look())[-1]
    assert await hears(again) == 0


async def test_a_new_time_has_a_reminder_of_its_own_and_a_cancelled_one_none(record: None) -> None:
    begins = now() + datetime.timedelta(hours=30)
    hearing = await announced(starts_at=begins)
    await look()
    await triggers.reminders(begins - datetime.timedelta(hours=20))
    await change(hearing, starts_at=begins + datetime.timedelta(hours=40))
    await look()
    await triggers.reminders(begins + datetime.timedelta(hours=20))
    assert [news.kind for news in await told()] == [
        "announced", "reminder", "moved", "reminder"]  # fmt: skip
    await change(hearing, status=Status.CANCELLED)
    await triggers.reminders(begins + datetime.timedelta(hours=38.5))
    assert len(await told()) == 4


async def test_a_day_without_a_time_is_told_of_until_the_morning(record: None) -> None:
    await announced(time_known=False)
    [news] = await look()
    assert news.expires_at == in_days(40, 9, 0) - publishing.LEAD


async def change_record(file: str, kind: str, entry: dict[str, Any], **more: Any) -> Change:
    made = Change(
        **{
            "state": "approved",
            "action": "add",
            "decided_at": now(),
            "public": True,
            "why": {"en": "The board passed a new rule.", "es": "La junta aprobó una regla nueva."},
            **more,
        }
    )
    await made.save()
    await ChangedFact(change=made.id, file=file, kind=kind, entry_id="x", after=entry).save()
    return made


async def test_a_changed_record_rings_its_county(phone: Browser) -> None:
    await phone.turn_on("modoc")
    await phone.turn_on("kern", counties=frozenset({"kern"}))
    await change_record("modoc", "rule", {"answers": {"hold": "prohibited"}})
    await change_record("modoc", "practice", {"topic": "forum"})
    await triggers.record(now() + LATER)
    await triggers.record(now() + LATER)
    [news] = await told()
    assert news.kind == News.RECORD
    assert news.navigate == "/counties/modoc"
    assert title(news) == "Modoc County: the rules changed"
    assert body(news, "es").startswith("La junta aprobó")
    audience: Any = news.audience
    assert audience["topics"] == ["forums", "holds"]
    assert await hears(news) == 1


@pytest.mark.parametrize(
    "more", [{"state": "draft", "decided_at": None}, {"public": False}, {"action": "check"}]
)
async def test_what_nobody_may_read_yet_rings_nobody(record: None, more: dict[str, Any]) -> None:
    await change_record("modoc", "rule", {"answers": {"hold": "prohibited"}}, **more)
    await triggers.record(now() + LATER)
    assert await told() == []


async def test_a_state_law_is_news_for_all_who_hear_of_its_topic(record: None) -> None:
    await change_record("state", "law", {"topic": "places"})
    await triggers.record(now() + LATER)
    [news] = await told()
    audience: Any = news.audience
    assert audience == {"topics": ["places"], "kinds": ["record"]}
    assert news.navigate == "/changes"


async def test_open_enrollment_rings_on_its_first_day_and_in_its_last_week(phone: Browser) -> None:
    await phone.turn_on("one", counties=frozenset({"kern"}))
    weeks = guide.guide().weeks[0]

    def at(day: datetime.date, hour: int) -> datetime.datetime:
        return datetime.datetime.combine(day, datetime.time(hour), CALIFORNIA)

    day = datetime.timedelta(days=1)
    # Rings are not made in the past, and no test's clock is another's: the next year's weeks.
    first = weeks.first.replace(year=weeks.first.year + 3)
    coming = guide.Weeks(first, first + 60 * day, weeks.covers_from, weeks.source)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(guide, "guide", lambda: guide.Guide({}, (coming,), (), (), (), ()))
        for moment in (at(first, 8), at(first, 10), at(first, 11), at(first + 5 * day, 9),
                       at(first + 53 * day, 10), at(first + 60 * day, 10)):  # fmt: skip
            await triggers.enrollment(moment)
    [opens, ends] = await told()
    assert title(opens) == "You can sign up for health coverage now"
    assert title(ends) == "Sign-up for health coverage ends soon"
    assert opens.kind == ends.kind == News.ENROLLMENT
    assert await hears(opens) == 1


async def by_themselves(kind: str) -> AlertNews:
    """What is told when this happens to the holds of Modoc, or to health coverage."""
    topics = [Topic.HOLDS]
    if kind == News.RECORD:
        await change_record("modoc", "rule", {"answers": {"hold": "prohibited"}})
        await triggers.record(now() + LATER)
    elif kind == News.ENROLLMENT:
        weeks = guide.guide().weeks[0]
        first = weeks.first.replace(year=weeks.first.year + 3)
        coming = guide.Weeks(first, first + datetime.timedelta(60), weeks.covers_from, weeks.source)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(guide, "guide", lambda: guide.Guide({}, (coming,), (), (), (), ()))
            at = datetime.datetime.combine(first, datetime.time(10), CALIFORNIA)
            await triggers.enrollment(at)
    elif kind == News.OUTCOME:
        hearing = await announced(starts_at=in_days(-2), topics=topics)
        await look()
        await change(hearing, status=Status.HELD, result=Result.PASSED)
        await look()
    else:
        hearing = await announced(starts_at=now() + datetime.timedelta(hours=30), topics=topics)
        await look()
        await Ring.update({Ring.finished_at: now()}, force=True)
        if kind == News.MOVED:
            await change(hearing, starts_at=in_days(9))
        elif kind == News.CANCELLED:
            await change(hearing, status=Status.CANCELLED)
        elif kind.startswith("reminder"):
            hours = 23 if kind == "reminder day" else 1.5
            await triggers.reminders(hearing.starts_at - datetime.timedelta(hours=hours))
        await look()
    return (await told())[-1]


@pytest.mark.parametrize(
    "kind",
    ["announced", "reminder day", "reminder hours", "moved", "cancelled", "outcome", "record",
     "enrollment"],
)  # fmt: skip
async def test_whatever_rings_by_itself_can_be_turned_off_by_topic_and_by_kind(
    phone: Browser, kind: str
) -> None:
    news = await by_themselves(kind)
    about, _, reminder = kind.partition(" ")
    assert news.kind == about
    topic = frozenset({Topic.HEALTH if kind == News.ENROLLMENT else Topic.HOLDS})
    everything = {"kinds": frozenset(News), "reminders": frozenset({"day", "hours"})}
    assert await hears(news) == 0
    await phone.turn_on("wants-all", **everything)
    assert await hears(news) == 1
    await phone.turn_on("topic-off", topics=frozenset(Topic) - topic, **everything)
    assert await hears(news) == 1
    off = (
        {"reminders": frozenset({"day", "hours"} - {reminder})}
        if reminder
        else {"kinds": frozenset(set(News) - {about})}
    )
    await phone.turn_on("kind-off", **{**everything, **off})
    assert await hears(news) == 1
    await phone.turn_on("this-alone", **{**everything, "topics": topic})
    assert await hears(news) == 2


async def test_one_hearing_that_cannot_be_told_stands_in_nobodys_way(
    record: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await announced(), await announced()
    real = triggers._hearing

    async def hearing(id: int, at: datetime.datetime) -> None:
        if id == first.id:
            raise ValueError
        await real(id, at)

    monkeypatch.setattr(triggers, "_hearing", hearing)
    with pytest.raises(ValueError):
        await triggers.look(now() + LATER)
    assert [news.navigate for news in await told()] == [f"/hearings/{second.id}"]


async def test_the_job_asks_for_the_ring_and_the_letters(record: None) -> None:
    await announced()
    await triggers.look(now() + LATER)
    rows = await HearingChange.raw("SELECT entrypoint FROM pgqueuer ORDER BY id")
    assert [row["entrypoint"] for row in rows] == ["resolve_ring", "mail_alert"]
