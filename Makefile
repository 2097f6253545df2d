# One virtual environment in .venv, built from the lock file; every target below runs inside it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.complete
# One process a core, and the tests of a file in one of them: they share what the file sets up. Files in the order of
# tests/conftest.py, the long ones first, so that all processes end together.
PARALLEL := --numprocesses logical --dist loadfile --no-loadscope-reorder
LOCKED := --no-deps --requirement requirements.lock --editable .

# Processes that share cores lose more by threads that wait in a loop than by threads that sleep.
export OMP_WAIT_POLICY := passive

.DEFAULT_GOAL := help
.PHONY: help setup demo test slow check format lock clean

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP) ## Build the environment in .venv; does nothing when it is up to date.

# The lock names every package, so nothing is left to resolve. uv takes a quarter of pip's time; pip knows how this
# machine is configured to reach its packages and steps in where uv cannot.
# Compiled once here: where Python may not write byte code (PYTHONDONTWRITEBYTECODE, read-only folders), every start of
# a program would compile all of its packages anew: 4 core-seconds for torch and transformers alone.
# The stamp is written last: a setup that was interrupted is taken up again by the next one.
$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "diode_pl needs Python 3.11 or newer; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1 || true)" >&2; \
	  echo "Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@rm -f $@
	@echo "Building $(VENV): several GB, a few minutes at the first time."
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
	  echo "This Python comes without venv; fetching virtualenv instead." >&2; \
	  $(PYTHON) -m pip install --quiet --target .virtualenv virtualenv && \
	  PYTHONPATH=.virtualenv $(PYTHON) -m virtualenv --quiet --clear $(VENV); }
	@$(BIN)/python -m pip install --quiet --constraint requirements.lock uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(LOCKED) || \
	  $(BIN)/python -m pip install --quiet $(LOCKED)
	@touch $@

demo: setup ## From the embedded teacher to images and a new student, in a few minutes; the result is in runs/demo.
	OMP_NUM_THREADS=1 $(BIN)/python synthesize.py +experiment=demo
	OMP_NUM_THREADS=1 $(BIN)/python train.py +experiment=demo
	@$(BIN)/python benchmarks/demo_table.py runs/demo/images runs/demo/student

test: check ## Run the checks, then all tests but the slow ones (PYTEST_ARGS passes options on).
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

slow: setup ## Run the tests that take minutes.
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

check: setup ## Check style, format, types and the floors of the house.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Put the code into the agreed form.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Versions only, for every platform: where packages come from is each machine's own business.
lock: setup ## Renew requirements.lock after a change of pyproject.toml (LOCK_ARGS=--upgrade takes newer versions).
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-emit-index-url \
	  --no-header --no-annotate --quiet --output-file requirements.lock $(LOCK_ARGS)

clean: ## Remove the environment and the caches of the checks.
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
