//! The program `checklist-exporter`.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Of memory that was needed for a moment, the C library's allocator keeps most; this one gives it back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    exporter::cli::main()
}
