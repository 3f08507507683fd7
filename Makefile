# `make` alone lists what can be made. Everything runs in .venv, which is made from the lock files on first use.
PYTHON ?=
BIN := .venv/bin
# Workers for pytest-xdist; 0 runs in one process (for a debugger).
JOBS ?= 2
# More arguments for what is run: make test ARGS="-k watch", make demo ARGS="--help".
ARGS ?=
# For `faults` and `chaos`.
SEED ?= 1
FAULTS ?= 1000
export PYTHON
# The theme announces its successor at every build; we know.
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help demo test faults chaos test-hosts test-machine test-demo fuzz bounded bench check format docs docs-serve references vendor screenshots clean lock set-up set-up-dev

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: set-up ## Run the helmet-detection job to its end (sets up what it needs)
	$(BIN)/python examples/helmet_detection/demo.py $(ARGS)

# A test process that dies ends the run: pytest-xdist would wait for ever for the other tests of its file.
test: set-up-dev ## Run all tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --max-worker-restart=0 $(ARGS)

test-hosts: set-up-dev ## Install on three real systemd hosts, made and removed here, and try it all (root)
	@.ci/test-hosts

test-machine: set-up-dev ## Try limits and power cuts on a virtual machine with a kernel of its own (root, qemu-system-x86)
	@.ci/test-machine

test-demo: set-up-dev ## Play the demo, label ten examples of it in a browser, and see the round that they begin
	SEDNA_DEMO=1 SEDNA_TEST_REQUIRE=chromium $(BIN)/python -m pytest -n 0 tests/browser/test_demo.py $(ARGS)

# Seconds for each parser.
FUZZ ?= 60
# A fuzzer that never starts must fail, although only the end of what it says is shown.
fuzz: SHELL := /bin/bash
fuzz: .SHELLFLAGS := -o pipefail -c
fuzz: set-up-dev ## Attack every parser for FUZZ seconds each; what was worth trying stays in .fuzz
	@$(BIN)/python -c "from tests.attacks.parsers import PARSERS; print(*PARSERS, sep='\n')" | while read -r name; do \
		echo "==> $$name"; \
		$(BIN)/python -m tests.attacks.fuzz "$$name" ".fuzz/$$name" -max_total_time=$(FUZZ) -timeout=10 -max_len=4096 \
			</dev/null 2>&1 | tail -n 3 || failed=yes; \
		ls ".fuzz/$$name"/found-* 2>/dev/null && exit 1; \
		[ -z "$${failed:-}" ] || { echo "The fuzzer of $$name has not come to its end." >&2; exit 1; }; \
	done

bounded: set-up-dev ## Run ROUNDS rounds (10000) of one job and see that nothing grows; takes a quarter of an hour
	ROUNDS=$(or $(ROUNDS),10000) $(BIN)/python -m pytest -q -s tests/bounded/test_rounds.py $(ARGS)

# Groups of rows with commas between them (all when empty); SMALL=1 only sees that they still run.
ROWS ?=
SMALL ?=
# A file of results: the groups measured now take the place of the same ones there.
INTO ?=
bench: set-up-dev ## Measure every claim of speed and size, print the table, keep it in benchmarks/results: ROWS=library,counting
	$(BIN)/python -m benchmarks $(if $(SMALL),--small) $(if $(INTO),--into $(INTO)) $(ROWS) $(ARGS)

faults: set-up-dev ## End every process at every named point, several times over, and check what was lost: SEED=1
	$(BIN)/python -m tests.faults --seed $(SEED) $(ARGS)

chaos: set-up-dev ## Do FAULTS=1000 accidents of every kind to a running site, in the order of SEED=1
	$(BIN)/python -m tests.chaos --faults $(FAULTS) --seed $(SEED) $(ARGS)

check: set-up-dev ## Check format, lint, types, import contracts, known dangers, roles and docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint
	$(BIN)/python .ci/security.py
	$(BIN)/yamllint roles playbooks inventory molecule .config .ansible-lint .yamllint
	$(BIN)/mkdocs build --strict --quiet

format: set-up-dev ## Format the code, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: set-up-dev ## Build the documentation into site/
	$(BIN)/mkdocs build --strict

references: set-up-dev ## Write the pages that come from the code anew: commands and their manual, settings, manifests, roles, what was measured
	$(BIN)/python docs/cli_reference.py
	$(BIN)/python docs/settings_reference.py
	$(BIN)/python docs/manifests_reference.py
	$(BIN)/python docs/man_reference.py
	$(BIN)/python docs/roles_reference.py
	$(BIN)/python docs/measured_reference.py

docs-serve: set-up-dev ## Serve the documentation while writing it
	$(BIN)/mkdocs serve

vendor: set-up-dev ## Bring the dashboard's chart library and fonts anew, as .ci/vendor.py names them
	$(BIN)/python .ci/vendor.py

screenshots: set-up-dev ## Take the dashboard's pictures in docs/images anew (chromium)
	$(BIN)/python -m tests.browser.screenshots

lock: set-up-dev ## Write the lock files anew from pyproject.toml's lower bounds
	$(BIN)/python .ci/lock.py

clean: ## Remove what was built here, the virtual environment included
	rm -rf .venv .demo site build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

set-up: ## Make .venv ready: the sedna command and what the demo needs
	@.ci/set-up demo

set-up-dev: ## Make .venv ready for tests and checks, too
	@.ci/set-up dev
