//! Live lists by name: what was changed at run time stays until the file behind a list has changed.
//!
//! A name stands for one list over all snapshots, so that what was compiled against it keeps working.

use std::collections::HashMap;
use std::sync::Arc;

use tenbin_rules::List;

use super::build::Refusal;
use super::draft::refuse;
use crate::wire::{LiveList, Snapshot};

/// Lists by name.
pub type Lists = HashMap<String, Held>;

/// Keys and values.
type Entries = Vec<(String, String)>;

/// A list, and what it was made of.
#[derive(Clone)]
pub struct Held {
    /// Shared with the expressions that look things up in it.
    pub list: Arc<List>,
    /// As in the snapshot.
    pub stamp: String,
    /// It has values.
    pub is_map: bool,
}

/// Lists that a snapshot names, and the entries that they get when nothing can fail any more.
pub struct ListDrafts {
    /// Old ones and new ones.
    pub lists: Lists,
    fresh: Vec<(Arc<List>, Entries)>,
}

impl ListDrafts {
    /// The lists of a snapshot: new ones, and those that stay.
    pub fn new(snapshot: &Snapshot, old: Option<&Lists>) -> Result<Self, Refusal> {
        let mut drafts = Self { lists: HashMap::with_capacity(snapshot.lists.len()), fresh: Vec::new() };
        for (index, spec) in snapshot.lists.iter().enumerate() {
            let held = drafts.hold(spec, old.and_then(|old| old.get(&spec.name)));
            if drafts.lists.insert(spec.name.clone(), held).is_some() {
                return refuse(
                    format!("lists[{index}].name"),
                    format!("there is another list {:?}", spec.name),
                );
            }
        }
        Ok(drafts)
    }

    /// Puts the entries in force.
    pub fn settle(self) -> Lists {
        for (list, entries) in self.fresh {
            list.replace(entries);
        }
        self.lists
    }

    fn hold(&mut self, spec: &LiveList, known: Option<&Held>) -> Held {
        let (stamp, is_map) = (spec.stamp.clone(), spec.is_map);
        match known {
            Some(known) if known.stamp == stamp && known.is_map == is_map => known.clone(),
            Some(known) => {
                self.fresh.push((Arc::clone(&known.list), spec.entries.clone()));
                Held { list: Arc::clone(&known.list), stamp, is_map }
            }
            None => Held { list: Arc::new(List::new(spec.entries.clone())), stamp, is_map },
        }
    }
}
