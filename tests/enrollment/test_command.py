"""`python -m backend import`: the same as at the desk, from a terminal."""

from pathlib import Path

import pytest

from tests.databases import command, empty_database, fetch
from tests.enrollment.making import hrsa, hrsa_row


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    path = tmp_path / "sites.csv"
    path.write_bytes(hrsa([hrsa_row(1), hrsa_row(2)]))
    return path


def test_a_list_comes_in_by_command(server_url: str, sites: Path) -> None:
    with empty_database(server_url, "importing") as url:
        looked = command("import", "hrsa", str(sites), "--dry-run", DATABASE_URL=url)
        assert looked.returncode == 0, looked.stderr
        assert "2 new" in looked.stdout
        assert fetch(url, "SELECT count(*) FROM help_place")[0][0] == 0
        done = command("import", "hrsa", str(sites), DATABASE_URL=url)
        assert done.stdout.endswith("Done.\n")
        assert fetch(url, "SELECT count(*) FROM help_place")[0][0] == 2
        sites.write_bytes(hrsa([hrsa_row(1, **{"Site Telephone Number": "call the desk"})]))
        refused = command("import", "hrsa", str(sites), DATABASE_URL=url)
        assert refused.returncode == 1
        assert "line 2, column “Site Telephone Number”" in refused.stdout
        assert "nothing was changed" in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("nobody", "x.csv"),
            "there is no source 'nobody'; there are: hearings, hrsa, cdph, dhcs, hsds",
        ),
        (("hrsa", "/nowhere/x.csv"), "No such file or directory"),
        (("dhcs", "README.md", "--columns", "phone"), "is not like “phone=Main line”"),
    ],
)
def test_a_command_that_cannot_work_says_why(arguments: tuple[str, ...], words: str) -> None:
    done = command("import", *arguments, DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
