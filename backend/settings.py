"""What may differ between machines. The only file that reads the environment."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# The same as in pyproject.toml, which does not come along into the image.
VERSION = "0.1.0"
HOUSE = Path(__file__).resolve().parent.parent
FRONTEND = HOUSE / "frontend"
MIGRATIONS = HOUSE / "migrations"
VAR = Path(os.environ.get("VAR") or HOUSE / "var").resolve()


class WrongSetting(Exception):
    """A variable holds something we cannot use; the message says which and what would do."""


@dataclass(frozen=True)
class Settings:
    """`database_url` is empty when the house starts its own PostgreSQL. `site_url` has no slash
    at its end and is what printed pages and feeds call us; `source_url` is where this very
    program's source can be had, which the AGPL owes everyone who uses it. `app_name` stands under
    the icon on a home screen. A new `release` makes phones fetch everything anew, even where no
    file changed. `kill_worker` takes the service worker off every phone again.
    `development` shows /design.

    `keys` is the file of keys, which belongs to no backup of the database. `trusted_proxies` is
    how many proxies of our own stand before us. With `second_person`, what one person of the
    staff proposes another approves. With `worker`, `serve` does background work too. `smtp_url` is
    empty when mail only lands in var/outbox; `mail_from` is who it comes from. `metrics_token`
    opens /metrics to others than loopback. `backup_recipients` are age public keys,
    `backup_passphrase` is empty when a person types it. `security_contact` is where someone who
    found a hole can write: an e-mail address or a URI."""

    database_url: str
    host: str
    port: int
    workers: int
    site_url: str
    source_url: str
    app_name: str
    release: str
    kill_worker: bool
    development: bool
    keys: Path
    trusted_proxies: int
    second_person: bool
    worker: bool
    smtp_url: str
    mail_from: str
    metrics_token: str
    backup_recipients: tuple[str, ...]
    backup_passphrase: str
    security_contact: str


def read() -> Settings:
    """Read the environment anew. Raises WrongSetting."""
    port = _number("PORT", 8000, highest=65535)
    return Settings(
        database_url=os.environ.get("DATABASE_URL", ""),
        host=os.environ.get("HOST", "127.0.0.1"),
        port=port,
        workers=_number("WEB_WORKERS", 1, highest=64),
        site_url=os.environ.get("SITE_URL", f"http://localhost:{port}").rstrip("/"),
        source_url=os.environ.get("SOURCE_URL", ""),
        app_name=os.environ.get("APP_NAME", "") or "Confianza",
        release=os.environ.get("RELEASE", ""),
        kill_worker=os.environ.get("KILL_WORKER", "") == "1",
        development=os.environ.get("DEVELOPMENT", "") == "1",
        keys=keys(),
        trusted_proxies=trusted_proxies(),
        second_person=os.environ.get("SECOND_PERSON", "1") != "0",
        worker=os.environ.get("WORKER", "1") != "0",
        smtp_url=os.environ.get("SMTP_URL", ""),
        mail_from=os.environ.get("MAIL_FROM", ""),
        metrics_token=os.environ.get("METRICS_TOKEN", ""),
        backup_recipients=tuple(os.environ.get("BACKUP_RECIPIENT", "").split()),
        backup_passphrase=os.environ.get("BACKUP_PASSPHRASE", ""),
        security_contact=os.environ.get("SECURITY_CONTACT", ""),
    )


# The one or two that are asked for at every signature, without all the others.


def keys() -> Path:
    """Where the file of keys is."""
    return _resolved(os.environ.get("KEYS") or str(VAR / "keys" / "keys.json"))


def trusted_proxies() -> int:
    return _number("TRUSTED_PROXIES", 0, highest=9, lowest=0)


def remember_database(url: str) -> None:
    """Let the processes we start find the database we started."""
    os.environ["DATABASE_URL"] = url


def remember_metrics(folder: str) -> None:
    """Let the web processes we start share their counts there. PyPI `prometheus-client` reads
    this when it is imported."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def metrics_folder() -> Path | None:
    """Where web processes share their counts, when there are several."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    return Path(folder) if folder else None


def environment_with(**more: str) -> dict[str, str]:
    """What a program we start gets, when its command line, which every user of the machine can
    read, is no place for it."""
    return {**os.environ, **more}


def environment_with_first_on_path(folder: Path) -> dict[str, str]:
    """What a program we start gets, so that it finds its own tools before the machine's."""
    path = os.pathsep.join((str(folder), os.environ.get("PATH", "")))
    return {**os.environ, "PATH": path}


def in_ci() -> bool:
    return bool(os.environ.get("CI"))


@cache
def _resolved(path: str) -> Path:
    return Path(path).resolve()


def _number(name: str, default: int, highest: int, lowest: int = 1) -> int:
    text = os.environ.get(name, "") or str(default)
    if not (text.isascii() and text.isdecimal()) or not lowest <= int(text) <= highest:
        raise WrongSetting(f"{name} must be a number from {lowest} to {highest}, not {text!r}.")
    return int(text)
