# make demo   a good release promoted and a bad one taken back, on this machine
# make test   every test; the first time it builds a Kubernetes API server for the cluster tests
# make cluster   a shell on a Kubernetes cluster of this machine, with the shop in it
# make cluster-demo   the demo on such a cluster
# Needs Python 3.11 and make; everything else comes from hash-pinned requirements. The cluster tests
# need root, Go and some Debian packages too, which `make test` installs where it may.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed
TESTS ?= tests --ignore=tests/cluster --ignore=tests/integration
STACK_TESTS ?= tests/integration
CLUSTER_TESTS ?= tests/cluster

.PHONY: demo test cluster cluster-demo check fmt bench clean requirements

demo: $(STAMP)
	$(BIN)/serinus demo $(if $(KEEP),--keep)

# The programs of the test cluster are built, once and with whatever the other tests leave idle,
# before the tests that need them. Tests of the whole stack mostly wait, so they run beside the others.
test: $(STAMP)
	$(BIN)/python -m tests.cluster.install
	@set -e; setsid nice -n 19 $(BIN)/python -m tests.cluster build & built=$$!; \
	trap 'kill -- -$$built 2>/dev/null || true' EXIT; \
	$(MAKE) check; \
	mkdir -p .cache; \
	$(BIN)/pytest $(STACK_TESTS) > .cache/stack-tests.log 2>&1 & stack=$$!; \
	failed=; $(BIN)/pytest $(TESTS) || failed=yes; \
	wait $$stack || failed=yes; \
	cat .cache/stack-tests.log; test -z "$$failed"; \
	wait $$built; \
	$(BIN)/pytest $(CLUSTER_TESTS)

cluster: $(STAMP)
	$(BIN)/python -m tests.cluster.install
	$(BIN)/python -m tests.cluster shell

cluster-demo: $(STAMP)
	$(BIN)/python -m tests.cluster.install
	$(BIN)/python -m tests.cluster build
	$(BIN)/python -m tests.cluster.demo

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright

fmt: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)
	$(BIN)/python -m tests.bench

clean:
	rm -rf .venv .cache dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

requirements: $(STAMP)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --no-header --generate-hashes --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --no-header --generate-hashes --no-emit-index-url --python-version 3.11 pyproject.toml --group dev -o requirements/dev.txt

$(STAMP): requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	touch $(STAMP)
