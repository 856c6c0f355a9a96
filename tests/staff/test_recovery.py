"""Recovery codes: each makes one new passkey, and opens nothing else."""

import re

import argon2
import pytest

from backend.staff import audit, people, recovery
from backend.staff.tables import Account, Passkey, RecoveryCode
from backend.web import rate_limits
from tests.staff.authenticator import Authenticator
from tests.staff.conftest import Join, Stranger, account_of, last_lines

# As the house has it: in tests it is another, which takes no time.
OURS = recovery.HASHER

WRONG = "This is not one of the codes that can still be used."


@pytest.fixture
async def ana(record: None) -> Account:
    return await Account.open_for("Ana", ["editor"])


@pytest.fixture
async def codes(ana: Account) -> list[str]:
    return await recovery.make_codes(ana)


def test_whoever_steals_the_hashes_needs_long_for_each_guess() -> None:
    """The least that OWASP's cheat sheet on password storage asks of Argon2id."""
    assert OURS.type is argon2.Type.ID
    assert (OURS.memory_cost, OURS.time_cost, OURS.parallelism) == (19 * 1024, 2, 1)


async def test_codes_can_be_read_from_paper_and_are_not_kept(codes: list[str]) -> None:
    assert len(set(codes)) == 10
    assert all(re.fullmatch("[2-9a-hjkmnp-z]{4}(-[2-9a-hjkmnp-z]{4}){3}", code) for code in codes)
    kept = str(await RecoveryCode.select())
    assert "$argon2id$" in kept
    assert not any(recovery.tidy(code)[recovery.SELECTOR :] in kept for code in codes)


async def test_a_code_leads_to_a_new_passkey_and_to_nothing_else(
    stranger: Stranger, codes: list[str]
) -> None:
    person = await stranger()
    answer = await person.post("/desk/recovery", code=codes[0].upper().replace("-", " "))
    assert answer.headers["location"] == "/desk/recovery/passkey"
    assert (await last_lines())[0]["action"] == "code_used"
    for address in ("/desk", "/desk/me", "/desk/step-up", "/desk/me/passkeys/new"):
        assert (await person.get(address)).status_code == 303
    asked = await person.ask("/desk/recovery/challenge")
    answer = await person.post("/desk/recovery/passkey", credential=person.passkey.make(asked))
    assert answer.status_code == 200
    assert "you are signed in" in answer.text
    assert (await person.get("/desk")).status_code == 200
    assert (await person.sign_in()).status_code == 303


async def test_a_code_works_once(stranger: Stranger, codes: list[str]) -> None:
    assert (await (await stranger()).post("/desk/recovery", code=codes[0])).status_code == 303
    answer = await (await stranger()).post("/desk/recovery", code=codes[0])
    assert answer.status_code == 403
    assert WRONG in answer.text


async def test_what_went_wrong_with_a_code_is_not_told(
    stranger: Stranger, ana: Account, codes: list[str]
) -> None:
    others = "2222-2222-2222-2222"
    told = set()
    for code in (others, codes[0][:7] + others[7:], "", codes[0][:-1]):
        await rate_limits.forget_all()
        answer = await (await stranger()).post("/desk/recovery", code=code)
        assert answer.status_code == 403
        assert f'value="{code}"' in answer.text  # nothing that was typed is lost
        told.add(answer.text.replace(f'value="{code}"', ""))
        assert (await last_lines())[0]["details"] == {"reason": "wrong_code"}
    await people.close(ana, audit.HOUSE)
    await rate_limits.forget_all()
    answer = await (await stranger()).post("/desk/recovery", code=codes[1])
    told.add(answer.text.replace(f'value="{codes[1]}"', ""))
    assert len(told) == 1


async def test_new_codes_take_the_place_of_the_old(join: Join, stranger: Stranger) -> None:
    ana = await join("Ana")
    account = await account_of("Ana")
    old = await recovery.make_codes(account)
    answer = await ana.send("/desk/me/codes")
    assert answer.status_code == 200
    new = re.findall("<li>([2-9a-z-]{19})</li>", answer.text)
    assert len(new) == 10
    assert await recovery.use(old[0]) is None
    assert await recovery.use(new[0]) is not None
    assert await recovery.left(account) == 9


async def test_a_code_that_was_not_followed_by_a_passkey_can_be_tried_again_for_ten_minutes(
    stranger: Stranger, codes: list[str]
) -> None:
    person = await stranger()
    await person.post("/desk/recovery", code=codes[0])
    asked = await person.ask("/desk/recovery/challenge")
    wrong = Authenticator(verifies=False).make(asked)
    answer = await person.post("/desk/recovery/passkey", credential=wrong)
    assert answer.status_code == 403
    assert (await person.get("/desk")).status_code == 303
    asked = await person.ask("/desk/recovery/challenge")
    right = person.passkey.make(asked)
    assert (await person.post("/desk/recovery/passkey", credential=right)).status_code == 200


async def test_without_a_code_there_is_no_new_passkey(stranger: Stranger, ana: Account) -> None:
    person = await stranger()
    await person.ask("/desk/sign-in/challenge")
    answers = [
        await person.get("/desk/recovery/passkey"),
        await person.post("/desk/recovery/challenge"),
        await person.post("/desk/recovery/passkey", credential="{}"),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert "Start with a recovery code." in answer.text
    assert not await Passkey.exists()


async def test_codes_cannot_be_guessed_by_trying(stranger: Stranger, codes: list[str]) -> None:
    mallory = await stranger()
    wrong = codes[0][:7] + "2222-2222-2222"[:12]
    statuses = [(await mallory.post("/desk/recovery", code=wrong)).status_code for _ in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    answer = await mallory.post("/desk/recovery", code=codes[1])
    assert answer.status_code == 429
    assert "Wait a quarter of an hour" in answer.text
