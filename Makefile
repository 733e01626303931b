# Every target installs what it needs first; "make" alone lists them.
PYTHON ?= python3
VENV ?= .venv
# A smaller torch for Linux without a GPU: make lab TORCH_ARGS='--index-url <the CPU index of pytorch.org>'
TORCH_ARGS ?=
# A class without network: JupyterLab neither looks for updates nor asks about news
LAB_FLAGS := --LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate --LabApp.news_url=None
BIN := $(VENV)/bin
READY := $(VENV)/.installed

.PHONY: help lab run collect judge bundle test check hurt long notebooks docs pictures kills bench headline fuzz mutants clean
help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("ftte_lab needs Python 3.11 or newer; this is %d.%d. Set PYTHON=..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(TORCH_ARGS) 'torch>=2.13,<2.14'
	$(BIN)/python -m pip install --quiet -e '.[lab,test]'
	@touch $@

lab: $(READY) ## Open JupyterLab on the first notebook
	$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(LAB_FLAGS)

run: $(READY) ## Print the headline comparison, no browser
	$(BIN)/python -m ftte_lab $(ARGS)

collect: $(READY) ## Put a class's reports into one table, with histograms (ARGS=reports)
	$(BIN)/python -m ftte_lab.course collect $(ARGS)

judge: $(READY) ## Judge a folder of capstone codes by a secret (ARGS='codes --secret "..."')
	$(BIN)/python -m ftte_lab.course judge $(ARGS)

bundle: $(READY) ## Write the zip for students: no solutions, no notes for teachers
	$(BIN)/python notebooks/_build/bundle.py $(ARGS)

check: $(READY) ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check ## Everything that must hold
	$(BIN)/pytest -n 2 --dist worksteal

notebooks: $(READY) ## Run the notebooks and keep their pictures
	$(BIN)/python notebooks/_build/refresh.py

docs: $(READY) ## Write docs/scenario.md from the declared settings
	$(BIN)/python -m docs.settings_page

pictures: $(READY) ## Take the README's pictures of the Lab again (needs Chromium)
	$(BIN)/python -m docs.pictures

kills: $(READY) ## Kill sweep, study and download at 50 moments each (ARGS=sweep for one of them)
	$(BIN)/python -m tests.kills $(ARGS)

hurt: $(READY) ## Kill, stop, slow and garble worker processes at 50 moments (ARGS='--moments 10')
	$(BIN)/python -m tests.hurt $(ARGS)

long: $(READY) ## Use a Lab for two hours, compressed (needs Chromium; ARGS='--drags 200 --reruns 40')
	$(BIN)/python -m tests.long_session $(ARGS)

bench: $(READY) ## Measure speed, memory and the Lab (25 minutes; ARGS=--quick to see that it works)
	$(BIN)/python -m benchmarks $(ARGS)

headline: $(READY) ## Run the study behind the README's figures (hours; ARGS=--quick for a corner of it)
	$(BIN)/python -m benchmarks.study $(ARGS)

fuzz: $(READY) ## Run random scenarios (a thousand; ARGS='200 --seed 7')
	$(BIN)/python -m tests.fuzz $(ARGS)

mutants: $(READY) ## Change the code in small ways and see whether tests notice (ARGS='server --sample 300')
	@$(BIN)/python -m pip install --quiet 'mutmut>=3.8,<4'
	$(BIN)/python -m tests.mutants $(ARGS)

clean: ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
