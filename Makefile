# All targets use a virtual environment of their own; nothing else has to be installed.
# The first Python that is new enough; `make PYTHON=...` for another one.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
# Many tests wait, for a server or for a deadline: three processes keep two cores busy.
WORKERS ?= 3
# Compiled code is kept: the processes that tests start would compile the package again, each of them.
unexport PYTHONDONTWRITEBYTECODE

XDIST = --numprocesses $(WORKERS) --dist loadfile
PYTEST = $(BIN)/python -m pytest $(XDIST)
comma := ,
# The folders that `make test-slow` runs with the lowest versions: all that use the direct dependencies.
LOWEST ?= tests/api tests/call tests/client tests/decoding tests/loops tests/manifest tests/sandbox tests/schema tests/transport tests/values

PYTHONS ?= $(wildcard $(foreach minor,11 12 13 14 15,$(HOME)/.pyenv/versions/3.$(minor)*/bin/python)) \
  python3.11 python3.12 python3.13 python3.14 python3.15

.PHONY: help demo test test-slow test-lowest test-pythons mutants check format docs site session bench bench-peers \
  manifest build clean

help:
	@echo "make demo         run a whole pipeline against a sandbox that it starts: 5 seconds, and a minute of set-up at first"
	@echo "make test         run the tests, in about two minutes on two cores; ARGS=\"-k paging\" selects some"
	@echo "make test-slow    run the slow tests: type checkers, packaging, long property runs, lowest versions"
	@echo "make test-lowest  run the tests with the lowest versions that pyproject.toml allows"
	@echo "make test-pythons run the tests on every Python from 3.11 up that is installed"
	@echo "make mutants      mutation testing of the rules of retries, pages, waits, webhooks and diffs"
	@echo "make check        formatting, lint, types"
	@echo "make bench        benchmarks; make bench-peers runs those of other clients too"
	@echo "make docs         run the code of the README and of docs/"
	@echo "make site         build the documentation as a site, in site/"
	@echo "make session      record the terminal session of the README again"
	@echo "make manifest     apply the overlay to the bundled manifest again"
	@echo "make build        wheel and sdist, in dist/"
	@echo "make clean        remove all files that these targets make"

# Some systems ship `venv` without the pip that it installs; the system's own pip can then fill it.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed.")'
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV)

# $(1): requirements, $(2): the environment. The time that it takes is printed, as the tests print theirs.
define install
	@start=$$(date +%s); echo "Setting up $(2) ..."; \
	if $(2)/bin/python -c 'import pip' 2>/dev/null; then pip="$(2)/bin/python -m pip"; \
	else pip="$(PYTHON) -m pip --python $(2)/bin/python"; fi; \
	$$pip install --quiet --disable-pip-version-check $(1) && \
	echo "Set up $(2) in $$(( $$(date +%s) - start )) s."
endef

define timed
	@start=$$(date +%s); $(1); status=$$?; echo "$(2) took $$(( $$(date +%s) - start )) s."; exit $$status
endef

$(VENV)/.sandbox: pyproject.toml | $(BIN)/python
	$(call install,--editable '.[sandbox]',$(VENV))
	@touch $@

$(VENV)/.dev: pyproject.toml .ci/requirements.py | $(BIN)/python
	@$(BIN)/python .ci/requirements.py dev > $(VENV)/requirements.txt
	$(call install,--editable '.[sandbox$(comma)progress$(comma)query$(comma)cloud]' --requirement $(VENV)/requirements.txt,$(VENV))
	@touch $@ $(VENV)/.sandbox

demo: $(VENV)/.sandbox
	@$(BIN)/python docs/examples/pipeline.py

test: $(VENV)/.dev
	$(call timed,$(PYTEST) -m "not slow" $(ARGS),Testing)

# Without ARGS the folders in LOWEST run with the lowest versions too, all their tests.
test-slow: $(VENV)/.dev
	$(call timed,$(PYTEST) -m slow $(ARGS),Testing)
	@test -n "$(ARGS)" || $(MAKE) --no-print-directory test-lowest

# An environment of its own: the lowest versions of the direct dependencies, on the oldest Python found.
test-lowest: | $(BIN)/python
	@test -x .venv-lowest/bin/python || $(PYTHON) -m venv .venv-lowest 2>/dev/null || \
	  $(PYTHON) -m venv --clear --without-pip .venv-lowest
	@$(PYTHON) .ci/requirements.py --lowest > .venv-lowest/constraints.txt
	@$(PYTHON) .ci/requirements.py test > .venv-lowest/requirements.txt
	$(call install,--editable '.[sandbox$(comma)progress$(comma)query$(comma)cloud]' --constraint .venv-lowest/constraints.txt \
	  --requirement .venv-lowest/requirements.txt,.venv-lowest)
	$(call timed,.venv-lowest/bin/python -m pytest $(XDIST) $(or $(ARGS),$(LOWEST)),Testing with lowest versions)

test-pythons:
	@done=""; for python in $(PYTHONS); do \
	  version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	  case " $$done " in *" $$version "*) continue;; esac; done="$$done $$version"; \
	  echo "== Python $$version"; \
	  $(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$$version || exit 1; \
	done; test -n "$$done" || { echo "No Python from 3.11 up was found."; exit 1; }

mutants: $(VENV)/.dev
	$(call timed,$(BIN)/python -m tests.mutants $(ARGS),Mutation testing)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev
	$(PYTEST) tests/docs

site: $(VENV)/.dev
	$(BIN)/python -m docs.build_site --out site

session: $(VENV)/.dev
	$(BIN)/python -m docs.record_session

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench --json bench-results/bench.json

bench-peers: $(VENV)/.dev
	$(BIN)/python -m tests.bench --peers --json bench-results/peers.json

manifest: $(VENV)/.dev
	$(BIN)/python -m geopera manifest compile manifest/geopera.json --output manifest/geopera.json

build: $(VENV)/.dev
	$(BIN)/python -m hatchling build

clean:
	rm -rf $(VENV) .venv-* dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis site
