//! The commands `init` and `validate`.

use super::output::print;
use crate::run::reload::load;
use crate::run::shard::Shard;
use anyhow::Context;
use checklist::config::Check;
use std::path::Path;
use std::process::ExitCode;

/// Writes a commented checklist.yaml; an existing file is never overwritten.
pub fn init(file: &Path) -> anyhow::Result<ExitCode> {
    use std::io::Write;
    let mut created = std::fs::File::create_new(file)
        .with_context(|| format!("cannot create {} (an existing file is never overwritten)", file.display()))?;
    created.write_all(include_bytes!("../../../examples/checklist.yaml")).context("cannot write it")?;
    print(&format!("wrote {}; edit it, then: checklist-exporter validate {}\n", file.display(), file.display()));
    Ok(ExitCode::SUCCESS)
}

/// Reports every mistake of a checklist.yaml. With `shards`, also prints how many checks each shard makes.
pub fn validate(file: &Path, shards: Option<u32>) -> anyhow::Result<ExitCode> {
    let (_, config) = load(file)?;
    let mut text = format!("{} is valid: {} checks\n", file.display(), config.checks().len());
    if let Some((section, ..)) = config.election() {
        let costly = config.checks().iter().filter(|check| config.is_elected(check.signal)).count();
        text += &format!("{costly} of them run only on the holder of the lease {}\n", section.lease);
    }
    for shard in shards.into_iter().flat_map(|total| (0..total).map(move |index| Shard { index, total })) {
        let made = |check: &&Check| !config.is_elected(check.signal) && shard.has(check.signal.id, &check.target);
        text += &format!("shard {shard} runs {} of them\n", config.checks().iter().filter(made).count());
    }
    print(&text);
    Ok(ExitCode::SUCCESS)
}
