# Each target works on a machine with nothing but Python 3.11+ and git: it sets up .venv first.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help repro test check validate bench

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/installed: pyproject.toml
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

repro: .venv/installed  ## Run the experiment of params.yaml: data, trainings, analyses, plots
	python -m imbalens.params
	dvc repro

test: .venv/installed  ## Run the tests
	python -m pytest

check: .venv/installed  ## Lint, formatting, types, layers, parameter files
	ruff check .
	ruff format --check .
	basedpyright
	lint-imports --no-logo
	for file in params.yaml profiles/*.yaml; do python -m imbalens.params $$file || exit 1; done

validate: .venv/installed  ## Recompute the committed results in a clone and compare
	python -m imbalens.validation

bench: .venv/installed  ## Measure speed as ratios against named baselines
	python -m benchmarks.run
