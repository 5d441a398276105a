# Two commands, each alone on a machine that has Python 3.11 or newer and make.
#   make demo   the whole job on the shipped sample
#   make test   lint, types, import contracts and the tests
PYTHON ?= python3
BIN := .venv/bin
export DO_NOT_TRACK := 1

.PHONY: demo test lint types contracts tests clean

demo: .venv/installed
	$(BIN)/kedro run

test: lint types contracts tests

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

contracts: .venv/installed
	$(BIN)/lint-imports

tests: .venv/installed
	$(BIN)/python -m pytest

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv
