//! What commands write to standard output.

/// Writes the output of a command.
#[expect(clippy::print_stdout, reason = "the command's output")]
pub fn print(text: &str) {
    print!("{text}");
}
