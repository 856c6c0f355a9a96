"""Staff come in with a real browser and a passkey: nobody else does, and nothing else will do."""

import asyncio
import re
from collections.abc import AsyncIterator

import asyncpg
import pytest
from playwright.async_api import Browser, expect

from backend import database
from backend.staff import sign_in_limits
from backend.web import proof_of_work, rate_limits
from tests.browser.conftest import Open
from tests.browser.staff import at_localhost, command, joined, link_in, passkey_holder
from tests.browser.test_accessibility import violations
from tests.serving import Served


async def make_stale(served_url: str, name: str) -> None:
    """As if ten minutes had passed since this person showed their passkey."""
    connection = await asyncpg.connect(served_url)
    await connection.execute(
        "UPDATE session SET fresh_until = now() - interval '1 second'"
        " WHERE account = (SELECT id FROM account WHERE name = $1)",
        name,
    )
    await connection.close()


async def test_from_the_command_to_a_second_passkey(
    chromium: Browser, served: Served, served_url: str
) -> None:
    async with joined(chromium, served, "Rosa of the browser", "admin") as rosa:
        page = rosa.page
        await expect(page.get_by_text("Signed in as Rosa of the browser")).to_be_visible()
        cookie = next(c for c in await rosa.context.cookies() if c["name"] == "__Host-desk")
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
        assert await page.evaluate("document.cookie.includes('desk')") is False

        await page.get_by_role("button", name="Sign out").click()
        await page.goto("/desk/staff")
        await expect(page).to_have_url(re.compile("/desk/sign-in\\?next=/desk/staff$"))
        await rosa.show_passkey()
        await expect(page).to_have_url(re.compile("/desk/staff$"))

        await make_stale(served_url, rosa.name)
        await page.goto("/desk/me")
        await page.get_by_role("link", name="Add a passkey").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Is it still you?")
        await rosa.show_passkey()

        # The same device has one already, and says so; a security key has not.
        await page.get_by_label("What you call it").fill("blue key")
        await rosa.make_passkey()
        await expect(page.get_by_role("status")).to_contain_text("has a passkey for you already")
        await rosa.cdp.send(
            "WebAuthn.removeVirtualAuthenticator", {"authenticatorId": rosa.authenticator}
        )
        _cdp, rosa.authenticator = await passkey_holder(page, transport="usb")
        await rosa.make_passkey()
        await expect(page).to_have_url(re.compile("/desk/me$"))
        await expect(page.get_by_label("Name of passkey 2")).to_have_value("blue key")

        await page.get_by_role("button", name="Sign out").click()
        await rosa.show_passkey()
        await page.goto("/desk/me")
        await expect(page.get_by_text("Last used")).to_have_count(2)


async def test_a_phone_that_does_not_know_its_owner_opens_nothing(
    chromium: Browser, served: Served
) -> None:
    async with joined(chromium, served, "Lupe of the browser", "editor") as lupe:
        await lupe.page.get_by_role("button", name="Sign out").click()
        await lupe.verifies(False)
        await lupe.page.get_by_role("button", name="Sign in with your passkey").click()
        await expect(lupe.page.get_by_role("status")).to_contain_text("No passkey was used.")
        await lupe.page.goto("/desk")
        await expect(lupe.page).to_have_url(re.compile("/desk/sign-in"))
        await lupe.verifies(True)
        await lupe.show_passkey()
        await expect(lupe.page).to_have_url(re.compile("/desk$"))


async def test_a_link_opens_for_one_person_once(chromium: Browser, served: Served) -> None:
    async with joined(chromium, served, "Mai of the browser", "editor") as mai:
        link = link_in(command(served, "staff", "invite", mai.name).stdout)
        context = await chromium.new_context(base_url=at_localhost(served).url, locale="es-US")
        page = await context.new_page()
        await passkey_holder(page)
        await page.goto(link)
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            f"Le damos la bienvenida, {mai.name}"
        )
        await page.locator("form[data-passkey] button").click()
        await expect(page.locator("a.button[href='/desk']")).to_be_visible()
        await page.goto(link)
        await expect(page.get_by_role("alert")).to_contain_text("ya se usó")
        await context.close()


async def test_a_recovery_code_makes_one_new_passkey(chromium: Browser, served: Served) -> None:
    async with joined(chromium, served, "Tam of the browser", "campaigner") as tam:
        page = tam.page
        await page.get_by_role("button", name="Sign out").click()
        await tam.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": tam.authenticator})
        await page.get_by_role("link", name="Lost your passkey?").click()
        await page.get_by_label("Recovery code").fill("aaaa-bbbb-cccc-dddd")
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_role("alert")).to_contain_text("not one of the codes")
        await page.get_by_label("Recovery code").fill(tam.codes[3].upper().replace("-", " "))
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Now make a new passkey")
        await page.goto("/desk")
        await expect(page).to_have_url(re.compile("/desk/sign-in"))
        await page.goto("/desk/recovery/passkey")
        await tam.make_passkey()
        await page.get_by_role("link", name="To the desk").click()
        await page.goto("/desk/me")
        await expect(page.get_by_text("9 codes are left.")).to_be_visible()
        await expect(page.get_by_label("Name of passkey 2")).to_be_visible()


async def test_an_admin_invites_someone_by_picture_and_link(
    chromium: Browser, served: Served
) -> None:
    async with joined(chromium, served, "Ines of the browser", "admin") as ines:
        page = ines.page
        await page.goto("/desk/staff")
        await page.get_by_role("link", name="Invite someone").click()
        await page.get_by_label("Name").fill("Noor of the browser")
        await page.get_by_role("checkbox", name="canvass lead").check()
        await page.get_by_role("button", name="Make the link").click()
        link = await page.locator("#link").inner_text()
        await expect(page.locator("img.code")).to_be_visible()
        assert await page.locator("img.code").evaluate("image => image.naturalWidth") > 100
        await page.goto(link)
        await expect(page.get_by_text("or when another admin approved it")).to_be_visible()
        async with joined(chromium, served, "Olga of the browser", "admin") as olga:
            await olga.page.goto("/desk/staff")
            approve = olga.page.get_by_role("button", name="Approve the link for Noor")
            await expect(approve).to_have_count(0)
            command(served, "staff", "vouch", "Olga of the browser")
            await olga.page.reload()
            await approve.click()
        await page.goto(link)
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "Welcome, Noor of the browser"
        )
        await page.goto("/desk/audit")
        await page.get_by_role("button", name="Check the chain now").click()
        await expect(page.get_by_text("The chain holds")).to_be_visible()


@pytest.mark.parametrize("locale", ["en-US", "es-US"])
async def test_pages_of_the_desk_fit_a_small_phone_and_axe_finds_nothing(
    chromium: Browser, served: Served, locale: str
) -> None:
    async with joined(
        chromium, served, f"Kim in {locale}", "admin", width=320, locale=locale
    ) as kim:
        for address in (
            "/desk/me",
            "/desk/me/passkeys/new",
            "/desk/step-up",
            "/desk/staff",
            "/desk/staff/new",
            "/desk/staff/1",
            "/desk/legal-demands",
            "/desk/audit",
            "/desk/audit?day=x",
        ):
            await kim.page.goto(address)
            assert await kim.page.evaluate("document.documentElement.scrollWidth") <= 320, address
            assert await kim.page.locator("h1").count() == 1
            assert await violations(kim.page) == [], address


async def test_without_scripts_or_at_another_address_the_page_says_what_it_needs(
    visit: Open, chromium: Browser, served: Served
) -> None:
    page = await visit("/desk/sign-in")
    await expect(page.get_by_role("status")).to_contain_text("only at this address")
    await expect(page.get_by_role("status").get_by_role("link")).to_have_attribute(
        "href", f"http://localhost:{served.port}/desk/sign-in"
    )
    await expect(page.get_by_role("button", name="Sign in with your passkey")).to_be_disabled()
    page = await visit("/desk/sign-in", java_script_enabled=False)
    await expect(page.get_by_text("A passkey needs JavaScript.")).to_be_visible()


async def test_nothing_of_this_is_in_what_the_server_writes(
    chromium: Browser, served: Served
) -> None:
    async with joined(chromium, served, "Unseen of the browser", "editor") as unseen:
        assert unseen.codes[0] not in served.written()
    assert "invitations#" not in served.written()
    assert "Unseen" not in served.written()


@pytest.fixture
async def many_guess(served_url: str, database_url: str) -> AsyncIterator[None]:
    """Strangers all over have just typed as many wrong recovery codes as cost nothing."""
    database.use(served_url)
    try:
        await rate_limits.forget_all()
        assert await sign_in_limits.WRONG_CODES_IN_ALL.take(sign_in_limits.ALL, times=120)
        yield
        database.use(served_url)
        await rate_limits.forget_all()
    finally:
        await rate_limits.close()
        database.use(database_url)


async def test_while_many_guess_the_device_does_a_sum_for_the_right_code(
    chromium: Browser, served: Served, many_guess: None
) -> None:
    async with joined(chromium, served, "Sol of the browser", "editor") as sol:
        await sol.page.get_by_role("button", name="Sign out").click()
        await sol.page.goto("/desk/recovery")
        await sol.page.get_by_label("Recovery code").fill(sol.codes[0])
        await sol.page.get_by_role("button", name="Go on").click()
        await expect(sol.page.get_by_label("Recovery code")).to_have_value(sol.codes[0])
        await expect(sol.page.get_by_text("Done. Press the button again.")).to_be_visible(
            timeout=60_000
        )
        assert await violations(sol.page) == []
        await sol.page.get_by_role("button", name="Go on").click()
        await expect(sol.page).to_have_url(re.compile("/desk/recovery/passkey$"))


async def test_while_many_guess_who_has_no_script_waits(
    chromium: Browser, served: Served, many_guess: None
) -> None:
    async with joined(chromium, served, "Paz of the browser", "editor") as paz:
        plain = await chromium.new_context(
            java_script_enabled=False, base_url=f"http://localhost:{served.port}"
        )
        page = await plain.new_page()
        await page.goto("/desk/recovery")
        await page.get_by_label("Recovery code").fill(paz.codes[0])
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_text("wait 20 seconds")).to_be_visible()
        await asyncio.sleep(proof_of_work.WAIT + 1)
        await page.get_by_role("button", name="Go on").click()
        await expect(page).to_have_url(re.compile("/desk/recovery/passkey$"))
        await plain.close()
