"""When the law wants a hearing announced is reckoned rightly, also when clocks change."""

import datetime
from typing import Any

import pytest

from backend.hearings import ledger, notice, queries, wording
from backend.hearings.kinds import Kind, Status
from backend.hearings.tables import Hearing
from backend.policies import queries as policies
from backend.policies.tables import Figure
from backend.web.clock import CALIFORNIA, today
from tests.hearings.saying import announced, in_days

NOON = datetime.time(12)


def at(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime.datetime:
    return datetime.datetime(year, month, day, hour, minute, tzinfo=CALIFORNIA)


async def hearing(**fields: Any) -> Hearing:
    made = await announced(**fields)
    found = await queries.one(made.id)
    assert found is not None
    return found


async def test_an_agenda_is_due_72_hours_before_and_24_before_a_special_meeting(
    record: None,
) -> None:
    before = at(2027, 1, 4, 12)
    regular = await hearing(starts_at=at(2027, 1, 12, 9, 30))
    due = notice.agenda(regular, before)
    assert due is not None
    assert (due.by, due.hours, due.passed) == (at(2027, 1, 9, 9, 30), 72, False)
    assert wording.agenda(due) == (
        "The agenda is expected by Saturday, January 9, 2027, 9:30\u202fa.m. (Pacific)."
    )
    special = await hearing(starts_at=at(2027, 1, 12, 9, 30), special_meeting=True)
    due = notice.agenda(special, before)
    assert due is not None
    assert due.by == at(2027, 1, 11, 9, 30)


async def test_hours_before_a_meeting_pass_one_by_one_when_clocks_change(record: None) -> None:
    """Monday, March 8 of 2027 is before the change of March 14; 72 hours are 72 hours."""
    spring = await hearing(starts_at=at(2027, 3, 15, 9))
    due = notice.agenda(spring, at(2027, 3, 1, 9))
    assert due is not None
    assert isinstance(due.by, datetime.datetime)
    assert due.by.astimezone(CALIFORNIA) == at(2027, 3, 12, 8)
    assert "8:00\u202fa.m." in wording.agenda(due)
    autumn = await hearing(starts_at=at(2027, 11, 8, 9))
    due = notice.agenda(autumn, at(2027, 11, 1, 9))
    assert due is not None
    assert "10:00\u202fa.m." in wording.agenda(due)


async def test_of_a_meeting_without_a_time_only_the_day_is_due(record: None) -> None:
    untimed = await hearing(starts_at=at(2027, 1, 2, 12), time_known=False)
    due = notice.agenda(untimed, at(2026, 12, 20, 12))
    assert due is not None
    assert due.by == datetime.date(2026, 12, 30)
    assert wording.agenda(due) == "The agenda is expected by Wednesday, December 30, 2026."
    late = notice.agenda(untimed, at(2026, 12, 31, 12))
    assert late is not None
    assert late.passed


@pytest.mark.parametrize(
    "fields",
    [
        {"county": ""},
        {"kind": Kind.RALLY},
        {"kind": Kind.ENROLLMENT},
        {"agenda_url": "https://county.test/agenda"},
        {"status": Status.CANCELLED},
        {"status": Status.POSTPONED},
        {"status": Status.HELD, "starts_at": in_days(-3)},
        {"starts_at": in_days(-3)},
    ],
)
async def test_where_no_agenda_is_to_come_none_is_expected(
    record: None, fields: dict[str, Any]
) -> None:
    assert notice.agenda(await hearing(**fields), in_days(0, 12)) is None


async def test_a_forum_is_announced_30_days_before(record: None) -> None:
    noticed = await hearing(
        starts_at=at(2025, 4, 22, 9),
        status=Status.HELD,
        noticed_on=datetime.date(2025, 3, 21),
    )
    due = notice.forum(noticed)
    assert due is not None
    assert (due.by, due.days, due.in_time) == (datetime.date(2025, 3, 23), 32, True)
    assert wording.forum(due, today()) == (
        "The county had to announce this forum by Sunday, March 23, 2025. It did on Friday, "
        "March 21, 2025, 32 days before."
    )
    late = notice.forum(
        await hearing(
            starts_at=at(2025, 4, 22, 9), status=Status.HELD, noticed_on=datetime.date(2025, 4, 21)
        )
    )
    assert late is not None
    assert not late.in_time
    assert "only 1 day before" in wording.forum(late, today())


async def test_a_forum_in_january_had_to_be_announced_the_year_before(record: None) -> None:
    due = notice.forum(await hearing(starts_at=at(2027, 1, 5, 9)))
    assert due is not None
    assert due.by == datetime.date(2026, 12, 6)
    told = wording.forum(due, datetime.date(2026, 12, 6))
    assert told == "The county must announce this forum by Sunday, December 6, 2026."
    told = wording.forum(due, datetime.date(2026, 12, 7))
    assert "had to announce" in told
    assert "do not know on which day" in told


async def test_of_what_is_no_forum_or_has_no_day_no_notice_is_told(record: None) -> None:
    assert notice.forum(await hearing(kind=Kind.HEARING)) is None
    assert notice.forum(await hearing(status=Status.POSTPONED)) is None
    assert notice.forum(await hearing(status=Status.CANCELLED)) is None


async def test_boards_must_let_people_speak_from_afar_from_july_2026_on(record: None) -> None:
    async def law(**fields: Any) -> str | None:
        found = await notice.remote_law(await hearing(**fields))
        return found.slug if found else None

    assert await law(starts_at=at(2026, 6, 30, 23)) is None
    assert await law(starts_at=at(2026, 7, 1, 9)) == "sb-707"
    assert await law(starts_at=at(2027, 2, 1, 9), body="Planning Commission") is None
    assert await law(starts_at=at(2027, 2, 1, 9), county="") is None


async def owed(year: int) -> dict[str, ledger.Owed]:
    return {
        each.county: each
        for each in await ledger.owed(datetime.date(year, 11, 24))
        if each.year == year
    }


async def test_counties_that_gave_access_and_had_no_forum_owe_one(record: None) -> None:
    found = await owed(2026)
    assert "contra-costa" in found, "55 people told of in 2025, no forum in 2026 known"
    assert "modoc" not in found, "nothing known"
    mine = found["contra-costa"]
    assert "gave ICE access in 2025" in mine.why
    assert "no forum in 2026" in mine.why
    assert mine.sources
    assert all(source["url"] for source in mine.sources)
    assert "san-luis-obispo" not in found, "its forum was on January 27"


async def test_a_forum_that_is_announced_is_owed_no_more_until_it_is_cancelled(
    record: None,
) -> None:
    assert "contra-costa" in await owed(2026)
    day = datetime.date(2026, 12, 30)
    starts = datetime.datetime.combine(day, NOON, CALIFORNIA)
    await announced(county="contra-costa", starts_at=starts)
    assert "contra-costa" not in await owed(2026)
    await Hearing.update({Hearing.status: Status.CANCELLED}).where(Hearing.starts_at == starts)
    assert "contra-costa" in await owed(2026)


async def test_numbers_of_several_years_or_that_nobody_confirmed_show_no_access(
    record: None,
) -> None:
    assert "contra-costa" in await owed(2026)
    mine = Figure.key.like("contra-costa/%")
    await Figure.update({Figure.from_text: "2024"}).where(mine)
    policies.forget()
    assert "contra-costa" not in await owed(2026)


async def test_next_years_forum_is_owed_for_access_this_year(record: None) -> None:
    found = await ledger.owed(datetime.date(2025, 6, 1))
    years = {each.year for each in found if each.county == "contra-costa"}
    # It held one in 2025, so that one is not asked for.
    assert years == {2026}
    assert [each.year for each in found] == sorted(each.year for each in found)
