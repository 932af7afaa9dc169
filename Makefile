# Keystead. `make` alone prints what there is.
.DEFAULT_GOAL := help
.PHONY: help demo demo-down demo-env test test-slow bench lint deps

# Tests kill agents at named places, which a release does not have.
TESTED := --workspace --features appliance/failpoints

help: ## print this
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

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
	cargo nextest run $(TESTED)
	cargo test --workspace --doc

test-slow: ## run the tests that take minutes each
	@tests/deps.sh slow
	cargo build $(TESTED) --bins
	cargo nextest run $(TESTED) --profile slow --run-ignored only

bench: ## measure, and write docs/benchmarks.md
	@tests/deps.sh build
	cargo build --workspace --release
	cargo bench --bench bench

lint: ## check format, lints, documentation, dependencies and shape
	@tests/deps.sh lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features appliance/failpoints -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	tests/deps-check.sh
	tests/shape.sh

deps: ## install what building and testing need
	@tests/deps.sh test
