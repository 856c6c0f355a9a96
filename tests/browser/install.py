"""Find a Chromium and a Firefox for the tests, or install them: $CHROMIUM and $FIREFOX, the path,
Debian's, Playwright's (of Chromium: its Firefox is a changed one that knows no push service).

Run as a program it prints those it found; it fails with a sentence when there is none.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# As root there is no sandbox; the rest keeps it from asking other hosts for anything.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# The same engine without a window and menus: it opens a page at a quarter of the cost.
SHELL = "chromium-headless-shell"
FIREFOXES = ("firefox-esr", "firefox")


class NoBrowser(Exception):
    """There is no such browser and none could be installed."""


def find() -> str:
    """The path of a Chromium. Raises NoBrowser."""
    given = os.environ.get("CHROMIUM", "")
    if given:
        if shutil.which(given):
            return given
        raise NoBrowser(f"CHROMIUM names {given!r}, and there is no such program.")
    for name in NAMES:
        if found := shutil.which(name):
            return found
    own = _playwrights_own()
    if own and Path(own).exists():
        return own
    raise NoBrowser("There is no Chromium: set CHROMIUM to one, or run `make browser`.")


def find_shell() -> str:
    """The path of a Chromium for pages alone, which has no push service and shows no alerts; of a
    whole one where there is no other. Raises NoBrowser."""
    return (not os.environ.get("CHROMIUM") and shutil.which(SHELL)) or find()


def install() -> str:
    """Find one, else install Debian's (as root) or Playwright's own. Raises NoBrowser."""
    from_debian = os.geteuid() == 0 and bool(shutil.which("apt-get"))
    try:
        found = find()
        if os.environ.get("CHROMIUM") or shutil.which(SHELL) or not from_debian:
            return found
    except NoBrowser:
        if os.environ.get("CHROMIUM"):
            raise
    said = []
    if from_debian:
        said.append(_run("apt-get", "-q", "update"))
        said.append(
            _run(
                "apt-get",
                "-q",
                "install",
                "-y",
                "--no-install-recommends",
                "chromium",
                SHELL,
                "fonts-dejavu-core",
            )
        )
    if not any(map(shutil.which, NAMES)):
        said.append(_run(sys.executable, "-m", "playwright", "install", "chromium"))
    try:
        return find()
    except NoBrowser:
        raise NoBrowser(
            "The browser tests need Chromium, and it could not be installed. Install it and run "
            "again, or set CHROMIUM to its program. What the installers said:\n"
            + "\n".join(said)[-1500:]
        ) from None


def find_firefox() -> str:
    """The path of a Firefox. Raises NoBrowser."""
    given = os.environ.get("FIREFOX", "")
    if given:
        if shutil.which(given):
            return given
        raise NoBrowser(f"FIREFOX names {given!r}, and there is no such program.")
    for name in FIREFOXES:
        if found := shutil.which(name):
            return found
    raise NoBrowser("There is no Firefox: set FIREFOX to one, or run `make browser`.")


def install_firefox() -> str:
    """Find one, else install Debian's (as root). Raises NoBrowser."""
    try:
        return find_firefox()
    except NoBrowser:
        if os.environ.get("FIREFOX"):
            raise
    said = []
    if os.geteuid() == 0 and shutil.which("apt-get"):
        said.append(_run("apt-get", "-q", "update"))
        said.append(
            _run("apt-get", "-q", "install", "-y", "--no-install-recommends", "firefox-esr")
        )
    try:
        return find_firefox()
    except NoBrowser:
        raise NoBrowser(
            "The test of a whole alert needs Firefox, and it could not be installed. Install it "
            "and run again, or set FIREFOX to its program. What the installer said:\n"
            + "\n".join(said)[-1500:]
        ) from None


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _run(*command: str) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    return (done.stderr or done.stdout).strip() if done.returncode else ""


if __name__ == "__main__":
    try:
        print(f"Chromium: {install()}")
        print(f"Firefox: {install_firefox()}")
    except NoBrowser as error:
        sys.exit(str(error))
