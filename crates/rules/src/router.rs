//! Finds the first route whose condition holds, without asking the routes that cannot.
//!
//! Each route is listed under a key that its condition makes necessary: a host, the end of a host, a path, the start
//! or end of a path, or a pair of them. A look-up probes one hash for each distinct shape of key (say "path starts
//! with 8 bytes"), not for each route, and tests in full only what it finds. Routes without a key are tested one by
//! one. So the cost grows with the number of shapes and of routes that share the request's keys, not with routes.

use std::collections::{BTreeMap, HashMap};

use crate::fetch::{Fetch, asked_path};
use crate::keys::{self, HostBy, Key, Keys};
use crate::sample;
use crate::table::{Place, Table, fold_hash};
use crate::{Expr, TlsFact, View};

/// Up to how many routes may share a key before host and path are looked at together.
const CROWD: u32 = 4;
/// Up to how many pairs of host and path a single route may be listed under.
const PAIRS: usize = 256;

/// The conditions of a frontend's routes, in order, with an index over them.
#[derive(Debug, Clone)]
pub struct Router {
    conditions: Box<[Option<Expr>]>,
    shapes: Box<[(Shape, Edges)]>,
    table: Table,
    /// Routes without a key, ascending.
    rest: Box<[u32]>,
    longest: Longest,
    /// Which text the keys of hosts are of.
    by: HostBy,
}

/// A condition that `explain` tried, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The route's index.
    pub route: usize,
    /// The condition in the configuration's syntax; `None` if the route has none.
    pub condition: Option<String>,
    /// What the condition asked of the request, and the answers as text; `None` for what is absent.
    pub seen: Vec<(String, Option<String>)>,
    /// Whether the condition holds.
    pub holds: bool,
}

impl Router {
    /// Indexes the conditions of routes in their order; `None` always holds.
    pub fn new(conditions: Vec<Option<Expr>>) -> Self {
        let by = HostBy::most(conditions.iter().flatten().map(Expr::node));
        let keys: Vec<Keys<'_>> = conditions
            .iter()
            .map(|c| c.as_ref().map(|expr| keys::of(expr.node(), by)).unwrap_or_default())
            .collect();
        let crowds = Crowds::new(&keys);
        let (mut shapes, mut pairs, mut rest) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (keys, route) in keys.iter().zip(0_u32..) {
            let Some(entries) = crowds.choose(keys) else {
                rest.push(route);
                continue;
            };
            for entry in entries {
                let edges = shapes.entry(entry.shape()).or_insert_with(|| entry.edges());
                *edges = edges.common(entry.edges());
                pairs.push((entry.code(), route));
            }
        }
        Self {
            shapes: shapes.into_iter().collect(),
            table: Table::new(pairs),
            rest: rest.into(),
            longest: Longest::new(&keys),
            conditions: conditions.into(),
            by,
        }
    }

    /// The first route, at `from` or after, whose condition holds.
    pub fn find<V: View + ?Sized>(&self, view: &V, from: usize) -> Option<usize> {
        let from = u32::try_from(from).ok()?;
        let mut best = None;
        match self.by {
            HostBy::Asked => best = self.under(view.host(), view, from, best),
            by => {
                let (mut any, mut regular) = (false, true);
                sample::each_host(view, &mut |field| {
                    any = true;
                    match by.cut(field) {
                        Some(host) => best = self.under(host, view, from, best),
                        None => regular = false,
                    }
                    regular
                });
                if !regular {
                    return self.one_by_one(view, from);
                }
                if !any {
                    best = self.under(b"", view, from, best);
                }
            }
        }
        self.first(&self.rest, view, from, best).map(|route| route as usize)
    }

    /// The first route before `best` that is listed under this host, under the path, or under both.
    fn under<V: View + ?Sized>(&self, host: &[u8], view: &V, from: u32, best: Option<u32>) -> Option<u32> {
        let (path, mut best) = (asked_path(view), best);
        for (shape, edges) in &self.shapes {
            if let Some(code) = shape.code(*edges, host, path, self.longest) {
                best = self.first(self.table.get(code), view, from, best);
            }
        }
        best
    }

    fn one_by_one<V: View + ?Sized>(&self, view: &V, from: u32) -> Option<usize> {
        let holds = |condition: &Option<Expr>| condition.as_ref().is_none_or(|expr| expr.test(view));
        let mut rest = self.conditions.iter().enumerate().skip(from as usize);
        rest.find(|(_, condition)| holds(condition)).map(|(route, _)| route)
    }

    /// How many routes there are.
    pub fn len(&self) -> usize {
        self.conditions.len()
    }

    /// Whether there is no route at all.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether a condition asks for any of those.
    pub fn asks(&self, which: impl Fn(TlsFact) -> bool) -> bool {
        self.conditions.iter().flatten().any(|expr| expr.asks(&which))
    }

    /// Every condition in order up to the first that holds, as if there were no index. For people, not for traffic.
    pub fn explain<V: View + ?Sized>(&self, view: &V) -> Vec<Step> {
        let mut steps = Vec::new();
        for (route, condition) in self.conditions.iter().enumerate() {
            let holds = condition.as_ref().is_none_or(|expr| expr.test(view));
            let seen = condition.as_ref().map(|expr| seen(expr, view)).unwrap_or_default();
            let condition = condition.as_ref().map(|expr| expr.text().to_owned());
            steps.push(Step { route, condition, seen, holds });
            if holds {
                break;
            }
        }
        steps
    }

    /// The first of `routes` (ascending) that is at `from` or after and before `best`, and holds; else `best`.
    fn first<V: View + ?Sized>(&self, routes: &[u32], view: &V, from: u32, best: Option<u32>) -> Option<u32> {
        let start = if from == 0 { 0 } else { routes.partition_point(|&route| route < from) };
        let candidates = routes.get(start..).unwrap_or_default();
        for &route in candidates.iter().take_while(|&&route| best.is_none_or(|best| route < best)) {
            let holds = self.conditions.get(route as usize).is_some_and(|condition| match condition {
                Some(expr) => expr.test(view),
                None => true,
            });
            if holds {
                return Some(route);
            }
        }
        best
    }
}

fn seen<V: View + ?Sized>(expr: &Expr, view: &V) -> Vec<(String, Option<String>)> {
    let mut seen: Vec<(String, Option<String>)> = Vec::new();
    expr.node().each_fetch(&mut |fetch| {
        // Shown is what the condition means, not the shortcut by which it is tested.
        let fetch = if matches!(fetch, Fetch::RawHost) { &Fetch::Host } else { fetch };
        let name = fetch.to_string();
        if seen.iter().all(|(known, _)| *known != name) {
            let value = fetch.value(view);
            let mut text = Vec::new();
            value.write(&mut text);
            let text = (value != crate::Value::Absent).then(|| String::from_utf8_lossy(&text).into_owned());
            seen.push((name, text));
        }
    });
    seen
}

/// Which part of a text takes part in a key, and how long it is; the length of a whole text does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    place: Place,
    length: usize,
}

/// Which parts of host and path make up a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    host: Option<Part>,
    path: Option<Part>,
}

/// The byte where all keys of a shape end inside the text, if it is the same: the `/` of `/api/`, the `.` of
/// `.example.org`. Looking at it first spares most of the hashing when keys have many lengths.
#[derive(Debug, Clone, Copy)]
struct Edges {
    host: Option<u8>,
    path: Option<u8>,
}

/// A key of a route: of its host, of its path, or of both.
#[derive(Debug, Clone, Copy)]
struct Entry<'n> {
    host: Option<Key<'n>>,
    path: Option<Key<'n>>,
}

/// The longest host and path that are keys as a whole: what is longer need not be hashed.
#[derive(Debug, Clone, Copy)]
struct Longest {
    host: usize,
    path: usize,
}

impl HostBy {
    /// The part of the host field that the keys are of; `None` where the index cannot tell.
    fn cut(self, field: &[u8]) -> Option<&[u8]> {
        if self != Self::Bare {
            return Some(field);
        }
        let host = field.split(|byte| *byte == b':').next()?;
        // An IPv6 address: each converter has its own opinion about that.
        let single = memchr::memchr_iter(b':', field).count() < 2;
        (single && !field.starts_with(b"[")).then_some(host)
    }
}

impl Part {
    fn of(key: Key<'_>) -> Self {
        Self { place: key.place, length: if key.place == Place::Whole { 0 } else { key.text.len() } }
    }

    fn cut(self, edge: Option<u8>, text: &[u8], longest: usize) -> Option<&[u8]> {
        let part = match self.place {
            Place::Whole => (text.len() <= longest).then_some(text),
            place => place.part(text, self.length),
        }?;
        (edge.is_none() || edge == self.place.edge(part)).then_some(part)
    }
}

impl Place {
    /// The byte where the part ends inside the text; in lower case, because keys ignore case.
    fn edge(self, part: &[u8]) -> Option<u8> {
        let byte = match self {
            Self::Whole => None,
            Self::Start => part.last(),
            Self::End => part.first(),
        };
        byte.map(u8::to_ascii_lowercase)
    }
}

impl Edges {
    fn common(self, other: Self) -> Self {
        let same = |a: Option<u8>, b: Option<u8>| if a == b { a } else { None };
        Self { host: same(self.host, other.host), path: same(self.path, other.path) }
    }
}

impl Shape {
    /// The code under which this shape's routes for `host` and `path` are listed, if there can be any.
    fn code(&self, edges: Edges, host: &[u8], path: &[u8], longest: Longest) -> Option<u32> {
        let mut hash = 0;
        if let Some(part) = self.host {
            hash = step(hash, Dimension::Host, part.place, part.cut(edges.host, host, longest.host)?);
        }
        if let Some(part) = self.path {
            hash = step(hash, Dimension::Path, part.place, part.cut(edges.path, path, longest.path)?);
        }
        Some(hash as u32)
    }
}

impl Entry<'_> {
    fn edges(&self) -> Edges {
        let edge = |key: Option<Key<'_>>| key.and_then(|key| key.place.edge(key.text));
        Edges { host: edge(self.host), path: edge(self.path) }
    }

    fn shape(&self) -> Shape {
        Shape { host: self.host.map(Part::of), path: self.path.map(Part::of) }
    }

    fn code(&self) -> u32 {
        let mut hash = 0;
        if let Some(key) = self.host {
            hash = step(hash, Dimension::Host, key.place, key.text);
        }
        if let Some(key) = self.path {
            hash = step(hash, Dimension::Path, key.place, key.text);
        }
        hash as u32
    }
}

#[derive(Debug, Clone, Copy)]
enum Dimension {
    Host,
    Path,
}

/// One hash for the parts of a key, told apart by where they stand.
fn step(hash: u64, dimension: Dimension, place: Place, text: &[u8]) -> u64 {
    fold_hash(hash ^ ((dimension as u64) << 8 | place as u64 | 1 << 16), text)
}

impl Longest {
    fn new(keys: &[Keys<'_>]) -> Self {
        let whole = |key: &&Key<'_>| key.place == Place::Whole;
        let host = keys.iter().flat_map(|keys| keys.host.iter().flatten());
        let path = keys.iter().flat_map(|keys| keys.path.iter().flatten());
        Self {
            host: host.filter(whole).map(|key| key.text.len()).max().unwrap_or(0),
            path: path.filter(whole).map(|key| key.text.len()).max().unwrap_or(0),
        }
    }
}

/// How many routes share each key of host or path alone; tells which key of a route parts it from the others.
struct Crowds(HashMap<u32, u32>);

impl Crowds {
    fn new(keys: &[Keys<'_>]) -> Self {
        let mut crowds = HashMap::new();
        for keys in keys {
            for entry in hosts(keys).into_iter().flatten().chain(paths(keys).into_iter().flatten()) {
                *crowds.entry(entry.code()).or_insert(0) += 1;
            }
        }
        Self(crowds)
    }

    /// The entries under which to list a route; `None` if it has no key at all.
    fn choose<'n>(&self, keys: &Keys<'n>) -> Option<Vec<Entry<'n>>> {
        let size = |entries: &Vec<Entry<'_>>| {
            let crowd = entries.iter().filter_map(|entry| self.0.get(&entry.code())).max();
            (crowd.copied().unwrap_or(0), entries.len())
        };
        let (hosts, paths) = match (hosts(keys), paths(keys)) {
            (Some(hosts), Some(paths)) => (hosts, paths),
            (hosts, paths) => return hosts.or(paths),
        };
        let best = if size(&hosts) <= size(&paths) { &hosts } else { &paths };
        if size(best).0 <= CROWD || hosts.len().saturating_mul(paths.len()) > PAIRS {
            return Some(best.clone());
        }
        let pair = |host: &Entry<'n>, path: &Entry<'n>| Entry { host: host.host, path: path.path };
        Some(hosts.iter().flat_map(|host| paths.iter().map(move |path| pair(host, path))).collect())
    }
}

fn hosts<'n>(keys: &Keys<'n>) -> Option<Vec<Entry<'n>>> {
    let keys = keys.host.as_ref()?;
    Some(keys.iter().map(|&key| Entry { host: Some(key), path: None }).collect())
}

fn paths<'n>(keys: &Keys<'n>) -> Option<Vec<Entry<'n>>> {
    let keys = keys.path.as_ref()?;
    Some(keys.iter().map(|&key| Entry { host: None, path: Some(key) }).collect())
}
