# The two commands are `make run` and `make test`. Everything here works in the checkout; nothing is installed elsewhere,
# except, by `make test` as root on a bare machine, a browser.
.DEFAULT_GOAL := help
.PHONY: help run install test browsers faults check bench bench-stack bench-live bench-prices bench-history bench-scaling soak bench-page lighthouse screenshots lock clean

VENV := .venv
PY := $(VENV)/bin/python
# Playwright's wheel carries a Node.js, so that the tests of our scripts need none on the machine.
NODE = $(shell $(PY) -c "from playwright._impl import _driver; print(_driver.compute_driver_executable()[0])")

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: $(VENV)/run.stamp ## Set up what is missing, start everything, print the address (PORT=8000, HOST, DATA_DIR, REDIS_URL, DATABASE_URL)
	@exec $(PY) manage.py runstack

install: $(VENV)/run.stamp ## Make the environment alone: .venv, from requirements/run.lock

test: $(VENV)/test.stamp ## Run all tests: the scripts, then Python, on real parts and in a real browser
	@.ci/browser
	@.ci/nginx
	$(NODE) --test --test-reporter=dot "tests/js/*.test.mjs"
	$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

browsers: $(VENV)/test.stamp ## Every browser story in Chromium and in Firefox
	FAULTS=long $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/browser

faults: $(VENV)/test.stamp ## The long fault suite: every fault at full length, then a random mix (FAULTS_SEED, FAULTS_MINUTES)
	FAULTS=long $(PY) -m pytest tests/faults tests/live tests/browser/test_networks.py

check: $(VENV)/test.stamp ## Style, types (strict mypy) and import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

bench: $(VENV)/test.stamp ## Measure the engine
	$(PY) benchmarks/engine.py

bench-stack: $(VENV)/test.stamp ## Measure the whole way, from the request to the last event, and the pages of a million results
	$(PY) -m benchmarks.stack

bench-live: $(VENV)/test.stamp var/bench-uvicorn/uvicorn ## Measure live updates: lateness, losses, memory; then watchers that come and go (QUICK=1)
	$(PY) -m benchmarks.live $(if $(QUICK),--quick)
	$(if $(QUICK),,$(PY) -m benchmarks.live_churn)

soak: $(VENV)/test.stamp ## Two thousand batches with watchers that come and go: memory has to stay flat; its figure is in docs/
	$(PY) -m benchmarks.soak 2000 docs/soak.svg

bench-prices: $(VENV)/test.stamp ## Measure the price store: 5,000 symbols of 7,500 bars, on SQLite and on PostgreSQL
	$(PY) -m benchmarks.prices
	.ci/postgres -- $(PY) -m benchmarks.prices

bench-history: $(VENV)/test.stamp ## Measure the list of batches and its search with 100,000 of them
	$(PY) -m benchmarks.history

bench-scaling: $(VENV)/test.stamp ## Measure what limits each part, on SQLite and on PostgreSQL, then compute what a given load needs
	$(PY) -m benchmarks.scaling
	FSYNC=on .ci/postgres -- $(PY) -m benchmarks.scaling

bench-page: $(VENV)/test.stamp ## Measure what the batch page costs its reader: bytes, script, memory, long tasks
	$(PY) -m benchmarks.page

lighthouse: $(VENV)/test.stamp var/lighthouse/node_modules ## Lighthouse on the form, a running batch and its results (wants npm)
	$(PY) -m benchmarks.lighthouse

screenshots: $(VENV)/test.stamp ## Take the pictures of docs/screenshots anew, from a real run
	$(PY) -m tests.browser.screenshots

# Neither shipped nor needed by a test.
var/lighthouse/node_modules:
	npm install --silent --no-audit --no-fund --prefix var/lighthouse lighthouse@13.5.0

# Only measured beside Daphne, so it is no dependency of ours.
var/bench-uvicorn/uvicorn:
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --target var/bench-uvicorn uvicorn httptools uvloop websockets

lock: ## Resolve the dependencies of pyproject.toml anew into requirements/
	@.ci/lock

clean: ## Remove the environment and the caches of the tools (what was made at run time stays, in var/)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/run.stamp: requirements/run.lock
	@.ci/environment $< && touch $@

# Everything of run.lock is in test.lock, in the same versions.
$(VENV)/test.stamp: requirements/test.lock
	@.ci/environment $< && touch $@ $(VENV)/run.stamp
