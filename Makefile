# Each target works on a machine with nothing but Python 3.11+ and git: it sets up .venv first.
PYTHON ?= python3
# DVC runs `python`, validation and tests run `dvc`: those of .venv
IN_VENV := PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: help venv repro test test-slow check validate tamper bench

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# A killed install leaves packages that pip takes for whole: `installed` says that one was finished.
# Without it, or with a part lost since, .venv is made anew; after an edit of pyproject.toml, updated.
venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11; name another: make PYTHON=python3.11 ..."; exit 1; }
	@test -f .venv/installed && .venv/bin/python -I src/imbalens/installation.py || \
		{ echo "setting up .venv anew"; rm -f .venv/installed && $(PYTHON) -m venv --clear .venv; }
	@test .venv/installed -nt pyproject.toml || { rm -f .venv/installed && \
		.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' && \
		.venv/bin/python -I src/imbalens/installation.py --write; }

repro: venv  ## Run the experiment of params.yaml: data, trainings, analyses, plots
	.venv/bin/imbalens run

PYTEST := python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
test: venv  ## Run the tests, but those that take long
	$(IN_VENV) $(PYTEST) -m "not slow"

test-slow: venv  ## Run the tests that take long: an experiment from end to end, any network, pages in a browser, memory
	$(IN_VENV) $(PYTEST) -m slow

check: venv  ## Lint, formatting, types, layers, parameter files
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(IN_VENV) basedpyright
	$(IN_VENV) lint-imports --no-logo
	for file in params.yaml profiles/*.yaml; do .venv/bin/imbalens check $$file || exit 1; done

validate: venv  ## Recompute the committed results in a clone and compare
	rm -rf work/recomputed
	$(IN_VENV) imbalens validate --summary work/validation-summary.md --keep work/recomputed

FORM ?= --short
tamper: venv  ## Falsify results and break analyses: does validation tell? `FORM=` tries all ways
	$(IN_VENV) python -m benchmarks.tampering $(FORM) --recomputed work/recomputed
	$(IN_VENV) python -m benchmarks.mutants $(FORM)

bench: venv  ## Measure speed as ratios against named baselines
	.venv/bin/python -m benchmarks.run
