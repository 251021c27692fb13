# Everything a person does with this repository. `make` alone lists it.
PYTHON ?= python3
PORT ?= 8000
export PORT

VENV := .venv
BIN := $(VENV)/bin
NPM := $(shell command -v npm 2>/dev/null)
UV_VERSION := 0.13.9
# One of the copied files stands for all: they are put in place together.
VENDORED := signal_log/static/signal_log/vendor/preact.js

.DEFAULT_GOAL := help
.PHONY: help setup python-packages vendor run demo check-port test lint format bench bench-live django-suite screenshots setup-browser lock clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv, install the locked packages, fetch the front-end files
	@$(MAKE) --no-print-directory -j2 python-packages vendor

python-packages: $(VENV)/.installed ; @:
vendor: $(VENDORED) ; @:

$(BIN)/pip:
	@$(PYTHON) scripts/python_version.py
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements-dev.txt scripts/project_on_path.py | $(BIN)/pip
	@echo "installing the locked Python packages"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python scripts/project_on_path.py
	@touch $@

# A machine without npm gets Node.js from a Python package, in the virtual environment only.
ifeq ($(NPM),)
NPM := $(BIN)/npm
node_modules/.installed: | $(BIN)/npm
$(BIN)/npm: requirements-node.txt | $(VENV)/.installed
	@echo "installing Node.js into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.txt
	@touch $@
endif

node_modules/.installed: package.json package-lock.json .npmrc
	@echo "fetching the front-end packages"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) ci --loglevel=error --no-progress >/dev/null
	@touch $@

$(VENDORED): scripts/vendor.py node_modules/.installed
	@$(PYTHON) scripts/vendor.py

run: check-port setup ## start the observatory on 127.0.0.1:8000 (PORT= for another)
	@$(BIN)/python -m observatory.serve

demo: check-port setup ## the same with traffic, so that the page lives
	@$(BIN)/python -m observatory.serve --demo

# Before anything is installed: a taken port should not cost a minute of waiting.
check-port:
	@$(PYTHON) scripts/python_version.py
	@$(PYTHON) -m observatory.serve --check-port

test: setup setup-browser ## every check and test, all servers started by it (PARTS='lint sqlite' for some, STRICT=1: none unsteady)
	@$(BIN)/python scripts/test.py $(PARTS)

lint: setup ## style, types, layers
	@$(BIN)/python scripts/test.py lint

format: setup ## put the code into the project's form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/biome check --write
	@$(BIN)/djhtml --tabwidth 2 signal_log/templates templates
	@find signal_log/templates templates -name '*.html' -exec $(BIN)/djade --target-version 5.2 {} +

bench: setup $(VENV)/.bench ## measure what recording costs (ARGS="--database sqlite --rounds 5" for less)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

bench-live: setup ## measure what the live socket delivers, ten minutes (ARGS="--quick soon ring" for less)
	@$(BIN)/python -m tests.benchmarks.live $(ARGS)

$(VENV)/.bench: requirements-bench.txt $(VENV)/.installed
	@echo "installing the packages that recording is compared with"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@

django-suite: setup ## Django's own tests without and with the app, minutes (DATABASE=postgres MODULES="signals delete")
	@$(BIN)/python -m tests.django_suite.run --database $(or $(DATABASE),sqlite) $(MODULES)

screenshots: setup setup-browser ## take the pictures of the README
	@$(BIN)/python scripts/screenshots.py

setup-browser: setup ## make sure there is a Chromium for the browser tests
	@$(BIN)/python scripts/setup_browser.py

lock: ## remake the lock files from pyproject.toml and package.json
	@PYTHON=$(PYTHON) UV_VERSION=$(UV_VERSION) sh scripts/lock.sh

clean: ## remove what setup made and all caches; var/ (your data) stays
	rm -rf $(VENV) node_modules signal_log/static/signal_log/vendor build dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
