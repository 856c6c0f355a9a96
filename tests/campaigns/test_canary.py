"""Nobody can learn who signed: neither from a copy of the database nor from anything we write."""

import re
import time
from pathlib import Path

import httpx

from backend.backup import _program
from tests.campaigns.working import receipt_in
from tests.databases import empty_database, fetch, run
from tests.serving import serving

NAME = "Quetzalcanario Ñandúperez"
MAIL = "quetzal.canario@example.org"
PHONE = "(415) 555-2671"
SECRETS = ("quetzal", "canario", "ñandú", "example.org", "5552671", "555-2671", "555 2671")
OURS = {"Sec-Fetch-Site": "same-origin"}


def test_no_name_e_mail_or_phone_stands_anywhere_in_the_clear(
    server_url: str, tmp_path: Path
) -> None:
    with (
        empty_database(server_url, "canary") as url,
        serving(tmp_path / "log", DATABASE_URL=url, VAR=str(tmp_path / "var")) as site,
        httpx.Client(timeout=30) as people,
    ):
        codes = []
        page = people.get(f"{site.url}/campaigns/ice-out-of-jails").text
        [agree] = re.findall(r'name="agree_pledge" value="([0-9]+)"', page)
        for contact in (MAIL, PHONE, MAIL.upper()):
            form = {"name": NAME, "contact": contact, "zip": "95401", "agree_pledge": agree}
            people.cookies.clear()
            answer = people.post(
                f"{site.url}/campaigns/ice-out-of-jails/pledges", data=form, headers=OURS
            )
            codes.append(receipt_in(answer))

        def act(receipt: str, what: str, **fields: str) -> None:
            people.post(f"{site.url}/pledges", data={"code": receipt}, headers=OURS)
            mine = people.get(f"{site.url}/pledges/mine").text
            of = re.findall(r'name="of" value="([0-9a-f]+)"', mine)[0]
            address = f"{site.url}/pledges/mine/{what}"
            people.post(address, data={"of": of, **fields}, headers=OURS)

        digits = _digits_in(tmp_path / "var" / "outbox", codes[0])
        act(codes[0], "corrections", name=NAME)
        act(codes[0], "confirmations", code=digits)
        people.get(f"{site.url}/pledges/{codes[1]}?name={NAME}&q={MAIL}")
        people.post(f"{site.url}/pledges/leave", data={"contact": MAIL}, headers=OURS)
        act(codes[1], "withdrawal")
        _wait_for(url, "SELECT FROM pledge WHERE state = 2")
        [row] = fetch(url, "SELECT count(*) FILTER (WHERE state = 2) AS confirmed FROM pledge")
        assert row["confirmed"] == 1
        [is_] = fetch(url, "SELECT current_setting('server_version_num')::int / 10000 AS major")
        dumped = run([_program("pg_dump", is_["major"]), "--inserts", url])
        assert dumped.returncode == 0, dumped.stderr
        assert "INSERT INTO public.pledge " in dumped.stdout
        written = site.written()
    for secret in SECRETS:
        assert secret not in dumped.stdout.casefold(), secret
        assert secret not in written.casefold(), secret
    for code in codes:
        assert code not in dumped.stdout
        assert code not in written


def _digits_in(outbox: Path, receipt: str) -> str:
    """The six digits from the letter that names this receipt."""
    from email import message_from_bytes
    from email.policy import default

    end = time.monotonic() + 20
    while time.monotonic() < end:
        for path in outbox.glob("*.eml"):
            letter = message_from_bytes(path.read_bytes(), policy=default)
            text = letter.get_body(("plain",)).get_content()
            if f"{receipt[:5]}-{receipt[5:]}" in text:
                return re.search(r"\b(\d{3}) (\d{3})\b", text).expand(r"\1\2")
        time.sleep(0.1)
    raise AssertionError("no letter came")


def _wait_for(url: str, question: str) -> None:
    end = time.monotonic() + 20
    while not fetch(url, question):
        assert time.monotonic() < end, question
        time.sleep(0.1)
