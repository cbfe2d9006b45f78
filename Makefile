# Countinghouse. Needs make and Python 3.11 to 3.13, nothing else; `make` alone lists the targets.
#   PYTHON=   the Python to build on           VENV=  where the environment is
#   PORT=     where the demo listens           ARGS=  more arguments for pytest

VENV ?= .venv
PORT ?= 8000
ARGS ?=
RUN = $(VENV)/bin/python
# Any Python 3 will do to start with: the script finds the right one, or says what is missing. The
# `true` is for make, which throws the output away where the last name of the list isn't there.
FIRST = $(firstword $(shell for p in python3 $(PYTHON) python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null && echo "$$p"; done; true))
BOOTSTRAP = @VENV="$(VENV)" PYTHON="$(PYTHON)" $(or $(FIRST),$(error \
	There is no Python 3 here. Countinghouse needs Python 3.11, 3.12 or 3.13)) scripts/bootstrap.py

.PHONY: help setup demo stop test check verify fmt lock bench
.DEFAULT_GOAL := help

help:
	@echo 'make setup   make the environment for development'
	@echo 'make demo    run the product with sample data; PORT=$(PORT), Ctrl-C stops it'
	@echo 'make stop    stop what still runs here: a demo, the embedded Postgres'
	@echo 'make test    run all tests; ARGS="-k refund" runs some'
	@echo 'make check   every gate that is not a test'
	@echo 'make verify  every claim of docs/acceptance_matrix.md, with its command and what came of it'
	@echo 'make fmt     format the code'
	@echo 'make lock    write the locks from pyproject.toml; ARGS=--upgrade takes new versions'
	@echo 'make bench   measure speed and growth, each figure beside its limit; ARGS="--scale 10k"'

setup:
	$(BOOTSTRAP) requirements-dev.txt

demo:
	$(BOOTSTRAP) requirements-demo.txt
	@exec $(RUN) manage.py demo --port "$(PORT)"

stop:
	$(BOOTSTRAP) requirements-demo.txt
	@$(RUN) -m config.stop

test:
	$(BOOTSTRAP) requirements-dev.txt
	@$(RUN) -m pytest -n logical $(ARGS)

check:
	$(BOOTSTRAP) requirements-dev.txt
	@$(RUN) manage.py gates --group checks $(ARGS)

verify:
	$(BOOTSTRAP) requirements-dev.txt
	@$(RUN) manage.py verify $(ARGS)

fmt:
	$(BOOTSTRAP) requirements-dev.txt
	@$(RUN) -m ruff check --fix-only --quiet .
	@$(RUN) -m ruff format .

lock:
	$(BOOTSTRAP) requirements-dev.txt
	@$(RUN) scripts/lock.py $(ARGS)

bench:
	$(BOOTSTRAP) requirements-dev.txt
	@$(RUN) bench/run.py $(ARGS)
