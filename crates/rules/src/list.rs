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

    /// Gives all entries anew.
    pub fn replace(&self, entries: Vec<(String, String)>) {
        *self.entries.write() = Arc::new(entries);
    }

    /// Gives the value under a key anew, or adds the key.
    pub fn set(&self, key: &str, value: &str) {
        let mut entries = self.entries.write();
        let mut new: Vec<(String, String)> = entries.to_vec();
        match new.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => value.clone_into(old),
            None => new.push((key.to_owned(), value.to_owned())),
        }
        *entries = Arc::new(new);
    }

    /// Removes every entry under a key.
    pub fn del(&self, key: &str) {
        let mut entries = self.entries.write();
        *entries = Arc::new(entries.iter().filter(|(known, _)| known != key).cloned().collect());
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
