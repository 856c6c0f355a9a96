"""Signing on a small phone: in both languages, with and without JavaScript."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Open

SLUG = "ice-out-of-jails"
WORDS = {
    "en": ("Sign", "There is a problem", "One step is left", "Withdraw and delete", "Withdrawn"),
    "es": ("Firmar", "Hay un problema", "Falta un paso", "Retirar y borrar", "Retirada"),
}


@pytest.mark.parametrize("javascript", [True, False], ids=["htmx", "plain"])
@pytest.mark.parametrize("code", ["en", "es"])
async def test_a_person_signs_and_leaves_again(
    visit: Open, limits_are_new: None, code: str, javascript: bool
) -> None:
    sign, problem, step, withdraw, withdrawn = WORDS[code]
    page = await visit(
        f"/campaigns/{SLUG}", locale=f"{code}-US", java_script_enabled=javascript, width=360
    )
    if javascript:
        await expect(page.locator("html[data-ready]")).to_have_count(1)
    form = page.locator("form.sign")
    await form.locator("[name=name]").fill("Flor Canela")
    await form.locator("[name=contact]").fill(f"flor.{code}.{javascript}@example.org".lower())
    await form.locator("[name=zip]").fill("10001")
    await form.locator("[name=agree_pledge]").check()
    if javascript:
        # Nobody is that quick, and whoever is has to ask for the code again.
        await page.wait_for_timeout(3100)
    await form.get_by_role("button", name=sign, exact=True).click()
    await expect(page.get_by_text(problem)).to_be_visible()
    form = page.locator("form.sign")
    assert await form.locator("[name=name]").input_value() == "Flor Canela"
    assert await form.locator("[name=agree_pledge]").is_checked()
    await form.locator("[name=zip]").fill("95401")
    await form.get_by_role("button", name=sign, exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(step)
    receipt = await page.locator(".receipt .code").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{5}-[0-9A-Z]{5}", receipt)
    assert receipt not in page.url
    if javascript:
        # Loading it anew shows it again, and signs nothing.
        await expect(page).to_have_url(re.compile(r"/pledges/mine$"))
        await page.reload()
        assert await page.locator(".receipt .code").inner_text() == receipt
    width = await page.evaluate("document.documentElement.scrollWidth") if javascript else 360
    assert width <= 360
    await page.locator("[name=code]").fill("000000")
    await page.locator("form[action$=confirmations] button").click()
    await expect(page.locator("#code-error")).to_be_visible()
    await page.locator("summary").last.click()
    await page.get_by_role("button", name=withdraw).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(withdrawn)
    await page.goto(f"/pledges#{receipt}")
    await expect(page.locator("h1")).not_to_contain_text(step)


async def test_a_letters_link_opens_the_pledge_and_no_history_keeps_its_code(
    visit: Open, limits_are_new: None
) -> None:
    page = await visit(f"/campaigns/{SLUG}", width=360)
    await page.locator("[name=name]").fill("Sol Canela")
    await page.locator("[name=contact]").fill("sol.canela@example.org")
    await page.locator("[name=zip]").fill("95401")
    await page.locator("[name=agree_pledge]").check()
    await page.locator("form.sign").get_by_role("button", name="Sign", exact=True).click()
    receipt = await page.locator(".receipt .code").inner_text()
    await page.context.clear_cookies()
    for link in (f"/pledges#{receipt}", f"/pledges#{receipt.replace('-', '')}.123456"):
        await page.goto("/about")
        await page.goto(link)
        await expect(page).to_have_url(re.compile(r"/pledges/mine$"))
        assert await page.locator(".receipt .code").inner_text() == receipt
    assert await page.locator("#code").input_value() == "123456", "opening confirms nothing"
    await page.go_back()
    assert receipt.replace("-", "") not in page.url.replace("-", "")
    await page.go_forward()


async def test_the_fourth_of_a_market_signs_after_a_sum(visit: Open, limits_are_new: None) -> None:
    for number in range(4):
        page = await visit(f"/campaigns/{SLUG}", width=360)
        await page.locator("[name=name]").fill(f"Market {number}")
        await page.locator("[name=contact]").fill(f"market.{number}@example.org")
        await page.locator("[name=zip]").fill("95401")
        await page.locator("[name=agree_pledge]").check()
        button = page.locator("form.sign").get_by_role("button", name="Sign", exact=True)
        await button.click()
        if number == 3:
            await expect(page.get_by_text("Done. Press Sign again.")).to_be_visible(timeout=30_000)
            await button.click()
        await expect(page.locator(".receipt .code")).to_be_visible()
