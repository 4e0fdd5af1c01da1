//! The rounds of the written checklist: daily, weekly, monthly, quarterly, annual.

use std::fmt;
use std::str::FromStr;

/// How often the written checklist asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cadence {
    Daily,
    Weekly,
    Monthly,
    Quarterly,
    Annual,
}

impl Cadence {
    /// Every cadence, in the order of the checklist.
    pub const ALL: [Self; 5] = [Self::Daily, Self::Weekly, Self::Monthly, Self::Quarterly, Self::Annual];

    /// Returns the value of the label `cadence`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Annual => "annual",
        }
    }
}

impl FromStr for Cadence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|cadence| cadence.as_str() == text);
        found.ok_or_else(|| format!("the cadences are {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
