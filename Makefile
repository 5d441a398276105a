# Each command runs alone on a machine that has Python 3.11 or newer and make.
#   make demo            the whole job on the shipped sample
#   make test            lint, types, import contracts and the tests
#   make check-presets   do the models of the presets build, train and fit; no GPU, no weights
#   make check-gpu       on a machine with a GPU, in 9 minutes: speed, memory, resuming; no weights
# And, for those who change it:
#   make small-clip   render cars, train the small CLIP from chance and put it into data/06_models
#                     (a test then says which row models/cards/own_weights.csv needs)
PYTHON ?= python3
BIN := .venv/bin
export DO_NOT_TRACK := 1

.PHONY: demo test lint types contracts tests small-clip check-presets check-gpu clean

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
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

small-clip: .venv/installed
	$(BIN)/kedro run --env small_clip --pipelines sample_photos
	$(BIN)/kedro run --env small_clip --pipelines small_clip --nodes start_small_clip
	$(BIN)/kedro run --env small_clip --pipelines data_processing,clip_training
	$(BIN)/kedro run --env small_clip --pipelines small_clip --nodes ship_small_clip
	$(BIN)/kedro run --env small_clip --pipelines clip_training --params clip.model.weights=data/06_models/small_clip
	$(BIN)/kedro run --env small_clip --pipelines small_clip --nodes ship_small_clip

check-presets: .venv/installed
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/presets.py

check-gpu: .venv/installed
	$(BIN)/python benchmarks/check_gpu.py

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv
