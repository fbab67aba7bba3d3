# What a person does with this checkout. `make demo` needs a Python and nothing else; the rest sets up .venv first.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
EPOCH = $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
TREES := 5000
TREES_SEED = $(shell date +%s)
ARCH := # of the static binary: amd64 or arm64; this machine's, where it is not given

.PHONY: help demo test test-everywhere test-docker test-arm64 hostile trees menagerie lint bench simulate rollout kubernetes rehearse rehearse-image static image wheel release clean

help: ## what there is to do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20

demo: ## stop a plain start.sh, with and without pyinit, side by side (no Docker needed)
	@$(PYTHON) -m tests.demo

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

test: $(VENV)/ready lint ## set up, lint, check types, run all tests (those with Docker where an engine answers)
	tests/prepare.sh
	$(RUN) -m pytest --numprocesses 4

test-everywhere: ## run the unit and live suites on fresh Debians 12 and 13, as root and as an ordinary user (as root, with mmdebstrap)
	tests/everywhere/run.sh

menagerie: $(VENV)/ready ## some forty real programs under pyinit and beside the others; prints docs/programs.md (Debian, as root)
	tests/menagerie/prepare.sh all
	$(RUN) -m tests.menagerie -j 4 --page docs/programs.md

test-docker: ## install what the Docker tests need (Debian, as root), and run just these
	tests/docker/prepare.sh
	$(MAKE) $(VENV)/ready
	REQUIRE_DOCKER=1 $(RUN) -m pytest --numprocesses 4 tests/docker

test-arm64: $(VENV)/ready ## run what QEMU can of the live suite against the static binary for arm64 (Debian, as root)
	command -v qemu-aarch64-static >/dev/null || docker/static/install.sh qemu-user-static
	TEST_FORMS=arm64 $(RUN) -m pytest --numprocesses 4 tests/live/test_delivery.py -k dash

hostile: $(VENV)/ready ## the attacks of tests/hostile at full size, and fuzzers with fifty times the examples (as root; takes long)
	tests/prepare.sh
	HOSTILE=1 $(RUN) -m pytest --numprocesses 2 tests/hostile tests/unit

trees: $(VENV)/ready ## stop TREES random process trees (5000), from TREES_SEED on; TREES_INIT="..." tries another init's words
	tests/prepare.sh
	TREES=$(TREES) TREES_SEED=$(TREES_SEED) $(RUN) -m pytest --numprocesses 4 tests/trees/test_trees.py

lint: $(VENV)/ready ## ruff and mypy, and pyinit-check on our own images and manifests
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) -m pyinit.check

bench: $(VENV)/ready ## measure beside tini, dumb-init, catatonit and the bare interpreter, in one run
	tests/prepare.sh
	$(RUN) -m tests.bench
	$(RUN) -m tests.bench.pressure
	docker/static/build.sh "$$(dpkg --print-architecture)" dist
	$(RUN) -m tests.bench --static "dist/pyinit-linux-$$(dpkg --print-architecture)"
	$(RUN) -m tests.bench.beside
	$(RUN) -m tests.check.bench

simulate: $(VENV)/ready ## simulate pre-stop delays, fixed and adaptive: lost requests over router delays, stragglers and rates
	$(RUN) -m tests.simulation

rollout: $(VENV)/ready ## real rolling updates under load, pyinit beside the others (Debian, as root, with Docker; takes long)
	tests/docker/prepare.sh
	$(RUN) -m tests.rolling

kubernetes: $(VENV)/ready ## build a Kubernetes node, test all kinds of stops in it and measure rolling updates (Debian, as root, with Docker; takes long)
	tests/docker/prepare.sh
	[ -n "$$KUBECONFIG" ] || tests/kubernetes/build.sh
	KUBERNETES=1 $(RUN) -m pytest tests/kubernetes
	$(RUN) -m tests.kubernetes
	$(RUN) -m tests.kubernetes.page
	$(RUN) -m tests.kubernetes.glance

rehearse: $(VENV)/ready image ## judge pyinit-rehearse by images with known faults; prints the tables of docs/rehearse.md (Debian, as root, with Docker; takes long)
	tests/docker/prepare.sh
	$(RUN) -m tests.rehearse --page docs/rehearse.md

rehearse-image: $(VENV)/ready image ## build the image `pyinit-rehearse`, which rehearses with nothing but the engine's socket (Docker)
	PYTHON=$(abspath $(RUN)) docker/rehearse/build.sh

static: ## build the static binary into dist/ (Debian 12; what is missing is installed as root)
	SOURCE_DATE_EPOCH=$(EPOCH) docker/static/build.sh "$(ARCH)" dist

image: ## build the image `pyinit`, which holds just the static binary, for COPY --from=pyinit (Docker)
	@command -v docker >/dev/null || { echo "make image: no docker here; make static builds the same binary without it" >&2; exit 1; }
	docker build --tag pyinit --build-arg SOURCE_DATE_EPOCH=$(EPOCH) --file docker/Dockerfile .

wheel: $(VENV)/ready ## build the wheel and the source distribution into dist/
	$(RUN) -m build

release: $(VENV)/ready ## all that a release consists of, into dist/: static binaries, bills of materials, wheels, .deb, .apk, sums (Debian 12)
	PYTHON=$(abspath $(RUN)) docker/static/release.sh dist

clean: ## remove what the others made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
