"""Which Chromium the bench looks with, and how it is started."""

import importlib.util
from pathlib import Path
from types import ModuleType

from servers import NotMeasured

# As root there is no sandbox; the rest keeps it from asking other hosts for anything.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find() -> str:
    """The path of a Chromium. Raises NotMeasured."""
    install = _installer()
    try:
        found: str = install.find()
    except install.NoBrowser as error:
        raise NotMeasured(str(error)) from None
    return found


def _installer() -> ModuleType:
    # The browser tests' own: this folder, not the house, is first on the path, so it is loaded
    # from its file.
    file = Path(__file__).parent.parent / "browser" / "install.py"
    spec = importlib.util.spec_from_file_location("browser_install", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
