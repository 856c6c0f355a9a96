"""What may differ between machines. The only file that reads the environment."""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

# The same as in pyproject.toml, which does not come along into the image.
VERSION = "0.1.0"
HOUSE = Path(__file__).resolve().parent.parent
FRONTEND = HOUSE / "frontend"
MIGRATIONS = HOUSE / "migrations"
PUBLIC = "public"
VAR = Path(os.environ.get("VAR") or HOUSE / "var").resolve()


class WrongSetting(Exception):
    """A variable holds something we cannot use; the message says which and what would do."""


@dataclass(frozen=True)
class Settings:
    """`database_url` is empty when the house starts its own PostgreSQL; `owner_url` is the same
    database as its tables' owner, empty where that is `database_url` itself, `backup_url` as who
    only reads, and `public_url`, which only `migrate` needs, as what serves the public alone.
    `site_url` has no slash at its end and is what printed pages and feeds call us; `source_url` is
    where this very program's source can be had, which the AGPL owes everyone who uses it.
    `app_name` stands under the icon on a home screen. A new `release` makes phones fetch everything
    anew, even where no file changed. `kill_worker` takes the service worker off every phone again.
    `development` shows /design.

    `keys` is the file of keys, which belongs to no backup of the database, `private_keys` the one
    that only worker and desk have, and `ringing_keys` the worker's, None elsewhere. With `serves`
    "public" this process serves the public's pages and opens nothing that is sealed; else it is
    empty. `trusted_proxies` is how many proxies of our own stand before us. With `second_person`,
    what one person of the staff proposes another approves. With `worker`, `serve` does background
    work too. `smtp_url` is empty when mail only lands in var/outbox; `mail_from` is who it comes
    from, and `admin_mail` are the addresses of the admins, who hear of alarms and of the trail's
    end. `metrics_token` opens /metrics to others than loopback. `backup_recipients` are age public
    keys, `backup_passphrase` is empty when a person types it. `security_contact` is where someone
    who found a hole can write: an e-mail address or a URI.

    `push_contact` is whom push services can write to, `mailto:` and an address; empty when nobody
    is rung. `push_test_hosts` are push services on loopback ("localhost:9200"), in development
    only. `push_pace` says how many messages a minute a push service gets from all workers
    together; those it does not name get them as fast as they come.

    `openstates_key` opens Open States; without it the state's bills are not read. `imports_from` is
    empty where hearings are read from their public hosts, `nowhere` where they are not read, or, in
    development only, a server of our own that stands for all of them ("http://127.0.0.1:9300")."""

    database_url: str
    owner_url: str
    backup_url: str
    public_url: str
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
    private_keys: Path
    ringing_keys: Path | None
    serves: str
    trusted_proxies: int
    second_person: bool
    worker: bool
    smtp_url: str
    mail_from: str
    admin_mail: tuple[str, ...]
    metrics_token: str
    backup_recipients: tuple[str, ...]
    backup_passphrase: str
    security_contact: str
    push_contact: str
    push_test_hosts: tuple[str, ...]
    push_pace: dict[str, int]
    openstates_key: str
    imports_from: str


def read() -> Settings:
    """Read the environment anew. Raises WrongSetting."""
    port = _number("PORT", 8000, highest=65535)
    return Settings(
        database_url=os.environ.get("DATABASE_URL", ""),
        owner_url=os.environ.get("OWNER_URL", ""),
        backup_url=os.environ.get("BACKUP_URL", ""),
        public_url=os.environ.get("PUBLIC_URL", ""),
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
        private_keys=private_keys(),
        ringing_keys=ringing_keys(),
        serves=_serves(),
        trusted_proxies=trusted_proxies(),
        second_person=os.environ.get("SECOND_PERSON", "1") != "0",
        # Beside public pages alone there is nobody who could do it.
        worker=os.environ.get("WORKER", "1") != "0" and not serves_public_only(),
        smtp_url=os.environ.get("SMTP_URL", ""),
        mail_from=os.environ.get("MAIL_FROM", ""),
        admin_mail=tuple(os.environ.get("ADMIN_MAIL", "").split()),
        metrics_token=os.environ.get("METRICS_TOKEN", ""),
        backup_recipients=tuple(os.environ.get("BACKUP_RECIPIENT", "").split()),
        backup_passphrase=os.environ.get("BACKUP_PASSPHRASE", ""),
        security_contact=os.environ.get("SECURITY_CONTACT", ""),
        push_contact=_push_contact(),
        push_test_hosts=_push_test_hosts(),
        push_pace=_push_pace(),
        openstates_key=openstates_key(),
        imports_from=imports_from(),
    )


def address() -> str:
    """Where we are, as people type it."""
    return urlsplit(read().site_url).netloc.removeprefix("www.")


# The few that are asked for at every signature, without all the others.


def keys() -> Path:
    """Where the file of keys is that every process has."""
    return _resolved(os.environ.get("KEYS") or str(VAR / "keys" / "keys.json"))


def private_keys() -> Path:
    """Where the file of keys is that only worker and desk have."""
    named = os.environ.get("PRIVATE_KEYS")
    return _resolved(named) if named else keys().with_name("private.json")


ELSEWHERE = "elsewhere"


def ringing_keys() -> Path | None:
    """Where the file of keys is that only a worker has; None where this is none."""
    named = os.environ.get("RINGING_KEYS")
    if named == ELSEWHERE:
        return None
    return _resolved(named) if named else private_keys().with_name("ringing.json")


def private_identity() -> Path | None:
    """The file with the age key that opens the private keys, where they lie under one."""
    named = os.environ.get("PRIVATE_KEYS_IDENTITY")
    return _resolved(named) if named else None


def private_passphrase() -> str:
    return os.environ.get("PRIVATE_KEYS_PASSPHRASE", "")


def serves_public_only() -> bool:
    """Whether this process has the pages of the public and nothing that opens what is sealed."""
    return os.environ.get("SERVES", "") == PUBLIC


def trusted_proxies() -> int:
    return _number("TRUSTED_PROXIES", 0, highest=9, lowest=0)


def over_tls() -> bool:
    """Whether people reach us over https."""
    return os.environ.get("SITE_URL", "").startswith("https://")


def openstates_key() -> str:
    return os.environ.get("OPENSTATES_KEY", "").strip()


NOWHERE = "nowhere"


def imports_from() -> str:
    """Whom importers ask instead of a source's public host; empty for nobody else."""
    there = os.environ.get("IMPORTS_FROM", "").rstrip("/")
    if there in ("", NOWHERE):
        return there
    if not re.fullmatch(r"https?://127\.0\.0\.1:[0-9]{1,5}", there):
        raise WrongSetting(
            "IMPORTS_FROM must be empty, nowhere, or a server on this machine like "
            f"http://127.0.0.1:9300, not {there!r}."
        )
    if not _in_development():
        raise WrongSetting("IMPORTS_FROM is for development: set DEVELOPMENT=1, or take it out.")
    return there


def remember_private_passphrase(typed: str) -> None:
    """Let the processes we start open what we could open."""
    os.environ["PRIVATE_KEYS_PASSPHRASE"] = typed


def remember_database(url: str) -> None:
    """Let the processes we start find the database we started."""
    os.environ["DATABASE_URL"] = url


def forget_owner() -> None:
    """Processes that serve or work have no use for who may change tables."""
    os.environ.pop("OWNER_URL", None)


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


@cache
def _resolved(path: str) -> Path:
    return Path(path).resolve()


# Apple alone refuses a contact that nobody can write to, and says so only when a phone is rung.
MAIL_ADDRESS = re.compile(r"mailto:[^\s<>@:/?#]+@((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]+)", re.IGNORECASE)
NOBODYS = ("localhost", "local", "invalid", "test", "example", "internal")


def _serves() -> str:
    said = os.environ.get("SERVES", "")
    if said not in ("", PUBLIC):
        raise WrongSetting(f"SERVES must be empty or {PUBLIC}, not {said!r}.")
    return said


def _in_development() -> bool:
    return os.environ.get("DEVELOPMENT", "") == "1"


def _push_contact() -> str:
    text = os.environ.get("PUSH_CONTACT", "")
    if not text:
        return "mailto:nobody@confianza.invalid" if _in_development() else ""
    found = MAIL_ADDRESS.fullmatch(text)
    nobodys = found is None or found[1].lower().rpartition(".")[2] in NOBODYS
    if nobodys and not (_in_development() and text.startswith("mailto:")):
        raise WrongSetting(
            "PUSH_CONTACT must be an address of ours that can be written to, like "
            f"mailto:alerts@confianza.example.org, not {text!r}."
        )
    return text


def _push_test_hosts() -> tuple[str, ...]:
    hosts = tuple(os.environ.get("PUSH_TEST_HOSTS", "").lower().split())
    if hosts and not _in_development():
        raise WrongSetting("PUSH_TEST_HOSTS is for development: set DEVELOPMENT=1, or take it out.")
    return hosts


def _push_pace() -> dict[str, int]:
    # Chrome's service slows a site down from about 1,000 a minute on once it finds it disruptive.
    text = os.environ.get("PUSH_PACE", "fcm.googleapis.com=900 jmt17.google.com=900")
    paces = {}
    for part in text.lower().split():
        host, _, number = part.rpartition("=")
        if not (host and number.isascii() and number.isdecimal() and 0 < int(number) <= 1_000_000):
            raise WrongSetting(
                f"PUSH_PACE must be like fcm.googleapis.com=900 (messages a minute), not {part!r}."
            )
        paces[host] = int(number)
    return paces


def _number(name: str, default: int, highest: int, lowest: int = 1) -> int:
    text = os.environ.get(name, "") or str(default)
    if not (text.isascii() and text.isdecimal()) or not lowest <= int(text) <= highest:
        raise WrongSetting(f"{name} must be a number from {lowest} to {highest}, not {text!r}.")
    return int(text)
