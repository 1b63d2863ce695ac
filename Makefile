# The commands of the README. Each one installs what it needs into folders that git ignores.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv

MAKEFLAGS += --jobs=2 # on a fresh clone, the functions compile while pip installs
unexport PYTHONDONTWRITEBYTECODE # which container images set: each process would compile what it imports once more

.PHONY: demo test local bench faults sbom clean functions

demo: $(VENV)/ready functions ## show a notice, its deployment and the verification on a local AWS
	@$(VENV)/bin/python tests/demo.py

test: $(VENV)/ready functions ## run all checks: formatting, lints, unit, property and end-to-end tests
	@$(VENV)/bin/python tests/run.py

local: $(VENV)/ready functions ## run the stack on a local AWS, to try things by hand, until Ctrl-C
	@$(VENV)/bin/python tests/try_by_hand.py

bench: $(VENV)/ready ## measure the release builds beside Python, and write the tables of docs/performance.md
	@$(VENV)/bin/python tests/bench/run.py

faults: $(VENV)/faults-ready functions ## prove that nothing is lost, doubled or wrongly reported, and write the tables of docs/reliability.md
	@$(VENV)/bin/python tests/faults/run.py

sbom: ## write the bill of materials of the functions (CycloneDX) to target/sbom.cdx.json
	@$(PYTHON) tests/sbom.py

clean: ## delete everything that the other commands created
	rm -rf $(VENV) target .aws-sam

functions:
	@$(PYTHON) tests/commands.py

$(VENV)/ready: tests/requirements.txt
	@echo "Setting up $(VENV) (only once, takes about two minutes)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement tests/requirements.txt
	@touch $@

$(VENV)/faults-ready: $(VENV)/ready tests/faults/requirements.txt
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement tests/faults/requirements.txt
	@touch $@
