"""The audit trail as a page and as a file."""

import ast
import csv
import datetime
import io
from collections.abc import Awaitable, Callable

import pytest

from backend.settings import HOUSE
from backend.staff import audit
from backend.staff.actions import ACTIONS
from backend.staff.tables import AuditEntry
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]


@pytest.fixture
async def admin(at_the_desk: AtTheDesk) -> Colleague:
    return await at_the_desk("admin", name="Rosa", fresh=True)


def written_actions() -> set[str]:
    """Every action that some code writes into the trail by name."""
    found = set()
    for path in (HOUSE / "backend").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.write":
                action = node.args[1]
                if isinstance(action, ast.Constant):
                    found.add(action.value)
    return found


def test_every_action_has_words() -> None:
    assert len(written_actions()) > 10
    assert written_actions() - set(ACTIONS) == set(), "put these into backend/staff/actions.py"


async def test_the_newest_line_comes_first_in_words(admin: Colleague) -> None:
    await audit.write(audit.NOBODY, "sign_in_failed", "staff Ben", reason="not_verified")
    await audit.write("Ana <b>", "roles_changed", "staff Ben", before=["editor"], after=["admin"])
    await audit.write("Ana", "turned_upside_down", "rule sonoma/x", deep={"a": 1})
    page = (await admin.get("/desk/audit")).text
    told = [
        "turned upside down",
        "deep: {&#34;a&#34;: 1}",
        "Ana &lt;b&gt;",
        "changed someone’s roles",
        "after: admin · before: editor",
        "<strong>nobody we know</strong> a sign-in failed",
    ]
    places = [page.find(words, page.find('class="things trail"')) for words in told]
    assert -1 not in places
    assert places == sorted(places)
    spanish = (await admin.get("/desk/audit?lang=es")).text
    assert "cambió las funciones de alguien" in spanish


async def test_older_lines_are_one_link_away(admin: Colleague) -> None:
    for number in range(120):
        await audit.write("Ana", "signed_in", f"passkey {number}")
    seen: list[str] = []
    address: str | None = "/desk/audit?actor=Ana"
    while address:
        page = (await admin.get(address)).text
        trail = page[page.find('class="things trail"') :]
        seen += [line.split("<")[0] for line in trail.split("<span>")[1:]]
        _, _, rest = page.partition('">Older lines')
        before = page[: len(page) - len(rest) - len('">Older lines')] if rest else ""
        address = before.rpartition('href="')[2].replace("&amp;", "&") if rest else None
    assert seen == [f"passkey {number}" for number in reversed(range(120))]


async def test_lines_are_found_by_action_person_and_day_in_california(admin: Colleague) -> None:
    await audit.write("Ana", "signed_in", "passkey 1")
    await audit.write("Ben", "signed_in", "passkey 2")
    await audit.write("Ben", "signed_out", "passkey 3")
    late = datetime.datetime(2020, 3, 2, 7, 59, tzinfo=datetime.UTC)  # 11:59 p.m. on March 1
    old = AuditEntry(at=late, actor="Ben", action="signed_in", subject="passkey 4", hash=b"")
    await old.save()

    async def found(query: str) -> set[str]:
        page = (await admin.get(f"/desk/audit?{query}")).text
        return {f"passkey {n}" for n in (1, 2, 3, 4) if f"<span>passkey {n}</span>" in page}

    assert await found("action=signed_in") == {"passkey 1", "passkey 2", "passkey 4"}
    assert await found("actor=Ben&action=signed_in") == {"passkey 2", "passkey 4"}
    assert await found("day=2020-03-01") == {"passkey 4"}
    assert await found("day=2020-03-02") == set()
    assert await found("action=nothing") == set()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("day=x", "Write the day like this"),
        ("day=9999-12-31", "Write the day like this"),
        ("day=10000-01-01", "Write the day like this"),
        ("day=0001-01-01", "Write the day like this"),
        ("before=3000000000", "There is no such line."),
        ("before=x", "There is no such line."),
        ("before=99999999999999999999999", "There is no such line."),
        ("before=%C2%B2", "There is no such line."),
    ],
)
async def test_a_question_without_an_answer_is_told_in_words(
    admin: Colleague, query: str, sentence: str
) -> None:
    for path in ("/desk/audit", "/desk/audit.csv"):
        answer = await admin.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert sentence in answer.text


async def test_odd_filters_find_nothing_and_break_nothing(admin: Colleague) -> None:
    for query in ("action=%00", "actor=%00", "action=" + "x" * 3000, "action=a&action=b", "day="):
        assert (await admin.get(f"/desk/audit?{query}")).status_code == 200


async def test_the_chain_is_checked_on_a_click(admin: Colleague) -> None:
    await audit.write("Ana", "signed_in")
    await audit.write("Ana", "signed_out")
    answer = await admin.post("/desk/audit/verify")
    last = await AuditEntry.select().order_by(AuditEntry.id, ascending=False).first()
    assert "The chain holds" in answer.text
    assert last["hash"].hex() in answer.text
    await AuditEntry.raw("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
    await AuditEntry.raw("UPDATE audit_entry SET actor = 'Ben' WHERE id = {}", last["id"])
    await AuditEntry.raw("ALTER TABLE audit_entry ENABLE TRIGGER ALL")
    answer = await admin.post("/desk/audit/verify")
    assert f"The chain breaks at line {last['id']}:" in answer.text


async def test_the_file_holds_every_line_and_no_formula(admin: Colleague) -> None:
    for number in range(1100):
        await audit.write("Ana", "signed_in", f"passkey {number}")
    for subject in ("=1+1", "+1", "-1", "@x", "\tx", "\rx", 'a,"b"\n'):
        await audit.write("=HYPERLINK()", "changed", subject, word="=2")
    answer = await admin.get("/desk/audit.csv?actor=Ana")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["subject"] for row in rows] == [f"passkey {n}" for n in reversed(range(1100))]
    everything = list(csv.reader(io.StringIO((await admin.get("/desk/audit.csv")).text)))
    cells = [cell for row in everything for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    assert "'=1+1" in cells
    exported = await AuditEntry.select().order_by(AuditEntry.id, ascending=False).first()
    assert (exported["actor"], exported["action"]) == ("Rosa", "exported")


async def test_the_file_needs_a_passkey_shown_just_now(at_the_desk: AtTheDesk) -> None:
    admin = await at_the_desk("admin", name="Rosa")
    answer = await admin.get("/desk/audit.csv?actor=Ana")
    assert answer.headers["location"] == "/desk/step-up?next=/desk/audit.csv%3Factor%3DAna"
    assert not await AuditEntry.exists().where(AuditEntry.action == "exported")
