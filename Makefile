# Everything that is made stays in this folder: the environment in .venv, caches in .cache, the book in _build.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PAGE := _build/html/book/welcome.html

export XDG_CACHE_HOME := $(CURDIR)/.cache
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib
export IPYTHONDIR := $(CURDIR)/.cache/ipython
export JUPYTER_RUNTIME_DIR := $(CURDIR)/.cache/jupyter/runtime
export JUPYTER_DATA_DIR := $(CURDIR)/.cache/jupyter/data
export JUPYTER_CONFIG_DIR := $(CURDIR)/.cache/jupyter/config
export JUPYTER_PLATFORM_DIRS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export DDE_BACKEND := pytorch
# threads that wait soon let go of their core, which is much faster beside other work; see pinnlib/__init__.py
export GOMP_SPINCOUNT ?= 2000

.PHONY: help env test unit notebooks matrix book pdf browser bench sync execute records register types lint clean

help: ## say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

env: $(VENV)/installed ## the environment, from nothing but Python

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[book,test]"
	@touch $@

test: unit notebooks ## unit tests, then the notebooks as tests

# one thread each: two processes fill two cores, and threads that wait for each other fill none
unit notebooks: export OMP_NUM_THREADS ?= 1

unit: env ## the unit tests; with COVERAGE=--cov also which lines they reach
	$(BIN)/python -m pytest tests -n 2 --dist worksteal $(COVERAGE)
	$(BIN)/python -m pytest --doctest-modules pinnlib

notebooks: env
	$(BIN)/python -m pytest --nbval book/ -n 2 --dist loadfile

matrix: ## the quick unit tests and one notebook, on every Python that is there, or on those in PYTHONS
	.ci/matrix $(PYTHONS)

book: env ## the book as HTML, warnings as errors
	rm -rf _build/html
	$(BIN)/jupyter-book build . -W -n --keep-going --all
	@echo
	@echo "Open the book: file://$(CURDIR)/$(PAGE)"

pdf: env ## the built book as one PDF, _build/book.pdf
	$(BIN)/python -m pinnlib.book.print_pdf _build/html _build/book.pdf

browser: env ## look at the built book in a headless Chromium
	PINNLIB_BROWSER=required $(BIN)/python -m pytest tests/browser

bench: env ## time training steps against other libraries, on a machine that does nothing else
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[bench]"
	$(BIN)/python -m benchmarks --out book/speed.json

sync: env ## bring each .ipynb up to date with its .py
	$(BIN)/jupytext --sync book/*.py

execute: sync ## run all notebooks and keep their outputs
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False book/*.ipynb
	$(BIN)/python -m tests.strip book/*.ipynb

records: env ## say which published records are there, which are stale, and what each costs
	$(BIN)/python -m pinnlib sweep book/records/records.toml --status

register: env ## write the digests of book/records into the library
	$(BIN)/python -c "from pinnlib import records; records.register('book/records', 'pinnlib/book/records.json')"

types: env ## annotations, by mypy
	$(BIN)/mypy

lint: env types ## rules of style and annotations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean: ## remove what was made
	rm -rf $(VENV) .cache _build .pytest_cache .ruff_cache .hypothesis
