# Two commands: `make run` serves the site, `make test` checks everything.
# From a clean clone they need git, make and Python 3.11 or newer; nothing else.

PYTHON ?= python3
BIN := .venv/bin

# Our modules are compiled once, not by each of the many commands that the tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-fast coverage check bench policyengine browser sbom clean

run: .venv/runs
	@exec $(BIN)/python -m backend serve

# Runs beside each other: much of a test is waiting for a browser, a server or a clock.
PYTEST := -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# What fails is asked once more alone, since a few tests mind how busy the machine is; failing twice is
# failing, and so is a run that broke off.
test: check
	@$(BIN)/python $(PYTEST) || { [ $$? = 1 ] && $(BIN)/python -m pytest --last-failed --last-failed-no-failures none; }

# For the loop of work: what starts no program and takes no seconds.
test-fast: .venv/tests
	@$(BIN)/python $(PYTEST) -m "not slow"

# How much of the public code the tests run, and what of it they ran before and no longer do: every
# night, since all processes that the tests start are looked at too, which takes twice the time.
coverage: .venv/tests browser
	@rm -rf var/coverage
	@$(BIN)/coverage run $(PYTEST)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage json --quiet -o var/coverage/report.json
	@$(BIN)/python tests/coverage_report.py

check: .venv/tests browser
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tests/check_scripts.py

browser: .venv/tests
	@$(BIN)/python tests/browser/install.py

bench: .venv/tests browser
	@$(BIN)/python -m backend bench

# The guide held against PolicyEngine: every night, not with the tests. Its environment is almost 1 GB.
policyengine: .venv/tests
	@$(BIN)/python tests/policyengine/compare.py

# What the house is made of, for whoever has to look whether a hole somewhere is ours too (CycloneDX).
sbom: .venv/tests
	@$(BIN)/python -m cyclonedx_py requirements requirements.txt --output-reproducible -o var/sbom.json
	@echo "var/sbom.json; the browser’s packages are in frontend/package-lock.json"

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Confianza needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

# What comes as source alone is built with the locked setuptools, not with the day's newest.
.venv/runs: requirements.txt requirements-build.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --use-pep517 --require-hashes --no-deps -r requirements.txt
	@touch $@

.venv/tests: requirements-dev.txt frontend/package-lock.json .venv/runs | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	$(BIN)/python -m backend setup
	@touch $@

clean:
	rm -rf .venv var frontend/node_modules frontend/assets/vendor
