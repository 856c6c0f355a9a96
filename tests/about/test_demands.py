"""What a search of the server would find, and how demands for data are answered: words and rules
together, so that neither changes alone."""

import datetime
import re
from collections.abc import Awaitable, Callable
from html import unescape
from typing import Any

import httpx
import pytest

from backend import worker
from backend.about.tables import RENEWED_WITHIN, DemandStatement
from backend.campaigns.tables import NAMES_KEPT
from backend.campaigns.withdrawing import DELETED_AFTER
from backend.canvass.tables import IDENTITY_KEPT
from backend.piccolo_app import APP_CONFIG
from backend.push.tables import UNCONFIRMED_KEPT
from backend.staff.tables import AuditEntry
from backend.web import outbox
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]
DESK = "/desk/legal-demands"

# Every table that holds something of a person, and how the page names it. One that is new here has
# to be told of on the page, or be said to hold nothing of anybody.
TOLD = {
    "Who signed what": ["pledge", "withdrawal", "partner_given", "update_mailing", "setting_aside",
                        "paper_row", "paper_sheet", "letter_budget"],
    "E-mail addresses that get alerts": ["alert_mail"],
    "The lines to phones that get alerts": ["subscription", "phone_code", "ring_batch"],
    "Names of canvassers and their shifts": ["canvasser", "canvass_device", "canvass_invitation",
                                             "canvass_record", "canvass_file", "device_shift",
                                             "shift_canvasser"],
    "numbers that stand for the networks": ["rate_limit", "rate_limit_salt"],
    "What people wrote when they said that a place of help is wrong": ["wrong_flag"],
    "Names of our staff, and what they did here": [
        "account", "passkey", "session", "recovery_code", "invitation", "audit_entry", "names_seen",
        "alarm", "retention_hold", "demand_statement", "shift_lead", "going_live", "change",
        "checked_change", "alert", "partner_token", "hearing_change", "directory_import", "shift",
        "campaign_update", "proposal", "line_claim"],
}  # fmt: skip
NOBODYS = {
    "alert_news", "audit_head", "campaign", "changed_fact", "conflict", "consent_text",
    "count_line", "county", "detention_place", "figure", "heard_change", "hearing",
    "hearing_source",
    "help_line",
    "help_organization", "help_place", "help_service", "law", "member_vote", "pledge_count",
    "practice", "push_host", "retention_run", "ring", "rule", "source_event",
    # Totals, by county and day or by shift.
    "pledge_total", "published_count", "shift_total",
}  # fmt: skip


async def words_of(client: httpx.AsyncClient, address: str) -> str:
    page = (await client.get(address)).text
    main = re.search(r"(?s)<main[^>]*>(.*)</main>", page)
    assert main
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main[1])).split())


async def test_each_kind_of_thing_that_a_search_would_find_is_named(
    client: httpx.AsyncClient,
) -> None:
    page = await words_of(client, "/privacy")
    for words in TOLD:
        assert words in page, words
    told = {table for tables in TOLD.values() for table in tables}
    there = {table._meta.tablename for table in APP_CONFIG.table_classes}
    assert there - told - NOBODYS == set(), "say on /privacy what of a person these hold"
    assert not told & NOBODYS


async def test_what_is_said_of_time_is_the_rule(client: httpx.AsyncClient) -> None:
    page = await words_of(client, "/privacy")
    rules = {rule.name: rule.kept_for.days for rule in worker.RETENTION}
    assert rules["names"] == NAMES_KEPT.days
    assert f"at the latest {rules['names']} days after the campaign closes" in page
    assert rules["withdrawals"] == DELETED_AFTER.days
    assert f"because you asked them: {rules['withdrawals']} days longer" in page
    assert rules["subscriptions"] == UNCONFIRMED_KEPT.days
    assert f"at the latest {rules['subscriptions']} days after the app was last opened" in page
    assert rules["canvassers"] == IDENTITY_KEPT.days
    assert f"Names of canvassers: {rules['canvassers']} days after their last shift" in page
    assert f"What our staff did: {rules['audit']} days" in page
    assert f"until you end them; {rules['alert_mail']} days if nobody confirms it" in page
    assert f"What people wrote of a place of help: {rules['wrong_flags']} days" in page
    assert f"They stay {outbox.KEPT.days} days" in page


async def test_both_ways_of_losing_the_server_are_told_apart(client: httpx.AsyncClient) -> None:
    page = await words_of(client, "/privacy")
    whole, _, database = page.partition("Whoever gets only the database")
    assert "Whoever gets the machine, with its keys, can read everything" in whole
    assert "lines to phones and what people wrote of places locked" in database


@pytest.mark.parametrize("address", ["/privacy", "/about", "/more", "/"])
async def test_the_way_there_is_short(client: httpx.AsyncClient, address: str) -> None:
    assert 'href="/legal-demands"' in (await client.get(address)).text


async def test_both_pages_are_on_the_phone_too(client: httpx.AsyncClient) -> None:
    kept = (await client.get("/offline/more.json")).json()["languages"]
    for code in ("en", "es"):
        assert 'id="search"' in kept[code]["pages"]["/privacy"]["main"]
        assert 'href="/privacy#search"' in kept[code]["pages"]["/legal-demands"]["main"]


async def test_nothing_was_stated_is_not_none(client: httpx.AsyncClient) -> None:
    page = await words_of(client, "/legal-demands")
    assert "Nobody has stated yet how many demands came. Do not take that for none." in page


async def test_what_an_admin_states_stands_on_the_page_with_its_day(
    client: httpx.AsyncClient, at_the_desk: AtTheDesk
) -> None:
    rosa = await at_the_desk("admin", name="Rosa", fresh=True)
    assert (await rosa.post(DESK, demands="0")).status_code == 303
    page = await words_of(client, "/legal-demands")
    day = datetime.datetime.now(datetime.UTC).year
    assert re.search(rf"By \w+ \d+, {day}, 0 demands for people’s data had come to us\.", page)
    assert (await rosa.post(DESK, demands="2")).status_code == 303
    page = await words_of(client, "/legal-demands")
    assert ", 2 demands for people’s data" in page
    assert "Nobody has renewed this" not in page
    last = await AuditEntry.select().order_by(AuditEntry.id, ascending=False).first()
    assert (last["actor"], last["action"]) == ("Rosa", "demands_stated")
    assert "How we answer" in page
    for promise in (
        "a court’s order that a judge signed",
        "before we answer, where the law lets us",
        "At least two administrators decide",
    ):
        assert promise in page
    spanish = await client.get("/legal-demands?lang=es")
    assert "exigencias de datos" in spanish.text


@pytest.mark.parametrize("typed", ["", "1", "-1", "x", "2.5", "٣", "9" * 18, "1e3"])
async def test_a_number_that_cannot_be_is_told(at_the_desk: AtTheDesk, typed: str) -> None:
    rosa = await at_the_desk("admin", name="Rosa", fresh=True)
    await DemandStatement(said_by="Rosa", demands=2).save()
    answer = await rosa.post(DESK, demands=typed)
    assert answer.status_code == 422
    assert "so at least 2" in answer.text
    assert await DemandStatement.count() == 1


async def test_an_old_statement_says_its_age_on_the_page_and_at_the_desk(
    client: httpx.AsyncClient, at_the_desk: AtTheDesk
) -> None:
    assert RENEWED_WITHIN.days == 90
    rosa = await at_the_desk("admin", name="Rosa", fresh=True)
    await rosa.post(DESK, demands="1")
    overdue = "Nobody has renewed this for more than 90 days."
    for days, shown in ((89, False), (91, True)):
        moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
        columns: dict[Any, Any] = {DemandStatement.said_at: moment}
        await DemandStatement.update(columns, force=True)
        assert (overdue in await words_of(client, "/legal-demands")) == shown
        told = "Nobody renewed for 90 days how many demands for data came"
        assert (told in (await rosa.get("/desk")).text) == shown
    editor = await at_the_desk("editor")
    assert "how many demands" not in (await editor.get("/desk")).text
    await rosa.post(DESK, demands="1")
    assert overdue not in await words_of(client, "/legal-demands")


async def test_only_an_admin_who_just_showed_a_passkey_states_it(at_the_desk: AtTheDesk) -> None:
    stale = await at_the_desk("admin", name="Stale")
    for answer in (await stale.get(DESK), await stale.post(DESK, demands="0")):
        assert answer.headers["location"].startswith("/desk/step-up")
    for role in ("editor", "campaigner", "canvass_lead"):
        other = await at_the_desk(role, fresh=True)
        assert (await other.post(DESK, demands="0")).status_code == 403
    assert not await DemandStatement.exists()
