"""What a first visit loads, in real Chromium: bytes as they come over the wire."""

import importlib.util
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from servers import NotMeasured, Server

KINDS = {"text/html": "html", "text/css": "css", "text/javascript": "js"}


@dataclass
class FirstView:
    """Body bytes by kind (html, css, js, other), headers aside, and how many requests."""

    path: str
    requests: int = 0
    sizes: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.sizes.total()


def measure(server: Server, paths: list[str]) -> list[FirstView]:
    """One for each path, each seen with an empty cache."""
    from playwright.sync_api import sync_playwright

    install = _installer()
    try:
        program = install.find()
    except install.NoBrowser as error:
        raise NotMeasured(str(error)) from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            return [_view(browser, server, path) for path in paths]
        finally:
            browser.close()


def _view(browser, server: Server, path: str) -> FirstView:
    view, kinds, heads = FirstView(path), {}, {}

    def arrived(event: dict) -> None:
        answer = event["response"]
        if not answer["url"].startswith("http"):
            return  # Chromium's own pictures, such as the one in a date field
        if answer["status"] != 200:
            raise NotMeasured(f"{answer['url']} answered {answer['status']}")
        kinds[event["requestId"]] = KINDS.get(answer["mimeType"], "other")
        heads[event["requestId"]] = answer["encodedDataLength"]

    def finished(event: dict) -> None:
        # What Chromium counts includes the headers, which `arrived` has counted.
        name = event["requestId"]
        if name in kinds:
            view.requests += 1
            view.sizes[kinds[name]] += event["encodedDataLength"] - heads[name]

    context = browser.new_context()
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.on("Network.responseReceived", arrived)
    devtools.on("Network.loadingFinished", finished)
    devtools.send("Network.enable")
    page.goto(f"http://127.0.0.1:{server.port}{path}", wait_until="networkidle")
    context.close()
    return view


def _installer() -> ModuleType:
    # The browser tests' own: it has no package, so it is loaded from its file.
    file = Path(__file__).parent.parent / "browser" / "install.py"
    spec = importlib.util.spec_from_file_location("browser_install", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
