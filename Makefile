# The commands a person types. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint install-test-servers

## demo: an hour of a simulated city through the whole engine into .demo/, in about a minute once built
demo:
	tests/servers/install build
	cargo build --release --package greenwave-launcher
	rm -rf .demo && mkdir .demo
	target/release/greenwave simulate --out .demo/input --vehicles 3000 --rate 400 --for 1h --seed 7
	cd .demo && ../target/release/greenwave submit --master 'local[2]' ../dataflows/settings/city.toml \
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
