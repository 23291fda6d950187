# Everything a checkout needs is made by these rules, from Python 3.11+ and make alone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
# By all cores; a package may bring files of another Python's syntax, which stay as they are.
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib src || true
# Half of a test's time is spent waiting for processes.
WORKERS ?= $(shell echo $$((2 * $$(nproc))))
RUN := $(VENV)/.run
DEV := $(VENV)/.dev

unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test collected test-cgroups check format bench lock browser demo screenshots clean

run: $(RUN)
	$(BIN)/proctor serve

test: $(DEV)
	@$(MAKE) --no-print-directory -j check collected browser
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

# Once, so that not each of the workers compiles all tests for itself.
collected: $(DEV)
	@$(BIN)/pytest --collect-only -q > $(VENV)/collected || { cat $(VENV)/collected; exit 1; }

# Limits by cgroup v2, in a virtual machine, for few machines let a test write there.
test-cgroups: $(DEV)
	scripts/vm env PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/pytest -v $(CGROUP_TESTS)

CGROUP_TESTS := tests/keeper/test_limits.py tests/system/test_limits.py tests/system/test_cgroups.py

# The tests of the web UI need a browser.  PROCTOR_NO_BROWSER=1 leaves them out.
browser:
	@scripts/install-chromium

# A dozen tasks to look at, on http://127.0.0.1:8680/ until Ctrl-C.
demo: $(RUN)
	$(BIN)/python scripts/demo/run.py

screenshots: $(DEV) browser
	$(BIN)/python scripts/demo/screenshots.py

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV)
	$(BIN)/python bench/run.py
	$(BIN)/python bench/melang/run.py

$(RUN): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Proctor needs Python 3.11 or newer: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --editable .
	$(COMPILE)
	touch $@

$(DEV): $(RUN) requirements-dev.lock
	$(PIP) --require-hashes -r requirements-dev.lock
	$(COMPILE)
	touch $@

lock:
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) --group dev --extra mysql -c requirements.lock pyproject.toml -o requirements-dev.lock

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis bench/build
