# make study [RUN=demo]   the whole study, from nothing
# make test               make check, then the tests
# make check              lint, format and the examples in docstrings: ten seconds
# make site [RUN=demo]    write the web pages of a finished run again
# make manuscript [RUN=demo]   a finished run as a paper: figures/<run>/manuscript.pdf (needs pdflatex)
# make lab [LAB=--allow-root]   JupyterLab on the notebooks
# make ablation           what each ingredient of the networks contributes: one parameter file per row
# make seeds [RUN=demo]   how far each headline number moves with the seed of the training: five trainings
# make bench              measure speed, memory and quality
# make lock               choose new versions of the packages

RUN ?= demo
LAB ?=
PYTHON ?= python3
BIN = .venv/bin
UV = $(BIN)/uv
# uv does not read pip's settings: pass on the folders of wheels that pip would look into.
export UV_FIND_LINKS ?= $(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null)
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Whatever is set outside: else each of the many processes of a run, and of the tests, would compile all code anew.
export PYTHONDONTWRITEBYTECODE :=

study: .venv/ready
	@study run $(RUN)

# One process more than cores: a test that starts a run waits for it.
test: check
	@$(BIN)/python -m pytest -n $$($(BIN)/python -c "import os; print((os.cpu_count() or 1) + 1)") --dist loadfile --no-loadscope-reorder

check: .venv/ready
	@$(BIN)/ruff check --quiet --no-cache
	@$(BIN)/ruff format --check --quiet --no-cache
	@$(BIN)/python -m pytest --doctest-modules $$(grep -rl --include='*.py' '>>> ' study)

site: .venv/ready
	@study site $(RUN)

# Twice, for the references. What LaTeX notes beside the PDF goes, as all in figures/ is published; where it fails, its log stays.
manuscript: .venv/ready
	@cd docs/manuscript && for turn in 1 2; do pdflatex -interaction=batchmode -halt-on-error \
		-output-directory ../../figures/$(RUN) '\def\run{../../figures/$(RUN)}\input{manuscript}' >/dev/null 2>&1 \
		|| { grep -A3 '^!' ../../figures/$(RUN)/manuscript.log; exit 1; }; done
	@cd figures/$(RUN) && rm -f manuscript.aux manuscript.log manuscript.out
	@echo "read: figures/$(RUN)/manuscript.pdf"

lab: lab-ready
	$(BIN)/python -c "import os, sys, study; os.execv(sys.argv[1], sys.argv[1:])" $(BIN)/jupyter lab $(LAB) --ip=127.0.0.1 --LabApp.default_url=/lab/tree/notebooks \
		--LabApp.app_settings_dir=study/lab/settings

lab-ready: .venv/lab
	@study viewer || echo "study: scans will be shown by ipyniivue instead" >&2

ablation: .venv/ready
	@study ablation

seeds: .venv/ready
	@study seeds $(RUN)
	@study run $(RUN)

bench: .venv/ready
	@$(MAKE) --silent .venv/peers/ready || echo "study: the bench runs without others' networks" >&2
	@$(BIN)/python -m bench

# For tests alone: validators of the crate and of CITATION.cff, in an environment of their own, as their packages conflict with the study's.
.venv/validators/ready: .venv/ready
	@$(UV) venv --quiet --clear .venv/validators
	@$(UV) pip install --quiet --python .venv/validators/bin/python roc-validator==0.13.0 cffconvert==2.0.0
	@cd .venv/validators && npm pack --silent ro-crate@3.7.2 >/dev/null && tar -xzf ro-crate-3.7.2.tgz --strip-components=2 package/lib/context.json
	@touch $@

# For tests alone: axe-core, which finds what keeps people from using a page.
.venv/axe.min.js: .venv/ready
	@cd .venv && npm pack --silent axe-core@4.14.1 >/dev/null && tar -xzmf axe-core-4.14.1.tgz --strip-components=1 package/axe.min.js

# For `make bench` alone: other groups' segmentation software, to be timed beside the study's.
.venv/peers/ready: .venv/ready
	@$(UV) venv --quiet --clear .venv/peers
	@$(UV) pip install --quiet --compile-bytecode --python .venv/peers/bin/python torch==2.13.0 lungmask==0.2.22 nnunetv2==2.8.1
	@touch $@

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "study: Python 3.11 or newer is needed; choose one with make PYTHON=python3.12")'
	@echo "setting up .venv (once, a minute or two)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv/lab: .venv/ready requirements-lab.lock
	@echo "adding the viewers for JupyterLab (once)"
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-lab.lock --constraint requirements.lock
	@touch $@

lock:
	@$(UV) pip compile pyproject.toml --extra test --universal --fork-strategy fewest --python-version 3.11 --quiet \
		--no-annotate --no-header | grep -vE '^(nvidia-|cuda-|triton)' | sed 's/^torch==.*/torch==2.13.0/' | uniq > requirements.lock
	@$(UV) pip compile pyproject.toml --extra lab --constraint requirements.lock --universal --fork-strategy fewest \
		--python-version 3.11 --prerelease=if-necessary-or-explicit --quiet --no-annotate --no-header \
		| grep -vE "^(nvidia-|cuda-|triton)|== 'emscripten'" | sed "s/ ; sys_platform != 'emscripten'//" \
		| awk -F== 'NR == FNR {known[$$1]; next} !($$1 in known)' requirements.lock - > requirements-lab.lock

.PHONY: study test check site manuscript lab lab-ready ablation seeds bench lock
