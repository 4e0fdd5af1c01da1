test:
	./scripts/install-tools && cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings && cargo build --workspace --bins && cargo test --workspace --no-fail-fast

.PHONY: test
