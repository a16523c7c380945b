# Two commands do everything, set-up included: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin

.PHONY: demo test check format bench clean

demo: $(VENV)/installed
	$(RUN)/catalog demo

test: check
	$(RUN)/python -m tests.wheel

check: $(VENV)/installed
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	OMP_WAIT_POLICY=PASSIVE $(RUN)/pytest -n auto --dist loadfile

format: $(VENV)/installed
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

bench: $(VENV)/installed
	$(RUN)/python -m tests.benchmarks $(OPTIONS)

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist catalog-demo bench.json
