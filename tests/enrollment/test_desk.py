"""The directory at the desk: flags, what is due, an editor's own words, and lists handed in."""

import datetime
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from backend import database
from backend.enrollment import editing, flags, jobs, search
from backend.enrollment.desk import forms
from backend.enrollment.places import id_of
from backend.enrollment.tables import DirectoryImport, HelpPlace, WrongFlag
from backend.staff.tables import AuditEntry, now
from tests.conftest import Colleague
from tests.enrollment.making import hrsa, hrsa_row
from tests.enrollment.test_importers import bring

AtTheDesk = Callable[..., Awaitable[Colleague]]
FRESNO = id_of("offices", "fresno/main")
PLACE = f"/desk/directory/places/{FRESNO}"


async def fresno() -> search.Place:
    found = await search.with_id(FRESNO, hidden_too=True)
    assert found is not None
    return found


async def typed(**other: str) -> dict[str, str]:
    """What the form of Fresno's office holds, with some of it put otherwise."""
    return {**forms.filled(await fresno()).typed, "covers": "fresno", **other}


async def actions() -> list[str]:
    return [row["action"] for row in await AuditEntry.select(AuditEntry.action)]


async def test_only_who_edits_the_record_edits_the_directory(at_the_desk: AtTheDesk) -> None:
    assert (await (await at_the_desk("campaigner")).get("/desk/directory")).status_code == 403
    assert (await (await at_the_desk("editor")).get("/desk/directory")).status_code == 200


async def test_what_people_said_is_wrong_waits_at_the_desk(at_the_desk: AtTheDesk) -> None:
    await flags.flag(FRESNO, "phone", "nobody answers")
    ana = await at_the_desk("editor", name="Ana")
    home = (await ana.get("/desk")).text
    assert "place of help is said to be wrong" in home
    page = (await ana.get("/desk/directory")).text
    assert "nobody answers" in page
    [flag] = await WrongFlag.select()
    await ana.post(f"/desk/directory/flags/{flag['id']}/settle")
    assert "nobody answers" not in (await ana.get("/desk/directory")).text
    assert "flag_settled" in await actions()
    assert (await ana.post(f"/desk/directory/flags/{2**40}/settle")).status_code == 303


async def test_an_editor_adds_languages_hours_and_whom_to_ask_for(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor", name="Ana")
    form = await typed(languages="es", hours="Mon-Fri 8:00-17:00", everyone="yes",
                       ask_for_en="the Medi-Cal desk", ask_for_es="la mesa de Medi-Cal",
                       phones="(877) 600-1377 | es hmn")  # fmt: skip
    done = await ana.post(PLACE, **form)
    assert done.status_code == 303, done.text
    place = await fresno()
    assert (place.languages, place.serves_everyone) == (["es"], True)
    assert place.phones[0]["languages"] == ["es", "hmn"]
    assert set(place.own) == {"languages", "schedules", "serves_everyone", "ask_for", "phones"}
    page = (await client.get(f"/enrollment/places/{FRESNO}")).text
    assert "Ask for: the Medi-Cal desk" in page
    assert "Monday to Friday" in page
    assert "place_changed" in await actions()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("phones", "call me", "is no phone number"),
        ("phones", "559-600-1377 | klingon", "After the bar stand languages"),
        ("hours", "whenever", "Write hours like this"),
        ("zip", "10001", "We know no such ZIP code in California."),
        ("website", "not an address", "Write the whole address"),
        ("name", "", "This is missing."),
        ("name", "x" * 400, "This is too long."),
        ("about_es", "solo aquí", "Write it in both languages."),
        ("alert_en", "x" * 5000, "This is too long."),
        ("seen", "yesterday", "Somebody changed this place"),
    ],
)
async def test_a_mistake_is_told_and_nothing_typed_is_lost(
    at_the_desk: AtTheDesk, field: str, value: str, words: str
) -> None:
    ana = await at_the_desk("editor")
    before = await fresno()
    answer = await ana.post(PLACE, **await typed(**{"street": "12 Kept St", "zip": "93721",
                                                    field: value}))  # fmt: skip
    assert answer.status_code == 422
    assert words in answer.text
    assert "12 Kept St" in answer.text
    assert await fresno() == before


async def test_looking_again_puts_the_next_look_half_a_year_off(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    due = (await editing.counts(datetime.date(2026, 11, 24)))["due"]
    await ana.post(f"{PLACE}/check")
    place = await fresno()
    assert place.assured_date is not None
    assert place.review_by == place.assured_date + datetime.timedelta(days=183)
    assert (await editing.counts(place.assured_date))["due"] == due - 1


async def test_a_place_taken_off_is_nowhere_and_comes_back(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor")
    await ana.post(f"{PLACE}/hide")
    assert (await client.get(f"/enrollment/places/{FRESNO}")).status_code == 404
    assert str(FRESNO) not in (await client.get("/enrollment/places?zip=93721")).text
    assert "hidden" in (await ana.get("/desk/directory?q=fresno")).text
    await ana.post(f"{PLACE}/show")
    assert (await client.get(f"/enrollment/places/{FRESNO}")).status_code == 200


async def test_a_new_place_is_hidden_until_it_is_shown(
    at_the_desk: AtTheDesk, client: httpx.AsyncClient
) -> None:
    ana = await at_the_desk("editor")
    assert (await ana.post("/desk/directory/new", name="x")).status_code == 422
    done = await ana.post("/desk/directory/new", kind="counselor", name="Casa", organization="Casa")
    place = done.headers["location"]
    public = place.replace("/desk/directory", "/enrollment")
    assert (await client.get(public)).status_code == 404
    found = await search.fetch("p.name = 'Casa'")
    form = {"name": "Casa", "zip": "93702", "seen": found[0].changed_at.isoformat()}
    assert (await ana.post(place, **form)).status_code == 303
    await ana.post(f"{place}/show")
    assert (await client.get(public)).status_code == 200
    assert "Casa" in (await client.get("/enrollment/places?zip=93702")).text


async def test_nobody_finds_a_place_that_is_not_there(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    for id in ("x", "00000000-0000-0000-0000-000000000000", "9" * 300):
        assert (await ana.get(f"/desk/directory/places/{id}")).status_code == 404
    assert (await ana.get(f"/desk/directory/imports/{2**62}")).status_code == 404
    for words in ("100%", "a_b\\", "x" * 400, "\x7f"):
        page = await ana.get("/desk/directory", params={"q": words})
        assert page.status_code == 200


async def hand_in(colleague: Colleague, file: bytes, **fields: str) -> httpx.Response:
    return await colleague.browser.post(
        "/desk/directory/imports",
        data={"form_token": colleague.form_token, "source": "hrsa", **fields},
        files={"file": (fields.pop("name", "sites.csv"), file, "text/csv")},
        headers={"Sec-Fetch-Site": "same-origin"},
    )


async def number_of(answer: httpx.Response) -> int:
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rpartition("/")[2])


async def test_a_list_is_looked_at_first_and_then_put_in(at_the_desk: AtTheDesk) -> None:
    ana, ben = await at_the_desk("editor", name="Ana"), await at_the_desk("editor", name="Ben")
    id = await number_of(await hand_in(ana, hrsa([hrsa_row(number) for number in range(3)])))
    page = f"/desk/directory/imports/{id}"
    assert "<progress" in (await ana.get(page)).text
    await jobs.import_directory({"import": id})
    looked = (await ana.get(page)).text
    assert "Clínica Número 2" in looked
    assert not await HelpPlace.exists().where(HelpPlace.source == "hrsa")
    await ben.post(f"{page}/apply")
    await jobs.import_directory({"import": id})
    assert await HelpPlace.count().where(HelpPlace.source == "hrsa") == 3
    row: Any = await DirectoryImport.select().where(DirectoryImport.id == id).first()
    assert (row["state"], row["file"], row["progress"]) == ("applied", None, 100)
    line = await AuditEntry.select().where(AuditEntry.action == "directory_imported").first()
    assert line is not None
    assert line["actor"] == "Ben"
    # The job may come twice.
    await jobs.import_directory({"import": id})
    assert await HelpPlace.count().where(HelpPlace.source == "hrsa") == 3


async def test_mistakes_in_a_list_are_shown_by_line_and_column(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    rows = [hrsa_row(1), hrsa_row(2, **{"Site Telephone Number": "call the desk"})]
    id = await number_of(await hand_in(ana, hrsa(rows)))
    await jobs.import_directory({"import": id})
    page = f"/desk/directory/imports/{id}"
    text = (await ana.get(page)).text
    assert "<td>3</td><td>Site Telephone Number</td>" in text
    await ana.post(f"{page}/apply")
    await jobs.import_directory({"import": id})
    assert not await HelpPlace.exists().where(HelpPlace.source == "hrsa")
    await ana.post(f"{page}/apply", skip_mistakes="1")
    await jobs.import_directory({"import": id})
    assert await HelpPlace.count().where(HelpPlace.source == "hrsa") == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"source": "nobody"}, "Choose one of these."),
        ({"name": "sites.pdf"}, "ends with .csv"),
        ({"columns": "phone"}, "is not like"),
    ],
)
async def test_a_list_that_cannot_be_one_is_refused(
    at_the_desk: AtTheDesk, fields: dict[str, str], words: str
) -> None:
    answer = await hand_in(await at_the_desk("editor"), hrsa([]), **fields)
    assert answer.status_code == 422
    assert words in answer.text


async def test_a_dropped_list_is_forgotten(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    id = await number_of(await hand_in(ana, hrsa([hrsa_row(1)])))
    await ana.post(f"/desk/directory/imports/{id}/drop")
    await jobs.import_directory({"import": id})
    row: Any = await DirectoryImport.select().where(DirectoryImport.id == id).first()
    assert (row["state"], row["file"]) == ("dropped", None)


async def test_a_large_list_comes_through_the_gate_and_only_there(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("editor")
    big = hrsa([hrsa_row(number) for number in range(6000)])
    assert len(big) > 1_500_000
    assert (await hand_in(ana, big)).status_code == 303
    refused = await ana.browser.post(PLACE, content=big, headers={"Sec-Fetch-Site": "same-origin"})
    assert refused.status_code == 413


async def test_old_flags_and_files_are_removed(at_the_desk: AtTheDesk) -> None:
    await flags.flag(FRESNO, "phone", "")
    ana = await at_the_desk("editor")
    await number_of(await hand_in(ana, hrsa([hrsa_row(1)])))
    assert await flags.remove_old(now() - flags.KEPT) == 0
    assert await flags.remove_old(now() + datetime.timedelta(seconds=5)) == 1
    assert await jobs.remove_old(now() + datetime.timedelta(seconds=5)) == 1


async def test_what_an_earlier_release_left_open_is_sealed_and_still_read_at_the_desk(
    at_the_desk: AtTheDesk,
) -> None:
    await WrongFlag.insert(WrongFlag(place=FRESNO, what="cost", words="I am Rosario Canario"))
    ana = await at_the_desk("editor")
    for _ in range(2):
        assert "I am Rosario Canario" in (await ana.get("/desk/directory")).text
        assert await flags.remove_old(now() - flags.KEPT) == 0
        async with database.connection() as connection:
            kept = await connection.fetch("SELECT wrong_flag::text AS row FROM wrong_flag")
        assert "Canario" not in repr(kept)


async def test_what_the_desk_wrote_outlives_the_next_load(at_the_desk: AtTheDesk) -> None:
    from backend.enrollment import loading

    ana = await at_the_desk("editor")
    await ana.post(PLACE, **await typed(phones="559-555-0111", name="Fresno DSS"))
    assert not await loading.load()
    place = await fresno()
    assert (place.name, place.phones[0]["number"]) == ("Fresno DSS", "+15595550111")
    text = (await ana.get(PLACE)).text
    assert "Ours, where its source says something else" in text
    await ana.post(f"{PLACE}/hand-back")
    assert (await fresno()).name == "Fresno County Department of Social Services"


async def test_a_list_shows_which_fields_stay_ours(at_the_desk: AtTheDesk) -> None:
    await bring("hrsa", hrsa([hrsa_row(1)]))
    ana = await at_the_desk("editor")
    id = id_of("hrsa", "BPS-H80-000001")
    place = await search.with_id(id)
    assert place is not None
    form = {**forms.filled(place).typed, "phones": "559-555-0123"}
    assert (await ana.post(f"/desk/directory/places/{id}", **form)).status_code == 303
    number = await number_of(
        await hand_in(ana, hrsa([hrsa_row(1, **{"Site Telephone Number": "559-555-9999"})]))
    )
    await jobs.import_directory({"import": number})
    assert "ours stays" in (await ana.get(f"/desk/directory/imports/{number}")).text
