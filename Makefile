# The commands of this repository. `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: help install build run test fuzz check bench bench-kms bench-xks

# What the scripts test and `make run` shows: the release build.
export VHSM_MODULE ?= $(CURDIR)/target/release/libvhsm_pkcs11.so
export VHSM_COMMAND ?= $(CURDIR)/target/release/vhsm

# Stores in etcd need protoc to build, so a plain `cargo build` goes without.
features := --features etcd

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

install: ## installs what is missing here of all that the other commands need
	@.ci/install cargo-nextest cargo-deny

build: ## builds the library, the vhsm command and the examples, optimized
	@.ci/install
	cargo build --release --locked --workspace $(features) --lib --bins --examples

run: build ## the main job: a key in a throw-away cluster, a file encrypted and decrypted with it
	@echo
	@pkcs11-tool-scripts/kmsuser.sh
	@echo
	@target/release/examples/main_job

test: build ## everything: unit, integration and doc tests, scripts, README; benchmarks compile
	@.ci/install cargo-nextest
	cargo bench --locked --workspace $(features) --bench '*' --no-run
	cargo test --locked --workspace $(features) --doc
	cargo nextest run --locked --workspace $(features)

# By cargo's own runner: nextest ends a test that runs for long.
fuzz: ## random input for SECONDS=600, all targets one after the other; `make test` has a minute of it
	FUZZ_SECONDS=$(or $(SECONDS),600) cargo test --locked $(features) --test it fuzz:: -- --test-threads=1 --nocapture

check: ## formatting, clippy, documentation, licences and sources of all dependencies
	@.ci/install cargo-deny
	cargo fmt --all --check
	cargo clippy --locked --workspace $(features) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace $(features) --no-deps
	.ci/audit

bench: build ## speed beside SoftHSM; MODULES="vhsm vhsm-etcd softhsm FILE:SLOT:PIN", ARGS="--keys N"
	cargo bench --locked --workspace $(features) --bench p11 -- $(ARGS) $(MODULES)

bench-kms: build ## speed of vhsm serve under wrk, beside moto_server; ARGS="--seconds N --keys N"
	@.ci/install --bench-kms
	target/moto/bin/python benches/kms/bench.py target/release/vhsm $(ARGS)

bench-xks: build ## speed of vhsm xks-proxy under wrk; ARGS="--seconds N --soak SECONDS"
	@.ci/install --bench-kms
	target/aws/bin/python benches/xks/bench.py target/release/vhsm $(ARGS)
