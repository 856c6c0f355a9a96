"""Where importers may be sent instead of the public hosts: in development, to ourselves."""

import pytest

from backend import settings


@pytest.mark.parametrize(
    "there",
    [
        "http://10.0.0.1:80",
        "http://example.org",
        "http://127.0.0.1",
        "http://127.0.0.1:80@example.org",
        "ftp://127.0.0.1:1",
        "anywhere",
    ],
)
def test_importers_are_sent_nowhere_but_to_this_machine(
    monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    monkeypatch.setenv("DEVELOPMENT", "1")
    monkeypatch.setenv("IMPORTS_FROM", there)
    with pytest.raises(settings.WrongSetting, match="IMPORTS_FROM must be"):
        settings.read()


def test_importers_are_sent_to_this_machine_only_in_development(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMPORTS_FROM", "http://127.0.0.1:9300/")
    monkeypatch.setenv("DEVELOPMENT", "")
    with pytest.raises(settings.WrongSetting, match="for development"):
        settings.read()
    monkeypatch.setenv("DEVELOPMENT", "1")
    assert settings.read().imports_from == "http://127.0.0.1:9300"


def test_tests_ask_no_county(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.imports_from() == "nowhere"
    monkeypatch.delenv("IMPORTS_FROM")
    assert settings.imports_from() == ""
