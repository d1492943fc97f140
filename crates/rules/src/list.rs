//! Live lists: patterns and maps that change while requests look things up in them.
//!
//! Owns the entries, their order and one index for each method by which they are looked up. A look-up takes no lock;
//! a change builds new indexes aside and puts them in place at once. What is added goes to a small tail first, so that
//! adding to a long list one by one does not index all of it each time.

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::Value;
use crate::convert::{cast, regsub};
use crate::search::{Hit, Method, Search};

/// A list of patterns, or a map from patterns to values.
#[derive(Debug)]
pub struct List {
    edition: ArcSwap<Edition>,
    /// The next entry's number. Held while a change is made.
    writer: Mutex<u64>,
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, which no other entry of the list ever has.
    pub id: u64,
    /// The pattern.
    pub key: Arc<str>,
    /// What a map gives; empty in a list of patterns.
    pub value: Arc<str>,
}

/// Which entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'k> {
    /// Every one with that key.
    Key(&'k str),
    /// The one with that number.
    Id(u64),
}

/// All entries at one moment.
#[derive(Debug, Default)]
struct Edition {
    base: Arc<Block>,
    /// Entries after those of `base`.
    tail: Arc<Block>,
    /// By what the list is looked up, and whether case is ignored.
    ways: Vec<Way>,
}

/// Entries with their indexes, one for each way and in the order of these.
#[derive(Debug, Default)]
struct Block {
    entries: Vec<Entry>,
    indexes: Vec<Index>,
}

type Way = (Method, bool);

/// Patterns and, where some entries are no patterns of the method, which entries they are of.
#[derive(Debug, Clone)]
struct Index {
    search: Arc<Search>,
    places: Option<Arc<[u32]>>,
}

impl List {
    /// With these entries.
    pub fn new(entries: Vec<(String, String)>) -> Self {
        let list = Self::default();
        list.replace(entries);
        list
    }

    /// The value of the entry that counts of those which match.
    pub fn find(&self, method: Method, value: &Value<'_>, ignore_case: bool) -> Option<Arc<str>> {
        self.entry(method, value, ignore_case).map(|entry| entry.value)
    }

    /// The entry that counts of those which match.
    pub fn entry(&self, method: Method, value: &Value<'_>, ignore_case: bool) -> Option<Entry> {
        self.looked((method, ignore_case), |edition, at| edition.find(at, value).cloned())
    }

    /// Whether any entry matches.
    pub fn matches(&self, method: Method, value: &Value<'_>, ignore_case: bool) -> bool {
        self.looked((method, ignore_case), |edition, at| {
            [&edition.base, &edition.tail]
                .into_iter()
                .filter_map(|block| block.indexes.get(at))
                .any(|index| index.search.test(value))
        })
    }

    /// The value of the first entry whose key is a regular expression that matches, filled in with what its groups have
    /// matched; None in place of one that cannot be filled.
    pub fn expand(&self, value: &Value<'_>) -> Option<Option<Vec<u8>>> {
        self.looked((Method::Reg, false), |edition, at| {
            let (block, hit) = edition.hit(at, value)?;
            let index = block.indexes.get(at)?;
            let template = block.entries.get(index.place(hit.index)?)?.value.as_bytes();
            let text = cast::text(value.borrowed())?;
            let groups = index.search.regex(hit.index)?.captures(&text)?;
            let mut out = Vec::new();
            Some(regsub::fill(template, &groups, &mut out).map(|()| out))
        })
    }

    /// The value of the first entry with exactly that key.
    pub fn exactly(&self, key: &[u8]) -> Option<Arc<str>> {
        self.find(Method::Str, &Value::text(key), false)
    }

    /// Builds the index for look-ups by this method now rather than at the first of them.
    pub fn prepare(&self, method: Method, ignore_case: bool) {
        let way = (method, ignore_case);
        let _writer = self.writer.lock();
        let now = self.edition.load();
        if now.ways.contains(&way) {
            return;
        }
        let mut ways = now.ways.clone();
        ways.push(way);
        let again = |block: &Block| {
            let mut indexes = block.indexes.clone();
            indexes.push(Index::new(&block.entries, way));
            Arc::new(Block { entries: block.entries.clone(), indexes })
        };
        self.edition.store(Arc::new(Edition { base: again(&now.base), tail: again(&now.tail), ways }));
    }

    /// All keys and values, in order.
    pub fn entries(&self) -> Arc<Vec<(String, String)>> {
        let pair = |entry: Entry| (entry.key.to_string(), entry.value.to_string());
        Arc::new(self.all().into_iter().map(pair).collect())
    }

    /// All entries, in order.
    pub fn all(&self) -> Vec<Entry> {
        let edition = self.edition.load();
        edition.base.entries.iter().chain(&edition.tail.entries).cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let edition = self.edition.load();
        edition.base.entries.len() + edition.tail.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Why a key can be none of this list's, by one of the methods that look it up.
    pub fn refuses(&self, key: &str) -> Option<String> {
        let edition = self.edition.load();
        edition
            .ways
            .iter()
            .find_map(|(method, case)| Search::new(*method, &[key], *case).err())
            .map(|(_, why)| why)
    }

    /// Gives all entries anew.
    pub fn replace(&self, entries: Vec<(String, String)>) {
        let mut next = self.writer.lock();
        let fresh = entries.into_iter().map(|(key, value)| entry(&mut next, &key, &value)).collect();
        self.publish(fresh, Vec::new());
    }

    /// Adds an entry, also beside others with its key.
    pub fn add(&self, key: &str, value: &str) {
        let mut next = self.writer.lock();
        self.append(entry(&mut next, key, value));
    }

    /// Gives the value under a key anew, or adds the key.
    pub fn set(&self, key: &str, value: &str) {
        let mut next = self.writer.lock();
        if !self.change(Which::Key(key), value) {
            self.append(entry(&mut next, key, value));
        }
    }

    /// Gives the value anew where there is such an entry; answers whether there was.
    pub fn alter(&self, which: Which<'_>, value: &str) -> bool {
        let _writer = self.writer.lock();
        self.change(which, value)
    }

    /// Removes every entry under a key.
    pub fn del(&self, key: &str) {
        self.remove(Which::Key(key));
    }

    /// Removes entries; answers whether there was any.
    pub fn remove(&self, which: Which<'_>) -> bool {
        let _writer = self.writer.lock();
        let now = self.edition.load();
        let left = |block: &Block| -> Vec<Entry> {
            block.entries.iter().filter(|entry| !which.is(entry)).cloned().collect()
        };
        let (base, tail) = (left(&now.base), left(&now.tail));
        let some = base.len() < now.base.entries.len() || tail.len() < now.tail.entries.len();
        if some && base.len() == now.base.entries.len() {
            let tail = Arc::new(Block::new(tail, &now.ways));
            let base = Arc::clone(&now.base);
            self.edition.store(Arc::new(Edition { base, tail, ways: now.ways.clone() }));
        } else if some {
            self.publish(base, tail);
        }
        some
    }

    /// Removes every entry.
    pub fn clear(&self) {
        self.replace(Vec::new());
    }

    /// What `ask` answers of the edition and the place of that way's index, which is built if nobody has before.
    fn looked<R>(&self, way: Way, ask: impl Fn(&Edition, usize) -> R) -> R
    where
        R: Default,
    {
        for _ in 0..2 {
            let edition = self.edition.load();
            if let Some(at) = edition.ways.iter().position(|known| *known == way) {
                return ask(&edition, at);
            }
            drop(edition);
            self.prepare(way.0, way.1);
        }
        R::default()
    }

    fn publish(&self, base: Vec<Entry>, tail: Vec<Entry>) {
        let ways = self.edition.load().ways.clone();
        let (base, tail) = (Arc::new(Block::new(base, &ways)), Arc::new(Block::new(tail, &ways)));
        self.edition.store(Arc::new(Edition { base, tail, ways }));
    }

    fn append(&self, entry: Entry) {
        let now = self.edition.load();
        let mut tail = now.tail.entries.clone();
        tail.push(entry);
        // Indexing the tail at each addition and the whole now and then cost about the same.
        if tail.len() > 32 + 2 * now.base.entries.len().isqrt() {
            self.publish(now.base.entries.iter().cloned().chain(tail).collect(), Vec::new());
            return;
        }
        let tail = Arc::new(Block::new(tail, &now.ways));
        self.edition.store(Arc::new(Edition { base: Arc::clone(&now.base), tail, ways: now.ways.clone() }));
    }

    /// Only values change, so that the indexes stay good.
    fn change(&self, which: Which<'_>, value: &str) -> bool {
        let now = self.edition.load();
        let changed = |block: &Arc<Block>| {
            if !block.entries.iter().any(|entry| which.is(entry)) {
                return (Arc::clone(block), false);
            }
            let value: Arc<str> = value.into();
            let mut entries = block.entries.clone();
            for entry in entries.iter_mut().filter(|entry| which.is(entry)) {
                entry.value = Arc::clone(&value);
            }
            (Arc::new(Block { entries, indexes: block.indexes.clone() }), true)
        };
        let ((base, in_base), (tail, in_tail)) = (changed(&now.base), changed(&now.tail));
        self.edition.store(Arc::new(Edition { base, tail, ways: now.ways.clone() }));
        in_base || in_tail
    }
}

impl Default for List {
    fn default() -> Self {
        Self { edition: ArcSwap::default(), writer: Mutex::new(1) }
    }
}

impl Which<'_> {
    fn is(self, entry: &Entry) -> bool {
        match self {
            Self::Key(key) => &*entry.key == key,
            Self::Id(id) => entry.id == id,
        }
    }
}

impl Edition {
    fn find(&self, at: usize, value: &Value<'_>) -> Option<&Entry> {
        let (block, hit) = self.hit(at, value)?;
        block.entries.get(block.indexes.get(at)?.place(hit.index)?)
    }

    /// An entry of the tail counts only if it is more specific.
    fn hit(&self, at: usize, value: &Value<'_>) -> Option<(&Block, Hit)> {
        let of = |block: &Block| block.indexes.get(at).and_then(|index| index.search.find(value));
        match (of(&self.base), of(&self.tail)) {
            (Some(base), Some(tail)) if tail.weight > base.weight => Some((&self.tail, tail)),
            (Some(base), _) => Some((&self.base, base)),
            (None, tail) => tail.map(|hit| (&*self.tail, hit)),
        }
    }
}

impl Block {
    fn new(entries: Vec<Entry>, ways: &[Way]) -> Self {
        let indexes = ways.iter().map(|way| Index::new(&entries, *way)).collect();
        Self { entries, indexes }
    }
}

impl Index {
    /// What is no pattern of the method is left out: it can match nothing.
    fn new(entries: &[Entry], (method, ignore_case): Way) -> Self {
        let keys: Vec<&str> = entries.iter().map(|entry| &*entry.key).collect();
        if let Ok(search) = Search::new(method, &keys, ignore_case) {
            return Self { search: Arc::new(search), places: None };
        }
        let sound =
            keys.iter().zip(0..).filter(|(key, _)| Search::new(method, &[**key], ignore_case).is_ok());
        let (keys, places): (Vec<&str>, Vec<u32>) = sound.map(|(key, at)| (*key, at)).unzip();
        // Each alone is sound; should all together not be, nothing matches.
        let search = Search::new(method, &keys, ignore_case).unwrap_or_else(|_| Search::nothing());
        Self { search: Arc::new(search), places: Some(places.into()) }
    }

    fn place(&self, index: usize) -> Option<usize> {
        match &self.places {
            None => Some(index),
            Some(places) => places.get(index).map(|place| *place as usize),
        }
    }
}

fn entry(next: &mut u64, key: &str, value: &str) -> Entry {
    let id = *next;
    *next += 1;
    Entry { id, key: key.into(), value: value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pairs: &[(&str, &str)]) -> List {
        List::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
    }

    fn found(list: &List, method: Method, text: &str) -> Option<String> {
        list.find(method, &Value::text(text.as_bytes()), false).map(|value| value.to_string())
    }

    #[test]
    fn changes_are_seen_by_every_index() {
        let list = list(&[("/a", "1"), ("/a/b", "2"), ("/a", "3")]);
        assert_eq!(found(&list, Method::Beg, "/a/b/c").as_deref(), Some("2"));
        assert_eq!(found(&list, Method::Str, "/a").as_deref(), Some("1"));
        list.add("/a/b/c", "4");
        assert_eq!(found(&list, Method::Beg, "/a/b/c").as_deref(), Some("4"), "of the tail, and longer");
        list.add("/a", "5");
        assert_eq!(found(&list, Method::Str, "/a").as_deref(), Some("1"), "the first counts");
        assert!(list.alter(Which::Key("/a"), "6"));
        assert_eq!(list.all().iter().filter(|entry| &*entry.value == "6").count(), 3);
        let id = list.all().last().map(|entry| entry.id).unwrap();
        assert!(list.remove(Which::Id(id)) && !list.remove(Which::Id(id)));
        list.del("/a");
        assert_eq!(found(&list, Method::Beg, "/a"), None);
        list.set("/x", "7");
        list.set("/x", "8");
        assert_eq!((found(&list, Method::Str, "/x").as_deref(), list.len()), (Some("8"), 3));
        list.clear();
        assert!(list.is_empty() && found(&list, Method::Beg, "/a/b").is_none());
    }

    #[test]
    fn entries_that_are_no_patterns_of_a_method_match_nothing() {
        let list = list(&[("ten", "0"), ("10.0.0.0/8", "1"), ("(", "2"), ("^1(.)", "a\\1b")]);
        assert_eq!(found(&list, Method::Ip, "10.1.1.1").as_deref(), Some("1"));
        assert_eq!(list.expand(&Value::text(b"1xyz")), Some(Some(b"axb".to_vec())));
        assert!(list.refuses("ten").is_some());
        assert!(list.refuses("10.0.0.1").is_none());
        assert!(list.matches(Method::Reg, &Value::text(b"123"), false));
    }

    #[test]
    fn a_long_list_grows_one_by_one() {
        let list = List::default();
        for number in 0..2_000 {
            list.add(&format!("host-{number}"), &number.to_string());
            if number % 97 == 0 {
                assert_eq!(found(&list, Method::Str, &format!("host-{number}")), Some(number.to_string()));
            }
        }
        assert_eq!(found(&list, Method::Str, "host-3").as_deref(), Some("3"));
        assert_eq!(list.len(), 2_000);
        let ids: std::collections::BTreeSet<u64> = list.all().iter().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), 2_000);
    }
}
