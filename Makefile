# Everything that one does with a clone of Tenbin; `make help` lists it. CI does nothing that is not here.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export CARGO_TARGET_DIR ?= $(CURDIR)/target
# How many tests run at once. They mostly wait for sockets, so more than the machine has cores.
JOBS ?= 4
PYTEST := $(BIN)/python -m pytest

CARGO_FILES := Cargo.toml Cargo.lock $(wildcard crates/*/Cargo.toml)
RUST_FILES := $(shell find crates -name '*.rs')
TOOLED := src tests $(wildcard benches examples)

.DEFAULT_GOAL := help
.PHONY: help setup build check lint layers unit cargo-test house test e2e faults demo lock clean
# A target that failed half-way must not look made.
.DELETE_ON_ERROR:

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/installed ## Create .venv with the locked Python dependencies

build: $(VENV)/built ## Build the data plane in release and install Tenbin into .venv

check: lint layers house unit cargo-test ## Lints, types, layers, sizes, fast tests: before every commit

lint: $(VENV)/installed ## Formats, lints and types of both languages
	$(BIN)/ruff format --check $(TOOLED)
	$(BIN)/ruff check $(TOOLED)
	$(BIN)/mypy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

layers: $(VENV)/installed ## Which Python package may import which
	$(BIN)/lint-imports

house: $(VENV)/installed ## Sizes, words, unsafe code, licences
	$(PYTEST) -q tests/house

unit: $(VENV)/built ## Tests of single parts, and the vectors that both halves are held to
	$(PYTEST) -q -n $(JOBS) $(wildcard tests/unit tests/contract tests/golden)

cargo-test: ## Tests of the crates
	cargo test --workspace --locked --quiet

test: $(VENV)/built cargo-test ## Every test there is
	$(PYTEST) -n $(JOBS) tests

e2e: $(VENV)/built ## Tests through real sockets and processes
	$(PYTEST) -n $(JOBS) tests/e2e tests/acceptance

faults: $(VENV)/built ## Kill, stop, drop and reset things under load
	$(PYTEST) -n $(JOBS) tests/faults

demo: $(VENV)/built ## Three servers behind Tenbin; one is killed, nothing fails (KEEP=1 leaves it running)
	$(BIN)/tenbin demo $(if $(KEEP),--keep)

lock: ## Resolve the Python dependencies anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" --quiet -o requirements/dev.txt

clean: ## Remove what the other targets made
	rm -rf $(VENV) target dist wheels .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/installed: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Tenbin needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@command -v cargo >/dev/null || { echo "Tenbin needs cargo: install Rust 1.88 or newer" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# The package is installed in place: Python files count as they stand, only Rust needs building.
$(VENV)/built: $(VENV)/installed pyproject.toml packaging/scripts/tenbin $(CARGO_FILES) $(RUST_FILES)
	cargo build --release --locked --package tenbin-dataplane
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-build-isolation --no-deps --editable .
	@touch $@
