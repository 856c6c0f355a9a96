"""Alerts by mail in a browser: what opens one's own page is in no address and no history."""

import re
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import Page, expect

from backend.web.sealing import DataKey
from tests.browser.conftest import Open
from tests.serving import Served

LOOK = Path(__file__).resolve().parents[2] / "var" / "screenshots"


async def link_for(served: Served, address: str) -> str:
    """What the letter to the newest who asked leads to: no worker mails it here."""
    connection = await asyncpg.connect(served.database)
    try:
        row = await connection.fetchrow(
            "UPDATE alert_mail SET mailed = true"
            " WHERE id = (SELECT max(id) FROM alert_mail) RETURNING *"
        )
    finally:
        await connection.close()
    key = DataKey.unwrap(row["data_key"], "alert_mail", row["id"])
    assert key.open("address", row["address"]) == address
    return f"/alerts/mail#{key.open('token', row['token'])}"


async def asked(visit: Open, address: str, code: str, **options: object) -> Page:
    page = await visit("/alerts", locale=f"{code}-US", **options)
    await page.locator('input[name="county"][value="modoc"]').evaluate("box => box.checked = true")
    await page.locator("#email").fill(address)
    await page.locator("#email ~ p button").click()
    await expect(page).to_have_url(re.compile(r"/alerts/mail/mine$"))
    return page


@pytest.mark.parametrize("width", [360, 320])
@pytest.mark.parametrize("code", ["en", "es"])
async def test_the_link_in_a_letter_leaves_no_secret_in_address_or_history(
    visit: Open, served: Served, code: str, width: int
) -> None:
    address = f"ana.{code}.{width}@example.org"
    page = await asked(visit, address, code, width=width)
    await expect(page.locator("[name=code]")).to_be_visible()
    await look(page, f"mail-digits-{code}-{width}", width)
    link = await link_for(served, address)
    page = await visit("/", locale=f"{code}-US", width=width)
    await page.goto(link)
    await expect(page).to_have_url(re.compile(r"/alerts/mail/mine$"))
    await expect(page.locator("[name=code]")).to_have_count(0)
    await look(page, f"mail-confirm-{code}-{width}", width)
    await page.locator("form[action$=confirmations] button").click()
    await expect(page.locator("form[action$=choices]")).to_have_count(1)
    await look(page, f"mail-mine-{code}-{width}", width)
    await page.wait_for_load_state()
    tool = await page.context.new_cdp_session(page)
    history = await tool.send("Page.getNavigationHistory")
    seen = [each["url"] for each in history["entries"]]
    assert len(seen) > 2
    token = link.partition("#")[2]
    assert not any(token in each or "#" in each for each in seen), seen


async def test_a_link_followed_while_the_page_is_open_already_opens_too(
    visit: Open, served: Served
) -> None:
    await asked(visit, "twice@example.org", "en")
    link = await link_for(served, "twice@example.org")
    page = await visit("/alerts/mail")
    await page.goto(link)
    await expect(page).to_have_url(re.compile(r"/alerts/mail/mine$"))
    await expect(page.locator("form[action$=confirmations]")).to_have_count(1)


@pytest.mark.parametrize("code", ["en", "es"])
async def test_without_scripts_the_link_is_pasted(visit: Open, served: Served, code: str) -> None:
    address = f"luz.{code}@example.org"
    options = {"java_script_enabled": False, "locale": f"{code}-US"}
    page = await visit("/alerts", **options)
    await page.locator("details", has=page.locator('[name="county"]')).locator("summary").click()
    await page.locator('input[name="county"][value="modoc"]').check()
    await page.locator("#email").fill(address)
    await page.locator("#email ~ p button").click()
    await expect(page).to_have_url(re.compile(r"/alerts/mail/mine$"))
    link = await link_for(served, address)
    page = await visit("/", width=320, **options)
    await page.goto(link)
    await page.locator("#token").fill(f"{served.url}{link}")
    await page.screenshot(path=LOOK / f"mail-open-{code}-320.png", full_page=True)
    await page.locator("#open-mail button").click()
    await expect(page.locator("form[action$=confirmations]")).to_have_count(1)


async def look(page: Page, name: str, width: int) -> None:
    LOOK.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=LOOK / f"{name}.png", full_page=True)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
