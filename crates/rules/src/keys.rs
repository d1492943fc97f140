//! What a condition makes necessary of host and path: the keys under which a route can be found.
//!
//! Keys are always necessary and seldom sufficient; a route found by them is still tested in full.

use crate::fetch::Fetch;
use crate::method::Matcher;
use crate::node::Node;
use crate::table::Place;

/// A text that must be the whole, the start or the end of host or path, in any case of its letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key<'n> {
    pub place: Place,
    pub text: &'n [u8],
}

/// Alternatives of which one must fit; `None` means that anything may. An empty list means that nothing fits.
pub(crate) type Alternatives<'n> = Option<Vec<Key<'n>>>;

/// What must hold of host and of path, each by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Keys<'n> {
    pub host: Alternatives<'n>,
    pub path: Alternatives<'n>,
}

/// The keys of a condition.
pub(crate) fn of(node: &Node) -> Keys<'_> {
    match node {
        Node::Const(value) if !value.truth() => Keys { host: Some(Vec::new()), path: Some(Vec::new()) },
        Node::Test { fetch: Fetch::Host | Fetch::RawHost, matcher } => {
            Keys { host: alternatives(matcher), path: None }
        }
        Node::Test { fetch: Fetch::Path, matcher } => Keys { host: None, path: alternatives(matcher) },
        Node::All(nodes) => nodes.iter().map(of).reduce(both).unwrap_or_default(),
        Node::Any(nodes) => nodes.iter().map(of).reduce(either).unwrap_or_default(),
        _ => Keys::default(),
    }
}

fn alternatives(matcher: &Matcher) -> Alternatives<'_> {
    let Matcher::Literals(literals) = matcher else { return None };
    let place = literals.place();
    let keys: Vec<Key<'_>> = literals.patterns().map(|text| Key { place, text }).collect();
    // Every text starts and ends with the empty one.
    let useless = place != Place::Whole && keys.iter().any(|key| key.text.is_empty());
    (!useless).then_some(keys)
}

fn both<'n>(left: Keys<'n>, right: Keys<'n>) -> Keys<'n> {
    Keys { host: narrower(left.host, right.host), path: narrower(left.path, right.path) }
}

fn either<'n>(left: Keys<'n>, right: Keys<'n>) -> Keys<'n> {
    Keys { host: union(left.host, right.host), path: union(left.path, right.path) }
}

/// Both sides are necessary, so either will do: fewer alternatives first, then longer texts.
fn narrower<'n>(left: Alternatives<'n>, right: Alternatives<'n>) -> Alternatives<'n> {
    let (Some(left), Some(right)) = (&left, &right) else { return left.or(right) };
    let shortest = |keys: &[Key<'_>]| keys.iter().map(|key| key.text.len()).min();
    let rank = |keys: &[Key<'_>]| (keys.len(), std::cmp::Reverse(shortest(keys)));
    Some(if rank(left) <= rank(right) { left.clone() } else { right.clone() })
}

fn union<'n>(left: Alternatives<'n>, right: Alternatives<'n>) -> Alternatives<'n> {
    let mut all = left?;
    all.extend(right?);
    Some(all)
}
