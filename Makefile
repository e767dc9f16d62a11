# make demo    index the sample newsroom and serve it on 127.0.0.1:8080
# make test    the tests            make lint    ruff and mypy
# make bench   what bench/ measures  make torture every fault at every point, 10,000 random corpora: hours
# make bench-peers    ours beside txtai, LanceDB and Qdrant, from an environment of theirs, .venv-peers
# make setup   only the environment, .venv
# make image-check    the Dockerfile's steps, in a clean environment without Docker

PYTHON ?= python3
BIN := .venv/bin
DEMO_INDEX := var/demo
DEMO_PORT ?= 8080

.PHONY: setup demo test torture lint image-check bench bench-peers clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Seealso needs Python 3.11 or later; name one with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	@echo "Installing into .venv: about 2 GB, a minute or two (README.md, 'torch without a GPU', if it is more)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip==26.3
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(DEMO_INDEX)/CURRENT: .venv/.ready $(wildcard examples/newsroom/*.jsonl)
	$(BIN)/seealso index examples/newsroom --index $(DEMO_INDEX)

# A key for the demo's desk, made once, and printed each time. An index of your own prints its keys once.
$(DEMO_INDEX).key: $(DEMO_INDEX)/CURRENT
	@umask 077; $(BIN)/seealso key create --scope admin --name demo --index $(DEMO_INDEX) > $@.new
	@mv $@.new $@

demo: $(DEMO_INDEX)/CURRENT $(DEMO_INDEX).key
	@echo
	@echo "  A newspaper with the block:  http://127.0.0.1:$(DEMO_PORT)/demo/"
	@echo "  The editors' desk:           http://127.0.0.1:$(DEMO_PORT)/desk/"
	@echo "  ... where your key is        $$(tail -n 1 $(DEMO_INDEX).key)"
	@echo "  The block under an article:  http://127.0.0.1:$(DEMO_PORT)/v1/articles/tides-explained/related.html"
	@echo "  The same as JSON:            http://127.0.0.1:$(DEMO_PORT)/v1/articles/tides-explained/related"
	@echo "  All that can be asked:       http://127.0.0.1:$(DEMO_PORT)/docs"
	@echo "  Ctrl-C ends it. If the port is taken: DEMO_PORT=8081 make demo"
	@echo
	@SEEALSO_DEMO=1 $(BIN)/seealso serve --index $(DEMO_INDEX) --host 127.0.0.1 --port $(DEMO_PORT)

test: setup
	$(BIN)/pytest -n auto --maxprocesses 4

torture: setup
	$(BIN)/pytest -s -m torture tests/night tests/faults tests/load tests/service
	$(BIN)/pytest --hypothesis-profile torture tests/service/test_related.py -k laws

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

image-check: setup
	$(BIN)/python -m tests.image_check

bench: setup
	$(BIN)/python -m bench.index
	$(BIN)/python -m bench.serve
	$(BIN)/python -m bench.neighbours

.venv-peers/.ready: bench/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r bench/peers.txt
	@touch $@

bench-peers: $(DEMO_INDEX)/CURRENT .venv-peers/.ready
	$(BIN)/python -m bench.peers

clean:
	rm -rf .venv .venv-peers var build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
