# The commands a person types. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help demo test chaos bench lint install-test-servers

## demo: an hour of a simulated city through the whole engine into .demo/, in about a minute once built
demo:
	tests/servers/install build
	cargo build --release --package greenwave-launcher
	target/release/greenwave demo --fresh --dir .demo --pace 60x --for 1h

## test: every suite against real servers, and a table of what passed and what was skipped
test:
	tests/run

## chaos: kills, pauses and failing servers against the exactly-once protocol; SEED=7 MINUTES=30 repeats a run, or begins one
chaos:
	tests/servers/install
	GREENWAVE_SEED=$(or $(SEED),1) GREENWAVE_CHAOS_MINUTES=$(or $(MINUTES),0) \
		cargo test --release --package greenwave-tests --test chaos -- --ignored --nocapture

## bench: the figures of benches/results.md, measured here
bench:
	tests/servers/install
	benches/run

## lint: format, clippy and docs, warnings denied
lint:
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace --no-deps

## install-test-servers: Kafka, Redis, the lake's readers and what the build needs; quick when they are there
install-test-servers:
	tests/servers/install

help:
	@sed -n 's/^## /make /p' $(MAKEFILE_LIST)
