# Everything that runs in CI runs here: see `make help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CARGO ?= cargo
PYTEST := $(BIN)/python -m pytest -q
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Most tests wait for sockets, so more of them run at once than the machine has cores.
WORKERS ?= 4
# How long a soak is.
SECONDS ?= 1800

PYTHON_DIRECTORIES := $(wildcard src tests benches examples docs)
# An editable install reads the Python files where they stand: only these make it old.
BUILT_FROM := $(shell find crates -name '*.rs' -o -name Cargo.toml) $(shell find deploy/wheel -type f) \
              Cargo.toml Cargo.lock pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup build demo check lint types layers sizes unit-python unit-rust test e2e faults soak bench lock clean
.DELETE_ON_ERROR:

help: ## Show this
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(VENV)/.locked: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tenbin needs Python 3.11 or later: make PYTHON=...")'
	@command -v $(CARGO) >/dev/null || { echo "Tenbin needs cargo, of Rust 1.88 or later" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# cargo comes first only to show its progress, which pip hides.
$(VENV)/.installed: $(VENV)/.locked $(BUILT_FROM)
	$(CARGO) build --release --locked --package tenbin-dataplane
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

setup: $(VENV)/.locked ## Create .venv with the locked dependencies

build: $(VENV)/.installed ## Build the data plane in release and install Tenbin into .venv

demo: build ## Run three servers behind Tenbin and a short live tour (DEMO=--keep: and leave them running)
	$(BIN)/tenbin demo $(DEMO)

check: lint types layers sizes unit-rust unit-python ## Lint, types, layers, sizes, fast tests

lint: $(VENV)/.locked ## Formats and lints of both languages
	$(BIN)/ruff check $(PYTHON_DIRECTORIES)
	$(BIN)/ruff format --check $(PYTHON_DIRECTORIES)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --locked --workspace --all-targets -- -D warnings

types: $(VENV)/.locked ## mypy --strict
	$(BIN)/mypy

layers: $(VENV)/.locked ## Which Python package may import which
	PYTHONPATH=src $(BIN)/lint-imports --no-logo

sizes: $(VENV)/.locked ## Sizes of files and functions, words, unsafe code, licences
	$(PYTEST) tests/house

unit-rust: ## Tests of the crates
	$(CARGO) test --quiet --locked --workspace

unit-python: build ## Tests of single Python parts, and what both halves are held to
	$(PYTEST) -n $(WORKERS) tests/unit tests/contract

test: sizes unit-rust unit-python build ## Run every test
	$(PYTEST) -n $(WORKERS) tests --ignore=tests/unit --ignore=tests/contract --ignore=tests/house

e2e: build ## Run the tests with real processes and sockets
	$(PYTEST) -n $(WORKERS) tests/e2e tests/acceptance tests/conformance

faults: build ## Kill, stop, drop and reset around Tenbin, HAProxy and nginx, in full length (FAULTS=--short: as the tests do)
	PYTHONPATH=tests $(BIN)/python -m faults.run $(FAULTS); status=$$?; \
	  PYTHONPATH=tests $(BIN)/python -m docs.figures && exit $$status

soak: build ## Break something every few seconds, by chance from a seed (SECONDS=1800, SOAK="--seed N --period S")
	PYTHONPATH=tests $(BIN)/python -m faults.soak --seconds $(SECONDS) $(SOAK)

bench: build ## Measure beside HAProxy, nginx and a bare relay, and quote the figures in README
	$(BIN)/python benches/run.py $(BENCH)
	PYTHONPATH=tests $(BIN)/python -m docs.figures

lock: ## Resolve the Python dependencies anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" --quiet --output-file requirements/dev.txt

clean: ## Remove what was built
	rm -rf $(VENV) target dist
