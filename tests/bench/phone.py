"""What the site puts on a phone after the first view, and whether it can be installed."""

import json
import re
import tempfile
import time
from dataclasses import dataclass

import chromium
from servers import NotMeasured, Server

BUNDLE = "/offline/record/en"


@dataclass
class Size:
    """Bytes of a body, or of several: as they are, in gzip, and in brotli."""

    plain: int
    gzip: int
    brotli: int

    def __add__(self, other: "Size") -> "Size":
        return Size(self.plain + other.plain, self.gzip + other.gzip, self.brotli + other.brotli)


def bundle(server: Server) -> tuple[float, Size]:
    """Seconds until a new server has made and sent it, and its size."""
    begun = time.monotonic()
    server.get(BUNDLE, {"Accept-Encoding": "br"})
    return time.monotonic() - begun, _size(server, BUNDLE)


def precache(server: Server) -> tuple[int, Size]:
    """How many assets the worker keeps from the start, and their size in all."""
    found = re.match(r"self\.BUILD = (\{.*\});\n", server.get("/service-worker.js").decode())
    if not found:
        raise NotMeasured("/service-worker.js does not begin with self.BUILD")
    assets = json.loads(found[1])["assets"]
    return len(assets), sum((_size(server, path) for path in assets), Size(0, 0, 0))


def obstacles(server: Server) -> list[str]:
    """What keeps Chromium from offering to install the site: none, if all is well."""
    from playwright.sync_api import sync_playwright

    # A folder of its own makes it an ordinary window: in a private one nothing can be installed.
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium.find(), args=chromium.FLAGS
        )
        try:
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{server.port}/", wait_until="load")
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            devtools = context.new_cdp_session(page)
            manifest = devtools.send("Page.getAppManifest")
            installing = devtools.send("Page.getInstallabilityErrors")
        finally:
            context.close()
    if not manifest.get("data"):
        raise NotMeasured("Chromium found no manifest")
    return [
        *(each["message"] for each in manifest["errors"]),
        *(each["errorId"] for each in installing["installabilityErrors"]),
    ]


def _size(server: Server, path: str) -> Size:
    return Size(
        *(
            len(server.get(path, {"Accept-Encoding": encoding}))
            for encoding in ("identity", "gzip", "br")
        )
    )
