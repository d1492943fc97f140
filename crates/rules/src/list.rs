//! Live lists: patterns and maps that change while requests look things up in them.
//!
//! Owns the entries and their order. How a key is matched is up to who asks; see `method` and `convert`.

use std::sync::Arc;

use parking_lot::RwLock;

/// A list of patterns, or a map from patterns to values.
#[derive(Debug, Default)]
pub struct List {
    entries: RwLock<Arc<Vec<(String, String)>>>,
}

impl List {
    /// With these entries.
    pub fn new(entries: Vec<(String, String)>) -> Self {
        Self { entries: RwLock::new(Arc::new(entries)) }
    }

    /// The value of the first entry with exactly that key.
    pub fn exactly(&self, key: &[u8]) -> Option<Arc<str>> {
        self.entries()
            .iter()
            .find(|(known, _)| known.as_bytes() == key)
            .map(|(_, value)| value.as_str().into())
    }

    /// All of them, in order.
    pub fn entries(&self) -> Arc<Vec<(String, String)>> {
        Arc::clone(&self.entries.read())
    }
}
