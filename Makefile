# Every command first sets up what it needs: `uv` in .uv, the locked environment in .venv.

PYTHON ?= python3
# cpu, or gpu for TensorFlow with CUDA. What is installed stays, here and below, until another choice is given.
BUILD ?= $(if $(wildcard .venv/.gpu*),gpu,cpu)
# yes installs what Slurm and object storage need. Snakemake loads it in every job, which takes half as long again.
CLUSTER ?= $(if $(wildcard .venv/lib/python*/site-packages/snakemake_executor_plugin_slurm),yes)
BIN := .venv/bin
# The mark of the installed environment.
ENV := .venv/.$(BUILD)$(if $(filter yes,$(CLUSTER)),-cluster)
# Tests of one file stay in one process, since they share what they make. tests/conftest.py puts the long files first.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# The end of an installation that failed, which has said why.
define NOT_INSTALLED
echo "The environment could not be installed. Its packages come from pypi.org: is there a network? Behind a proxy, set" \
  "https_proxy. Nothing half made stays; the same command tries again." >&2; exit 1
endef

# A folder of annotated images for `make run`, and the configuration that is written for it, with the folder's name.
DATA ?=
CONFIG ?= $(if $(DATA),$(notdir $(patsubst %/,%,$(DATA))).yaml)

.PHONY: help run report env doctor models test test-all lint format clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: env ## train, measure, export and report a detector: of the drawn demo, of DATA=folder, or of CONFIG=my.yaml
	$(if $(DATA),@$(BIN)/boxwright init "$(DATA)" --out "$(CONFIG)" --keep)
	@$(BIN)/boxwright run $(if $(CONFIG),--configfile "$(CONFIG)")

report: env ## write report.html: all figures and tables of the finished run in one file that works offline
	@$(BIN)/boxwright report $(if $(CONFIG),--configfile "$(CONFIG)")

env: $(ENV) ## install the environment only (.venv; BUILD=gpu for CUDA, CLUSTER=yes for Slurm and object storage)

doctor: env ## show what this machine has, and what would fail on it (CONFIG=my.yaml: for that run)
	@$(BIN)/boxwright doctor $(if $(CONFIG),--configfile "$(CONFIG)")

models: env ## list the model zoo: the names for `checkpoint: zoo:<name>`, with published figures
	@$(BIN)/boxwright models

test: ## run the tests that need neither root nor much time
	@$(MAKE) --no-print-directory env CLUSTER=yes
	$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) -m "not slow"

test-all: ## run all tests, including the long and the privileged ones
	@$(MAKE) --no-print-directory env CLUSTER=yes
	$(BIN)/python -m pytest -q $(SIDE_BY_SIDE)

lint: env ## check the style of Python and Snakemake files
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules workflow/Snakefile
	$(BIN)/snakemake --lint

format: env ## format Python and Snakemake files
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format . ; $(BIN)/snakefmt Snakefile rules workflow/Snakefile

clean: ## remove the environment (results and resources stay)
	rm -rf .venv .uv

# uv lives outside .venv: a sync would remove it there, and Debian's own Python refuses packages from pip.
.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo "boxwright needs Python 3.11, 3.12 or 3.13 (TensorFlow 2.21 has no build for others), but $(PYTHON) is" \
	       "`$(PYTHON) --version 2>&1`; name another with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing uv into .uv, which installs all other packages (some seconds)" >&2
	@$(PYTHON) -m venv .uv || { rm -rf .uv; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9' || { rm -rf .uv; $(NOT_INSTALLED); }

$(ENV): .uv/bin/uv uv.lock pyproject.toml
	@echo "Installing the locked packages into .venv (the first time takes a minute or two)" >&2
	@UV_PYTHON_DOWNLOADS=never .uv/bin/uv sync --quiet --frozen --extra $(BUILD) --extra forms \
	  $(if $(filter yes,$(CLUSTER)),--extra cluster) --compile-bytecode --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" \
	  || { test -e .venv/bin/boxwright || rm -rf .venv; $(NOT_INSTALLED); }
	@echo "The environment is installed: $(BIN)/boxwright" >&2
	@rm -f $(addprefix .venv/.,cpu gpu cpu-cluster gpu-cluster) && touch $@
