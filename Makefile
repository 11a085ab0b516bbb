# Needs Python 3.11 or newer, nothing else. `make help` lists the targets.
#
#   PYTHON        the interpreter that makes the environment
#   VENV          where the environment goes
#   PIP_FLAGS     more flags for pip install, such as an index with CPU-only torch
#   PYTEST_FLAGS  more flags for pytest, such as -k checkpoints
#   WORKERS       processes that share the tests
#   PART          which part of the omitted tests `make test-part` runs, such as 3/6
#   NOTEBOOKS     which notebooks to write, such as 05_sinusoids; all unless named

PYTHON ?= python3
VENV ?= .venv
PIP_FLAGS ?=
PYTEST_FLAGS ?=
WORKERS ?= 2
PART ?= 0/6
NOTEBOOKS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# JAX keeps compiled programs here, so that no worker and no later run compiles one again.
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.jax_cache
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0

FOUND = $(shell command -v $(PYTHON) >/dev/null && $(PYTHON) --version 2>&1)
NEW_ENOUGH = $(shell command -v $(PYTHON) >/dev/null && \
	$(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11) or "")')
OLD_PYTHON = zooparity needs Python 3.11 or newer, and $(PYTHON) is $(or $(FOUND),not found); \
	say which to use: make $(MAKECMDGOALS) PYTHON=python3.12

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all test-part notebooks lint lint-ruff lint-format lint-types lint-imports format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make the environment, in tested versions

# Editable, so that only a change of the requirements asks for a new install.
$(STAMP): pyproject.toml constraints.txt
	$(if $(NEW_ENOUGH),,$(error $(OLD_PYTHON)))
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[all]'
	@touch $@

demo: $(STAMP) ## train in both backends from one seed and compare
	$(BIN)/zoo compare

test: $(STAMP) ## run every kind of test in minutes
	$(PYTEST) -m "not slow" --hypothesis-profile=quick $(PYTEST_FLAGS)

test-all: $(STAMP) ## run all tests
	$(PYTEST) $(PYTEST_FLAGS)

test-part: $(STAMP) ## run PART=K/N of the tests that `make test` omits
	$(PYTEST) --part=$(PART) $(PYTEST_FLAGS)

notebooks: $(STAMP) ## run the notebooks' sources and write them
	$(BIN)/python -m notebooks.build $(NOTEBOOKS)

lint: lint-ruff lint-format lint-types lint-imports ## run every check but the tests

lint-ruff: $(STAMP)
	$(BIN)/ruff check .

lint-format: $(STAMP)
	$(BIN)/ruff format --check .

lint-types: $(STAMP)
	$(BIN)/mypy

lint-imports: $(STAMP)
	$(BIN)/lint-imports

format: $(STAMP) ## format the code and repair what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the environment, caches and build outputs
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .jax_cache .mypy_cache .pytest_cache \
		.ruff_cache
	find . -path ./.git -prune -o -name __pycache__ -prune -exec rm -rf {} +
