# `make run` and `make test` set up what they need in .venv, and touch nothing outside this directory.

PYTHON ?= python3
# A word of the shell, whatever characters a path has.
quote = '$(subst ','\'',$(1))'
empty :=
space := $(empty) $(empty)

# digits, mnist, or a path or URI of a data set; see `.venv/bin/hptune download --help`.
DATA ?= digits
CONFIG ?= examples/mnist/trainer/hptune.yaml
# DATA's name without its endings: mnist of "../some data/mnist.pkl.gz" and of "idx/mnist/".
JOB ?= $(firstword $(subst ., ,$(notdir $(patsubst %/,%,$(subst $(space),_,$(strip $(DATA)))))))
JOB_DIR ?= hptune-jobs/$(JOB)
FLAGS ?=

BIN := .venv/bin
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.DELETE_ON_ERROR:
.PHONY: help run test lint format constraints clean

help:  ## Show this.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/installed  ## Tune the example on DATA (default: digits), train with the best parameters, report.
	@$(BIN)/python -m pipelines.mnist_hptune run --data $(call quote,$(DATA)) \
	    --config $(call quote,$(CONFIG)) --job-dir $(call quote,$(JOB_DIR)) $(FLAGS)

test: .venv/installed-dev  ## Run the tests.
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --quiet

lint: .venv/installed-dev  ## Check style and types.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

format: .venv/installed-dev  ## Format the code.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

constraints: .venv/installed-dev  ## Write the versions that are installed to constraints.txt.
	@$(BIN)/pip freeze --exclude-editable | grep -v '@' > constraints.txt

clean:  ## Remove .venv, caches and prepared data; jobs under hptune-jobs/ stay.
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@echo 'setting up .venv (a minute or two, once)'
	@$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/pip
	@$(PIP_INSTALL) '.[pipelines,tensorflow]'
	@touch $@

.venv/installed-dev: pyproject.toml constraints.txt | .venv/bin/pip
	@$(PIP_INSTALL) '.[dev]'
	@touch $@ .venv/installed
