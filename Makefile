# All tasks of this repository. `make` alone lists them.
PYTHON ?= python3
PORT ?= 8000
export PORT
# Where it is set, each of the hundreds of processes of the tests compiles the project anew.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
HOSTS := var/hosts/venv
BIN := $(VENV)/bin
NPM := $(shell command -v npm 2>/dev/null)
UV_VERSION := 0.13.9
# One of the vendored files stands for all, because they are replaced together.
VENDORED := signal_log/static/signal_log/vendor/preact.js

.DEFAULT_GOAL := help
.PHONY: help setup ready run-packages python-packages node-packages vendor run demo check-port test lint format bench bench-live django-suite hosts archive-engines archive-test relay-outages soak compose-test screenshots dist setup-browser lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## create .venv with everything that is locked, fetch the front-end files and tools
	@$(MAKE) --no-print-directory -j2 python-packages node-packages

ready: ## create .venv with what running needs, and fetch the front-end files
	@$(MAKE) --no-print-directory -j2 run-packages vendor

run-packages: $(VENV)/.ready ; @:
python-packages: $(VENV)/.installed ; @:
node-packages: node_modules/.installed ; @:
vendor: $(VENDORED) ; @:

$(BIN)/pip:
	@$(PYTHON) scripts/python_version.py
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt scripts/project_on_path.py | $(BIN)/pip
	@echo "installing the Python packages that running needs"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python scripts/project_on_path.py
	@touch $@

$(VENV)/.installed: requirements-dev.txt | $(VENV)/.ready
	@echo "installing the Python packages that tests and linters need"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# Without npm on the machine, Node.js comes from a Python package, in the virtual environment only.
ifeq ($(NPM),)
NPM := $(BIN)/npm
node_modules/.shipped: | $(BIN)/npm
$(BIN)/npm: requirements-node.txt | $(VENV)/.ready
	@echo "installing Node.js into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.txt
	@touch $@
endif

NPM_CI = PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) ci --loglevel=error --no-progress

node_modules/.shipped: package.json package-lock.json .npmrc
	@echo "fetching the front-end packages"
	@$(NPM_CI) --omit=dev >/dev/null
	@touch $@

$(VENDORED): scripts/vendor.py node_modules/.shipped
	@$(PYTHON) scripts/vendor.py

# npm empties the folder first, hence after the front-end files have been copied.
node_modules/.installed: node_modules/.shipped | $(VENDORED)
	@echo "fetching the front-end tools"
	@$(NPM_CI) >/dev/null
	@touch -r $(VENDORED) node_modules/.shipped
	@touch $@

run: check-port ready ## start the observatory on 127.0.0.1:8000 (PORT=... for another port)
	@$(BIN)/python -m observatory.serve

demo: check-port ready ## the same, with demo traffic
	@$(BIN)/python -m observatory.serve --demo

# Checked before anything is installed, so that an occupied port fails immediately.
check-port:
	@$(PYTHON) scripts/python_version.py
	@$(PYTHON) -m observatory.serve --check-port

test: setup setup-browser ## every check and test, all servers started by it (PARTS='lint sqlite' for some, STRICT=1: none unsteady)
	@$(BIN)/python scripts/test.py $(PARTS)

lint: setup ## style, types, layers, settings, migrations
	@$(BIN)/python scripts/test.py lint

format: setup ## format the code
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

hosts: setup $(HOSTS)/.installed ## other projects' tests without and with the app, 20 min (ARGS="--database sqlite taggit")
	@$(BIN)/python -m tests.hosts.run $(ARGS)

$(HOSTS)/.installed: requirements-hosts.txt | $(VENV)/.installed
	@echo "installing the packages whose tests are run into $(HOSTS)"
	@$(BIN)/python -m venv --clear $(HOSTS)
	@$(HOSTS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-hosts.txt
	@touch $@

archive-engines: setup $(VENV)/.engines ## an archive's bytes in DuckDB, Spark (needs Java 17) and ClickHouse, 3 min
	@ARCHIVE_ENGINES="$(or $(ENGINES),duckdb spark clickhouse)" $(BIN)/python -m pytest -q -o faulthandler_timeout=900 tests/integration/test_archive_engines.py

archive-test: setup $(VENV)/.engines ## an archive in S3-compatible storage (SeaweedFS), the whole life of a log, 5 min
	@$(BIN)/python -m pytest -q -o faulthandler_timeout=1800 tests/integration/storage_of_archives.py tests/integration/whole_life_of_a_log.py

$(VENV)/.engines: requirements-engines.txt $(VENV)/.installed
	@echo "installing Spark, ClickHouse and SeaweedFS, which is 1 GB"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-engines.txt
	@touch $@

relay-outages: setup ## each receiver of a relay gone for ten seconds under load (SECONDS=10), 2 min
	@RELAY_OUTAGE=$(or $(SECONDS),10) $(BIN)/python -m pytest -qs tests/integration/relay -k under_load $(ARGS)

soak: setup ## all of it for four minutes, each part killed at random, then judged (ARGS="--minutes 180" for hours)
	@$(BIN)/python -m tests.soak $(ARGS)

compose-test: setup $(VENV)/.compose ## upgrade docker-compose.yml to this version with podman and try it, as root on Debian, 15 min
	@$(BIN)/python -m tests.compose.run $(ARGS)

$(VENV)/.compose: requirements-compose.txt $(VENV)/.installed
	@echo "installing podman-compose"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-compose.txt
	@touch $@

screenshots: setup setup-browser ## take screenshots into var/screenshots (PUBLISH=1 replaces those of the docs)
	@$(BIN)/python scripts/screenshots.py $(if $(PUBLISH),--publish)

dist: python-packages vendor ## build the wheel and the source distribution into dist/
	@$(BIN)/python -m build --no-isolation

setup-browser: setup ## ensure there is a Chromium for the browser tests
	@$(BIN)/python scripts/setup_browser.py

lock: ## regenerate the lock files from pyproject.toml and package.json
	@PYTHON=$(PYTHON) UV_VERSION=$(UV_VERSION) sh scripts/lock.sh

clean: ## remove everything setup created, and all caches; your data in var/ is kept
	rm -rf $(VENV) node_modules signal_log/static/signal_log/vendor build dist var/hosts
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
