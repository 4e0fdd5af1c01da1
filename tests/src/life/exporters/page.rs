//! The page of one exporter.

use crate::life::board::{Board, known};

/// Names and values of labels.
pub(super) type Pairs = Vec<(&'static str, String)>;

/// One exporter's page: the labels that its scrape adds, and the minutes at which it can be scraped.
pub(super) struct Page<'a> {
    pub(super) board: &'a mut Board,
    pub(super) scrape: Pairs,
    pub(super) watched: &'a [bool],
}

impl Page<'_> {
    /// Writes a series.
    pub(super) fn put(&mut self, name: &str, own: &[(&'static str, &str)], value: impl Fn(usize) -> Option<f64>) {
        let mut labels: Pairs = self.scrape.clone();
        // An empty value means the same as no label.
        let own = own.iter().filter(|(_, value)| !value.is_empty());
        labels.extend(own.map(|(name, value)| (*name, (*value).to_owned())));
        let watched = self.watched;
        self.board.put(name, &labels, |minute| if watched[minute] { value(minute) } else { None });
    }
}

/// A truth as a sample.
pub(super) fn one_if(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

/// Whether a series is 1 at a minute.
pub(super) fn is_one(values: &[f64], minute: usize) -> bool {
    known(values, minute).is_some_and(|value| value > 0.5)
}
