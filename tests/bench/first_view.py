"""What a first visit loads, in real Chromium: bytes as they come over the wire."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field

import chromium
from servers import NotMeasured, Server

KINDS = {"text/html": "html", "text/css": "css", "text/javascript": "js"}


@dataclass
class FirstView:
    """Body bytes by kind (html, css, js, other), the bytes of the headers apart, and how many
    requests."""

    path: str
    requests: int = 0
    sizes: Counter[str] = field(default_factory=Counter)
    headers: int = 0

    @property
    def total(self) -> int:
        return self.sizes.total()


def measure(server: Server, paths: list[str]) -> list[FirstView]:
    """One for each path, each seen with an empty cache, until everything is loaded and quiet."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return [_view(playwright, server, path) for path in paths]


def _view(playwright, server: Server, path: str) -> FirstView:
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
            view.headers += heads[name]

    with tempfile.TemporaryDirectory() as profile:
        # An ordinary window with a new profile: a private one asks for no manifest and no icon.
        # The worker starts after the page has loaded, and what it then keeps is no part of the
        # view: phone.py measures that.
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium.find(),
            args=chromium.FLAGS,
            service_workers="block",
            viewport={"width": 360, "height": 640},
        )
        try:
            page = context.new_page()
            devtools = context.new_cdp_session(page)
            devtools.on("Network.responseReceived", arrived)
            devtools.on("Network.loadingFinished", finished)
            devtools.send("Network.enable")
            page.goto(f"http://127.0.0.1:{server.port}{path}", wait_until="load")
            page.wait_for_load_state("networkidle")
        finally:
            context.close()
    return view
