//! The program `checklist-exporter`.

use std::process::ExitCode;

fn main() -> ExitCode {
    exporter::cli::main()
}
