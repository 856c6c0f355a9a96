"""What a thief finds in the processes that the public talks to: public halves, and nothing that
opens a name. For real: a desk, a public site and a worker, each with the files it has in
production, and then the attack with what the public one holds."""

import asyncio
import base64
import datetime
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from backend.campaigns import loading, receipts, signing
from backend.campaigns.tables import Campaign
from backend.canvass import devices, sealing
from backend.canvass.sealing import Place
from backend.canvass.tables import Shift
from backend.database import use
from backend.staff.tables import now
from backend.web import keyring
from tests.alerts.conftest import form, pairs
from tests.campaigns.working import receipt_in
from tests.canvass.conftest import SAID
from tests.databases import command, copied, execute, fetch
from tests.keys import held_in, keys_command
from tests.serving import HOUSE, Apart, serving_apart
from tests.test_the_worker import until

NAME = "Quetzalcanaria Ñandú"
MAIL = "quetzal.canaria@example.org"
OURS = {"Sec-Fetch-Site": "same-origin"}
CAMPAIGN = "ice-out-of-jails"

# Opens whatever it can of every row that keeps a data key: `{"opened": n, "refused": n}`.
OPENS_ALL = """
import asyncio, json
from backend.database import DB, use
from backend import settings
from backend.piccolo_app import APP_CONFIG
from backend.web import keyring, rewrapping
from backend.web.sealing import DataKey

async def run():
    use(settings.read().database_url)
    found = {"opened": 0, "refused": 0}
    for table, column in rewrapping.wrapping(APP_CONFIG.table_classes):
        for row in await table.select().where(column.is_not_null()):
            try:
                DataKey.unwrap(row["data_key"], table._meta.tablename, row["id"])
                found["opened"] += 1
            except keyring.NoKey:
                found["refused"] += 1
    print(json.dumps(found))

asyncio.run(run())
"""


@pytest.fixture(scope="module")
def house(
    server_url: str, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Apart]:
    contact = "mailto:alerts@confianza.dev"
    with (
        copied(server_url, "public") as url,
        serving_apart(tmp_path_factory.mktemp("house"), url, PUSH_CONTACT=contact) as apart,
    ):
        yield apart


def do(environment: dict[str, str], program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=HOUSE, env={**os.environ, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def letters(house: Apart, to: str) -> list[str]:
    found = [
        message_from_bytes(it.read_bytes(), policy=default) for it in house.outbox.glob("*.eml")
    ]
    return [it.get_body(("plain",)).get_content() for it in found if to in it["To"]]


@pytest.fixture(scope="module")
def lived(house: Apart) -> Apart:
    """The house after people signed, corrected, confirmed, asked for alerts by mail and by phone,
    said that a place is wrong, and were signed up at a market: all by the public site."""
    with httpx.Client(base_url=house.site.url, headers=OURS, timeout=30) as people:
        _sign_and_confirm(house, people)
        _hear_by_mail(house, people)
        _hear_by_phone(people)
        _say_that_a_place_is_wrong(people)
        _sign_and_leave(people)
    until(lambda: fetch(house.site.database, "SELECT FROM ring WHERE what LIKE 'test %'"))
    assert "InsufficientPrivilege" not in house.site.written()
    return house


def _sign_and_leave(people: httpx.Client) -> None:
    people.cookies.clear()
    page = people.get(f"/campaigns/{CAMPAIGN}").text
    [agree] = re.findall(r'name="agree_pledge" value="([0-9]+)"', page)
    signer = {"name": "Luz", "contact": "(415) 555-2671", "zip": "95401", "agree_pledge": agree}
    receipt_in(people.post(f"/campaigns/{CAMPAIGN}/pledges", data=signer))
    of = re.findall(r'name="of" value="([0-9a-f]+)"', people.get("/pledges/mine").text)[0]
    assert people.post("/pledges/mine/codes", data={"of": of}).status_code in (200, 303)
    assert people.post("/pledges/mine/withdrawal", data={"of": of}).status_code in (200, 303)
    assert people.post("/pledges/leave", data={"contact": MAIL}).status_code == 200
    assert people.post("/alerts/mail/leave", data={"token": "nobody"}).status_code == 303


def _sign_and_confirm(house: Apart, people: httpx.Client) -> None:
    page = people.get(f"/campaigns/{CAMPAIGN}").text
    [agree] = re.findall(r'name="agree_pledge" value="([0-9]+)"', page)
    signer = {"name": NAME, "contact": MAIL, "zip": "95401", "agree_pledge": agree}
    code = receipt_in(people.post(f"/campaigns/{CAMPAIGN}/pledges", data=signer))
    people.post("/pledges", data={"code": code})
    until(lambda: letters(house, MAIL))
    [letter] = letters(house, MAIL)
    digits = "".join(re.findall(r"\b(\d{3}) (\d{3})\b", letter)[0])
    mine = people.get("/pledges/mine").text
    of = re.findall(r'name="of" value="([0-9a-f]+)"', mine)[0]
    people.post("/pledges/mine/corrections", data={"of": of, "name": NAME + " II"})
    answer = people.post("/pledges/mine/confirmations", data={"of": of, "code": digits})
    assert answer.status_code in (200, 303), answer.text
    until(lambda: fetch(house.site.database, "SELECT FROM pledge WHERE state = 2"))
    until(lambda: not fetch(house.site.database, "SELECT FROM pledge WHERE name LIKE 'apart%'"))


def _hear_by_mail(house: Apart, people: httpx.Client) -> None:
    asked = {**form(), "email": "hears@example.org"}
    assert people.post("/alerts/mail", data=asked).status_code == 303
    until(lambda: letters(house, "hears@example.org"))
    token = re.findall(r"/alerts/mail#(\S+)", letters(house, "hears@example.org")[0])[0]
    assert people.post("/alerts/mail/mine", data={"token": token}).status_code == 303
    people.post("/alerts/mail/confirmations", data={"token": token})
    until(
        lambda: fetch(house.site.database, "SELECT FROM alert_mail WHERE confirmed_at IS NOT NULL")
    )
    until(
        lambda: not fetch(house.site.database, "SELECT FROM alert_mail WHERE token LIKE 'apart%'")
    )


def _hear_by_phone(people: httpx.Client) -> None:
    shown = re.findall(r'data-key="([\w-]+)"', people.get("/alerts").text)
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    answer = people.post(
        "/alerts/subscription",
        json={
            "endpoint": "https://fcm.googleapis.com/fcm/send/canary-quetzal",
            "keys": {
                "p256dh": base64.urlsafe_b64encode(raw).decode().rstrip("="),
                "auth": base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("="),
            },
            "key": shown[0],
            "choices": pairs(),
        },
    )
    assert answer.status_code == 200, answer.text
    held = {"secret": answer.json()["secret"]}
    for what, more in (
        ("choices", {"choices": pairs()}), ("opened", {"key": shown[0]}), ("status", {}),
        ("tests", {}), ("codes", {}), ("codes", {}), ("received", {}),
    ):  # fmt: skip
        answer = people.post(f"/alerts/subscription/{what}", json={**held, **more})
        assert answer.status_code == 200, (what, answer.text)


def _say_that_a_place_is_wrong(people: httpx.Client) -> None:
    place = re.findall(r'href="/enrollment/places/([\w-]+)"', people.get(
        "/enrollment/places?county=sonoma").text)[0]  # fmt: skip
    said = {"words": f"{NAME} says it moved", "what": "closed"}
    answer = people.post(f"/enrollment/places/{place}/wrong", data=said)
    assert answer.status_code in (200, 303), answer.text


async def test_what_the_public_gave_opens_with_the_private_keys_alone(lived: Apart) -> None:
    """The attack: all that a web process holds, the code and the database."""
    opened = json.loads(do(lived.worker, OPENS_ALL).stdout)
    assert opened["opened"] >= 4, opened
    assert opened["refused"] == 0
    # As it runs; with its own limit taken off; and with the file of halves in place of the other.
    for change in ({}, {"SERVES": ""}, {"SERVES": "", "PRIVATE_KEYS": lived.public["KEYS"]}):
        thief = {**lived.public, "PRIVATE_KEYS": "/nowhere/private.json", **change}
        done = do(thief, OPENS_ALL)
        assert json.loads(done.stdout) == {"opened": 0, "refused": opened["opened"]}, done.stderr


def test_no_private_key_is_in_a_public_process(lived: Apart) -> None:
    """Its memory is read from outside, as who takes the machine over could."""
    held = held_in(lived.worker["PRIVATE_KEYS"])
    assert {"sealing", "canvass", "head"} <= {key.purpose for key in held}
    assert {key.purpose for key in held} <= keyring.PRIVATE - keyring.RINGING
    assert any(found_in_memory(lived.desk.process, held)), "or the search finds nothing anywhere"
    assert not any(found_in_memory(lived.site.process, held))
    opened = {file.path for each in family(lived.site.process) for file in each.open_files()}
    assert not any("private" in path for path in opened)


def test_what_rings_phones_is_with_the_worker_alone(lived: Apart) -> None:
    held = held_in(lived.worker["RINGING_KEYS"])
    assert {key.purpose for key in held} == {"vapid"}
    assert any(found_in_memory(lived.working, held)), "or the search finds nothing anywhere"
    for process in (lived.site.process, lived.desk.process):
        assert not any(found_in_memory(process, held))
    # Who has the desk can have no key made in the worker's name.
    public = ourselves_at(lived.staffed)
    for words, ended in ((("list",), 0), (("rotate", "vapid"), 1), (("create", "vapid"), 1)):
        done = keys_command(*words, **lived.staffed)
        assert ("vapid" not in done.stdout, done.returncode) == (True, ended), words
    saved = command("backup", "x.backup", **lived.staffed, BACKUP_PASSPHRASE="four words do well")
    assert "for the worker alone" in saved.stderr
    assert "let RINGING_KEYS name" in command("worker", **lived.staffed).stderr
    assert ourselves_at(lived.staffed) == ourselves_at(lived.worker) == public


def ourselves_at(environment: dict[str, str]) -> str:
    """What browsers subscribe under, as a process with this environment says."""
    done = do(environment, "from backend.push import vapid; print(vapid.public_key())")
    assert done.returncode == 0, done.stderr
    return done.stdout


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    whole = psutil.Process(process.pid)
    return [whole, *whole.children(recursive=True)]


def found_in_memory(searched: subprocess.Popen[bytes], keys: tuple[keyring.Key, ...]) -> list[bool]:
    shapes = [
        shape
        for key in keys
        for shape in (key.secret, base64.b64encode(key.secret), key.secret.hex().encode())
    ]
    found = [False] * len(shapes)
    for process in family(searched):
        maps = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
        with Path(f"/proc/{process.pid}/mem").open("rb", 0) as memory:
            for line in maps:
                span, rights, *_rest = line.split()
                if not rights.startswith("rw"):
                    continue
                start, end = (int(part, 16) for part in span.split("-"))
                try:
                    memory.seek(start)
                    piece = memory.read(end - start)
                except (OSError, ValueError, OverflowError):
                    continue
                found = [was or shape in piece for was, shape in zip(found, shapes, strict=True)]
    return found


def test_pages_that_open_names_are_not_there(lived: Apart) -> None:
    for path in ("/desk", "/desk/sign-in", "/desk/staff", "/osdi/api/v1", "/osdi/api/v1/people"):
        assert httpx.get(lived.site.url + path).status_code == 404, path
        assert httpx.get(lived.desk.url + path, follow_redirects=True).status_code in (200, 401)
    assert httpx.post(lived.site.url + "/desk/sign-in", headers=OURS).status_code == 404
    assert httpx.get(lived.site.url + "/readyz").text.strip() == "ok"


@pytest.mark.parametrize(
    "statement",
    [
        # In at the desk, or past it.
        "INSERT INTO session (token_hash, account, ends_at) VALUES ('x', 1, now())",
        "UPDATE session SET account = 1",
        "INSERT INTO passkey (account) VALUES (1)",
        "SELECT * FROM passkey",
        "SELECT * FROM recovery_code",
        "SELECT * FROM invitation",
        "INSERT INTO account (name, roles) VALUES ('Sock Puppet', '{admin}')",
        "UPDATE account SET roles = '{admin}'",
        "INSERT INTO partner_token (name, token_hash) VALUES ('x', 'x')",
        "SELECT * FROM partner_token",
        # Letters to another address.
        "UPDATE pledge SET contact = 'x'",
        "UPDATE pledge SET data_key = 'x'",
        "UPDATE alert_mail SET address = 'x'",
        # The record, what staff did, and the trail.
        "UPDATE campaign SET pledge_words = '{}'",
        "DELETE FROM hearing",
        "INSERT INTO audit_entry (actor, action, subject, hash) VALUES ('x', 'x', '', '')",
        "SELECT * FROM audit_entry",
        "SELECT shorten_the_trail(1)",
        "CREATE TABLE mine (id integer)",
        "SET ROLE confianza_app",
        # Letters with words of a thief's, from our own address.
        "INSERT INTO pgqueuer (priority, status, entrypoint, payload)"
        """ VALUES (0, 'queued', 'admin_mail', '{"subject": "Sign in here"}')""",
        "UPDATE pgqueuer SET entrypoint = 'admin_mail'",
    ],
)
def test_the_publics_role_in_the_database_cannot(lived: Apart, statement: str) -> None:
    """The attack: the connection that a web process has."""
    from backend import database_roles

    public = database_roles.as_role(lived.site.database, database_roles.PUBLIC)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        execute(public, statement)


def test_what_the_public_asks_the_worker_for_are_jobs_there_are() -> None:
    from backend import database_roles, worker

    assert set(database_roles.JOBS_OF_THE_PUBLIC) <= worker.JOBS.keys()


def test_privacy_says_so_where_it_is_so(lived: Apart) -> None:
    for sentence in ("The part of this site that takes your name cannot open it again",
                     "Whoever breaks into the pages that everybody sees"):  # fmt: skip
        assert sentence in httpx.get(lived.site.url + "/privacy").text
        assert sentence not in httpx.get(lived.desk.url + "/privacy").text


async def test_a_canvassed_sign_up_is_opened_by_the_worker(
    lived: Apart, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KEYS", "PRIVATE_KEYS"):
        monkeypatch.setenv(name, lived.worker[name])
    use(lived.site.database)
    try:
        campaign = await Campaign.objects().where(Campaign.slug == CAMPAIGN).first()
        assert campaign is not None
        shift = Shift(
            code=receipts.new_via(), event="Market", campaigns=[campaign.id], languages=["en"],
            starts_at=now(), ends_at=now() + datetime.timedelta(hours=3),
        )  # fmt: skip
        await shift.save()
        rosa = await devices.begin_canvasser("Rosa")
        code = await devices.invite(shift.id, rosa.id, None)
        texts = await loading.consents_for(campaign, "es")
        shown = ".".join(str(text.id) for text in texts.values())
    finally:
        use(database_url)
    with httpx.Client(base_url=lived.site.url, headers=OURS) as phone:
        joined = phone.post("/canvass/devices", json={"code": code, "label": "red"})
        token = joined.headers["set-cookie"].partition("=")[2].partition(";")[0]
        phone.cookies.clear()
        phone.headers["cookie"] = f"__Host-canvass={token}"
        record = _sealed(joined.json()["device"], shift.id, shown)
        assert phone.post("/canvass/records", json=record).status_code == 200
        assert phone.post("/canvass/seen", json={"unsent": 0}).status_code == 200
        wrong = phone.post("/canvass/devices", json={"code": "ABCDEFGHJK"})
        assert wrong.status_code == 422
    await asyncio.to_thread(_is_counted, lived)


def _is_counted(lived: Apart) -> None:
    until(lambda: fetch(lived.site.database, "SELECT FROM canvass_record WHERE state = 1"))
    [row] = fetch(lived.site.database, "SELECT sealed, problem FROM canvass_record")
    assert (row["sealed"], row["problem"]) == (None, None)


def _sealed(device: Any, shift: int, shown: str) -> dict[str, Any]:
    key, public = sealing.public_key()
    id = signing.new_id()
    said = {**SAID, "receipt": receipts.new(), "campaign": CAMPAIGN, "contact": "m@example.org"}
    point = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), base64.urlsafe_b64decode(public + "=")
    )
    text = json.dumps(said).encode().ljust(512)
    sealed = sealing._SUITE.encrypt(text, point, Place(key, id, device, shown).info())
    return {
        "id": str(id), "device": str(device), "shift": shift, "key": key, "shown": shown,
        "sealed": base64.urlsafe_b64encode(sealed).decode().rstrip("="),
        "saved_at": now().isoformat(),
    }  # fmt: skip


def test_a_phones_forget_ends_a_desk_session_without_the_trails_key(lived: Apart) -> None:
    link = command("staff", "add", "Frida", "--role", "admin", **lived.worker)
    assert link.returncode == 0, link.stderr
    [account] = fetch(lived.site.database, "SELECT id FROM account WHERE name = 'Frida'")
    program = f"""
import asyncio
from backend import settings
from backend.database import use
from backend.staff.tables import Account, Session
async def run():
    use(settings.read().database_url)
    account = await Account.objects().get(Account.id == {account["id"]})
    print((await Session.begin(account))[1])
asyncio.run(run())
"""
    done = do(lived.worker, program)
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip().splitlines()[-1]
    answer = httpx.post(
        lived.site.url + "/forget", headers={**OURS, "cookie": f"__Host-desk={token}"}
    )
    assert answer.status_code in (200, 303)
    until(lambda: fetch(lived.site.database, "SELECT FROM audit_entry WHERE action = 'signed_out'"))
    assert command("audit", "verify", **lived.worker).returncode == 0
