# mipo: `make run` shows it, `make test` proves it. Both install what they need on Debian.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test test-long test-browser fmt sqlx

# SQL is checked against the committed cache (.sqlx); `make sqlx` writes it anew.
export SQLX_OFFLINE ?= true
target := $(or $(CARGO_TARGET_DIR),target)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and run mipo on this machine, with its own PostgreSQL and a first scan of 127.0.0.1
	@.ci/need build postgres
	@cargo build --locked -p mipo -p mipo-scanner
	@exec $(target)/debug/mipo up

test: ## everything that CI runs, each part with its time
	@tests/run

test-long: ## the same with full counts; the result is kept in docs/proof
	@tests/run --long

test-browser: ## only the browser tests (MIPO_PICTURES=1 writes docs/screenshots)
	@tests/run browser

fmt: ## format everything
	@cargo fmt --all

sqlx: ## write the offline cache of SQL (.sqlx) from sql/
	@.ci/need build postgres
	@tests/with-postgres tests/sqlx-cache
