# Start with `make run`, test with `make test`. All that is installed stays in the checkout, except that `make test` as
# root on a bare machine installs a browser and nginx.
.DEFAULT_GOAL := help
.PHONY: help run install test test-all test-extended test-image test-webkit faults check bench screenshots lock clean

VENV := .venv
PY := $(VENV)/bin/python
# Bytecode is kept where the environment says no, too: a run starts more than a hundred processes.
PYTEST := PYTHONDONTWRITEBYTECODE= $(PY) -m pytest
# Playwright's wheel contains Node.js, so the tests of the scripts need no other.
NODE = $(shell $(PY) -c "from playwright._impl import _driver; print(_driver.compute_driver_executable()[0])")

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# ---- Run -------------------------------------------------------------------------------------------------------------

run: $(VENV)/run.stamp ## Install what is missing, start everything, print the address (PORT, HOST, DATA_DIR, REDIS_URL, DATABASE_URL)
	@exec $(PY) manage.py runstack

install: $(VENV)/run.stamp ## Install only: .venv, from requirements/run.lock

# ---- Test ------------------------------------------------------------------------------------------------------------

test: $(VENV)/test.stamp ## Run the tests: the scripts, then Python, with real services and a real browser
	@$(PY) manage.py warm_kernels >/dev/null &  # the first tests need none; those that do wait for it
	@.ci/browser
	@.ci/nginx
	$(NODE) --test --test-reporter=dot "tests/js/*.test.mjs"
	$(PYTEST) -n 3 --dist loadgroup --no-loadscope-reorder

test-all: test test-extended test-image ## Run what `test` leaves out too: more faults, both browsers, PostgreSQL, production, the image

test-extended: $(VENV)/test.stamp ## Run what `test-all` adds, except the image
	@$(PY) manage.py warm_kernels >/dev/null
	TESTS=all $(PYTEST) -n 3 --dist loadgroup --no-loadscope-reorder -m extended
	.ci/postgres
	.ci/production

test-image: $(VENV)/test.stamp ## Build the image and run it (as root on Debian)
	.ci/image

test-webkit: $(VENV)/test.stamp ## Test form, watching and results in WebKitGTK (installs it as root on Debian)
	@.ci/webkit
	@$(PY) manage.py warm_kernels >/dev/null
	TESTS=all $(PYTEST) tests/browser/test_webkit.py

faults: $(VENV)/test.stamp ## Run every fault at full length, then a random mix (FAULTS_SEED, FAULTS_MINUTES)
	FAULTS=long $(PYTEST) tests/faults tests/live tests/browser

check: $(VENV)/test.stamp ## Check style, types (strict mypy) and import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

# ---- Measure ---------------------------------------------------------------------------------------------------------

bench: bench-$(or $(WHAT),engine) ## Measure WHAT=engine|stack|live|prices|history|hostile|scaling|page|soak|lighthouse (live: QUICK=1)

bench-engine: $(VENV)/test.stamp
	$(PY) benchmarks/engine.py

bench-history bench-hostile bench-page bench-stack: bench-%: $(VENV)/test.stamp
	$(PY) -m benchmarks.$*

bench-live: $(VENV)/test.stamp var/bench-uvicorn/uvicorn
	$(PY) -m benchmarks.live $(if $(QUICK),--quick)
	$(if $(QUICK),,$(PY) -m benchmarks.live_churn)

bench-prices: $(VENV)/test.stamp
	$(PY) -m benchmarks.prices
	.ci/postgres -- $(PY) -m benchmarks.prices

bench-scaling: $(VENV)/test.stamp
	$(PY) -m benchmarks.scaling
	FSYNC=on .ci/postgres -- $(PY) -m benchmarks.scaling

bench-soak: $(VENV)/test.stamp
	$(PY) -m benchmarks.soak 2000 docs/soak.svg

bench-lighthouse: $(VENV)/test.stamp var/lighthouse/node_modules
	$(PY) -m benchmarks.lighthouse

# Neither shipped nor needed by a test; needs npm.
var/lighthouse/node_modules:
	npm install --silent --no-audit --no-fund --prefix var/lighthouse lighthouse@13.5.0

# Only measured beside Daphne, so not a dependency.
var/bench-uvicorn/uvicorn:
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --target var/bench-uvicorn uvicorn httptools uvloop websockets

# ---- Maintain --------------------------------------------------------------------------------------------------------

screenshots: $(VENV)/test.stamp ## Take the pictures of docs/screenshots from a real run
	$(PY) -m tests.browser.screenshots

lock: ## Resolve the dependencies of pyproject.toml into requirements/ (UPGRADE=1: to newer versions)
	@.ci/lock $(if $(UPGRADE),--upgrade)

clean: ## Remove .venv and the caches of the tools; var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/run.stamp: requirements/run.lock
	@.ci/environment $< && touch $@

# test.lock contains run.lock, in the same versions.
$(VENV)/test.stamp: requirements/test.lock
	@.ci/environment $< && touch $@ $(VENV)/run.stamp
