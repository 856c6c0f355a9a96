"""From an invitation to the phone in somebody's pocket: one change of the record, all the way."""

import asyncio
import json
import re
import urllib.request

import asyncpg
from playwright.async_api import Browser, Page, expect

from tests.browser.staff import command, joined
from tests.serving import Served

ANSWER = "Only if a judge signs a warrant."
NEW_RULE = {
    "instrument_en": "Sheriff’s order of this test",
    "instrument_es": "Orden del alguacil de esta prueba",
    "from": "2026-11-01",
    "summary_en": "The jail tells ICE only when a judge signs a warrant.",
    "summary_es": "La cárcel avisa a ICE solo si un juez firma una orden.",
}
WHY = "The sheriff signed an order in a browser test."


async def write_the_rule(page: Page) -> None:
    await page.goto("/desk/record/new?file=sonoma")
    await page.get_by_label("Rule", exact=True).check()
    await page.get_by_role("button", name="Go on").click()
    await page.locator("#answer_notification").select_option("judicial_warrant_only")
    await page.locator("#issuer").select_option("sheriff_policy")
    for name, words in NEW_RULE.items():
        await page.locator(f"#{name}").fill(words)
    await page.locator("#sources .tick input").nth(1).check()
    await page.locator("#why_en").fill(WHY)
    await page.locator("#from").fill("next week")
    await page.get_by_role("button", name="Save as a draft").click()
    # Everything is told at once, and nothing typed is lost.
    await expect(page.get_by_text("There is a problem")).to_be_visible()
    await expect(page.locator("#summary_es")).to_have_value(NEW_RULE["summary_es"])
    await page.locator("#from").fill(NEW_RULE["from"])
    await page.get_by_role("button", name="Save as a draft").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Sonoma")


async def read(served: Served, address: str) -> str:
    def ask() -> str:
        with urllib.request.urlopen(served.url + address) as answer:
            text: str = answer.read().decode()
            return text

    return await asyncio.to_thread(ask)


async def until_it_says(served: Served, address: str, words: str, *, within: str = "") -> None:
    """Other processes hear of a change a moment later."""
    for _try in range(200):
        text = await read(served, address)
        found = re.search(within, text) if within else None
        if words in (found[0] if found else "" if within else text):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{address} does not say: {words}")


async def test_an_invited_editor_changes_sonoma_and_a_second_one_lets_the_phones_know(
    chromium: Browser, served: Served, served_url: str
) -> None:
    before = await read(served, "/offline/record/en")
    async with (
        joined(chromium, served, "Ana of the whole way", "editor") as ana,
        joined(chromium, served, "Ben of the whole way", "editor") as ben,
    ):
        command(served, "staff", "vouch", "Ben of the whole way")
        await write_the_rule(ana.page)
        await expect(ana.page.get_by_text("a second person approves it")).to_be_visible()
        await ben.page.goto("/desk")
        await ben.page.get_by_role("link", name=re.compile("waits? for approval")).click()
        await ben.page.get_by_role("link", name=re.compile("Added: Sonoma")).first.click()
        await expect(ben.page.locator("ins").first).to_be_visible()
        await ben.page.get_by_role("button", name="Approve and publish").click()
        await expect(ben.page.get_by_text("Approved", exact=True)).to_be_visible()

        notification = r'(?s)id="notification".*?</details>'
        await until_it_says(served, "/counties/sonoma", ANSWER, within=notification)
        await until_it_says(served, "/changes.atom", WHY)
        await until_it_says(served, "/changes?county=sonoma", WHY)
        await until_it_says(served, "/offline/record/en", NEW_RULE["summary_en"])
        after = json.loads(await read(served, "/offline/record/en"))
        assert after["version"] != json.loads(before)["version"]

        # What is not theirs stays closed, however they ask.
        for address in ("/desk/audit", "/desk/audit.csv", "/desk/staff"):
            answer = await ana.page.goto(address)
            assert answer is not None
            assert answer.status == 403, address
            assert "Your role does not include this" in await ana.page.content()

    verified = command(served, "audit", "verify")
    assert verified.returncode == 0, verified.stderr
    head = re.search(r"(\d+):([0-9a-f]{64})", verified.stdout.replace(" ", ""))
    connection = await asyncpg.connect(served_url)
    try:
        broken = await connection.fetchval(
            "SELECT id FROM audit_entry WHERE action = 'change_approved' ORDER BY id DESC LIMIT 1"
        )
        for actor in ("Somebody else", "Ben of the whole way"):
            await connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
            await connection.execute(
                "UPDATE audit_entry SET actor = $1 WHERE id = $2", actor, broken
            )
            await connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER ALL")
            found = command(served, "audit", "verify", check=False)
            tampered = actor == "Somebody else"
            assert (found.returncode != 0) == tampered, found.stdout + found.stderr
            assert (str(broken) in found.stderr) == tampered
    finally:
        # The served site's record is every test's: as it was.
        await connection.execute(
            "UPDATE rule SET retired_at = now(), desk_base = NULL WHERE key LIKE $1",
            "sonoma/sheriffs-order-of-this-test%",
        )
        await connection.execute("UPDATE change SET public = false WHERE why->>'en' = $1", WHY)
        await connection.execute("SELECT pg_notify('record_changed', '')")
        await connection.close()
    assert head is not None or "line" in verified.stdout
