# Keystead. `make` alone prints what there is.
.DEFAULT_GOAL := help
.PHONY: help demo demo-down demo-env test test-slow postgres-16 postgres-17 postgres-18 check check-again check-mutants bench scale lint audit fuzz-api deps

# Tests kill agents at named places, which a release does not have.
TESTED := --workspace --features appliance/failpoints

# Another PostgreSQL to test with: make test POSTGRES=/folder/of/its/programs. Without a pg_dump of its own its schema
# cannot be written down, and the two tests that compare it are left out.
ifdef POSTGRES
override export POSTGRES := $(abspath $(POSTGRES))
ifeq ($(wildcard $(POSTGRES)/pg_dump),)
CHOSEN := -E 'not test(/^migrations::(the_schema_is|migrating_again)/)'
endif
endif

help: ## print this
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## build, start three nodes on 127.0.0.2 to .4, make them one cluster, and leave it running
	@tests/deps.sh build
	@tests/demo/up.sh

demo-down: ## stop the demo and delete it
	@tests/demo/down.sh

demo-env: ## print the environment for ksctl against the demo: eval "$(make -s demo-env)"
	@tests/demo/env.sh

test: ## run every test, from units to clusters
	@tests/deps.sh test
	cargo build $(TESTED) --bins
	cargo nextest run $(TESTED) $(CHOSEN)
	cargo test --workspace --doc

test-slow: ## run the tests that take minutes each
	@tests/deps.sh slow
	cargo build $(TESTED) --bins
	cargo nextest run $(TESTED) --profile slow --run-ignored only -E 'not test(/^(check|fuzz_api)::/)'

# Handed over under other names: shells have a SECONDS of their own.
CHECK = CHECK_SEED='$(SEED)' CHECK_SECONDS='$(SECONDS)' CHECK_NODES='$(NODES)' CHECK_MUTANT='$(MUTANT)' \
	CHECK_FAULTS='$(FAULTS)' CHECK_LANES='$(LANES)' CHECK_HISTORY='$(abspath $(HISTORY))' RUST_BACKTRACE=0 \
	cargo nextest run $(TESTED) --profile check --run-ignored only

check: ## work on a cluster while things go wrong, and judge it: SEED= SECONDS= NODES= LANES= FAULTS= MUTANT=
	@tests/deps.sh test
	cargo build $(TESTED) --bins
	@$(CHECK) --no-capture -E 'test(=check::whatever_goes_wrong_no_invariant_is_broken)'

check-again: ## judge what a run has seen again: HISTORY=file
	@$(CHECK) --no-capture -E 'test(=check::a_history_is_judged_again)'

check-mutants: ## plant bugs in clusters; make check has to catch each: SEED= SECONDS=
	@tests/deps.sh test
	cargo build $(TESTED) --bins
	@$(CHECK) --no-fail-fast -E 'test(/^check::mutant_/)'

postgres-16: ## fetch PostgreSQL 16: make test POSTGRES=$(make -s postgres-16)
	@tests/postgres.sh 16

postgres-17: ## fetch PostgreSQL 17: make test POSTGRES=$(make -s postgres-17)
	@tests/postgres.sh 17

postgres-18: ## fetch PostgreSQL 18: make test POSTGRES=$(make -s postgres-18)
	@tests/postgres.sh 18

bench: ## measure, and write docs/benchmarks.md
	@tests/deps.sh build
	cargo build --workspace --release
	cargo bench --bench bench

scale: ## build a cluster of twenty nodes, and write docs/scale.md: NODES=
	@tests/deps.sh build
	cargo build --workspace --release
	cargo bench --bench bench -- scale

lint: ## check format, lints, documentation, dependencies and shape
	@tests/deps.sh lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features appliance/failpoints -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	tests/deps-check.sh
	tests/shape.sh

audit: ## look for known holes, unkept crates and other licences in what is built from: ADVISORIES=
	@tests/deps.sh audit
	@ADVISORIES='$(ADVISORIES)' tests/audit.sh

fuzz-api: ## ask a node of its own everything that docs/api/openapi.json allows and does not: SEED= EXAMPLES=
	@tests/deps.sh fuzz
	cargo build $(TESTED) --bins
	@FUZZ_SEED='$(SEED)' FUZZ_EXAMPLES='$(EXAMPLES)' RUST_BACKTRACE=0 \
		cargo nextest run $(TESTED) --profile check --run-ignored only --no-capture -E 'test(/^fuzz_api::/)'

deps: ## install what building and testing need
	@tests/deps.sh test
