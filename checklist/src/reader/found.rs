//! Where mistakes are collected, and which keys were asked for.

use super::keys::Section;
use crate::yaml::Place;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What, and what would be right.
    pub message: String,
}

/// What reading a file has found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    mistakes: RefCell<Vec<ConfigError>>,
    /// The address of a description and the key that was asked for: a test compares them with all that are described.
    asked: RefCell<BTreeSet<(usize, &'static str)>>,
}

impl Found {
    pub(crate) fn mistake(&self, place: Place, message: impl Into<String>) {
        self.mistakes.borrow_mut().push(ConfigError { place, message: message.into() });
    }

    pub(crate) fn count(&self) -> usize {
        self.mistakes.borrow().len()
    }

    pub(crate) fn asked(&self, section: &'static Section, key: &'static str) {
        self.asked.borrow_mut().insert((std::ptr::from_ref(section).addr(), key));
    }

    #[cfg(test)]
    pub(crate) fn was_asked(&self, section: &'static Section, key: &str) -> bool {
        self.asked.borrow().iter().any(|known| *known == (std::ptr::from_ref(section).addr(), key))
    }

    #[cfg(test)]
    pub(crate) fn asked_of(&self, section: &'static Section) -> Vec<&'static str> {
        let of = std::ptr::from_ref(section).addr();
        self.asked.borrow().iter().filter(|(known, _)| *known == of).map(|(_, key)| *key).collect()
    }

    /// The mistakes, which are taken out.
    pub(crate) fn take(&self) -> Vec<ConfigError> {
        self.mistakes.take()
    }
}
