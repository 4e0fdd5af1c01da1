PROGRAMS = --bin checklist-exporter --bin rules-gen
SHOPS ?= small,busy,large
SEEDS ?= 1,2,3,4,5,6,7,8,9,10

test: tools
	cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings && cargo build --workspace --all-targets && ./scripts/run-tests

test-newest: parts
	./scripts/test-newest

demo: tools
	cargo build --workspace $(PROGRAMS) --bin demo && FAULT=$(FAULT) ./target/debug/demo

parts:
	./scripts/build-parts

generate:
	cargo run -q -p rules-gen -- generate --config examples/checklist.yaml --out deploy/generated --dashboards dashboards && cargo run -q -p rules-gen -- docs --out docs && WRITE_PROOF=1 cargo test -q -p stack --test proof

bench: tools
	cargo build --release --workspace $(PROGRAMS) --bin bench && FIGURES=docs/figures.md PEERS=$(abspath $(PEERS)) ./target/release/bench $(BENCH)

life: tools
	cargo build --workspace --bin life && ./target/debug/life --shops $(SHOPS) --seeds $(SEEDS) --verbose

soak: tools
	cargo build --release --workspace $(PROGRAMS) --bin soak && ./target/release/soak

package: cargo-deb
	cargo build --release --locked && cargo deb --no-build --package exporter

cargo-deb:
	command -v cargo-deb >/dev/null || cargo install --locked cargo-deb

supply-chain:
	cargo deny check -D warnings licenses bans sources && cargo cyclonedx --format json --describe binaries --target x86_64-unknown-linux-gnu

tools:
	./scripts/install-tools

.PHONY: test test-newest demo parts generate bench life soak package cargo-deb supply-chain tools
