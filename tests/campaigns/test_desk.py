"""Campaigns at the desk: written, published by two people, told news, and closed; and who sees who
signed."""

import datetime
import html
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from backend import worker
from backend.campaigns import lifecycle, loading, mailing, pledges, signing, tallies
from backend.campaigns.pledges import Opened
from backend.campaigns.states import CampaignState, PledgeState
from backend.campaigns.tables import (
    Campaign,
    CampaignUpdate,
    ConsentText,
    Pledge,
    SettingAside,
    UpdateMailing,
)
from backend.campaigns.withdrawing import Withdrawal
from backend.staff import names, retention
from backend.staff.tables import Account, AuditEntry, NamesSeen, now
from backend.web import mail
from backend.web.clock import today
from tests.campaigns.conftest import campaign, signature
from tests.campaigns.working import by_receipt
from tests.conftest import Colleague

__all__ = ["campaign"]

AtTheDesk = Callable[..., Awaitable[Colleague]]
CANARY, CANARY_MAIL = "Xochitl Canario", "canario.secreto@example.org"
WHOLE = {
    "title_en": "Out of jails",
    "title_es": "Fuera de las cárceles",
    "ask_en": "Ask the board.",
    "ask_es": "Pida a la junta.",
    "story_en": "A **strong** story.",
    "story_es": "Una historia **fuerte**.",
    "pledge_words_en": "I ask for it.",
    "pledge_words_es": "Lo pido.",
    "target0_name_en": "The board",
    "target0_name_es": "La junta",
    "target0_why_en": "It decides.",
    "target0_why_es": "Decide.",
    "goals": "100, 1000",
    "where": "some",
    "county": "sonoma",
}


async def with_slug(slug: str) -> Campaign:
    found = await Campaign.objects().where(Campaign.slug == slug).first()
    assert found is not None
    return found


async def draft(colleague: Colleague, slug: str = "out-of-jails") -> Campaign:
    """A whole draft, made through the pages."""
    answer = await colleague.post(
        "/desk/campaigns/new", title_en=WHOLE["title_en"], title_es=WHOLE["title_es"], slug=slug
    )
    assert answer.status_code == 303, answer.text
    made = await with_slug(slug)
    page = await colleague.get(answer.headers["location"])
    saved = await colleague.post(answer.headers["location"], **seen_in(page), **WHOLE, do="save")
    assert saved.status_code == 303, told(saved)
    return await with_slug(made.slug)


def seen_in(page: httpx.Response) -> dict[str, str]:
    found = re.search(r'name="seen" value="([0-9a-f]*)"', page.text)
    assert found, page.text
    return {"seen": found[1]}


def told(page: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


async def as_filled(colleague: Colleague, id: int) -> dict[str, Any]:
    """What the form holds as it comes, as a browser would send it back."""
    page = (await colleague.get(f"/desk/campaigns/{id}/edit")).text
    fields: dict[str, Any] = {}
    for name, value in re.findall(r'<input id="([^"]+)"[^>]* value="([^"]*)"', page):
        fields[name] = html.unescape(value)
    for name, value in re.findall(r'<textarea id="([^"]+)"[^>]*>([^<]*)<', page):
        fields[name] = html.unescape(value)
    fields["county"] = re.findall(r'name="county" value="([^"]+)" checked', page)
    fields["where"] = "some" if fields["county"] else "all"
    for name, value in re.findall(r'<select id="([^"]+)".*?value="([ARB])" selected', page):
        fields[name] = value
    seen = re.search(r'name="seen" value="([0-9a-f]*)"', page)
    assert seen
    return {**fields, "seen": seen[1]}


async def trail() -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = await AuditEntry.select().order_by(AuditEntry.id)
    return lines


async def consent(purpose: str) -> int:
    row = await ConsentText.select(ConsentText.id).where(ConsentText.purpose == purpose).first()
    assert row is not None
    return int(row["id"])


async def signed(
    campaign: Campaign, name: str, contact: str, *purposes: str, confirmed: bool = True
) -> Opened:
    consents = tuple([await consent(purpose) for purpose in ("pledge", *purposes)])
    given = await signature(name, contact)
    receipt = await signing.sign(
        campaign,
        signing.Signature(given.name, given.contact, given.county, "en", consents),
    )
    pledge = await by_receipt(receipt)
    assert pledge is not None
    if confirmed:
        await tallies.move(
            [pledge.id],
            PledgeState.CONFIRMED,
            {Pledge.confirmed_at: datetime.datetime.now(datetime.UTC)},
        )
    return pledge


@pytest.mark.parametrize(
    ("role", "may"), [("campaigner", True), ("admin", True), ("editor", False)]
)
async def test_only_who_runs_campaigns_sees_them_here(
    at_the_desk: AtTheDesk, role: str, may: bool
) -> None:
    answer = await (await at_the_desk(role)).get("/desk/campaigns")
    assert answer.status_code == (200 if may else 403)
    assert ("Begin a campaign" in answer.text) == may


async def test_a_draft_is_seen_by_nobody_outside(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner", name="Ana")
    await draft(ana)
    assert (await ana.get("/campaigns/out-of-jails")).status_code == 404
    assert "Out of jails" in (await ana.get("/desk/campaigns")).text


async def test_a_newcomer_is_no_second_person_who_lets_it_go_live(
    at_the_desk: AtTheDesk,
) -> None:
    ana = await at_the_desk("campaigner", name="Ana")
    sock = await at_the_desk("campaigner", name="Sock", new=True)
    made = await draft(ana)
    here = f"/desk/campaigns/{made.id}"
    await ana.post(f"{here}/live", **seen_in(await ana.get(here)))
    answer = await sock.post(f"{here}/live", **seen_in(await sock.get(here)))
    assert answer.status_code == 409
    assert "for seven days somebody else has to be the second person" in told(answer)
    assert (await with_slug(made.slug)).state == CampaignState.DRAFT


async def test_it_goes_live_when_a_second_person_says_so(at_the_desk: AtTheDesk) -> None:
    ana, bo = await at_the_desk("campaigner", name="Ana"), await at_the_desk("admin", name="Bo")
    made = await draft(ana)
    here = f"/desk/campaigns/{made.id}"
    page = await ana.get(here)
    assert (await ana.post(f"{here}/live", **seen_in(page))).status_code == 303
    assert (await with_slug(made.slug)).state == CampaignState.DRAFT
    # The same person once more is still one person.
    assert (await ana.post(f"{here}/live", **seen_in(page))).status_code == 303
    assert (await with_slug(made.slug)).state == CampaignState.DRAFT
    assert "Now a second person opens this page" in told(await ana.get(here))
    page = await bo.get(here)
    assert "Ana asks that it go live" in told(page)
    assert (await bo.post(f"{here}/live", **seen_in(page))).status_code == 303
    assert (await bo.get(f"/campaigns/{made.slug}")).status_code == 200
    lines = {line["action"]: line for line in await trail()}
    assert lines["campaign_live"]["actor"] == "Bo"
    assert lines["campaign_live"]["details"] == {"asked_by": "Ana"}
    again = await bo.post(f"{here}/live", **seen_in(page))
    assert again.status_code == 409


async def test_what_changed_since_somebody_asked_has_to_be_asked_anew(
    at_the_desk: AtTheDesk,
) -> None:
    ana, bo = await at_the_desk("campaigner", name="Ana"), await at_the_desk("admin", name="Bo")
    made = await draft(ana)
    here = f"/desk/campaigns/{made.id}"
    stale = seen_in(await bo.get(here))
    await ana.post(f"{here}/live", **stale)
    fields = await as_filled(ana, made.id)
    assert (
        await ana.post(f"{here}/edit", **{**fields, "ask_en": "Another ask."})
    ).status_code == 303
    answer = await bo.post(f"{here}/live", **stale)
    assert answer.status_code == 409
    assert "The words have changed meanwhile" in told(answer)
    # What Bo sees now nobody has asked for, so Bo asks.
    await bo.post(f"{here}/live", **seen_in(await bo.get(here)))
    assert (await with_slug(made.slug)).state == CampaignState.DRAFT


async def test_with_one_person_the_setting_lets_them(
    at_the_desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_PERSON", "0")
    ana = await at_the_desk("campaigner", name="Ana")
    made = await draft(ana)
    here = f"/desk/campaigns/{made.id}"
    await ana.post(f"{here}/live", **seen_in(await ana.get(here)))
    assert (await with_slug(made.slug)).state == CampaignState.LIVE


async def test_missing_words_keep_it_a_draft(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner", name="Ana")
    await ana.post("/desk/campaigns/new", title_en="Half", slug="half")
    made = await with_slug("half")
    here = f"/desk/campaigns/{made.id}"
    page = told(await ana.get(here))
    for lacking in ("Title (Español)", "The story (English)", "Who decides", "Goals"):
        assert lacking in page
    answer = await ana.post(f"{here}/live", seen=lifecycle.fingerprint(made))
    assert answer.status_code == 409
    assert "Some words are missing" in told(answer)


async def test_a_live_one_cannot_lose_its_words(at_the_desk: AtTheDesk, campaign: Campaign) -> None:
    ana = await at_the_desk("campaigner")
    fields = await as_filled(ana, campaign.id)
    answer = await ana.post(f"/desk/campaigns/{campaign.id}/edit", **{**fields, "ask_es": " "})
    assert answer.status_code == 422
    assert "Say who decides." in told(answer)
    assert (await with_slug(campaign.slug)).ask == campaign.ask


async def test_saving_unchanged_changes_nothing(at_the_desk: AtTheDesk) -> None:
    """Also for a campaign that came with the product, with its sources and all."""
    ana = await at_the_desk("campaigner")
    row = await Campaign.select(Campaign.id, Campaign.slug).order_by(Campaign.id).first()
    assert row is not None
    before = await with_slug(row["slug"])
    fields = await as_filled(ana, row["id"])
    answer = await ana.post(f"/desk/campaigns/{row['id']}/edit", **fields)
    assert answer.status_code == 303, told(answer)
    after = await with_slug(row["slug"])
    assert {name: getattr(after, name) for name in lifecycle.WRITTEN} == {
        name: getattr(before, name) for name in lifecycle.WRITTEN
    }
    assert "campaign_changed" not in [line["action"] for line in await trail()]


async def test_two_people_do_not_overwrite_each_other(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana, bo = await at_the_desk("campaigner", name="Ana"), await at_the_desk("admin", name="Bo")
    here = f"/desk/campaigns/{campaign.id}/edit"
    target = {f"target0_{part}": "x" for part in ("name_en", "name_es", "why_en", "why_es")}
    hers, his = await as_filled(ana, campaign.id), await as_filled(bo, campaign.id)
    assert (await ana.post(here, **{**hers, **target, "ask_en": "Hers"})).status_code == 303
    answer = await bo.post(here, **{**his, **target, "ask_en": "His own words"})
    assert answer.status_code == 422
    assert "Somebody changed this campaign meanwhile" in told(answer)
    assert "His own words" in answer.text
    standing: Any = await with_slug(campaign.slug)
    assert standing.ask["en"] == "Hers"


async def test_pledge_words_that_were_signed_stay(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner")
    await signed(campaign, "Ana López", "ana@example.org")
    fields = await as_filled(ana, campaign.id)
    target = {f"target0_{part}": "x" for part in ("name_en", "name_es", "why_en", "why_es")}
    answer = await ana.post(
        f"/desk/campaigns/{campaign.id}/edit", **{**fields, **target, "pledge_words_en": "Other"}
    )
    assert answer.status_code == 422
    assert "People have signed these pledge words" in told(answer)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"title_en": "T" * 10_000}, "120 letters are the most"),
        ({"story_en": "Fact [3]."}, "names a source that is not in the list"),
        ({"story_en": "A"  * 10_000}, "6000 letters are the most"),
        ({"goals": "many"}, "Write numbers that go up"),
        ({"goals": "9" * 10_000}, "Write numbers that go up"),
        ({"opens_on": "10000-01-01"}, "Write the day like this"),
        ({"opens_on": "2026-02-30"}, "Write the day like this"),
        ({"opens_on": "2026-12-01", "closes_on": "2026-11-01"}, "close before it opens"),
        ({"where": "some", "county": "atlantis"}, "Choose the counties"),
        ({"partner0_name": "P", "partner0_url": "javascript:alert(1)"}, "begins with https://"),
        ({"source0_title": "Only a title"}, "Write something here"),
        ({"target0_name_en": "Only English", "target0_name_es": ""}, "Write something here"),
    ],
)  # fmt: skip
async def test_mistakes_are_told_and_nothing_typed_is_lost(
    at_the_desk: AtTheDesk, fields: dict[str, str], words: str
) -> None:
    ana = await at_the_desk("campaigner")
    made = await draft(ana)
    here = f"/desk/campaigns/{made.id}/edit"
    given = {**await as_filled(ana, made.id), **fields, "ask_en": "Typed & kept"}
    answer = await ana.post(here, **given)
    assert answer.status_code == 422
    assert words in told(answer)
    assert "Typed &amp; kept" in answer.text


async def test_markup_and_nul_do_no_harm(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner")
    made = await draft(ana)
    given = await as_filled(ana, made.id)
    bad = "<script>alert(1)</script>\0 [x](javascript:alert(1)) \u202egnp.exe"
    answer = await ana.post(f"/desk/campaigns/{made.id}/edit", **{**given, "story_en": bad})
    assert answer.status_code == 303
    page = (await ana.get(f"/desk/campaigns/{made.id}")).text
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "\u202e" not in page


async def test_the_preview_shows_and_saves_nothing(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner")
    made = await draft(ana)
    given = {**await as_filled(ana, made.id), "story_en": "**Not saved**", "goals": "wrong"}
    answer = await ana.post(f"/desk/campaigns/{made.id}/edit", **given, do="preview")
    assert answer.status_code == 200
    assert "<strong>Not saved</strong>" in answer.text
    assert (await with_slug(made.slug)).story == made.story


async def test_a_review_holds_until_either_language_changes(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner", name="Ana")
    made = await draft(ana)
    here = f"/desk/campaigns/{made.id}"
    page = await ana.get(here)
    assert "Nobody has read the Spanish" in told(page)
    review = {"language": "es", **seen_in(page)}
    assert (await ana.post(f"{here}/reviews", **review)).status_code == 303
    assert f"found right by Ana on {today().isoformat()}" in told(await ana.get(here))
    assert loading.is_reviewed(await with_slug(made.slug), "es")
    for change in ({"story_es": "Otra historia."}, {"story_en": "Another story."}):
        await ana.post(f"{here}/edit", **{**await as_filled(ana, made.id), **change})
        assert not loading.is_reviewed(await with_slug(made.slug), "es"), change
        review = {"language": "es", **seen_in(await ana.get(here))}
        assert (await ana.post(f"{here}/reviews", **review)).status_code == 303
        assert loading.is_reviewed(await with_slug(made.slug), "es")
    stale = {"language": "es", "seen": "0" * 16}
    assert (await ana.post(f"{here}/reviews", **stale)).status_code == 409
    unknown = {**review, "language": "xx"}
    assert (await ana.post(f"{here}/reviews", **unknown)).status_code == 409


async def test_closing_says_the_day_and_can_be_done_once(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner")
    here = f"/desk/campaigns/{campaign.id}"
    day = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=90)).date()
    assert f"erased on {day:%B} {day.day}, {day.year}" in told(await ana.get(f"{here}/close"))
    nothing = await ana.post(f"{here}/close", outcome_en="Won.", outcome_es="")
    assert nothing.status_code == 422
    assert "Won." in nothing.text
    outcome = {"outcome_en": "We **won**.", "outcome_es": "Ganamos."}
    assert (await ana.post(f"{here}/close", **outcome)).status_code == 303
    assert "We <strong>won</strong>." in (await ana.get(f"/campaigns/{campaign.slug}")).text
    assert (await ana.post(f"{here}/close", **outcome)).status_code == 409
    assert (await ana.post(f"{here}/reopen")).status_code == 303
    standing = await with_slug(campaign.slug)
    assert (standing.state, standing.closed_at, standing.outcome) == ("live", None, None)
    await ana.post(f"{here}/close", **outcome)
    assert (await ana.post(f"{here}/archive")).status_code == 303
    assert (await ana.post(f"{here}/reopen")).status_code == 409
    assert (await ana.get(f"/campaigns/{campaign.slug}")).status_code == 200


async def test_it_is_not_reopened_when_the_names_are_erased(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner")
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=91)
    await Campaign.update(
        {Campaign.state: CampaignState.CLOSED, Campaign.closed_at: long_ago}
    ).where(Campaign.id == campaign.id)
    here = f"/desk/campaigns/{campaign.id}"
    assert "Let people sign again" not in (await ana.get(here)).text
    answer = await ana.post(f"{here}/reopen")
    assert answer.status_code == 409
    assert "The names are erased" in told(answer)


async def test_the_last_day_closes_it_by_itself(campaign: Campaign) -> None:
    over = today() - datetime.timedelta(days=1)
    await Campaign.update({Campaign.closes_on: over}).where(Campaign.id == campaign.id)
    promised = (await with_slug(campaign.slug)).names_end_on()
    await lifecycle.close_due({})
    standing = await with_slug(campaign.slug)
    assert standing.state == CampaignState.CLOSED
    assert standing.names_end_on() == promised
    assert [line["actor"] for line in await trail()] == ["the house itself"]
    await lifecycle.close_due({})
    assert len(await trail()) == 1


async def test_news_is_on_the_page_at_once_and_mailed_once_when_asked(
    at_the_desk: AtTheDesk, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters: list[mail.Letter] = []

    async def send(letter: mail.Letter) -> None:
        letters.append(letter)

    monkeypatch.setattr(mail, "send", send)
    ana = await at_the_desk("campaigner")
    await signed(campaign, CANARY, CANARY_MAIL, "news")
    await signed(campaign, "No News", "nonews@example.org")
    await signed(campaign, "Not Confirmed", "late@example.org", "news", confirmed=False)
    await signed(campaign, "By Phone", "+1 707 555 0199", "news")
    leaver = await signed(campaign, "Leaver", "leaver@example.org", "news")
    here = f"/desk/campaigns/{campaign.id}/news"
    words = {"title_en": "We met", "title_es": "Nos vimos", "words_en": "*Soon* more.",
             "words_es": "Pronto más."}  # fmt: skip
    shown = await ana.post(here, **words, do="preview")
    assert "<em>Soon</em> more." in shown.text
    assert not await CampaignUpdate.exists()
    assert (await ana.post(here, **{**words, "words_es": ""})).status_code == 422
    assert (await ana.post(here, **words)).status_code == 303
    assert "<em>Soon</em> more." in (await ana.get(f"/campaigns/{campaign.slug}")).text
    assert not letters
    news = await CampaignUpdate.objects().first()
    assert news is not None
    assert (await ana.post(f"{here}/{news.id}/mail")).status_code == 303
    assert (await ana.post(f"{here}/{news.id}/mail")).status_code == 422
    await mailing.mail_update({"news": news.id})
    await mailing.mail_update({"news": news.id})
    [page] = await UpdateMailing.select()
    assert len(page["left"]) == 2
    await signing.withdraw(leaver)
    await mailing.mail_update({"page": page["id"]})
    await mailing.mail_update({"page": page["id"]})
    assert [letter.to for letter in letters] == [CANARY_MAIL]
    assert "Mailed." in told(await ana.get(here))


async def test_a_mail_server_that_is_late_makes_nobody_hear_twice(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    async def send(letter: mail.Letter) -> None:
        if len(heard) == 1 and letter.to not in heard and not tries:
            tries.append(1)
            raise mail.MailIsLate
        heard.append(letter.to)

    tries: list[int] = []
    monkeypatch.setattr(mail, "send", send)
    for number in range(3):
        await signed(campaign, f"Name {'abc'[number]}", f"n{number}@example.org", "news")
    words = {"en": "x", "es": "y"}
    news = CampaignUpdate(campaign=campaign.id, title=words, words=words)
    await news.save()
    await mailing.mail_update({"news": news.id})
    [page] = await UpdateMailing.select()
    with pytest.raises(mail.MailIsLate):
        await mailing.mail_update({"page": page["id"]})
    await mailing.mail_update({"page": page["id"]})
    assert sorted(heard) == [f"n{number}@example.org" for number in range(3)]


async def test_a_draft_has_no_news(at_the_desk: AtTheDesk) -> None:
    ana = await at_the_desk("campaigner")
    made = await draft(ana)
    words = dict.fromkeys(("title_en", "title_es", "words_en", "words_es"), "x")
    answer = await ana.post(f"/desk/campaigns/{made.id}/news", **words)
    assert answer.status_code == 422
    assert "Publish the campaign first" in told(answer)


@pytest.mark.parametrize("id", ["0", "999999", str(2**31), str(2**64), "9" * 500])
@pytest.mark.parametrize(
    "path", ["", "/edit", "/close", "/news", "/pledges", "/asides/new", "/asides/1", "/export"]
)
async def test_a_campaign_that_is_not_there(at_the_desk: AtTheDesk, id: str, path: str) -> None:
    answer = await (await at_the_desk("campaigner", fresh=True)).get(f"/desk/campaigns/{id}{path}")
    assert answer.status_code == 404
    assert "There is no such campaign." in answer.text


async def test_the_same_address_is_not_taken_twice(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner")
    answer = await ana.post("/desk/campaigns/new", title_en="Again", slug=campaign.slug)
    assert answer.status_code == 422
    assert "There is a campaign with this address already" in told(answer)
    for slug in ("", "Big", "a--b", "x" * 61, "../etc", "a\0b"):
        answer = await ana.post("/desk/campaigns/new", title_en="Again", slug=slug)
        assert answer.status_code == (303 if slug == "a\0b" else 422), slug


async def test_looking_at_signers_is_in_the_trail_without_their_names(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner", name="Ana", fresh=True)
    await signed(campaign, CANARY, CANARY_MAIL, "news")
    here = f"/desk/campaigns/{campaign.id}/pledges"
    page = await ana.get(here)
    assert CANARY in page.text
    assert CANARY_MAIL in page.text
    assert page.headers["cache-control"] == "no-store"
    found = await ana.post(f"{here}/find", contact=" Canario.Secreto@EXAMPLE.org ")
    assert CANARY in found.text
    lines = await trail()
    assert [(each["action"], each["subject"], each["details"]) for each in lines] == [
        ("saw_people", f"campaign {campaign.slug}", {"count": 1})
    ] * 2
    assert "anario" not in str(lines)


@pytest.mark.parametrize("role", ["editor", "canvass_lead"])
async def test_others_never_see_signers(
    at_the_desk: AtTheDesk, campaign: Campaign, role: str
) -> None:
    await signed(campaign, CANARY, CANARY_MAIL)
    colleague = await at_the_desk(role, fresh=True)
    for path in ("pledges", "asides/new", "export", "export.csv?purpose=delivery"):
        answer = await colleague.get(f"/desk/campaigns/{campaign.id}/{path}")
        assert answer.status_code == 403
        assert CANARY not in answer.text


async def test_signers_are_filtered_and_paged(at_the_desk: AtTheDesk, campaign: Campaign) -> None:
    ana = await at_the_desk("campaigner", fresh=True)
    for number in range(53):
        letters = chr(97 + number // 26) + chr(97 + number % 26)
        await signed(campaign, f"Person {letters}.", f"p{number}@example.org", confirmed=number > 0)
    here = f"/desk/campaigns/{campaign.id}/pledges"
    page = await ana.get(here)
    shown = re.findall(r"Person (\w\w)\.", page.text)
    assert len(shown) == 50
    older = re.search(r'href="([^"]+before=[^"]+)"', page.text)
    assert older
    rest = await ana.get(html.unescape(older[1]))
    assert len(re.findall(r"Person (\w\w)\.", rest.text)) == 3
    assert not set(shown) & set(re.findall(r"Person (\w\w)\.", rest.text))
    awaiting = await ana.get(f"{here}?state=awaiting&county=sonoma&source=web")
    assert re.findall(r"Person (\w\w)\.", awaiting.text) == ["aa"]
    for nothing in ("county=modoc", "consent=news", "day=2001-01-01", "state=set_aside"):
        assert "No pledge is like that." in told(await ana.get(f"{here}?{nothing}")), nothing
    assert len(re.findall(r"Person", (await ana.get(f"{here}?day={today()}")).text)) == 50


@pytest.mark.parametrize(
    "query",
    ["county=atlantis", "state=9", "day=10000-01-01", "consent=x", "before=1", "before=,",
     "before=2026-01-01T00:00:00Z,x", f"before={'9' * 3000}"],
)  # fmt: skip
async def test_filters_that_mean_nothing_are_told(
    at_the_desk: AtTheDesk, campaign: Campaign, query: str
) -> None:
    ana = await at_the_desk("campaigner", fresh=True)
    answer = await ana.get(f"/desk/campaigns/{campaign.id}/pledges?{query}")
    assert answer.status_code == 422
    assert "There is a problem" in answer.text


async def test_a_signer_is_withdrawn_when_they_ask_and_only_here(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner", name="Ana", fresh=True)
    pledge = await signed(campaign, CANARY, CANARY_MAIL)
    other = await Campaign.select(Campaign.id).where(Campaign.id != campaign.id).first()
    assert other is not None
    foreign = f"/desk/campaigns/{other['id']}/pledges/{pledge.id}/withdrawal"
    assert (await ana.post(foreign)).status_code == 404
    address = f"/desk/campaigns/{campaign.id}/pledges/{pledge.id}/withdrawal"
    assert (await ana.post(address)).status_code == 303
    assert (await ana.post(address.replace(str(pledge.id), "x" * 100))).status_code == 404
    await tallies.count()
    assert (await tallies.numbers(campaign.id)).confirmed == 0
    told_once = [line for line in await trail() if line["action"] == "pledge_withdrawn"]
    assert [line["details"]["pledge"] for line in told_once] == [str(pledge.id)]
    assert (await ana.post(address)).status_code == 303  # again changes nothing
    assert len([line for line in await trail() if line["action"] == "pledge_withdrawn"]) == 1
    assert "anario" not in str(await trail())


async def test_what_staff_withdrew_comes_back_within_seven_days_and_is_deleted_after(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner", name="Ana", fresh=True)
    pledge = await signed(campaign, CANARY, CANARY_MAIL)
    here = f"/desk/campaigns/{campaign.id}/pledges"
    await ana.post(f"{here}/{pledge.id}/withdrawal")
    assert "Ana withdrew it. It counts no more" in told(await ana.get(here))
    [rule] = [rule for rule in worker.RETENTION if rule.name == "withdrawals"]
    assert rule.kept_for == timedelta(days=7)
    await retention.run([rule])
    assert await pledges.by_id(pledge.id) is not None
    assert (await ana.post(f"{here}/{pledge.id}/withdrawal/undo")).status_code == 303
    await tallies.count()
    assert (await tallies.numbers(campaign.id)).confirmed == 1
    assert (await ana.post(f"{here}/{pledge.id}/withdrawal/undo")).status_code == 404

    await ana.post(f"{here}/{pledge.id}/withdrawal")
    week_ago: dict[Any, Any] = {Withdrawal.asked_at: now() - timedelta(days=7, minutes=1)}
    await Withdrawal.update(week_ago, force=True)
    await retention.run([rule])
    assert await pledges.by_id(pledge.id) is None
    await tallies.count()
    assert (await tallies.numbers(campaign.id)).confirmed == 0
    assert not await Withdrawal.exists()


async def test_the_signer_deletes_at_once_what_staff_withdrew(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner", fresh=True)
    pledge = await signed(campaign, CANARY, CANARY_MAIL)
    await ana.post(f"/desk/campaigns/{campaign.id}/pledges/{pledge.id}/withdrawal")
    standing = await pledges.by_id(pledge.id)
    assert standing is not None
    assert await signing.withdraw(standing)
    assert await pledges.by_id(pledge.id) is None


async def test_names_and_withdrawals_need_a_passkey_shown_just_now(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    """As somebody would who found a browser left open."""
    ana = await at_the_desk("campaigner")
    pledge = await signed(campaign, CANARY, CANARY_MAIL)
    here = f"/desk/campaigns/{campaign.id}/pledges"
    for answer in (
        await ana.get(here),
        await ana.get(f"{here}?before=2099-01-01T00:00:00Z,{pledge.id}"),
        await ana.post(f"{here}/find", contact=CANARY_MAIL),
        await ana.post(f"{here}/{pledge.id}/withdrawal"),
        await ana.post(f"{here}/{pledge.id}/withdrawal/undo"),
        # "1 pledge is like that" tells it too, and all could be set aside.
        await ana.post(here.replace("pledges", "asides/new"), contact=CANARY_MAIL, reason="x"),
        await ana.post(here.replace("pledges", "asides/1/begin")),
        await ana.post(here.replace("pledges", "asides/1/undo")),
        await ana.post(here.replace("pledges", "asides/1/drop")),
    ):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/desk/step-up?next=/desk/campaigns")
        assert CANARY not in answer.text
    assert await pledges.by_id(pledge.id) is not None
    assert not await SettingAside.exists()


async def test_nobody_reads_more_than_200_names_a_day_page_by_page(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner", name="Ana", fresh=True)
    rosa = await at_the_desk("admin", name="Rosa", fresh=True)
    for number in range(230):
        letters = chr(97 + number // 26) + chr(97 + number % 26)
        await signed(campaign, f"Person {letters}.", f"p{number}@example.org")
    here: str | None = f"/desk/campaigns/{campaign.id}/pledges"
    seen: set[str] = set()
    while here:
        page = await ana.get(here)
        seen |= set(re.findall(r"Person (\w\w)\.", page.text))
        older = re.search(r'href="([^"]+before=[^"]+)"', page.text)
        here = html.unescape(older[1]) if older else None
    assert page.status_code == 429
    assert "You have seen 200 names today" in told(page)
    assert len(seen) == 200
    # Another way in is none.
    start = f"/desk/campaigns/{campaign.id}"
    assert (await ana.post(f"{start}/pledges/find", contact="p1@example.org")).status_code == 429
    assert (await ana.get(f"{start}/export.csv?purpose=delivery")).status_code == 429
    assert "Ana has seen 200 people’s names today" in told(await rosa.get("/desk"))
    assert "names_stopped" in [line["action"] for line in await trail()]

    person = await Account.named("Ana")
    assert person is not None
    assert (await ana.post(f"/desk/staff/{person.id}/names")).status_code == 403
    assert "Let Ana see more names today" in (await rosa.get(f"/desk/staff/{person.id}")).text
    assert (await rosa.post(f"/desk/staff/{person.id}/names")).status_code == 303
    assert (await ana.get(f"{start}/pledges")).status_code == 200


async def test_a_new_day_lets_everyone_see_names_again(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    ana = await at_the_desk("campaigner", name="Ana", fresh=True)
    await signed(campaign, CANARY, CANARY_MAIL)
    account = await Account.named("Ana")
    assert account is not None
    await names.saw(account, 5000)
    here = f"/desk/campaigns/{campaign.id}/pledges"
    assert (await ana.get(here)).status_code == 429
    yesterday: dict[Any, Any] = {NamesSeen.day: today() - timedelta(days=1)}
    await NamesSeen.update(yesterday, force=True)
    assert (await ana.get(here)).status_code == 200


async def test_an_admin_lets_nobody_on_but_others(
    at_the_desk: AtTheDesk, campaign: Campaign
) -> None:
    rosa = await at_the_desk("admin", name="Rosa", fresh=True)
    account = await Account.named("Rosa")
    assert account is not None
    await names.saw(account, 200)
    answer = await rosa.post(f"/desk/staff/{account.id}/names")
    assert answer.status_code == 422
    assert "Another admin has to let you go on." in answer.text
    assert (await rosa.get(f"/desk/campaigns/{campaign.id}/pledges")).status_code == 429


async def test_a_name_cannot_be_searched(at_the_desk: AtTheDesk, campaign: Campaign) -> None:
    ana = await at_the_desk("campaigner", fresh=True)
    await signed(campaign, CANARY, CANARY_MAIL)
    for text in (CANARY, "", "x" * 10_000, "@", "canario.secreto@"):
        answer = await ana.post(f"/desk/campaigns/{campaign.id}/pledges/find", contact=text)
        assert answer.status_code == 422
        assert CANARY_MAIL not in answer.text
    nobody = await ana.post(f"/desk/campaigns/{campaign.id}/pledges/find", contact="no@example.org")
    assert "Nobody has signed this campaign with that contact." in told(nobody)
