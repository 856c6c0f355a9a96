"""The way in: an invitation, a passkey, and nothing else."""

import asyncio
import datetime
import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.staff import audit, people
from backend.staff.tables import Account, Invitation, Passkey, Session, now
from tests.staff.authenticator import Authenticator, to_bytes, to_text
from tests.staff.conftest import Join, Stranger, account_of, invited, last_lines

REFUSED = "This passkey did not open the desk."


async def test_an_invitation_leads_to_the_desk(stranger: Stranger) -> None:
    ana = await stranger()
    link = await invited("Ana", "editor")
    page = await ana.get(link)
    assert page.status_code == 200
    assert "Welcome, Ana" in page.text
    assert page.headers["cache-control"] == "no-store"
    answer = await ana.take(link)
    assert answer.status_code == 200
    assert answer.text.count("<li>") == 10
    assert (await ana.get("/desk")).status_code == 200
    passkey = (await Passkey.of(await account_of("Ana")))[0]
    assert passkey.transports == ["internal"]
    assert [line["action"] for line in await last_lines(3)] == [
        "codes_made",
        "signed_in",
        "invitation_used",
    ]


async def test_looking_at_an_invitation_uses_nothing_up(stranger: Stranger) -> None:
    scanner, ana = await stranger(), await stranger()
    link = await invited("Ana")
    for _ in range(3):
        await scanner.get(link)
        await scanner.browser.head(link)
    assert (await ana.take(link)).status_code == 200


async def test_the_browser_is_asked_for_a_passkey_that_knows_its_owner(stranger: Stranger) -> None:
    ana = await stranger()
    asked = await ana.ask(f"{await invited('Ana')}/challenge")
    assert asked["rp"]["id"] == "localhost"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["attestation"] == "none"
    assert asked["user"]["name"] == "Ana"
    assert to_bytes(asked["user"]["id"]) == (await account_of("Ana")).handle
    shown = await (await stranger()).ask("/desk/sign-in/challenge")
    assert shown["userVerification"] == "required"
    assert not shown.get("allowCredentials")
    assert len(to_bytes(shown["challenge"])) >= 32


async def test_an_invitation_works_once(stranger: Stranger) -> None:
    link = await invited("Ana")
    await (await stranger()).take(link)
    late = await stranger()
    for answer in (await late.get(link), await late.post(link, credential="{}")):
        assert answer.status_code == 410
        assert "was used already" in answer.text
    assert (await late.get("/desk")).status_code == 303


async def test_an_invitation_ends_after_a_day_and_when_a_newer_one_is_made(
    stranger: Stranger,
) -> None:
    ana = await stranger()
    old = await invited("Ana")
    new = await people.invite_again(await account_of("Ana"), audit.HOUSE)
    assert "has ended" in (await ana.get(old)).text
    link = new.removeprefix("http://localhost:8000").replace("#", "/")
    assert (await ana.get(link)).status_code == 200
    await Invitation.update({Invitation.ends_at: now()}, force=True)
    assert "has ended" in (await ana.get(link)).text


async def test_no_address_holds_an_invitations_token(stranger: Stranger) -> None:
    _account, link = await people.invite_new("Ana", ["editor"], audit.HOUSE)
    token = link.rpartition("#")[2]
    ana = await stranger()
    page = await ana.get("/desk/invitations")
    assert 'action="/desk/invitations/open"' in page.text
    for typed in (token, link, f" {link} "):
        opened = await ana.post("/desk/invitations/open", token=typed)
        assert opened.headers["location"] == "/desk/invitations/mine"
        assert "HttpOnly" in opened.headers["set-cookie"]
    shown = await ana.get("/desk/invitations/mine")
    assert "Welcome, Ana" in shown.text
    assert token not in shown.text
    wrong = await ana.post("/desk/invitations/open", token="x" * 9000)
    assert wrong.status_code in (404, 413)


async def test_a_link_that_nobody_made_is_told_in_words(stranger: Stranger) -> None:
    ana = await stranger()
    for token in ("x", "1", "%C3%B1", "a" * 500, "' OR 1=1 --"):
        answer = await ana.get(f"/desk/invitations/{token}")
        assert answer.status_code == 404
        assert "leads to no invitation" in answer.text


async def test_the_invitation_of_a_closed_account_leads_nowhere(stranger: Stranger) -> None:
    ana = await stranger()
    link = await invited("Ana")
    asked = await ana.ask(f"{link}/challenge")
    await people.close(await account_of("Ana"), audit.HOUSE)
    answer = await ana.post(link, credential=ana.passkey.make(asked))
    assert answer.status_code == 410
    assert not await Passkey.exists()


async def test_the_link_is_not_kept(record: None) -> None:
    link = await invited("Ana")
    kept = await Invitation.select(Invitation.token_hash).first()
    assert link.rpartition("/")[2].encode() not in bytes(kept["token_hash"])


async def test_a_passkey_signs_in_and_the_page_asked_for_comes_next(join: Join) -> None:
    ana = await join("Ana", "editor")
    await ana.send("/desk/sign-out")
    wanted = await ana.get("/desk/me?lang=es")
    assert wanted.headers["location"] == "/desk/sign-in?next=/desk/me%3Flang%3Des"
    answer = await ana.sign_in("/desk/me?lang=es")
    assert answer.headers["location"] == "/desk/me?lang=es"
    assert (await ana.get("/desk/me")).status_code == 200
    assert (await last_lines())[0]["action"] == "signed_in"
    assert (await ana.get("/desk/sign-in")).headers["location"] == "/desk"


async def test_after_signing_in_nobody_is_led_to_another_site(join: Join) -> None:
    ana = await join("Ana")
    assert (await ana.sign_in("https://evil.test/desk")).headers["location"] == "/desk"


@pytest.mark.parametrize("moment", ["sign-in", "step-up", "invitation"])
async def test_an_id_that_somebody_planted_is_not_signed_in(
    join: Join, stranger: Stranger, moment: str
) -> None:
    """Session fixation: the attacker begins a session of their own and plants its id."""
    victim = await join("Ana", "admin")
    if moment == "step-up":
        planted = victim.cookie
        assert (await victim.step_up()).status_code == 303
    else:
        attacker = await stranger()
        await attacker.ask(f"{await invited('Mallory')}/challenge")
        planted = attacker.cookie
        victim.carry(planted)
        if moment == "sign-in":
            assert (await victim.sign_in()).status_code == 303
        else:
            await victim.take(await invited("Ben"), Authenticator())
    assert victim.cookie != planted
    assert (await victim.get("/desk")).status_code == 200
    attacker = await stranger()
    attacker.carry(planted)
    assert (await attacker.get("/desk")).status_code == 303
    assert await Session.carried_as(planted or "") is None


@pytest.mark.parametrize("moment", ["sign-in", "invitation"])
async def test_an_id_that_nobody_made_is_replaced(join: Join, moment: str) -> None:
    ana = await join("Ana")
    ana.carry("attackerchosen")
    if moment == "sign-in":
        assert (await ana.sign_in()).status_code == 303
    else:
        await ana.ask(f"{await invited('Ben')}/challenge")
    assert ana.cookie != "attackerchosen"
    assert await Session.carried_as("attackerchosen") is None


async def test_a_signed_answer_works_once(join: Join) -> None:
    ana = await join("Ana")
    await ana.send("/desk/sign-out")
    ana.passkey.count += 1
    shown = ana.passkey.show(await ana.ask("/desk/sign-in/challenge"))
    before = ana.cookie
    assert (await ana.post("/desk/sign-in", credential=shown)).status_code == 303
    again = await ana.post("/desk/sign-in", credential=shown)
    assert again.status_code == 403
    ana.carry(before)
    assert (await ana.post("/desk/sign-in", credential=shown)).status_code == 403


async def test_a_failed_try_uses_its_challenge_up(join: Join) -> None:
    ana = await join("Ana")
    asked = await ana.ask("/desk/sign-in/challenge")
    assert (await ana.post("/desk/sign-in", credential="{}")).status_code == 403
    ana.passkey.count += 1
    answer = await ana.post("/desk/sign-in", credential=ana.passkey.show(asked))
    assert answer.status_code == 403


async def test_what_was_signed_for_one_purpose_does_not_serve_another(join: Join) -> None:
    ana = await join("Ana")
    ana.passkey.count += 1
    shown = ana.passkey.show(await ana.ask("/desk/sign-in/challenge"))
    answer = await ana.send("/desk/step-up", credential=shown)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"verifies": False}, "not_verified"),
        ({"origin": "https://evil.test"}, "not_verified"),
        ({"origin": "http://localhost:8001"}, "not_verified"),
        ({"host": "evil.test"}, "not_verified"),
        ({"handle": b"somebody else"}, "not_verified"),
        ({"count": 1}, "count_went_back"),
        ({"count": 0}, "count_went_back"),
        ({"id": b"unknown"}, "unknown_passkey"),
        ({"key": Authenticator().key}, "not_verified"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_whatever_is_wrong_the_words_are_the_same_and_the_trail_says_which(
    join: Join, wrong: dict[str, object], reason: str
) -> None:
    ana = await join("Ana")
    ana.passkey.count = 4
    assert (await ana.sign_in()).status_code == 303
    await ana.send("/desk/sign-out")
    ana.passkey.count = 8
    asked = await ana.ask("/desk/sign-in/challenge")
    for name, value in wrong.items():
        setattr(ana.passkey, name, value)
    answer = await ana.post("/desk/sign-in", credential=ana.passkey.show(asked), next="/desk/me")
    assert answer.status_code == 403
    assert REFUSED in answer.text
    assert 'value="/desk/me"' in answer.text
    line = (await last_lines())[0]
    assert line["action"] == "sign_in_failed"
    assert line["details"] == {"reason": reason}
    assert "127.0.0.1" not in json.dumps(line, default=str)
    assert (await ana.get("/desk")).status_code == 303


async def test_a_passkey_of_a_closed_account_opens_nothing(join: Join) -> None:
    ana = await join("Ana")
    await people.close(await account_of("Ana"), audit.HOUSE)
    assert (await ana.sign_in()).status_code == 403
    assert (await last_lines())[0]["details"] == {"reason": "account_closed"}
    await people.reopen(await account_of("Ana"), audit.HOUSE)
    assert (await ana.sign_in()).status_code == 303


async def test_a_passkey_that_counts_nothing_keeps_working(join: Join) -> None:
    ana = await join("Ana")
    for _ in range(3):
        ana.passkey.count = -1
        assert (await ana.sign_in()).status_code == 303


async def test_a_passkey_that_did_not_check_its_owner_is_not_kept(stranger: Stranger) -> None:
    ana = await stranger()
    link = await invited("Ana")
    answer = await ana.take(link, Authenticator(verifies=False))
    assert answer.status_code == 403
    assert "could not be made" in answer.text
    assert (await ana.take(link)).status_code == 200


async def test_a_passkey_of_somebody_else_cannot_be_made_ones_own(
    join: Join, stranger: Stranger
) -> None:
    ana = await join("Ana")
    mallory = await stranger()
    answer = await mallory.take(await invited("Mallory"), Authenticator(id=ana.passkey.id))
    assert answer.status_code == 403
    assert (await last_lines())[0]["details"] == {"reason": "known_already"}
    assert (await ana.sign_in()).status_code == 303


RUBBISH = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200).map(to_text),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=20),
        lambda inner: st.dictionaries(
            st.sampled_from(["id", "rawId", "type", "response", "userHandle", "signature"]), inner
        ),
        max_leaves=12,
    ).map(json.dumps),
)


@pytest.mark.slow
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rubbish=RUBBISH, part=st.sampled_from(["all", "client", "data", "signature"]))
async def test_no_rubbish_opens_the_door_or_breaks_it(join: Join, rubbish: str, part: str) -> None:
    from backend.staff import passkeys

    account = await Account.named("Fuzz") or await Account.open_for("Fuzz", ["editor"])
    passkey = Authenticator(handle=account.handle)
    session, _token = await Session.begin()
    asked = await passkeys.ask_to_show(session, "sign in")
    answer = json.loads(passkey.show(asked))
    names = {"client": "clientDataJSON", "data": "authenticatorData", "signature": "signature"}
    if part != "all":
        answer["response"][names[part]] = rubbish
    with pytest.raises(passkeys.NotAccepted):
        await passkeys.recognize(
            session, "sign in", rubbish if part == "all" else json.dumps(answer)
        )
    asked = await passkeys.ask_to_make(session, account, "invitation 1")
    made = json.loads(passkey.make(asked))
    made["response"]["attestationObject"] = rubbish
    with pytest.raises(passkeys.NotAccepted):
        await passkeys.read_new(session, account, "invitation 1", json.dumps(made))


@pytest.mark.parametrize("address", ["/desk/sign-in", "/desk/recovery"])
async def test_a_form_that_no_page_of_ours_sends_is_answered_in_words(
    stranger: Stranger, address: str
) -> None:
    ana = await stranger()
    for fields in (
        {},
        {"credential": "x" * 3900, "code": "x" * 3900},
        {"credential": "\0", "code": "\0"},
        {"credential": ["{}", "[]"], "code": ["a", "b"]},
        {"credential": "[" * 2000, "code": "é" * 100},
    ):
        answer = await ana.post(address, **fields)
        assert answer.status_code == 403
        assert "There is a problem" in answer.text


async def test_who_tries_too_often_must_wait(join: Join, stranger: Stranger) -> None:
    ana = await join("Ana")
    mallory = await stranger()
    answers = [await mallory.post("/desk/sign-in", credential="{}") for _ in range(61)]
    assert [answer.status_code for answer in answers] == [403] * 60 + [429]
    assert "Wait a quarter of an hour" in answers[-1].text
    # Who has the passkey is in no queue, be it behind the same network.
    assert (await ana.step_up()).status_code == 303
    assert (await ana.send("/desk/sign-out")).status_code == 303
    assert (await ana.sign_in()).status_code == 303


async def test_other_sites_cannot_begin_a_sign_in(stranger: Stranger) -> None:
    ana = await stranger()
    for site in ("cross-site", "same-site", "none"):
        answer = await ana.browser.post("/desk/sign-in/challenge", headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
        assert ana.cookie is None


async def test_step_up_is_asked_where_it_matters_and_leads_back(join: Join) -> None:
    ana = await join("Ana", "admin")
    await Session.update({Session.fresh_until: now() - datetime.timedelta(seconds=1)}, force=True)
    asked = await ana.get("/desk/me/passkeys/new")
    assert asked.headers["location"] == "/desk/step-up?next=/desk/me/passkeys/new"
    assert (await ana.get("/desk/me")).status_code == 200
    late = await ana.send("/desk/me/codes")
    assert late.headers["location"] == "/desk/step-up?next=/desk/me"
    before = ana.cookie
    answer = await ana.step_up("/desk/me/passkeys/new")
    assert answer.headers["location"] == "/desk/me/passkeys/new"
    assert ana.cookie != before
    assert (await ana.get("/desk/me/passkeys/new")).status_code == 200


async def test_a_colleagues_passkey_is_no_step_up(join: Join) -> None:
    ana, ben = await join("Ana"), await join("Ben")
    ana.passkey = ben.passkey
    answer = await ana.step_up()
    assert answer.status_code == 403
    assert (await last_lines())[0]["details"] == {"reason": "somebody_elses"}


async def test_two_browsers_with_one_invitation_get_one_passkey(
    own_url: str, database_url: str
) -> None:
    """Outside a test's transaction, since each browser has one of its own."""
    from backend.app import app
    from backend.database import use
    from tests.staff.conftest import Person

    use(own_url)
    name = "Ana who races"
    try:
        link = await invited(name)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        base = "https://confianza.test"
        async with (
            httpx.AsyncClient(transport=transport, base_url=base) as one,
            httpx.AsyncClient(transport=transport, base_url=base) as other,
        ):
            both = Person(one), Person(other)
            asked = [await person.ask(f"{link}/challenge") for person in both]
            answers = await asyncio.gather(
                *(
                    person.post(link, credential=person.passkey.make(question))
                    for person, question in zip(both, asked, strict=True)
                )
            )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[0] == 200
        assert statuses[1] in (403, 410)
        assert len(await Passkey.of(await account_of(name))) == 1
    finally:
        use(database_url)
