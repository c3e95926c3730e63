# `make` lists the targets. Each does its own set-up; nothing is done twice.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
LAB := $(PYTHON) -m tests.lab
# Who plays the disasters of `make soak`: remediate,hand,ansible puts them side by side.
CONTESTANT ?= remediate
# Bytecode written by root would stand in the way of the user whose checkout this is.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo -n -E PYTHONDONTWRITEBYTECODE=1)
# Root where it can be had: what boots no hosts goes on without.
PERHAPS_ROOT = $(if $(shell sudo -n true 2>/dev/null && echo yes),$(AS_ROOT))

.PHONY: help root setup check unit test test-lab soak lab lab-down lab-shell demo demo-keys record replay bench bundle lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-10s %s\n", $$1, $$2}'

setup: ## install what is missing: system packages, virtual environment, locked packages
	@scripts/setup.sh

check: setup ## lint, format, types, import contract
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

unit: setup ## unit and property tests (no root needed)
	$(PYTHON) -m pytest tests/unit tests/property

root: ## say so where this user may not boot hosts
	@[ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null || { echo >&2 \
	  "hosts cannot be booted here; missing: root or passwordless sudo"; exit 1; }

test-lab: root setup ## all scenarios, on a real chain on real hosts (root; most of an hour)
	$(AS_ROOT) $(PYTHON) -m pytest tests/lab

soak: root setup ## a hundred seeded disasters, and what is cut off (root; hours; SEED=n: one)
ifndef SEED
	$(AS_ROOT) REMEDIATE_SOAK=1 $(PYTHON) -m pytest --timeout=1800 \
	  tests/lab/test_goes_on.py tests/lab/test_resume.py tests/lab/test_cut_off.py tests/lab/test_signable.py \
	  tests/lab/test_kubernetes.py tests/lab/test_drain.py tests/lab/test_scale.py
endif
	$(PYTHON) -m tests.soak --matrix
	$(AS_ROOT) $(PYTHON) -m tests.soak --contestant $(CONTESTANT)

test: root check ## checks, unit and property tests, of each kind of scenario some (root; half an hour)
	$(AS_ROOT) $(PYTHON) -m pytest -n 3 --dist worksteal tests/unit tests/property
	$(AS_ROOT) $(PYTHON) -m pytest -m "not full_lab" tests/bench tests/lab

lab: root setup ## bring up the lab: seven hosts, a chain of four validators
	$(AS_ROOT) $(LAB) up $(if $(SCORES),--scores)

lab-down: root setup ## take the lab down
	$(AS_ROOT) $(LAB) down

lab-shell: root setup ## a shell on a host of the lab: make lab-shell HOST=val1
	$(AS_ROOT) $(LAB) shell $(HOST)

demo: ## a chain is halted twice and rescued; where hosts cannot be booted, a replay of it
	@scripts/setup.sh --python
	$(PERHAPS_ROOT) $(LAB).demo

demo-keys: root setup ## a key goes out: revoked, and what was sealed to it is sealed anew, with proof
	$(AS_ROOT) $(LAB).demo_keys

record: root setup ## the demo, kept as the recording that a replay plays
	$(AS_ROOT) $(LAB).demo --record tests/replay/rescue

replay: ## play the recorded rescue (no root needed)
	@scripts/setup.sh --python
	$(PYTHON) -m tests.replay

bench: root setup ## figures beside named peers: a table, dist/bench.json (ten minutes)
	$(AS_ROOT) $(PYTHON) -m tests.bench

bundle: setup ## one file for a machine without internet: dist/remediate.pyz
	$(PYTHON) scripts/bundle.py

lock: setup ## resolve the dependencies anew (needs uv): one resolve for all extras
	uv pip compile pyproject.toml --all-extras --generate-hashes --universal --python-version 3.11 \
	  --no-emit-index-url --no-header --upgrade --output-file requirements.lock

clean: ## remove the environment and caches of this checkout
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
