"""`python -m backend import hearings FILE`."""

from pathlib import Path

from tests.databases import command, empty_database, fetch

HEAD = "title,kind,county,date,time,source_url"


def test_a_table_is_looked_at_first_and_then_taken(server_url: str, tmp_path: Path) -> None:
    table = tmp_path / "hearings.csv"
    table.write_text(f"{HEAD}\nForum,forum,sonoma,2026-12-15,1:30 PM,https://example.org/a\n")
    with empty_database(server_url, "import_hearings") as url:
        assert command("load", DATABASE_URL=url).returncode == 0
        tried = command("import", "hearings", str(table), "--dry-run", DATABASE_URL=url)
        assert (tried.returncode, tried.stderr) == (0, "")
        assert "1 meetings, 1 of them relevant: 1 proposals" in tried.stdout
        assert fetch(url, "SELECT 1 FROM proposal") == []
        assert command("import", "hearings", str(table), DATABASE_URL=url).returncode == 0
        [row] = fetch(url, "SELECT state, made_at FROM proposal")
        assert row["state"] == "waiting"

        table.write_text(f"{HEAD}\nForum,party,sonoma,soon,,no\n")
        wrong = command("import", "hearings", str(table), DATABASE_URL=url)
        assert wrong.returncode == 1
        assert "nothing was taken" in wrong.stderr
        assert "Line 2, date: give a day, like 2026-12-15" in wrong.stderr
        missing = command("import", "hearings", str(tmp_path / "none.csv"), DATABASE_URL=url)
        assert missing.returncode == 1
        assert "cannot be read: No such file or directory" in missing.stderr
