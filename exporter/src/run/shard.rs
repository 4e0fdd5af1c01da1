//! Shards: the part of the checks that a process makes when one process is not enough.
//!
//! Every check belongs to the shard with the highest score (rendezvous hashing), where the score is SHA-256(check, 0,
//! target, 0, index as four bytes in big-endian order). So the assignment does not depend on the order of the file, on
//! the build or on the machine. From n to n + 1 shards only those checks move that the new shard makes.

use anyhow::{Context, bail, ensure};
use clap::Args;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Maximum number of shards.
const MOST: u32 = 1_000;

/// The shard `index` of `total` shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Less than `total`.
    pub index: u32,
    /// At least 1.
    pub total: u32,
}

impl Default for Shard {
    /// The only shard, which makes every check.
    fn default() -> Self {
        Self { index: 0, total: 1 }
    }
}

impl Shard {
    /// Whether this shard makes the check.
    pub fn has(self, check: &str, target: &str) -> bool {
        let best = (0..self.total).max_by_key(|index| score(check, target, *index));
        best.is_none_or(|best| best == self.index)
    }
}

fn score(check: &str, target: &str, index: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [check.as_bytes(), &[0], target.as_bytes(), &[0], &index.to_be_bytes()] {
        hash.update(part);
    }
    hash.finalize().into()
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.total)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(index, total)| Some((index.parse().ok()?, total.parse().ok()?)));
        match parts {
            Some((index, total)) if index < total && total <= MOST => Ok(Self { index, total }),
            _ => {
                Err(format!("a shard must be INDEX/TOTAL, with an index from 0 and a total up to {MOST}, such as 0/3"))
            }
        }
    }
}

/// The arguments that select the shard.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Sharding {
    /// Make only the checks of this shard: INDEX/TOTAL, where the index begins at 0.
    #[arg(long, env = "CHECKLIST_SHARD", value_name = "I/N", conflicts_with = "shards")]
    shard: Option<Shard>,
    /// Number of shards. The shard is the ordinal at the end of the pod's name, as a `StatefulSet` gives it.
    #[arg(long, env = "CHECKLIST_SHARDS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    shards: Option<u32>,
}

impl Sharding {
    /// Returns the shard of this process.
    ///
    /// # Errors
    /// Fails when the pod's name has no ordinal, or one that is not less than the number of shards.
    pub fn shard(self) -> anyhow::Result<Shard> {
        match (self.shard, self.shards) {
            (Some(shard), _) => Ok(shard),
            (None, Some(total)) => of_pod(&crate::run::process::pod_name(), total),
            (None, None) => Ok(Shard::default()),
        }
    }

    /// Returns the number of shards.
    pub fn total(self) -> u32 {
        self.shard.map(|shard| shard.total).or(self.shards).unwrap_or(1)
    }
}

fn of_pod(name: &str, total: u32) -> anyhow::Result<Shard> {
    let Some((_, ordinal)) = name.rsplit_once('-') else {
        bail!(
            "--shards needs a pod of a StatefulSet, but the name {name:?} does not end in -ORDINAL; use --shard I/N instead"
        );
    };
    let index: u32 = ordinal
        .parse()
        .with_context(|| format!("--shards needs a pod of a StatefulSet, but {name:?} does not end in -ORDINAL"))?;
    ensure!(
        index < total,
        "the pod {name} has the ordinal {index}, but there are only {total} shards: set --shards to the number of replicas"
    );
    Ok(Shard { index, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Vec<(String, String)> {
        (0..40).flat_map(|check| (0..25).map(move |target| (format!("check{check}"), format!("t-{target}")))).collect()
    }

    fn owner(check: &str, target: &str, total: u32) -> u32 {
        let owners: Vec<u32> = (0..total).filter(|index| Shard { index: *index, total }.has(check, target)).collect();
        assert_eq!(owners.len(), 1, "{check} on {target} is made {} times", owners.len());
        owners[0]
    }

    #[test]
    fn every_check_runs_on_exactly_one_shard_and_shards_are_balanced() {
        for total in [1, 2, 3, 7] {
            let mut counts = vec![0_u32; total as usize];
            for (check, target) in checks() {
                counts[owner(&check, &target, total) as usize] += 1;
            }
            let fair = 1_000 / total;
            assert!(counts.iter().all(|count| count.abs_diff(fair) < fair / 4 + 1), "{total}: {counts:?}");
        }
    }

    #[test]
    fn adding_a_shard_moves_only_its_own_share() {
        for total in 1..6 {
            let mut moved = 0;
            for (check, target) in checks() {
                let (before, after) = (owner(&check, &target, total), owner(&check, &target, total + 1));
                if before != after {
                    assert_eq!(after, total, "{check} on {target} moved between old shards");
                    moved += 1;
                }
            }
            assert!(moved < 1_300 / (total + 1), "{total}: {moved} of 1000 moved");
        }
    }

    #[test]
    fn the_split_is_the_same_in_every_build_and_on_every_machine() {
        // The expected values were computed in Python: hashlib.sha256(b"disk\0production\0" + index.to_bytes(4,
        // "big")).
        let owners: Vec<u32> =
            [("disk", "production"), ("pods", "production"), ("backup", "daily"), ("backup", "monthly")]
                .map(|(check, target)| owner(check, target, 5))
                .to_vec();
        assert_eq!(owners, [2, 2, 4, 1]);
    }

    #[test]
    fn an_invalid_shard_is_refused() {
        assert_eq!("2/3".parse(), Ok(Shard { index: 2, total: 3 }));
        for wrong in ["3/3", "0/0", "1", "a/b", "-1/3", "0/1001", "1/3/5", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!(of_pod("checklist-exporter-2", 3).ok(), Some(Shard { index: 2, total: 3 }));
        for (name, part) in [
            ("checklist-exporter-3", "set --shards to the number of replicas"),
            ("checklist-exporter-5d4f8-x7k2p", "does not end in -ORDINAL"),
            ("host", "does not end in -ORDINAL"),
        ] {
            let message = of_pod(name, 3).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(part), "{name}: {message}");
        }
    }
}
