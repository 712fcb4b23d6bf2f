# Everything runs in a virtual environment of its own; nothing else has to be installed.
# The first Python that is new enough; `make PYTHON=...` for another one.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: help demo test test-slow test-all check format docs bench bench-peers manifest build clean

help:
	@echo "make demo      run the whole pipeline against the embedded sandbox"
	@echo "make test      run the tests; ARGS=\"-k paging\" chooses some"
	@echo "make test-slow run what takes longer: type checkers, packaging, the official programs"
	@echo "make test-all  run them on every Python from 3.11 up that is installed"
	@echo "make check     formatting, lint, types"
	@echo "make bench     measure; make bench-peers measures other clients too"
	@echo "make docs      run the code of the README and of docs/"
	@echo "make manifest  apply the overlay to the bundled manifest again"
	@echo "make build     wheel and sdist, in dist/"

# Some systems ship `venv` without the pip that it installs; the system's own pip can then fill it.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed.")'
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV)

define install
	@if $(BIN)/python -c 'import pip' 2>/dev/null; then pip="$(BIN)/python -m pip"; \
	else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi; \
	$$pip install --quiet --disable-pip-version-check --editable '$(1)'
endef

$(VENV)/.sandbox: pyproject.toml | $(BIN)/python
	$(call install,.[sandbox])
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(call install,.[dev])
	@touch $@ $(VENV)/.sandbox

demo: $(VENV)/.sandbox
	$(BIN)/python docs/examples/pipeline.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile -m "not slow" $(ARGS)

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile -m slow $(ARGS)

test-all:
	@found=0; for version in 3.11 3.12 3.13 3.14 3.15; do \
	  if python$$version -c '' 2>/dev/null; then \
	    found=1; echo "== Python $$version"; \
	    $(MAKE) --no-print-directory test PYTHON=python$$version VENV=.venv-$$version || exit 1; \
	  fi; \
	done; test $$found = 1 || { echo "no Python from 3.11 up was found"; exit 1; }

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev
	$(BIN)/python -m pytest tests/docs

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench --json bench-results/bench.json

bench-peers: $(VENV)/.dev
	$(BIN)/python -m tests.bench --peers --json bench-results/peers.json

manifest: $(VENV)/.dev
	$(BIN)/python -m geopera manifest compile manifest/geopera.json --output manifest/geopera.json

build: $(VENV)/.dev
	$(BIN)/python -m hatchling build

clean:
	rm -rf $(VENV) .venv-* dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
