# The entry point for all tasks. `make` alone prints the targets, from the comments beside them.
SHELL      := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON   ?= /usr/bin/python3
OCF_ROOT ?= /usr/lib/ocf
# empty: install no manual pages
MANDIR   ?= /usr/share/man
# Heartbeat's folder; if it does not exist, its shims are installed only if the caller sets HA_D
HA_D     ?= /etc/ha.d
DESTDIR  ?=
AGENTS   := $(notdir $(wildcard agents/*))
# without links, which are older names of agents
FILES    := $(notdir $(shell find agents -maxdepth 1 -type f))
PROVIDER  = $(DESTDIR)$(OCF_ROOT)/resource.d/openstack
LIBRARY   = $(DESTDIR)$(OCF_ROOT)/lib/openstack
NEW       = $(abspath $(LIBRARY))/.new
PAGES     = $(if $(MANDIR),$(AGENTS:%=$(DESTDIR)$(MANDIR)/man7/ocf_openstack_%.7))
TOOLS    := .venv/bin
SHIMS    := $(notdir $(wildcard heartbeat-shims/openstack-*))
# What tests install on the nodes that they build. Clusters that may stay up have their own stage.
STAGE    := build/stage

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: ## Install agents, library, manual pages and Heartbeat shims (DESTDIR=, OCF_ROOT=/usr/lib/ocf, MANDIR=/usr/share/man, HA_D=/etc/ha.d, PYTHON=/usr/bin/python3)
	@packaging/check-python $(PYTHON)
	@rm -rf $(NEW) && install -d $(PROVIDER) $(NEW)/agents
	@cd ocf_lib && find . -name '*.py' -print0 | xargs -0 -I{} install -D -m 0644 {} $(NEW)/ocf_lib/{}
	@$(PYTHON) -m compileall -q -f -s $(NEW) -p $(OCF_ROOT)/lib/openstack $(NEW)/ocf_lib
	@$(PYTHON) packaging/hot-modules $(NEW)/ocf_lib $(OCF_ROOT)/lib/openstack/ocf_lib
	@install -d $(NEW)/heartbeat-shims
	@install -m 0644 heartbeat-shims/*.py $(NEW)/heartbeat-shims/
	@sed '1s|^#!/usr/bin/python3 |#!$(PYTHON) |' heartbeat-shims/mapper > $(NEW)/heartbeat-shims/mapper
	@chmod 0755 $(NEW)/heartbeat-shims/mapper
	@$(PYTHON) -m compileall -q -f -s $(NEW) -p $(OCF_ROOT)/lib/openstack $(NEW)/heartbeat-shims
	@for agent in $(AGENTS); do \
	    if [ -L agents/$$agent ]; then ln -s "$$(readlink agents/$$agent)" $(NEW)/agents/$$agent; \
	    else sed '1s|^#!/usr/bin/python3 |#!$(PYTHON) |' agents/$$agent > $(NEW)/agents/$$agent; \
	        chmod 0755 $(NEW)/agents/$$agent; fi; \
	done
	@$(PYTHON) packaging/put-in-place $(NEW) $(LIBRARY) $(PROVIDER)
	@echo "$(words $(AGENTS)) agents in $(PROVIDER), their library in $(LIBRARY)"
	@if [ -z "$(HA_D)" ]; then :; \
	elif [ -d "$(DESTDIR)$(HA_D)" ] || [ "$(origin HA_D)" != file ]; then \
	    install -d $(DESTDIR)$(HA_D)/resource.d && install -d -m 0700 $(DESTDIR)$(HA_D)/openstack; \
	    for shim in $(SHIMS); do \
	        ln -sfn $(OCF_ROOT)/lib/openstack/heartbeat-shims/mapper $(DESTDIR)$(HA_D)/resource.d/$$shim; done; \
	    echo "$(words $(SHIMS)) shims for Heartbeat in $(DESTDIR)$(HA_D)/resource.d"; \
	else echo "no $(DESTDIR)$(HA_D) here, so no shims for Heartbeat (make install HA_D=$(HA_D) makes them)"; fi
	@$(if $(PAGES),install -d $(dir $(firstword $(PAGES))); \
	    $(PYTHON) -B packaging/man-pages --agents $(PROVIDER) $(DESTDIR)$(MANDIR) $(AGENTS) \
	        || echo "make install: all is installed but the manual pages" >&2)

.PHONY: uninstall
uninstall: ## Remove everything that install installed
	@for agent in $(AGENTS); do rm -f $(PROVIDER)/$$agent; done
	@rm -rf $(LIBRARY)/ocf_lib $(LIBRARY)/heartbeat-shims
	@rm -f $(PAGES) $(if $(HA_D),$(SHIMS:%=$(DESTDIR)$(HA_D)/resource.d/%))
	@rmdir -p --ignore-fail-on-non-empty $(PROVIDER) $(LIBRARY) $(sort $(dir $(PAGES))) 2>/dev/null || true
	@$(if $(HA_D),rmdir --ignore-fail-on-non-empty $(addprefix $(DESTDIR)$(HA_D),/openstack /resource.d /) 2>/dev/null || true)
	@echo "$(words $(AGENTS)) agents, their library, manual pages and shims are removed"

.PHONY: stage
stage: ## Install into build/stage, for the nodes of the demo and the tests
	@rm -rf $(STAGE)
	@$(MAKE) --no-print-directory install DESTDIR=$(CURDIR)/$(STAGE) MANDIR= > /dev/null

.PHONY: deps
deps: ## Install the Debian packages for test, demo and bench (as root; starts no service)
	@packaging/deps test demo

.PHONY: test
test: ## Run all tests; as root, first install what they need (ARGS="-k name" for pytest)
	@packaging/deps test
	@$(MAKE) --no-print-directory stage
	@$(if $(ARGS),$(PYTHON) -m pytest $(ARGS),packaging/run-tests $(PYTHON))

.PHONY: docs
docs: ## Generate docs/{agents,parameters}.md and build/man from meta-data (man -M build/man PAGE)
	@$(PYTHON) -B packaging/generated-docs
	@rm -rf build/man
	@$(PYTHON) -B packaging/man-pages build/man

.PHONY: lint
lint: $(TOOLS)/ruff ## Check style and types: ruff, and mypy strict on library and agents
	$(TOOLS)/ruff check .
	$(TOOLS)/ruff format --check .
	$(TOOLS)/mypy ocf_lib $(addprefix agents/,$(FILES)) heartbeat-shims/mapper
	@packaging/check-lint-reads-agents $(TOOLS)/ruff

.PHONY: format
format: $(TOOLS)/ruff ## Format all code
	$(TOOLS)/ruff check --fix .
	$(TOOLS)/ruff format .

$(TOOLS)/ruff: packaging/lint-requirements.txt
	@packaging/deps lint
	$(PYTHON) -m venv .venv
	$(TOOLS)/pip install --quiet --disable-pip-version-check -r packaging/lint-requirements.txt
	@touch $@

.PHONY: bench
bench: ## Measure CPU, crashes, 3 to 32 nodes; writes build/bench/report.html (ARGS=quiet: a part)
	@packaging/deps test
	@$(MAKE) --no-print-directory stage
	@$(PYTHON) -m tests.bench.report $(ARGS)

.PHONY: storm
storm: ## Stop Identity, broker and database of a real control plane: is anything restarted?
	@packaging/deps test
	@$(MAKE) --no-print-directory stage
	@$(PYTHON) -m tests.storm --stage $(STAGE) --to build/storm

.PHONY: soak
soak: ## Cause random faults on one node: are the agents right? (MINUTES=10; SEED= repeats a run)
	@packaging/deps test
	@$(PYTHON) -m tests.soak --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

.PHONY: demo
demo: ## Keep a real Keystone alive on three nodes on this machine (KEEP=1 leaves them running)
	@packaging/deps demo
	@$(PYTHON) tests/bed/demo.py check
	@$(MAKE) --no-print-directory stage STAGE=build/demo/stage
	@$(PYTHON) tests/bed/demo.py --stage build/demo/stage $(if $(filter 1 yes true,$(KEEP)),--keep)

.PHONY: demo-shell
demo-shell: ## Open a shell on a node of a demo that was kept (NODE=1)
	@$(PYTHON) tests/bed/demo.py shell $(or $(NODE),1)

.PHONY: demo-stop
demo-stop: ## End a demo that was kept
	@$(PYTHON) tests/bed/demo.py stop

.PHONY: cluster
cluster: ## Build the paper's whole cluster here, and leave it running (SERVICES=agent,agent: fewer)
	@packaging/deps test
	@$(PYTHON) -m tests.cloud check
	@$(MAKE) --no-print-directory stage STAGE=build/cluster/stage
	@$(PYTHON) -m tests.cloud --stage build/cluster/stage $(if $(SERVICES),--services $(SERVICES))

.PHONY: cluster-measure
cluster-measure: ## Measure its idle cost, and what users notice of faults (ARGS=idle, failover or logins)
	@$(PYTHON) -m tests.cloud.measure $(ARGS)

.PHONY: cluster-shell
cluster-shell: ## Open a shell on a node (NODE=1) or on the client's side (NODE=client)
	@$(PYTHON) -m tests.cloud shell $(or $(NODE),1)

.PHONY: cluster-stop
cluster-stop: ## End the cluster and remove it
	@$(PYTHON) -m tests.cloud stop

.PHONY: clean
clean: ## Remove everything that the other targets built here
	rm -rf build .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
