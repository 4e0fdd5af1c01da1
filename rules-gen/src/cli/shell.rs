//! `rules-gen completions` and `rules-gen man`: writes shell completions and manual pages.

use crate::terminal::print;
use anyhow::Context;
use clap_complete::Shell;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints the completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rules-gen completions bash > /etc/bash_completion.d/rules-gen
  rules-gen completions zsh > ~/.zfunc/_rules-gen
  rules-gen completions fish > ~/.config/fish/completions/rules-gen.fish")]
pub struct Completions {
    shell: Shell,
}

/// Prints the manual page, or writes one for each command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rules-gen man | man -l -
  rules-gen man --out /usr/local/share/man/man1")]
pub struct Manual {
    /// The folder to write every page to.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Runs `rules-gen completions`.
pub fn completions(arguments: &Completions, mut program: clap::Command) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "rules-gen", &mut text);
    // Works around clap_complete 4.6, which writes the hyphen of the program's name in two ways. Without this bash
    // finds no subcommand.
    let text = String::from_utf8_lossy(&text).replace("rules__subcmd__gen__subcmd__", "rules__gen__subcmd__");
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `rules-gen man`.
pub fn manual(arguments: &Manual, program: clap::Command) -> anyhow::Result<ExitCode> {
    let Some(folder) = &arguments.out else {
        print(&page(program)?)?;
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    clap_mangen::generate_to(program.disable_help_subcommand(true), folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn page(command: clap::Command) -> anyhow::Result<String> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    Ok(String::from_utf8(text)?)
}
