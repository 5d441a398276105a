# Each command runs alone on a machine that has Python 3.11 or newer and make.
#   make demo            the whole job on the shipped sample
#   make test            lint, types, import contracts and the tests
#   make test-fast       lint and the quick tests, under 90 seconds: what one runs while working
#   make check-presets   do the models of the presets build, train and fit; no GPU, no weights
#   make bench           every speed claim beside its peer, into docs/results.md
#   make docs            the documents as a site, into build/site
#   make check-gpu       on a machine with a GPU, in 9 minutes: speed, memory, resuming; no weights
# And, for those who change it:
#   make small-clip   render cars, train the small CLIP from random initialisation and put it into data/06_models
#                     (a test then says which row models/cards/own_weights.csv needs)
PYTHON ?= python3
BIN := .venv/bin
FAST := not presets and not slow and not browser and not notebook
SMALL_CLIP := data/05_model_input/small_clip
export DO_NOT_TRACK := 1

.PHONY: demo test test-fast lint types contracts tests small-clip check-presets check-gpu bench docs clean

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

test-fast: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile -m "$(FAST)"

small-clip: .venv/installed
	$(BIN)/python -m tools.rendered_cars $(SMALL_CLIP)/cars --names unseen --models 240 --train-photos 60 --test-photos 0
	$(BIN)/python -m tools.small_clip start $(SMALL_CLIP)/start
	$(BIN)/kedro run --env small_clip --pipelines data_processing,clip_training
	$(BIN)/python -m tools.small_clip ship $(SMALL_CLIP) data/06_models/small_clip
	$(BIN)/kedro run --env small_clip --pipelines clip_training --params clip.model.weights=data/06_models/small_clip
	$(BIN)/python -m tools.small_clip ship $(SMALL_CLIP) data/06_models/small_clip

check-presets: .venv/installed
	HF_HUB_OFFLINE=1 $(BIN)/python -m tools.check_presets
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m presets

check-gpu: .venv/installed
	$(BIN)/python -m benchmarks.check_gpu

bench: .venv/installed
	$(BIN)/python -m benchmarks.bench --record

docs: .venv/installed
	$(BIN)/mkdocs build --strict

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv
