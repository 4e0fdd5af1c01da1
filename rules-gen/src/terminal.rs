//! Writes results to standard output, and progress and warnings to standard error.
//!
//! Tables and progress are our own code, which is shorter than the use of crates for them. Tables need only aligned
//! columns without a frame. The progress line appears after one second, never in a pipe, and is removed at the end; the
//! crate indicatif draws at once, so the delay, its thread and its test would be needed anyway.

use anstyle::AnsiColor;
use anyhow::Context;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// Progress is shown only for work that takes longer than this.
const PATIENCE: Duration = Duration::from_secs(1);
/// The time between two updates of the progress line.
const PACE: Duration = Duration::from_millis(100);
/// The largest number of characters in the progress line, so that it does not wrap on usual terminals.
const WIDTH: usize = 78;

/// The options of the process. [`TerminalOptions::apply`] sets them; before that the defaults apply.
static OPTIONS: OnceLock<TerminalOptions> = OnceLock::new();

/// The options for output: how much is written, and whether it is coloured.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct TerminalOptions {
    /// Write only results and problems: no progress, no notes, and nothing about checks that passed.
    #[arg(long, short, global = true, display_order = 900)]
    quiet: bool,
    /// Use colours: on a terminal unless `NO_COLOR` is set, always, or never.
    #[arg(long, value_enum, global = true, default_value = "auto", value_name = "WHEN", display_order = 900)]
    color: When,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl TerminalOptions {
    /// Reads the colour option before clap parses the arguments, because clap's own errors are coloured too.
    pub fn colour_option(arguments: impl Iterator<Item = String>) -> clap::ColorChoice {
        let mut last = String::new();
        let mut chosen = clap::ColorChoice::Auto;
        for argument in arguments {
            let value = argument.strip_prefix("--color=").or((last == "--color").then_some(argument.as_str()));
            chosen = match value {
                Some("always") => clap::ColorChoice::Always,
                Some("never") => clap::ColorChoice::Never,
                _ => chosen,
            };
            last = argument;
        }
        chosen
    }

    /// Sets the options of the process; only the first call has an effect.
    pub fn apply(self) {
        let _ = OPTIONS.set(self);
    }
}

/// Whether `--quiet` was given, so that only results and problems are written.
pub fn is_quiet() -> bool {
    OPTIONS.get().is_some_and(|terminal| terminal.quiet)
}

/// Writes a note to standard error: neither a result nor an error. `--quiet` omits it.
pub fn note(line: &str) {
    if !is_quiet() {
        to_stderr(line);
    }
}

/// Writes to standard output. A closed pipe, as with `| head`, is not an error.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// Writes a line to standard error.
pub fn to_stderr(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Colours and bold text, or none.
#[derive(Debug, Clone, Copy)]
pub struct Style(bool);

/// A colour by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// A heading.
    Bold,
    /// Removed, or an error.
    Red,
    /// Added, or a success.
    Green,
    /// Changed, or a warning.
    Yellow,
    /// Information.
    Cyan,
    /// Less important.
    Grey,
}

impl Style {
    /// No colours.
    pub const PLAIN: Self = Self(false);

    /// Returns the style for standard output: as `--color` says, or by default coloured on a terminal unless `NO_COLOR`
    /// is set.
    pub fn of_stdout() -> Self {
        let unwanted = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(match OPTIONS.get().map(|terminal| terminal.color).unwrap_or_default() {
            When::Auto => std::io::stdout().is_terminal() && !unwanted(),
            When::Always => true,
            When::Never => false,
        })
    }

    /// Returns the text in a colour, or unchanged if colours are off.
    pub fn paint(self, colour: Colour, text: &str) -> String {
        let style = match colour {
            Colour::Bold => anstyle::Style::new().bold(),
            Colour::Red => AnsiColor::Red.on_default(),
            Colour::Green => AnsiColor::Green.on_default(),
            Colour::Yellow => AnsiColor::Yellow.on_default(),
            Colour::Cyan => AnsiColor::Cyan.on_default(),
            Colour::Grey => AnsiColor::BrightBlack.on_default(),
        };
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Returns a table with aligned columns. The first column and those in `left` are left-aligned, the others
/// right-aligned.
pub fn table(rows: &[Vec<String>], left: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            // Writing to a String cannot fail.
            let _ = if column == 0 || left.contains(&column) {
                write!(line, "{cell:<width$}  ")
            } else {
                write!(line, "{cell:>width$}  ")
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Returns a Markdown table, whose first row is the head.
pub fn markdown(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if at == 0 {
            let _ = writeln!(text, "|{}", " --- |".repeat(row.len()));
        }
    }
    text
}

/// The progress line of a long command. It is shown after one second, but not in a pipe or with `--quiet`. Dropping the
/// value removes it.
pub struct Progress(Option<Line>);

/// A progress line and the thread that draws it.
struct Line {
    shared: Arc<(Mutex<Status>, Condvar)>,
    drawer: Option<JoinHandle<()>>,
}

/// The text of the progress line, shared with the thread.
#[derive(Default)]
struct Status {
    text: String,
    over: bool,
}

impl Progress {
    /// Starts the clock.
    pub fn new() -> Self {
        if is_quiet() || !std::io::stderr().is_terminal() {
            return Self::silent();
        }
        let shared = Arc::new((Mutex::new(Status::default()), Condvar::new()));
        let theirs = Arc::clone(&shared);
        // A thread draws the line, so that it also appears during a single long request. If no thread can be started,
        // nothing is shown.
        let drawer = std::thread::Builder::new().spawn(move || draw(&theirs)).ok();
        Self(Some(Line { shared, drawer }))
    }

    /// Returns a progress that shows nothing.
    pub const fn silent() -> Self {
        Self(None)
    }

    /// Sets the text.
    pub fn show(&self, what: &str) {
        if let Some(mut shared) = self.0.as_ref().and_then(|line| line.shared.0.lock().ok()) {
            what.clone_into(&mut shared.text);
        }
    }

    /// Returns a function that adds to the number of finished items and shows it.
    pub fn counted(&self, what: &'static str) -> impl Fn(usize, usize) + Sync {
        let done = AtomicUsize::new(0);
        move |more, all| {
            let done = done.fetch_add(more, Ordering::Relaxed) + more;
            self.show(&format!("{what}: {done} of {all}"));
        }
    }

    /// Removes the line, so that other text can be written.
    pub fn end(self) {
        drop(self);
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(line) = &mut self.0 else { return };
        if let Ok(mut shared) = line.shared.0.lock() {
            shared.over = true;
        }
        line.shared.1.notify_all();
        if let Some(drawer) = line.drawer.take() {
            let _ = drawer.join();
        }
    }
}

fn draw(shared: &(Mutex<Status>, Condvar)) {
    let (state, changed) = shared;
    let wait = |patience| {
        let state = state.lock().ok()?;
        let (state, _) = changed.wait_timeout_while(state, patience, |shared| !shared.over).ok()?;
        (!state.over).then(|| state.text.clone())
    };
    let mut shown = String::new();
    let mut next = wait(PATIENCE);
    while let Some(text) = next {
        if text != shown {
            // A line that wraps cannot be removed. Control characters in names could manipulate the terminal.
            let line: String = text.chars().filter(|c| !c.is_control()).take(WIDTH).collect();
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r\u{1b}[K{line}").and_then(|()| err.flush());
            shown = text;
        }
        next = wait(PACE);
    }
    if !shown.is_empty() {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "\r\u{1b}[K").and_then(|()| err.flush());
    }
}
