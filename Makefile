test: tools
	cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings && cargo build --workspace --all-targets && cargo test --workspace --no-fail-fast && ./scripts/test-newest

demo: tools
	cargo build --workspace --bins && FAULT=$(FAULT) ./target/debug/demo

parts:
	./scripts/build-parts

generate:
	cargo run -q -p rules-gen -- generate --config examples/checklist.yaml --out deploy/generated --dashboards dashboards && cargo run -q -p rules-gen -- docs --out docs && WRITE_PROOF=1 cargo test -q -p stack --test proof

bench: tools
	cargo build --release --workspace --bins && ./target/release/bench

supply-chain:
	cargo deny check -D warnings licenses bans sources && cargo cyclonedx --format json --describe binaries --target x86_64-unknown-linux-gnu

package:
	command -v cargo-deb >/dev/null || cargo install --locked cargo-deb; cargo build --release --locked --bins && cargo deb --no-build --package exporter

tools:
	./scripts/install-tools

.PHONY: test demo parts generate bench supply-chain package tools
