# Everything that runs in CI runs here: see `make help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CARGO ?= cargo
PYTEST := $(BIN)/python -m pytest -q
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Most tests wait for sockets, so more of them run at once than the machine has cores.
WORKERS ?= 4

VOCABULARY := src/tenbin/configfile/expression/vocabulary.json

# Builds that differ in every crate stand beside the ordinary ones.
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
TRIPLE := $(shell $(CARGO) --version --verbose 2>/dev/null | sed -n 's/^host: //p')
SANITIZED := CARGO_TARGET_DIR=$(TARGET)/tsan RUSTFLAGS=-Zsanitizer=thread
MODELS := CARGO_TARGET_DIR=$(TARGET)/models RUSTFLAGS="--cfg tenbin_loom" $(CARGO) test --quiet --locked --profile models

PYTHON_DIRECTORIES := $(wildcard src tests benches examples docs)
# An editable install reads the Python files where they stand: only these make it old.
BUILT_FROM := $(shell find crates -name '*.rs' -o -name Cargo.toml) $(shell find deploy/wheel -type f) \
              Cargo.toml Cargo.lock pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup vocabulary build demo check lint types layers sizes unit-python unit-rust loom tsan test e2e faults soak conformance bench scan fuzz lock clean
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

vocabulary: ## Write what expressions may say, as the data plane knows it, for the readers of configurations
	$(CARGO) run --quiet --locked --package tenbin-dataplane -- vocabulary > $(VOCABULARY).new && mv $(VOCABULARY).new $(VOCABULARY)

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

sizes: $(VENV)/.locked ## Sizes of files and functions, words, unsafe code, licences, advisories
	$(PYTEST) tests/house

unit-rust: ## Tests of the crates
	$(CARGO) test --quiet --locked --workspace

loom: ## Models of what threads share, in every order of their turns
	$(MODELS) --package tenbin-balance --test loom
	$(MODELS) --package tenbin-engine --lib models::

# The standard library is built, too: what it does in its own machine code would look like a race.
tsan: build ## Tests with threads, and a data plane under load, under ThreadSanitizer (needs Rust nightly)
	@$(CARGO) +nightly --version >/dev/null 2>&1 && \
	  test -e "$$(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" || { \
	  echo "make tsan needs the nightly compiler and its sources: rustup toolchain install nightly --component rust-src" >&2; exit 1; }
	TSAN_OPTIONS="halt_on_error=1" $(SANITIZED) $(CARGO) +nightly test --quiet -Zbuild-std --target $(TRIPLE) \
	  --package tenbin-balance --test threads --package tenbin-engine --lib
	$(SANITIZED) $(CARGO) +nightly build --quiet -Zbuild-std --target $(TRIPLE) --package tenbin-dataplane
	TSAN_OPTIONS="halt_on_error=1" TENBIN_DATAPLANE=$(TARGET)/tsan/$(TRIPLE)/debug/tenbin-dataplane \
	  $(PYTEST) -n $(WORKERS) tests/property/test_dataplane.py tests/faults/test_seam.py tests/faults/test_removed_servers.py

unit-python: build ## Tests of single Python parts, and what both halves are held to
	$(PYTEST) -n $(WORKERS) tests/unit tests/contract

test: sizes unit-rust loom unit-python build ## Run every test
	$(PYTEST) -n $(WORKERS) tests --ignore=tests/unit --ignore=tests/contract --ignore=tests/house

e2e: build ## Run the tests with real processes and sockets
	$(PYTEST) -n $(WORKERS) tests/e2e tests/acceptance tests/conformance

faults: build ## Kill, stop, drop and reset around Tenbin, HAProxy and nginx, in full length (FAULTS=--short: as the tests do)
	PYTHONPATH=tests $(BIN)/python -m faults.run $(FAULTS); status=$$?; \
	  PYTHONPATH=tests $(BIN)/python -m docs.figures && exit $$status

conformance: build ## Play bad messages through Tenbin, HAProxy and nginx, and quote the figures in README
	PYTHONPATH=tests $(BIN)/python -m conformance.run tenbin haproxy nginx --results benches/results
	PYTHONPATH=tests $(BIN)/python -m docs.figures

soak: build ## Break something every few seconds, by chance from a seed (SECONDS=1800, SOAK="--seed N --period S")
	PYTHONPATH=tests $(BIN)/python -m faults.soak --seconds $(or $(SECONDS),1800) $(SOAK)

bench: build ## Measure beside HAProxy, nginx and a bare relay, and quote the figures in README
	$(BIN)/python benches/run.py $(BENCH)
	PYTHONPATH=tests $(BIN)/python -m docs.figures

scan: build ## Let h2spec and sslyze look at a running Tenbin (needs Go; SCAN="--against haproxy": at HAProxy)
	$(PYTHON) -m venv $(VENV)/scan
	$(VENV)/scan/bin/python -m pip --quiet --disable-pip-version-check install 'sslyze>=6.3,<7'
	GOBIN=$(CURDIR)/$(VENV)/scan/bin go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
	PYTHONPATH=tests $(BIN)/python -m scan.run --h2spec $(VENV)/scan/bin/h2spec --sslyze $(VENV)/scan/bin/sslyze $(SCAN)

fuzz: ## Search each parser for a minute for bytes that break it (SECONDS=600 TARGETS="request answer")
	SECONDS_EACH=$(or $(SECONDS),60) fuzz/run $(TARGETS)

lock: ## Resolve the Python dependencies anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" --quiet --output-file requirements/dev.txt

clean: ## Remove what was built
	rm -rf $(VENV) target dist
