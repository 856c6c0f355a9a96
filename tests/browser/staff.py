"""Staff in a real browser: someone with a passkey of their own, from invitation to desk.

    async with joined(chromium, served, "Ana of this test", "editor", "campaigner") as ana:
        await ana.page.goto("/desk/record")       # signed in, base address http://localhost:PORT
        await ana.show_passkey()                  # when a page asks for it again (step-up)

The database of the served site is shared and keeps what was done: use a name of your own.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, expect

from tests.browser.conftest import watch
from tests.serving import HOUSE, Served


@dataclass
class Member:
    """Someone of the staff: their browser, their page in it, their authenticator (a CDP session
    and its id) and the recovery codes they were shown."""

    name: str
    context: BrowserContext
    page: Page
    cdp: CDPSession
    authenticator: str
    codes: list[str] = field(default_factory=list)

    async def show_passkey(self) -> None:
        """Answer the page that asks for the passkey: sign-in or step-up."""
        await self.page.locator("form[data-passkey] button").click()
        await expect(self.page).not_to_have_url(re.compile("/desk/(sign-in|step-up)"))

    async def make_passkey(self) -> None:
        """Press the button of a page that makes a passkey."""
        await self.page.locator("form[data-passkey='make'] button").click()

    async def verifies(self, yes: bool) -> None:
        """Whether the phone recognizes its owner's finger from now on."""
        options = {"authenticatorId": self.authenticator, "isUserVerified": yes}
        await self.cdp.send("WebAuthn.setUserVerified", options)


def command(served: Served, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """`python -m backend …` beside the served site, on its database."""
    return subprocess.run(
        [sys.executable, "-m", "backend", *words],
        cwd=HOUSE,
        env={**os.environ, "PORT": str(served.port), "DATABASE_URL": served.database},
        capture_output=True,
        text=True,
        check=check,
    )


def at_localhost(served: Served) -> Served:
    """The same site by the name its passkeys are for."""
    url = f"http://localhost:{served.port}"
    return Served(url, served.port, served.process, served.log, served.database)


def link_in(text: str) -> str:
    """The invitation's address in what a command or a page said."""
    found = re.search(r"https?://\S+/desk/invitations#\S+", text)
    assert found, text
    return found[0]


async def passkey_holder(page: Page, **options: Any) -> tuple[CDPSession, str]:
    """Give this page's browser an authenticator that knows its owner. Returns the CDP session and
    the authenticator's id."""
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("WebAuthn.enable")
    wanted = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **options,
    }
    made = await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": wanted})
    return cdp, made["authenticatorId"]


@contextlib.asynccontextmanager
async def joined(
    browser: Browser, served: Served, name: str, *roles: str, width: int = 360, **options: Any
) -> AsyncIterator[Member]:
    """A new colleague: account by command, invitation, passkey, codes, and now at the desk. Fails
    at the end for script errors, complaints about the CSP and requests to other hosts."""
    complaints: list[str] = []
    site = at_localhost(served)
    context = await browser.new_context(
        base_url=site.url,
        viewport={"width": width, "height": 740},
        locale=options.pop("locale", "en-US"),
        **options,
    )
    watch(context, site, complaints)
    page = await context.new_page()
    member = Member(name, context, page, *await passkey_holder(page))
    try:
        asked = [word for role in roles for word in ("--role", role)]
        await page.goto(link_in(command(served, "staff", "add", name, *asked).stdout))
        await member.make_passkey()
        # Ten slow hashes on a machine that runs all the tests at once.
        await expect(page.locator(".codes li")).to_have_count(10, timeout=30_000)
        member.codes = await page.locator(".codes li").all_inner_texts()
        await page.locator("a.button[href='/desk']").click()
        await expect(page).to_have_url(re.compile("/desk$"))
        yield member
    finally:
        await context.close()
    assert complaints == [], complaints
