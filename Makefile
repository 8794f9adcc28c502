# The developer's commands. Each works on a fresh machine with python3 >= 3.11: it creates .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?= out/eyeriss-168

.PHONY: run test test-slow lint bench clean

# The main job: AlexNet CONV1-5 on the Eyeriss-like preset. `make run OUT=folder` keeps it there.
run: $(READY)
	$(BIN)/stallscope run --accelerator eyeriss-168 --out $(OUT) --force

test: $(READY)
	$(BIN)/pytest -n 2

test-slow: $(READY)
	$(BIN)/pytest -n 2 -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) out build dist

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "needs Python >= 3.11: make PYTHON=python3.12 ...")'
	@echo "setting up $(VENV)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@
