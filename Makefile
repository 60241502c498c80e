# The commands a person types. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint install-test-servers

## demo: generated traffic through the whole engine into .demo/, on this machine, in about a minute once built
demo:
	tests/servers/install build
	cargo build --release --package greenwave-launcher --package greenwave-benches --bin greenwave --bin generate
	rm -rf .demo && mkdir .demo
	target/release/generate --events 1500000 --files 4 --output .demo/input --seed 7 \
	    --broken 0.002 --too-late 0.002
	cd .demo && ../target/release/greenwave submit --master 'local[2]' ../dataflows/settings/congestion-replay.toml \
	    --conf input=input --conf lake=lake --conf state=state --conf pace=60x

## test: every suite against real servers, and a table of what passed and what was skipped
test:
	tests/run

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
