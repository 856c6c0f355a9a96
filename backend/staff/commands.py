"""Staff and trail from the command line, by who holds the server: the house itself. Each returns
what to print. Raises NotPossible with the sentence people read."""

import argparse

from backend.staff import audit, heads, people
from backend.staff.forms import tidy
from backend.staff.heads import Head
from backend.staff.people import NotPossible
from backend.staff.tables import Account, Passkey


async def add(given: argparse.Namespace) -> str:
    account, link = await people.invite_new(given.name, given.role, audit.HOUSE)
    return _link(account, link)


async def show(_given: argparse.Namespace) -> str:
    lines = []
    for account in await Account.objects().order_by(Account.id):
        count = len(await Passkey.of(account))
        passkeys = "1 passkey" if count == 1 else f"{count} passkeys"
        closed = ", closed" if account.closed_at else ""
        lines.append(f"{account.name}: {', '.join(account.roles)} ({passkeys}{closed})")
    return "\n".join(lines) or "Nobody yet. Begin with: staff add NAME --role admin"


async def invite(given: argparse.Namespace) -> str:
    account = await _named(given.name)
    return _link(account, await people.invite_again(account, audit.HOUSE))


async def change_roles(given: argparse.Namespace) -> str:
    account = await _named(given.name)
    if await people.change_roles(account, given.role, audit.HOUSE):
        return f"{account.name} is now: {', '.join(sorted(set(given.role)))}. All sessions ended."
    return f"{account.name} has just these roles already."


async def close(given: argparse.Namespace) -> str:
    account = await _named(given.name)
    await people.close(account, audit.HOUSE)
    return f"{account.name} is signed out and cannot come in."


async def reopen(given: argparse.Namespace) -> str:
    account = await _named(given.name)
    await people.reopen(account, audit.HOUSE)
    return f"{account.name} can come in again, with the passkeys from before."


async def vouch(given: argparse.Namespace) -> str:
    account = await _named(given.name)
    await people.vouch(account, audit.HOUSE)
    return f"{account.name} counts as a second person from now on."


async def verify(given: argparse.Namespace) -> str:
    """Raises NotPossible when the trail was tampered with: the command then fails."""
    noted = _noted(given.head) if given.head else None
    verdict = await audit.verify()
    if verdict.forged:
        raise NotPossible(
            f"line {verdict.broken} says that older lines were removed, and is forged: it does not "
            "have the signature that retention gives"
        )
    if verdict.broken is not None:
        raise NotPossible(
            f"the trail breaks at line {verdict.broken}: it, or a line before it, was changed or "
            f"removed ({verdict.lines} lines before it are sound)"
        )
    ours = heads.noted()
    there = [noted] if noted else []
    there += [(ours.line, ours.hash)] if ours else []
    for line, hash in there:
        if not await audit.holds(line, hash):
            raise NotPossible(
                f"line {line} with the hash that was noted is not in the trail: lines were cut off "
                "at the end, or the trail was made anew"
            )
    last = "nothing" if verdict.last is None else f"{verdict.last[0]}:{verdict.last[1]}"
    return f"{verdict.lines} lines, each follows from the one before. The last is {last}"


async def _named(name: str) -> Account:
    # PostgreSQL takes no NUL and no half of a pair, and neither is in anyone's name.
    plain = name.encode("utf-8", "replace").decode().replace("\0", "?")
    found = await Account.named(tidy(plain))
    if found is None:
        raise NotPossible(f"there is nobody named “{plain[:80]}”; staff list shows who there is")
    return found


def _noted(head: str) -> tuple[int, str]:
    if head.count(":") == 3:
        signed = Head.from_text(head)
        if signed is None or not heads.is_ours(signed):
            raise NotPossible("the signature of --head is not by any key of ours")
        return signed.line, signed.hash
    number, _, hash = head.partition(":")
    sensible = number.isascii() and number.isdecimal() and len(number) < 19
    if not sensible or len(hash) != 64 or set(hash) - set("0123456789abcdef"):
        raise NotPossible(
            "--head is what verify printed last: a number, a colon and 64 hex digits; or a whole "
            "line of a letter about the trail's end"
        )
    return int(number), hash


def _link(account: Account, link: str) -> str:
    return (
        f"An invitation for {account.name}, for one use within 24 hours. Whoever has it can come "
        f"in as {account.name}:\n{link}"
    )
