# make demo    index the sample newsroom and serve it on 127.0.0.1:8080
# make test    the tests            make lint    ruff, mypy, vulture
# make bench   what bench/ measures
# make torture every fault at every point, 10,000 random corpora: hours; writes the figures of docs/reliability.md
# make bench-peers    ours beside txtai, LanceDB and Qdrant, from an environment of theirs, .venv-peers
# make s3-server      an S3-compatible server for the tests, in an environment of its own, .venv-s3
# make fuzz    bytes made up for whatever reads what strangers wrote, FUZZ_SECONDS=60 for each of over twenty readers
# make audit   bandit, licences and known holes of what is installed (asks an advisory database), a bill of materials
# make mutants  changes, one at a time, in what publishes, takes down, rules and reads: are they noticed? an hour
# make coverage how many lines and branches of the same their tests run
# make release wheel and source archive into dist/, built twice, installed in a clean environment and tried
# make setup   only the environment, .venv
# make image-check    the Dockerfile's steps, in a clean environment without Docker
# make docs    the documentation as a site, var/docs
# make clean   all that these made; an index of your own in var/ stays
# make reference  docs/reference from the code

PYTHON ?= python3
BIN := .venv/bin
DEMO_INDEX := var/demo
DEMO_PORT ?= 8080

.PHONY: setup demo test torture fuzz mutants coverage lint audit release image-check script docs reference s3-server bench bench-peers clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 1))' || \
		{ echo "Seealso needs Python 3.11.1 or later; name one with PYTHON=..."; exit 1; }
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

# Several processes share the CPUs: threads that wait must not spin.
test: setup
	OMP_WAIT_POLICY=passive $(BIN)/pytest -n auto --maxprocesses 4

torture: setup
	@status=0; \
	$(BIN)/pytest -s -m torture tests || status=1; \
	$(BIN)/pytest -s --hypothesis-profile torture tests/service/test_related.py -k laws || status=1; \
	$(BIN)/pytest -s -m 'row and not torture' || status=1; \
	exit $$status

FUZZ_SECONDS ?= 60
fuzz: .venv/.fuzz
	$(BIN)/python -m tests.fuzz $(FUZZ_SECONDS) $(FUZZ)

.venv/.fuzz: .venv/.ready tests/fuzz/atheris.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/fuzz/atheris.txt
	@touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/vulture

.venv-tools/.ready: tests/tools.txt
	$(PYTHON) -m venv .venv-tools
	.venv-tools/bin/python -m pip install --quiet --disable-pip-version-check -r tests/tools.txt
	@touch $@

# What is installed is audited by its exact versions: the project itself is on no index, and is left out; nor are builds
# such as 2.13.0+cpu, which are asked for as 2.13.0.
# Where no advisory database is to be had, pip-audit says so, and fails.
audit: setup .venv-tools/.ready
	.venv-tools/bin/bandit --quiet --configfile pyproject.toml --recursive seealso indexer service
	@mkdir -p build
	.venv-tools/bin/cyclonedx-py environment --output-reproducible -o build/seealso-dev.cdx.json $(BIN)/python
	$(BIN)/python -m tests.reference.licences
	$(BIN)/python -m pip --disable-pip-version-check freeze --exclude-editable | sed 's/+.*//' > build/installed.txt
	.venv-tools/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r build/installed.txt

mutants: setup .venv-tools/.ready
	$(BIN)/python -m bench.mutants .venv-tools

coverage: setup
	$(BIN)/python -m bench.coverage

release: setup .venv-tools/.ready
	$(BIN)/python -m tests.release .venv-tools

image-check: setup
	$(BIN)/python -m tests.image_check

script: setup
	$(BIN)/python -m tests.minify

docs: setup
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "In var/docs; to read and search it: $(BIN)/python -m http.server --directory var/docs 8000"

reference: setup
	$(BIN)/python -m tests.reference

s3-server: .venv-s3/.ready

.venv-s3/.ready: tests/s3_server.txt
	$(PYTHON) -m venv .venv-s3
	.venv-s3/bin/python -m pip install --quiet --disable-pip-version-check -r tests/s3_server.txt
	@touch $@

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

# Not var/index: there stands what editors decided, which nobody can make anew.
clean:
	rm -rf .venv .venv-peers .venv-s3 .venv-tools $(DEMO_INDEX) $(DEMO_INDEX).key var/docs build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
