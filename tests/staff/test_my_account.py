"""My account: passkeys, codes and sessions of who is signed in, and of nobody else."""

import pytest

from backend.staff.tables import Passkey, RecoveryCode
from tests.staff.authenticator import Authenticator
from tests.staff.conftest import OURS, Join, Person, account_of, last_lines


async def add(person: Person, passkey: Authenticator, name: str = "") -> str:
    token = await person.form_token()
    headers = {**OURS, "X-Form-Token": token}
    asked = (await person.browser.post("/desk/me/passkeys/challenge", headers=headers)).json()
    fields = {"form_token": token, "credential": passkey.make(asked), "name": name}
    return (await person.post("/desk/me/passkeys/new", **fields)).text


async def names(of: str) -> list[str]:
    return [passkey.name for passkey in await Passkey.of(await account_of(of))]


async def test_a_second_passkey_opens_the_same_account(join: Join) -> None:
    ana = await join("Ana")
    second = Authenticator()
    await add(ana, second, "  blue   key ")
    assert await names("Ana") == ["Passkey 1", "blue key"]
    assert (await last_lines())[0]["action"] == "passkey_added"
    ana.passkey = second
    assert (await ana.sign_in()).status_code == 303


async def test_the_browser_is_told_which_passkeys_are_there_already(join: Join) -> None:
    ana = await join("Ana")
    headers = {**OURS, "X-Form-Token": await ana.form_token()}
    asked = (await ana.browser.post("/desk/me/passkeys/challenge", headers=headers)).json()
    assert len(asked["excludeCredentials"]) == 1
    assert asked["excludeCredentials"][0]["transports"] == ["internal"]


@pytest.mark.parametrize("name", ["x" * 61, "x\0y", "\u202ename", "a\nb"])
async def test_a_name_that_cannot_be_is_told_and_kept_in_the_form(join: Join, name: str) -> None:
    ana = await join("Ana")
    text = await add(ana, Authenticator(), name)
    assert "There is a problem" in text
    assert await names("Ana") == ["Passkey 1"]
    id = (await Passkey.of(await account_of("Ana")))[0].id
    answer = await ana.send(f"/desk/me/passkeys/{id}/name", name=name)
    assert answer.status_code == 422
    assert f'href="#name-{id}"' in answer.text
    if name.isprintable():
        assert name in answer.text


async def test_a_passkey_is_renamed(join: Join) -> None:
    ana = await join("Ana")
    id = (await Passkey.of(await account_of("Ana")))[0].id
    answer = await ana.send(f"/desk/me/passkeys/{id}/name", name="mi teléfono <b>")
    assert answer.headers["location"] == "/desk/me"
    assert await names("Ana") == ["mi teléfono <b>"]
    assert "mi teléfono &lt;b&gt;" in (await ana.get("/desk/me")).text


async def test_the_last_passkey_stays(join: Join) -> None:
    ana = await join("Ana")
    await add(ana, Authenticator())
    first, second = await Passkey.of(await account_of("Ana"))
    assert (await ana.send(f"/desk/me/passkeys/{first.id}/remove")).status_code == 303
    answer = await ana.send(f"/desk/me/passkeys/{second.id}/remove")
    assert answer.status_code == 422
    assert "This is your only passkey." in answer.text
    assert await names("Ana") == ["Passkey 2"]
    assert (await ana.sign_in()).status_code == 403


async def test_nobody_touches_a_colleagues_passkey(join: Join) -> None:
    ana, ben = await join("Ana", "admin"), await join("Ben")
    await add(ben, Authenticator())
    bens = (await Passkey.of(await account_of("Ben")))[0]
    for address in (
        f"/desk/me/passkeys/{bens.id}/remove",
        f"/desk/me/passkeys/{bens.id}/name",
        f"/desk/me/passkeys/{10**30}/remove",
        "/desk/me/passkeys/-1/name",
    ):
        answer = await ana.send(address, name="mine")
        assert answer.status_code == 404
        assert "You have no such passkey." in answer.text
    assert await names("Ben") == ["Passkey 1", "Passkey 2"]


async def test_there_is_an_end_to_how_many_passkeys_one_has(join: Join) -> None:
    ana = await join("Ana")
    account = await account_of("Ana")
    for number in range(19):
        await Passkey(
            account=account.id, credential_id=bytes([number]), public_key=b"", transports=[]
        ).save()
    assert "as many passkeys as one person can have" in await add(ana, Authenticator())
    assert len(await Passkey.of(account)) == 20


async def test_one_signs_out_everywhere_else(join: Join) -> None:
    ana = await join("Ana")
    left_behind = ana.cookie
    ana.browser.cookies.clear()
    await ana.sign_in()
    assert "In 2 browsers" in (await ana.get("/desk/me")).text
    await ana.send("/desk/me/sessions/end")
    assert "Only in this browser." in (await ana.get("/desk/me")).text
    assert (await last_lines())[0]["details"] == {"sessions": 1}
    ana.carry(left_behind)
    assert (await ana.get("/desk")).status_code == 303


async def test_an_admin_one_loss_away_from_being_out_is_told(join: Join) -> None:
    warning = "only a command on the server lets you in again"
    ana, ben = await join("Ana", "admin"), await join("Ben", "editor")
    assert warning not in (await ana.get("/desk/me")).text
    await RecoveryCode.delete(force=True)
    assert warning in (await ana.get("/desk/me")).text
    assert warning not in (await ben.get("/desk/me")).text
    await add(ana, Authenticator())
    assert warning not in (await ana.get("/desk/me")).text
