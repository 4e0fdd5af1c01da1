//! The program `checklist-exporter`.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Answers come and go by the megabyte, on many threads. This allocator gives their pages back; that of the C library keeps
/// what each thread has freed.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    exporter::cli::main()
}
