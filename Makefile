# `make` lists what there is. The environment is .venv in this folder, made at first need;
# PYTHON chooses the Python that it is made from, as in `make test PYTHON=python3.12`.

PYTHON ?= python3
RUN := .venv/bin/python
EXTRAS := fast,plots,translation,onnx,video,test

# The stamp is written last and says for which Python and which folder .venv was made: after an interrupted set-up,
# with another PYTHON or in a copied checkout, .venv is made anew.
STAMP := .venv/made-for
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
MADE_FOR := Python $(VERSION) in $(CURDIR)
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(MADE_FOR))
.PHONY: $(STAMP)
endif

.PHONY: help setup demo agent figures certificate test slow lint benchmark clean

help:
	@echo 'make setup      make the environment in .venv (the others do it at first need)'
	@echo 'make demo       train a small English-French translator and show what it learned'
	@echo 'make agent      train an agent on CartPole and show an episode of it'
	@echo 'make figures    draw the figures in docs/figures anew'
	@echo 'make certificate  check every gradient of the library and write docs/certificate.md'
	@echo 'make test       lint and run the tests'
	@echo 'make slow       run the slow tests'
	@echo 'make lint       check style and types only'
	@echo 'make benchmark  measure speed, memory and accuracy beside other libraries'
	@echo 'make clean      remove the environment and what builds leave; runs stay'
	@echo 'PYTHON=python3.12 after any of them chooses the Python (3.11 or newer; now: $(PYTHON))'

setup: $(STAMP)

demo: setup
	$(RUN) scripts/train_translation.py --out runs/demo --overwrite --max-minutes 2.9

agent: setup
	$(RUN) scripts/train_agent.py dqn CartPole-v1 --out runs/agent --overwrite
	$(RUN) scripts/evaluate_agent.py runs/agent --video runs/agent/episode.gif

figures: setup
	for script in scripts/figures/*.py; do $(RUN) $$script || exit 1; done

test: lint
	$(RUN) -m pytest -n 2 -m "not slow"

slow: setup
	$(RUN) -m pytest -m slow

certificate: setup
	$(RUN) -m seqrl.certify --write

# Ruff reads the files where they lie; mypy reads seqrl and agents through links, in the tree that an install makes.
lint: setup
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	@rm -rf .venv/types && mkdir -p .venv/types/seqrl
	@ln -s '$(CURDIR)'/seqrl/* '$(CURDIR)/agents' .venv/types/seqrl/
	$(RUN) -m mypy

benchmark: setup
	$(RUN) benchmarks/run.py

clean:
	rm -rf .venv build dist *.egg-info benchmarks/.peers .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find agents benchmarks data scripts seqrl tests -name __pycache__ -prune -exec rm -rf {} +

# On Debian, python3-venv and python3-pip are separate packages. Either is enough: an outer pip can fill .venv too.
OUTER_PIP := $(PYTHON) -m pip --python $(RUN)

$(STAMP): pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'seqrl needs Python 3.11 or newer; $(PYTHON) is $(or $(VERSION),not a Python that runs here).' \
	       'Choose another: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@rm -rf .venv
	@if $(PYTHON) -m venv .venv >/dev/null 2>&1; then pip='$(RUN) -m pip'; \
	elif rm -rf .venv && $(PYTHON) -m venv --without-pip .venv >/dev/null 2>&1 && $(OUTER_PIP) --version >/dev/null 2>&1; \
	then pip='$(OUTER_PIP)'; \
	else echo '$(PYTHON) has neither venv with ensurepip nor pip 22.3 or newer.' \
	          'Install one of them: apt install python3-venv, or python3-pip' >&2; exit 1; fi; \
	echo "Setting up .venv with Python $(VERSION) (once, about a minute)"; \
	$$pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@echo '$(MADE_FOR)' > $@
