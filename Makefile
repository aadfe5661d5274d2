# Each target creates or refreshes .venv by itself.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PEERS := .venv/.installed-peers
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := pyproject.toml setup.py $(wildcard ext/*.pyx ext/*.pxd ext/*.h)

.PHONY: demo test check docs site notebooks browser bench clean

$(STAMP): $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "recsys needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Hint: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@for compiler in "$${CC:-cc}" gcc clang; do command -v "$${compiler%% *}" >/dev/null && exit 0; test -n "$$CC" && break; done; \
	echo "recsys needs a C compiler and found none ($${CC:-cc}). Hint: apt-get install gcc python3-dev (Debian), xcode-select --install (macOS), then make $(MAKECMDGOALS)." >&2; exit 1
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable '.[dev]'
	@touch $@

$(PEERS): $(STAMP)
	$(PIP) --editable '.[dev,bench]'
	@touch $@

demo: $(STAMP)  ## the whole job on a simulated streaming service
	$(BIN)/recsys demo

test: $(STAMP)  ## unit, contract, oracle and end-to-end tests
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(STAMP)  ## style, types, direction of imports, examples in docstrings, the documentation without a warning
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist worksteal --doctest-modules recsys
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

docs: $(STAMP)  ## the documentation site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

site: $(STAMP)  ## serves it while it is written
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict

notebooks: $(STAMP)  ## run all notebooks, and compare with what is committed (NOTEBOOKS="--write quickstart")
	$(BIN)/python -m notebooks $(NOTEBOOKS)

browser: $(STAMP)  ## reports and the site in headless Chromium, which the system provides; pictures in build/pictures
	$(BIN)/python -m pytest tests/browser

bench: $(PEERS)  ## ours against the peers, on the same data, one table at the end (BENCH="topk metrics --quick")
	$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf .venv build dist *.egg-info recsys/kernels/*.so ext/*.c
