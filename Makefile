# Everything that runs in CI runs here: see `make help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CARGO ?= cargo
PYTEST := $(BIN)/python -m pytest -q
WORKERS ?= 4

SOURCES := $(shell find src deploy/wheel -type f -not -name '*.pyc') \
           $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock pyproject.toml README.md

.DEFAULT_GOAL := help
.PHONY: help setup build demo check lint types layers sizes unit-python unit-rust test e2e faults bench clean

help: ## Show this
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(VENV)/.locked: requirements/dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tenbin needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.locked $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --force-reinstall .
	@touch $@

setup: $(VENV)/.locked ## Create .venv with the locked dependencies

build: $(VENV)/.installed ## Build the wheel's binary in release and install both into .venv

demo: build ## Run three servers behind Tenbin and a short live tour
	$(BIN)/tenbin demo $(DEMO)

check: lint types layers sizes unit-rust unit-python ## Lint, types, layers, sizes, fast tests

lint: $(VENV)/.locked
	$(BIN)/ruff check src tests benches
	$(BIN)/ruff format --check src tests benches
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings

types: $(VENV)/.locked
	$(BIN)/mypy

layers: $(VENV)/.locked
	PYTHONPATH=src $(BIN)/lint-imports --no-logo

sizes: $(VENV)/.locked
	$(PYTEST) -n 0 tests/house

unit-rust:
	$(CARGO) test --quiet --workspace

unit-python: build
	$(PYTEST) -n $(WORKERS) tests/unit tests/contract

test: unit-rust unit-python build ## Run every test
	$(PYTEST) -n $(WORKERS) tests --ignore=tests/unit --ignore=tests/contract

e2e: build ## Run the tests with real processes and sockets
	$(PYTEST) -n $(WORKERS) tests/e2e tests/acceptance tests/conformance

faults: build ## Run the tests that kill, stop and starve
	$(PYTEST) -n $(WORKERS) tests/faults

bench: build ## Measure beside HAProxy, nginx and a bare relay
	$(BIN)/python benches/run.py $(BENCH)

clean: ## Remove what was built
	rm -rf $(VENV) target dist
