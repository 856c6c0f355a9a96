"""The keys outside the database: `keys`."""

import argparse
import sys
from typing import Any

from backend import settings
from backend.commands.terminal import Failed, Progress, in_database, typed_twice

PURPOSES = ("sealing", "index", "vapid", "canvass", "trail", "head")
# Kept as long as a row needs them; no newer one is made.
OLD_PURPOSES = ("sealing-v1",)
KEYS_PROMPT = "Passphrase of the private keys: "


def add(commands: Any) -> None:
    keys = commands.add_parser("keys", help="the keys outside the database; none is ever shown")
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="what keys there are").set_defaults(run=_list_keys)
    for action, run, meaning in (
        ("create", _create_key, "make the first key of a purpose"),
        ("rotate", _rotate_key, "make a newer key, which from then on is used"),
        ("destroy", _destroy_key, "forget an old key for ever"),
    ):
        parser = actions.add_parser(action, help=meaning)
        old = OLD_PURPOSES if action == "destroy" else ()
        parser.add_argument("purpose", choices=(*PURPOSES, *old))
        if action == "destroy":
            parser.add_argument("id", help="its name in `keys list`")
        parser.set_defaults(run=run)
    actions.add_parser(
        "rewrap", help="put everything in the database under the newest sealing key"
    ).set_defaults(run=_rewrap)
    locking = actions.add_parser("lock", help="put the private keys under a passphrase or age key")
    locking.add_argument("--to", default="", metavar="age1…", help="an age key, not a passphrase")
    locking.set_defaults(run=_lock_keys)
    actions.add_parser("unlock", help="let the private keys lie open").set_defaults(
        run=_unlock_keys
    )


def open_private_keys() -> None:
    """Ask for the passphrase of the private keys where they need one and somebody can type it."""
    from backend.web import keyring

    given = settings.private_identity() or settings.private_passphrase()
    if not given and sys.stdin.isatty() and keyring.is_locked():
        import getpass

        settings.remember_private_passphrase(getpass.getpass(KEYS_PROMPT))


def _list_keys(_given: argparse.Namespace) -> None:
    from backend.web import keyring, vapid

    keys = keyring.every()
    halves = {(it.purpose, it.id): it for each in PURPOSES for it in keyring.halves(each)}
    in_use = {key.purpose: key.id for key in keys}
    for key in keys:
        newest = "in use" if in_use[key.purpose] == key.id else "old"
        half = halves.get((key.purpose, key.id))
        public = vapid.for_browsers(half.public) if half and key.purpose != "sealing" else ""
        print(f"{key.purpose:11} {key.id}  {key.made}  {newest:6} {public}".rstrip())
    if not keys:
        print("There are no keys yet: each is made when it is first needed.")


def _create_key(given: argparse.Namespace) -> None:
    from backend.web import keyring

    if any(key.purpose == given.purpose for key in keyring.every()):
        raise Failed(f"there is a {given.purpose} key; `keys rotate` makes a newer one")
    _add_key(given.purpose, "made_key")


def _rotate_key(given: argparse.Namespace) -> None:
    if given.purpose == "index":
        raise Failed(
            "the index key stays: with another one, nobody who signs twice would be noticed"
        )
    _add_key(given.purpose, "rotated_key")
    if given.purpose == "sealing":
        print("Now `keys rewrap` puts everything under it; then `keys destroy` ends the old one.")
    if given.purpose == "vapid":
        print("Each phone takes it when its app is next opened; until then it needs the old one.")
    if given.purpose == "canvass":
        print("Phones seal with it once they were online; what is sealed needs the old one.")


def _add_key(purpose: str, action: str) -> None:
    from backend.web import keyring

    key = keyring.add(purpose)
    print(f"Made the {purpose} key {key.id}.")
    if not settings.read().database_url and not (settings.VAR / "postgres").exists():
        return  # there is no database yet, so no trail either
    from backend.staff import audit

    try:
        in_database(lambda: audit.write(audit.HOUSE, action, f"{purpose} key {key.id}"))
    except Failed as error:
        print(f"It is not in the audit trail: {error}.", file=sys.stderr)


def _lock_keys(given: argparse.Namespace) -> None:
    from backend.web import keyring

    typed = "" if given.to else typed_twice(settings.private_passphrase(), KEYS_PROMPT)
    keyring.lock(keyring.Under(passphrase=typed, recipient=given.to))
    print("The private keys are locked. Who has them asks for this when started next.")


def _unlock_keys(_given: argparse.Namespace) -> None:
    from backend.web import keyring

    keyring.unlock()
    print("The private keys lie open in their file.")


def _rewrap(_given: argparse.Namespace) -> None:
    from backend.piccolo_app import APP_CONFIG
    from backend.staff import audit
    from backend.web import keyring, rewrapping

    if not any(key.purpose == "sealing" for key in keyring.every()):
        raise Failed("there is no sealing key; restore the file of keys from a backup")
    progress = Progress()

    async def work() -> rewrapping.Report:
        report = await rewrapping.rewrap(APP_CONFIG.table_classes, progress.say)
        newest = keyring.newest("sealing").id
        await audit.write(
            audit.HOUSE, "rewrapped_keys", f"sealing key {newest}", moved=report.moved
        )
        return report

    report = in_database(work)
    progress.end()
    print(f"{report.moved} rows are now under the newest sealing key.")
    if report.lost:
        raise Failed(
            f"{report.lost} rows cannot be opened: their key is gone, or they were changed"
        )


def _destroy_key(given: argparse.Namespace) -> None:
    from backend.database import DB
    from backend.piccolo_app import APP_CONFIG
    from backend.push import subscriptions
    from backend.staff import audit
    from backend.web import keyring, rewrapping

    keyring.named(given.purpose, given.id)
    if given.purpose == "index":
        raise Failed("the index key stays: without it, nobody who signs twice would be noticed")

    if given.purpose in ("trail", "head"):
        raise Failed(f"the {given.purpose} keys stay: without them old lines could not be checked")

    async def work() -> None:
        async with DB.transaction():
            held = 0
            if given.purpose in ("sealing", "sealing-v1"):
                held = await rewrapping.count(APP_CONFIG.table_classes, given.id)
            if held:
                raise Failed(f"{held} rows still need this key; run `keys rewrap` first")
            if given.purpose == "vapid" and (phones := await subscriptions.count_under(given.id)):
                raise Failed(
                    f"{phones} phones subscribed under this key; each takes the newer one when "
                    "the app is next opened there"
                )
            await audit.write(audit.HOUSE, "destroyed_key", f"{given.purpose} key {given.id}")
            keyring.destroy(given.purpose, given.id)

    in_database(work)
    print(f"The {given.purpose} key {given.id} is gone. Backups with keys in them still hold it.")
