# Every target installs what it needs first; "make" alone lists them.
PYTHON ?= python3
VENV ?= .venv
# How to install PyTorch: options of pip, such as an index of your own. Empty: chosen below.
TORCH_ARGS ?=
# Linux without an NVIDIA driver takes PyTorch's own index, whose wheels have no CUDA libraries.
TORCH := 'torch>=2.13,<2.14'
CPU_INDEX := https://download.pytorch.org/whl/cpu
NVIDIA_DRIVER ?= /proc/driver/nvidia/version
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet
# The rooms of test-fast: what all others stand on, the command, and the rules of the house.
FAST := $(addprefix tests/,common models cli) \
  $(addprefix tests/project/test_,imports.py words.py documents.py files.py project.py security.py)
# What a contributor waits for, and what CI runs besides. Together they are all tests.
QUICK := (not slow and not reads_measurements) or notebook
LAB := $(VENV)/.lab
DEV := $(VENV)/.dev

.PHONY: help lab run collect judge bundle test test-slow test-fast check hurt long notebooks docs deck pictures kills bench headline fuzz mutants release newcomer clean
help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.torch: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("ftte_lab needs Python 3.11 or newer; this is %d.%d. Set PYTHON=..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@if [ -z "$(TORCH_ARGS)" ] && [ "$$(uname -s)" = Linux ] && [ ! -e "$(NVIDIA_DRIVER)" ]; then \
	  echo "No NVIDIA driver here: PyTorch without CUDA, from $(CPU_INDEX)"; \
	  $(PIP) --no-deps --timeout 15 --retries 1 --index-url $(CPU_INDEX) $(TORCH) || { \
	    echo "That index cannot be reached, so PyTorch comes from pip's usual one; it may bring CUDA libraries of some GB."; \
	    $(PIP) $(TORCH); }; \
	else $(PIP) $(TORCH_ARGS) $(TORCH); fi
	@touch $@

$(LAB): $(VENV)/.torch setup.py pyproject.toml
	$(PIP) -e '.[lab]'
	@touch $@

$(DEV): $(LAB)
	$(PIP) -e '.[lab,dev,docs]'
	@touch $@

lab: $(LAB) ## Open JupyterLab on the first notebook
	$(BIN)/ftte-lab start . $(ARGS)

run: $(LAB) ## Print the headline comparison, no browser
	$(BIN)/ftte-lab headline $(ARGS)

collect: $(LAB) ## Put a class's reports into one table, with histograms (ARGS=reports)
	$(BIN)/ftte-lab collect $(ARGS)

judge: $(LAB) ## Judge a folder of capstone codes by a secret (ARGS='codes --secret "..."')
	$(BIN)/ftte-lab judge $(ARGS)

bundle: $(LAB) ## Write the zip for students: no solutions, no notes for teachers
	$(BIN)/ftte-lab bundle $(ARGS)

check: $(DEV) ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check ## Lint, types, all quick tests and every page; what is slower comes in test-slow
	$(BIN)/pytest -n 2 --dist worksteal -m "$(QUICK)"

test-slow: $(DEV) ## What must hold besides: real browser, every control, hurt workers, claims (40 minutes)
	$(BIN)/pytest -n 2 --dist worksteal -m "not ($(QUICK))"

test-fast: $(DEV) ## A first look at each change; the slowest ten are listed
	$(BIN)/ruff check .
	$(BIN)/pytest -n 2 -m "not slow" --hypothesis-profile=fast --durations=10 --durations-min=0 $(FAST)

notebooks: $(DEV) ## Run the notebooks and keep their pictures
	$(BIN)/python notebooks/_build/refresh.py

docs: $(DEV) ## Write docs/scenario.md from the settings, and the site into docs/build/html
	$(BIN)/python -m docs.settings_page
	$(BIN)/python -m docs.build_site

deck: $(DEV) ## Make the slides for a class again, as PowerPoint and PDF (ARGS='05 06' draws two pages)
	$(BIN)/python -m docs.deck $(ARGS)

pictures: $(DEV) ## Take the README's pictures of the Lab again (needs Chromium)
	$(BIN)/python -m docs.pictures

kills: $(DEV) ## Kill sweep, study and download at 50 moments each (ARGS=sweep for one of them)
	$(BIN)/python -m tests.kills $(ARGS)

hurt: $(DEV) ## Kill, stop, slow and garble worker processes at 50 moments (ARGS='--moments 10')
	$(BIN)/python -m tests.hurt $(ARGS)

long: $(DEV) ## Use a Lab for two hours, compressed (needs Chromium; ARGS='--drags 200 --reruns 40')
	$(BIN)/python -m tests.long_session $(ARGS)

bench: $(DEV) ## Measure speed, memory and the Lab (25 minutes; ARGS=--quick to see that it works)
	$(BIN)/python -m benchmarks $(ARGS)

headline: $(DEV) ## Run the study behind the README's figures (hours; ARGS=--quick for a corner of it)
	$(BIN)/python -m benchmarks.study $(ARGS)

fuzz: $(DEV) ## Run random scenarios (a thousand; ARGS='200 --seed 7')
	$(BIN)/python -m tests.fuzz $(ARGS)

mutants: $(DEV) ## Change the code in small ways and see whether tests notice (ARGS='server --sample 300')
	@$(PIP) 'mutmut>=3.8,<4'
	$(BIN)/python -m tests.mutants $(ARGS)

release: $(DEV) docs ## Build wheel, archive and site, and check them; uploads nothing
	@$(PIP) build twine
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m tests.release dist

newcomer: $(DEV) ## Go from an empty folder to page 00 in three bare environments, and time it (needs Chromium)
	@$(PIP) build
	$(BIN)/python -m tests.newcomer $(ARGS)

clean: ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build docs/build dist
