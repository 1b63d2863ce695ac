# The two commands of the README, and one to try things by hand. Each sets itself up, in folders that git ignores.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv

.PHONY: demo test local clean

demo: $(VENV)/ready ## the main job, from the notice to the forced deployment, on a local AWS
	@$(VENV)/bin/python tests/demo.py

test: $(VENV)/ready ## everything: layout, lints, unit, property and end-to-end tests
	@$(VENV)/bin/python tests/run.py

local: $(VENV)/ready ## a local AWS with the stack, to try things by hand, until Ctrl-C
	@$(VENV)/bin/python tests/try_by_hand.py

clean: ## everything that the others made
	rm -rf $(VENV) target .aws-sam

$(VENV)/ready: tests/requirements.txt
	@echo "Setting up $(VENV) (once, about two minutes)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt
	@touch $@
