"""Programs that a test needs and Debian has: found on the path, or installed as root."""

import os
import shutil
import subprocess


def installed(program: str, package: str) -> str:
    """The program's path. Fails with a sentence when it is not there and cannot be installed: a
    test that needs it is not skipped."""
    if not shutil.which(program, path=_path()) and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
            subprocess.run(["apt-get", "-q", *command], env=quiet, capture_output=True, check=False)
    found = shutil.which(program, path=_path())
    if found is None:
        raise AssertionError(f"This test needs {program}: install Debian's {package}.")
    return found


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
