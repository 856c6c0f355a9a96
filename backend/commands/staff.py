"""The accounts of staff and their trail: `staff`, `audit`."""

import argparse
import asyncio
from typing import Any


def add(commands: Any) -> None:
    staff = commands.add_parser("staff", help="the accounts of staff, and the way in for them")
    actions = staff.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, work, meaning in (
        ("add", "add", "open an account and print an invitation link"),
        ("list", "show", "who there is"),
        ("invite", "invite", "print a new link, for someone who lost every passkey"),
        ("roles", "change_roles", "give someone these roles and no others"),
        ("vouch", "vouch", "let someone you know be a second person before their seven days"),
        ("close", "close", "let someone in no more"),
        ("reopen", "reopen", "let someone in again"),
    ):
        parser = actions.add_parser(action, help=meaning)
        parser.set_defaults(run=_staff, work=work)
        if action != "list":
            parser.add_argument("name", metavar="NAME")
        if action in ("add", "roles"):
            role = "admin, editor, campaigner or canvass_lead; may be repeated"
            parser.add_argument("--role", action="append", default=[], metavar="ROLE", help=role)

    audit = commands.add_parser("audit", help="the trail of what staff did")
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="check that nothing in it was changed or removed")
    head = "a last line noted earlier, which must still be there"
    verify.add_argument("--head", metavar="ID:HASH", help=head)
    verify.set_defaults(run=_staff, work="verify")


def _staff(given: argparse.Namespace) -> None:
    from backend import database
    from backend.staff import commands

    async def work() -> str:
        await database.migrate()
        said: str = await getattr(commands, given.work)(given)
        return said

    with database.running():
        print(asyncio.run(work()))
