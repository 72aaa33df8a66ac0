# What the project does, one word each; every target installs what it needs into .venv.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
LOGS := cdnow,online_retail,online_retail_ii,complete_journey,simulated,simulated_grocer
TOOLS := lifetimes,xgboost_rfm

.DEFAULT_GOAL := help
.PHONY: help train leaderboard study test docs pictures lint licences ui clean

help:  ## show this list
	@echo "make <target>; PYTHON=python3.12 chooses another interpreter (3.11 or newer)"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

train: .venv/run.stamp  ## run the main job on the bundled CDNOW log; ARGS="model=bg_nbd window=6m" for another
	$(BIN)/python train.py model=xgboost window=3m $(ARGS)

leaderboard: .venv/run.stamp  ## compare all models on CDNOW, three months ahead; runs what is missing
	$(BIN)/python scripts/leaderboard.py data=cdnow window=3m fill=true $(ARGS)

study: .venv/run.stamp  ## all models, logs and cutoffs, on all cores, then docs/results.md; takes up what was stopped
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[grocer]'
	$(BIN)/python train.py experiment=study $(ARGS)
	$(BIN)/clv submit -m tool=$(TOOLS) data=$(LOGS) window=3m,6m window.origins=all resume=true
	$(BIN)/python scripts/leaderboard.py -m data=$(LOGS) window=3m,6m window.origins=all markdown=docs/results.md

test: .venv/test.stamp  ## run the tests; ARGS="-m slow" for the longest, which CI runs too
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

docs: .venv/docs.stamp  ## build the documentation into docs/_build/html, running its tutorials; ARGS="-E" reads all anew
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html $(ARGS)

pictures: .venv/pictures.stamp  ## make the pictures of README and documentation, in an installed Chromium
	$(BIN)/python scripts/pictures.py $(ARGS)

lint: .venv/dev.stamp  ## check style, types and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

licences: .venv/run.stamp  ## list the licences of what the package needs in docs/licences.md
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[audit]'
	$(BIN)/python scripts/licences.py

ui: .venv/run.stamp  ## open the MLflow UI on the runs made here
	$(BIN)/clv ui

clean:  ## remove the environment and caches; runs in mlruns/ stay
	rm -rf .venv docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, $(PYTHON) is older: type make PYTHON=python3.12 <target>" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

.venv/test.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	@touch $@

.venv/docs.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	@touch $@

.venv/pictures.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[browser]'
	@touch $@

.venv/dev.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@
