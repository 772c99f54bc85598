.DEFAULT_GOAL := help
VENV ?= .venv
PY := $(VENV)/bin/python

help:  ## show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready  ## make the virtual environment with everything for development

$(VENV)/.ready: pyproject.toml
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[test,dev]'
	touch $@

demo: setup  ## write a year of trips and answer questions about it
	$(VENV)/bin/sqlengine demo

fmt: setup  ## format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

lint: setup  ## style and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

test: setup  ## all tests
	$(PY) -m pytest -q -n auto

worlds: setup  ## what must also hold without compiled kernels, and with every hash equal
	NUMBA_DISABLE_JIT=1 $(PY) -m pytest -q -n auto tests/kernels
	SQLENGINE_FORCE_HASH_COLLISIONS=1 $(PY) -m pytest -q -n auto tests/kernels tests/slt -k "(kernels or inline-1 or inline-7-shuffle) and not approximate"

check: lint test worlds  ## what CI runs

golden-update: setup  ## rewrite the expectations of golden plans; read the diff before committing
	GOLDEN_UPDATE=1 $(PY) -m pytest -q tests/plans

docs: setup  ## write docs/reference from the code
	$(PY) -m tests.reference.generate

bench: setup  ## TPC-H at scale factor 1 beside the other engines
	$(PY) -m pip install --quiet -e '.[bench]'
	$(PY) -m bench tpch --sf 1

.PHONY: help setup demo fmt lint test check golden-update docs bench worlds
