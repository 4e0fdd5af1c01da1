//! The program `rules-gen`: parses the arguments and runs a subcommand.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use rules_gen::terminal::TerminalOptions;
use std::process::ExitCode;

/// Turns a checklist.yaml into rules, routes, dashboards, runbooks and rule tests.
#[derive(Parser)]
#[command(version, name = "rules-gen", after_help = format!("\
Examples:
  rules-gen init && rules-gen generate --out generated
  rules-gen lint --retention 30d generated && rules-gen test --mutate
  rules-gen explain ChecklistBackupStale

{}", rules_gen::cli::EXIT_CODES))]
struct Arguments {
    #[command(flatten)]
    terminal: TerminalOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(rules_gen::cli::init::Arguments),
    Generate(rules_gen::cli::generate::Arguments),
    Access(rules_gen::cli::access::Arguments),
    Lint(Box<rules_gen::cli::lint::Arguments>),
    Test(rules_gen::cli::test::Arguments),
    List(rules_gen::cli::list::Arguments),
    Explain(rules_gen::cli::explain::Arguments),
    Merge(rules_gen::cli::merge::Arguments),
    Schema(rules_gen::outputs::schema::Arguments),
    Docs(rules_gen::cli::docs::Arguments),
    /// Writes the daily, weekly, monthly or quarterly report from a live Prometheus and the records of tasks.
    Report(rules_gen::cli::report::Arguments),
    Diff(Box<rules_gen::cli::diff::Arguments>),
    Backtest(Box<rules_gen::cli::backtest::Arguments>),
    Noise(Box<rules_gen::cli::noise::Arguments>),
    RouteTest(Box<rules_gen::cli::route_test::Arguments>),
    Completions(rules_gen::cli::shell::Completions),
    Man(rules_gen::cli::shell::Manual),
}

fn main() -> ExitCode {
    let program = Arguments::command().color(TerminalOptions::colour_option(std::env::args()));
    let read = program.try_get_matches().and_then(|found| Arguments::from_arg_matches(&found));
    let arguments = read.unwrap_or_else(|error| rules_gen::cli::without_logins(error).exit());
    arguments.terminal.apply();
    let result = match arguments.command {
        Command::Generate(arguments) => rules_gen::cli::generate::command(&arguments),
        Command::Access(arguments) => rules_gen::cli::access::command(&arguments),
        Command::Lint(arguments) => wait(rules_gen::cli::lint::run_command(&arguments)),
        Command::Init(arguments) => rules_gen::cli::init::command(&arguments),
        Command::List(arguments) => rules_gen::cli::list::command(&arguments),
        Command::Explain(arguments) => rules_gen::cli::explain::command(&arguments),
        Command::Merge(arguments) => rules_gen::cli::merge::command(&arguments),
        Command::Schema(arguments) => rules_gen::outputs::schema::command(&arguments),
        Command::Completions(arguments) => rules_gen::cli::shell::completions(&arguments, Arguments::command()),
        Command::Man(arguments) => rules_gen::cli::shell::manual(&arguments, Arguments::command()),
        Command::Test(arguments) => rules_gen::cli::test::command(&arguments),
        Command::Docs(arguments) => rules_gen::cli::docs::command(&arguments),
        Command::Report(arguments) => rules_gen::cli::report::run(&arguments),
        Command::Diff(arguments) => wait(rules_gen::cli::diff::run(&arguments)),
        Command::Backtest(arguments) => wait(rules_gen::cli::backtest::run(&arguments)),
        Command::Noise(arguments) => wait(rules_gen::cli::noise::run(&arguments)),
        Command::RouteTest(arguments) => wait(rules_gen::cli::route_test::run(&arguments)),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            rules_gen::terminal::to_stderr(&format!("{error:#}"));
            // A server that gave no response is neither success nor failure, so it has its own exit code.
            ExitCode::from(if error.is::<rules_gen::server::NoVerdict>() { 3 } else { 2 })
        }
    }
}

/// Runs a command that queries live servers.
fn wait(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}
