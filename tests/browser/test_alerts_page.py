"""The page on which a phone turns its alerts on, changes them and turns them off."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.ringing import PICTURES, Ringing, phone, turn_on
from tests.browser.test_accessibility import violations
from tests.browser.test_on_the_phone import first_visit, until


async def test_choices_are_changed_where_they_were_made_and_alerts_turned_off(
    whole_chromium: Browser, ringing: Ringing
) -> None:
    async with phone(whole_chromium, ringing, "chooser") as context:
        page = await first_visit(context, "/counties/kern")
        await page.locator(".keep-county").click()
        await page.goto("/alerts")
        # The county this phone keeps is chosen already.
        await expect(page.locator('input[value="kern"]')).to_be_checked()
        await page.locator("button.on").click()
        await expect(page.locator("#alive")).to_be_visible()
        await page.locator('input[value="jails"]').uncheck()
        await page.locator("button.save").click()
        await expect(page.locator("#turned")).to_have_text("Saved.")
        await page.reload()
        await expect(page.locator('input[value="jails"]')).not_to_be_checked()
        await expect(page.locator('input[value="holds"]')).to_be_checked()
        await page.locator("#alive details summary").click()
        await page.locator("#alive button.code").click()
        await expect(page.locator("#alive .said")).to_contain_text("The code is ")
        before = len(await ringing.ask("SELECT id FROM subscription"))
        await page.locator("#alive button.off").click()
        await expect(page.locator("#alive .said")).to_contain_text("Alerts are off")
        assert len(await ringing.ask("SELECT id FROM subscription")) == before - 1
        await expect(page.locator("button.on")).to_be_visible()


async def test_forgetting_the_phone_ends_its_alerts(
    whole_chromium: Browser, ringing: Ringing
) -> None:
    async with phone(whole_chromium, ringing, "forgetful") as context:
        page = await first_visit(context, "/alerts")
        await turn_on(page, "kern")
        before = len(await ringing.ask("SELECT id FROM subscription"))
        await page.goto("/privacy")
        await page.locator("form.forget button").click()
        await page.wait_for_url("**/forgotten")
        assert len(await ringing.ask("SELECT id FROM subscription")) == before - 1
        assert await page.evaluate("caches.keys()") == []


async def test_a_line_that_changed_is_found_when_the_app_is_opened(
    whole_chromium: Browser, ringing: Ringing
) -> None:
    async with phone(whole_chromium, ringing, "changed") as context:
        page = await first_visit(context, "/alerts")
        await turn_on(page, "kern")
        # As if the browser had dropped it, and asked nobody.
        await page.evaluate("sessionStorage.removeItem('line')")
        await page.reload()
        await expect(page.locator("#alive")).to_have_class("alive ill")
        await expect(page.locator('[data-cure="ended"]')).to_be_visible()
        await page.locator("button.on").click()
        await expect(page.locator("#alive")).to_have_class("alive")
        # And as if we held nothing of it any more.
        await ringing.ask("DELETE FROM subscription")
        await page.reload()
        await expect(page.locator('[data-cure="unknown"]')).to_be_visible()
        await expect(page.locator("button.on")).to_be_visible()


IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) {}Mobile/15E148 {}"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 16; SM-A145; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/156.0.0.0 Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("agent", "why"),
    [
        (IPHONE.format("Version/19.1 ", "Safari/604.1"), "ios"),
        (IPHONE.format("", "Instagram 400.0.0.0 (iPhone16,1; iOS 19_1; es_MX)"), "inside"),
        (IPHONE.format("", "[FBAN/FBIOS;FBAV/500.0.0.1]"), "inside"),
        (ANDROID, "inside"),
    ],
)
async def test_where_no_alert_can_be_turned_on_the_way_out_is_shown(
    whole_chromium: Browser, ringing: Ringing, agent: str, why: str
) -> None:
    """On an iPhone the app must be on the home screen first; inside another app nothing goes."""
    async with phone(whole_chromium, ringing, "elsewhere", user_agent=agent) as context:
        page = await context.new_page()
        await page.goto("/alerts")
        shown = page.locator("[data-unable]").filter(visible=True)
        await expect(shown).to_have_count(1)
        await expect(shown).to_have_attribute("data-unable", why)
        await expect(shown.get_by_role("link", name="Show me how")).to_be_visible()
        await expect(page.locator("button.on")).to_be_hidden()


async def test_without_scripts_the_page_says_so_and_offers_the_other_ways(
    whole_chromium: Browser, ringing: Ringing
) -> None:
    async with phone(whole_chromium, ringing, "plain", java_script_enabled=False) as context:
        page = await context.new_page()
        await page.goto("/alerts")
        await expect(page.locator("noscript p")).to_be_visible()
        await expect(page.locator("button.on")).to_be_hidden()
        await page.locator(".county-picker summary").click()
        await page.locator('input[value="modoc"]').check()
        await page.get_by_role("button", name="Make my calendar").click()
        value = await page.locator("#feed").input_value()
        assert "/hearings.ics?county=modoc&county=state" in value
        assert "county" not in value.partition("county=state")[2]


async def test_a_line_that_we_refuse_is_given_up(whole_chromium: Browser, ringing: Ringing) -> None:
    away = "https://fcm.googleapis.com.example.org/fcm/send/x"
    async with phone(whole_chromium, ringing, "refused", away) as context:
        page = await first_visit(context, "/alerts")
        await page.locator('input[value="all"]').check()
        await page.locator("button.on").click()
        await expect(page.locator("#turned")).to_contain_text("We cannot send alerts")
        assert await page.evaluate("sessionStorage.getItem('line')") is None
        await expect(page.locator("button.on")).to_be_enabled()


async def test_without_a_network_nothing_is_half_on_and_nothing_half_off(
    whole_chromium: Browser, ringing: Ringing
) -> None:
    async with phone(whole_chromium, ringing, "away") as context:
        page = await first_visit(context, "/alerts")
        await page.locator('input[value="all"]').check()
        await context.set_offline(True)
        await page.locator("button.on").click()
        await expect(page.locator("#turned")).to_contain_text("Check your connection")
        assert await page.evaluate("sessionStorage.getItem('line')") is None
        await context.set_offline(False)
        await page.locator("button.on").click()
        await expect(page.locator("#alive")).to_be_visible()
        [row] = await ringing.ask("SELECT id FROM subscription WHERE host = $1 AND everywhere",
                                  ringing.chromes.host)  # fmt: skip
        await context.set_offline(True)
        await page.goto("/alerts")
        await expect(page.locator('[data-cure="offline"]')).to_be_visible()
        await page.locator("#alive button.off").click()
        await expect(page.locator("#alive .said")).to_contain_text("as soon as you have a connect")
        assert await page.evaluate("sessionStorage.getItem('line')") is None
        here = "SELECT 1 FROM subscription WHERE id = $1"
        assert await ringing.ask(here, row["id"])
        # As soon as any page is opened with a connection, we are told, and nothing is turned on.
        await context.set_offline(False)
        await page.goto("/about")
        await ringing.until(f"SELECT 1 WHERE NOT EXISTS ({here})", row["id"])
        await until(page, "caches.has('alerts').then((there) => !there)")


ASKING = "Notification.requestPermission = () => { window.asked = true; return %s; };"

SAYS = 'Object.defineProperty(Notification, "permission", { get: () => "%s" });'


# What a page finds, whether the button is tapped, and the words that then are to be seen.
STATES = {
    "off": ("", False, None),
    "asking": (ASKING % "new Promise(() => {})", True, "asks you now"),
    "unanswered": (ASKING % 'Promise.resolve("default")', True, "got no answer"),
    "denied": (SAYS % "denied", False, "does not let us ring"),
    "says no": (
        'let now = "default"; Notification.requestPermission = async () => (now = "denied");'
        'Object.defineProperty(Notification, "permission", { get: () => now });',
        True,
        "does not let us ring",
    ),
    "unsupported": ("delete window.PushManager;", False, "cannot ring"),
    "no service": (
        'PushManager.prototype.subscribe = async () => { throw Error("no"); };',
        True,
        "reaches no service",
    ),
    "keeps nothing": (
        'Object.defineProperty(window, "caches", { get() { throw new DOMException("no"); } });',
        True,
        "did not work",
    ),
}


@pytest.mark.parametrize("state", STATES)
async def test_whatever_stands_in_the_way_is_said(
    whole_chromium: Browser, ringing: Ringing, state: str
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    script, tapped, words = STATES[state]
    async with phone(whole_chromium, ringing, "state") as context:
        await context.add_init_script(script)
        for language, scheme in (("en", "light"), ("es", "dark")):
            page = await context.new_page()
            await page.emulate_media(color_scheme=scheme)
            await page.goto(f"/alerts?lang={language}")
            await page.locator('input[value="all"]').check()
            # Nobody is asked before they tap.
            assert await page.evaluate("window.asked") is None
            if tapped:
                await page.locator("button.on").click()
            if words and language == "en":
                await expect(
                    page.locator(".way .said, [data-unable]").filter(visible=True)
                ).to_contain_text(words)
            elif words:
                said = page.locator(".way .said, [data-unable]").filter(visible=True)
                await expect(said).not_to_be_empty()
            await page.locator(".way").first.scroll_into_view_if_needed()
            await page.screenshot(path=PICTURES / f"alerts-state-{state}-{language}.png")
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360
            assert await violations(page) == []
            await page.close()
