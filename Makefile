# The only doors into the project; CI calls the same ones. `make setup` is what the others call.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup demo test check format bench soak clean
setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fleetloop needs Python 3.11 or newer; name it with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

demo: setup
	@$(BIN)/fleetloop demo

# Processes share the files, more of them than cores, since half of the time a test waits for an
# engine. Tests that kill are two at a time: what they wait for would come late beside more.
test: setup
	@$(BIN)/pytest -n 3 --dist loadfile -m "not crash"
	@$(BIN)/pytest -n 2 --dist loadfile -m crash

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench soak: setup
	@test -f "tests/$@/$(NAME).py" || { echo "make $@ NAME=loop: NAME is a file of tests/$@" >&2; exit 2; }
	@$(BIN)/python -m tests.$@.$(NAME)

clean:
	rm -rf build .fleetloop
