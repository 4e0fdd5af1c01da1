//! Collects the mistakes of a file, and records which keys were read.

use super::keys::Section;
use crate::yaml::Place;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// One mistake in checklist.yaml.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// The state of reading one file.
#[derive(Debug, Default)]
pub(crate) struct Found {
    mistakes: RefCell<Vec<ConfigError>>,
    /// The keys that were read, each with the address of its section. A test compares them with all described keys.
    keys_read: RefCell<BTreeSet<(usize, &'static str)>>,
}

impl Found {
    /// Records a mistake.
    pub(crate) fn mistake(&self, place: Place, message: impl Into<String>) {
        self.mistakes.borrow_mut().push(ConfigError { place, message: message.into() });
    }

    pub(crate) fn count(&self) -> usize {
        self.mistakes.borrow().len()
    }

    /// Records that a key was read.
    pub(crate) fn mark_read(&self, section: &'static Section, key: &'static str) {
        self.keys_read.borrow_mut().insert((std::ptr::from_ref(section).addr(), key));
    }

    #[cfg(test)]
    pub(crate) fn was_read(&self, section: &'static Section, key: &str) -> bool {
        self.keys_read.borrow().iter().any(|known| *known == (std::ptr::from_ref(section).addr(), key))
    }

    #[cfg(test)]
    pub(crate) fn keys_read_of(&self, section: &'static Section) -> Vec<&'static str> {
        let of = std::ptr::from_ref(section).addr();
        self.keys_read.borrow().iter().filter(|(known, _)| *known == of).map(|(_, key)| *key).collect()
    }

    /// Returns the mistakes and removes them from the state.
    pub(crate) fn take(&self) -> Vec<ConfigError> {
        self.mistakes.take()
    }
}
