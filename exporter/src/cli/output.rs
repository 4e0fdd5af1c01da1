//! Standard output of the commands.

/// Prints the result of a command. All commands print through this function, because the lint `print_stdout` is denied
/// elsewhere.
#[expect(clippy::print_stdout, reason = "the command's output")]
pub fn print(text: &str) {
    print!("{text}");
}
