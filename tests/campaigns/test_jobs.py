"""Letters to signers, the nightly recount, and the one reminder."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from backend import settings
from backend.campaigns import jobs, publishing, receipts, signing, tallies
from backend.campaigns.signing import Signature
from backend.campaigns.tables import Campaign, Pledge, PledgeCount
from backend.staff.tables import Alarm, now
from backend.web.letter_budget import LetterBudget
from backend.worker import RETENTION
from tests.campaigns.conftest import signature
from tests.campaigns.working import by_receipt, confirm, work


@pytest.fixture(autouse=True)
async def nothing_waits(record: None) -> None:
    """The served site of the browser tests has a worker of its own, and may have asked for jobs."""
    await Pledge.raw("DELETE FROM pgqueuer")


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "VAR", tmp_path)
    return tmp_path / "outbox"


def texts(folder: Path) -> list[str]:
    found = [message_from_bytes(path.read_bytes(), policy=default) for path in folder.glob("*.eml")]
    return [
        letter["subject"] + "\n" + letter.get_body(("plain",)).get_content() for letter in found
    ]


async def asked_for() -> list[dict[str, str]]:
    await work()
    rows = await Pledge.raw(
        "SELECT convert_from(payload, 'UTF8')::jsonb AS data FROM pgqueuer "
        "WHERE entrypoint = 'pledge_mail' ORDER BY id"
    )
    return [row["data"] for row in rows]


async def test_whoever_signs_gets_a_letter_that_confirms(campaign: Campaign, letters: Path) -> None:
    receipt = await signing.sign(campaign, await signature())
    [job] = await asked_for()
    await jobs.mail_signer(job)
    [text] = texts(letters)
    pledge = await by_receipt(receipt)
    assert pledge is not None
    digits = re.search(r"(\d{3}) (\d{3})", text).expand(r"\1\2")
    assert digits == receipts.six_digits(pledge.id, 1)
    assert receipts.in_words(receipt) in text
    assert f"{settings.read().site_url}/pledges#{receipt}.{digits}" in text
    assert "Ana" not in text
    assert await confirm(receipt)
    await jobs.mail_signer(job)
    assert len(texts(letters)) == 1, "who has confirmed needs no letter"


async def test_a_repeat_and_a_third_name_are_told_in_their_mailbox_only(
    campaign: Campaign, letters: Path
) -> None:
    for name in ("Ana", "Ben", "Ana", "Caro"):
        await signing.sign(campaign, await signature(name))
        await asked_for()
        # As on another day.
        await LetterBudget.delete(force=True)
    for job in await asked_for():
        await jobs.mail_signer(job)
    told = "\n".join(texts(letters))
    assert "used once more" in told
    assert "A third one cannot be counted" in told


async def test_nothing_is_sent_for_a_pledge_that_was_withdrawn(
    campaign: Campaign, letters: Path
) -> None:
    receipt = await signing.sign(campaign, await signature())
    pledge = await by_receipt(receipt)
    assert pledge is not None
    await signing.withdraw(pledge)
    for job in await asked_for():
        await jobs.mail_signer(job)
    assert texts(letters) == []


async def test_whoever_asks_gets_the_way_to_each_pledge(campaign: Campaign, letters: Path) -> None:
    receipt = await signing.sign(campaign, await signature())
    await asked_for()
    await signing.ask_to_leave((await signature()).contact)
    await signing.ask_to_leave((await signature(contact="nobody@example.org")).contact)
    for job in (await asked_for())[1:]:
        await jobs.mail_signer(job)
    [text] = texts(letters)
    assert f"/pledges#{receipt}" in text


async def test_there_is_one_reminder(campaign: Campaign) -> None:
    await signing.sign(campaign, await signature())
    await work()
    await jobs.remind({})
    assert len(await asked_for()) == 1
    await Pledge.update({Pledge.signed_at: now() - timedelta(days=3)}, force=True)
    await jobs.remind({})
    await jobs.remind({})
    assert [job["letter"] for job in await asked_for()] == ["confirm", "remind"]


async def test_a_count_that_was_off_raises_an_alarm(campaign: Campaign) -> None:
    await signing.sign(campaign, await signature())
    await tallies.count()
    await jobs.recount({})
    assert await Alarm.count().where(Alarm.name == "pledge_count") == 0
    await PledgeCount.update({PledgeCount.awaiting: 5}, force=True)
    await jobs.recount({})
    assert await Alarm.count().where(Alarm.name == "pledge_count") == 1
    assert (await tallies.numbers(campaign.id)).awaiting == 1


async def test_no_letter_is_caused_beyond_the_mailboxs_budget(
    campaign: Campaign, letters: Path
) -> None:
    """The attack: sign 36 times for a stranger, ask for another letter each time, ask to leave, and
    let the reminders come. What is typed as a name would be read there."""
    for number in range(36):
        receipt = await signing.sign(campaign, await signature(f"La migra viene por ti {number}"))
        await work()
        for _again in range(3):
            pledge = await signing.by_receipt(receipt)
            assert pledge is not None
            await signing.send_again(pledge)
    for alias in range(15):
        contact = f"ana+{alias}@example.org"
        await signing.sign(campaign, await signature(f"Name {alias}", contact))
    for _ask in range(10):
        await signing.ask_to_leave((await signature()).contact)
    await work()
    await Pledge.update({Pledge.signed_at: now() - timedelta(days=3)}, force=True)
    await jobs.remind({})
    caused = await asked_for()
    assert len(caused) == 3
    for job in caused:
        await jobs.mail_signer(job)
    assert len(texts(letters)) == 3
    for text in texts(letters):
        assert "La migra" not in text


@pytest.mark.parametrize("source", ["web", "paper", "event", "canvass"])
async def test_what_nobody_confirms_is_deleted_when_its_letter_says(
    campaign: Campaign, letters: Path, source: str
) -> None:
    """Letters about paper and canvassing promised 7 days, and nothing was deleted."""
    given = await signature()
    line = Signature(given.name, given.contact, given.county, "en", (), source)
    await signing.take(campaign, line, receipts.new(), signing.new_id())
    [job] = await asked_for()
    await jobs.mail_signer(job)
    [text] = texts(letters)
    said = re.findall(r"after (\d+) days we delete it", text)
    assert len(said) == 1, text
    for age, left in ((timedelta(days=int(said[0]) - 1), 1), (timedelta(days=1, minutes=1), 0)):
        await Pledge.update({Pledge.signed_at: Pledge.signed_at - age}, force=True)
        for rule in RETENTION:
            await rule.purge(now() - rule.kept_for)
        assert await Pledge.count() == left


async def test_the_numbers_told_to_the_public_are_late_and_in_tens(campaign: Campaign) -> None:
    for number in range(19):
        await signing.sign(campaign, await signature(f"P {number}", f"p{number}@example.org"))
    await tallies.count()
    assert await publishing.numbers(campaign.id) == tallies.Numbers(), "not told yet"
    await jobs.publish({})
    told = await publishing.numbers(campaign.id)
    assert (told.awaiting, told.by_county) == (10, {})
    await jobs.recount({})
    assert (await publishing.numbers(campaign.id)).by_county == {"sonoma": (0, 10, 0, 0)}
