//! What a condition makes necessary of host and path: the keys under which a route can be found.
//!
//! Keys are always necessary and seldom sufficient; a route found by them is still tested in full.

use crate::fetch::Fetch;
use crate::literals::Literals;
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

/// Which text of a request the keys of hosts are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostBy {
    /// The host that was asked for.
    Asked,
    /// Every value of the field `host`.
    Field,
    /// The same, up to a port.
    Bare,
}

impl HostBy {
    /// What most of these conditions are about: keys are of one text only.
    pub fn most<'n>(nodes: impl Iterator<Item = &'n Node>) -> Self {
        let mut seen = (0_usize, 0_usize, 0_usize);
        nodes.for_each(|node| count(node, &mut seen));
        let (asked, field, bare) = seen;
        match asked.max(field).max(bare) {
            most if most == asked => Self::Asked,
            most if most == field => Self::Field,
            _ => Self::Bare,
        }
    }
}

/// The keys of a condition; those of hosts only as far as they are of that text.
pub(crate) fn of(node: &Node, by: HostBy) -> Keys<'_> {
    match node {
        Node::Const(value) if !value.truth() => Keys { host: Some(Vec::new()), path: Some(Vec::new()) },
        Node::Each { input, each } => {
            let keys = each.literals().and_then(listed);
            match &**input {
                _ if each.host == Some(by) => Keys { host: keys, path: None },
                Node::Fetch(Fetch::Host | Fetch::RawHost) if by == HostBy::Asked => {
                    Keys { host: keys, path: None }
                }
                Node::Fetch(Fetch::Path) => Keys { host: None, path: keys },
                _ => Keys::default(),
            }
        }
        Node::Test { fetch: Fetch::Host | Fetch::RawHost, matcher } if by == HostBy::Asked => {
            Keys { host: alternatives(matcher), path: None }
        }
        Node::Test { fetch: Fetch::Path, matcher } => Keys { host: None, path: alternatives(matcher) },
        Node::All(nodes) => nodes.iter().map(|node| of(node, by)).reduce(both).unwrap_or_default(),
        Node::Any(nodes) => nodes.iter().map(|node| of(node, by)).reduce(either).unwrap_or_default(),
        _ => Keys::default(),
    }
}

/// How often the asked host, the field and its host alone are matched.
fn count(node: &Node, seen: &mut (usize, usize, usize)) {
    match node {
        Node::Test { fetch: Fetch::Host | Fetch::RawHost, .. } => seen.0 += 1,
        Node::Each { input, each } => match (&**input, each.host) {
            (Node::Fetch(Fetch::Host | Fetch::RawHost), _) => seen.0 += 1,
            (_, Some(HostBy::Field)) => seen.1 += 1,
            (_, Some(HostBy::Bare)) => seen.2 += 1,
            _ => {}
        },
        Node::All(of) | Node::Any(of) => of.iter().for_each(|node| count(node, seen)),
        _ => {}
    }
}

fn alternatives(matcher: &Matcher) -> Alternatives<'_> {
    let Matcher::Literals(literals) = matcher else { return None };
    listed(literals)
}

fn listed(literals: &Literals) -> Alternatives<'_> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Comparison, Const, Expr as Wire};

    fn on(method: &str, fetch: &str, patterns: &[&str]) -> Wire {
        Wire::Match {
            method: method.into(),
            input: Box::new(Wire::Fetch { name: fetch.into(), args: vec![] }),
            patterns: patterns.iter().map(|&pattern| pattern.into()).collect(),
            ignore_case: false,
            lists: vec![],
            each: false,
        }
    }

    /// `host: ==a; path: any`, with `^` for a start and `$` for an end.
    fn keys(wire: &Wire) -> String {
        let compiled = crate::Expr::compile(wire, &crate::Around::NOTHING).unwrap();
        let keys = of(compiled.node(), HostBy::most(std::iter::once(compiled.node())));
        let side = |side: &Alternatives<'_>| {
            let Some(keys) = side else { return "any".to_owned() };
            let mark = |key: &Key<'_>| match key.place {
                Place::Whole => format!("={}", String::from_utf8_lossy(key.text)),
                Place::Start => format!("^{}", String::from_utf8_lossy(key.text)),
                Place::End => format!("${}", String::from_utf8_lossy(key.text)),
            };
            format!("[{}]", keys.iter().map(mark).collect::<Vec<_>>().join(" "))
        };
        format!("host {} path {}", side(&keys.host), side(&keys.path))
    }

    #[test]
    fn necessary_keys_are_found_and_others_are_not_made_up() {
        let all = |of| Wire::All { of };
        let any = |of| Wire::Any { of };
        let not = |input| Wire::Not { input: Box::new(input) };
        for (wire, expected) in [
            (on("beg", "path", &["/a"]), "host any path [^/a]"),
            (on("in", "host", &["a", "b"]), "host [=a =b] path any"),
            (on("end", "host", &[".a"]), "host [$.a] path any"),
            (on("sub", "path", &["a"]), "host any path any"),
            (on("beg", "path", &["/a", ""]), "host any path any"),
            (on("eq", "path", &[""]), "host any path [=]"),
            (on("beg", "url", &["/a"]), "host any path any"),
            (not(on("beg", "path", &["/a"])), "host any path any"),
            (all(vec![on("eq", "host", &["a"]), on("eq", "path", &["/"])]), "host [=a] path [=/]"),
            (all(vec![on("beg", "path", &["/a"]), on("beg", "path", &["/a/b"])]), "host any path [^/a/b]"),
            (any(vec![on("eq", "path", &["/"]), on("beg", "path", &["/a"])]), "host any path [=/ ^/a]"),
            (any(vec![on("eq", "host", &["a"]), on("beg", "path", &["/a"])]), "host any path any"),
            (
                all(vec![
                    any(vec![on("eq", "host", &["a"]), on("eq", "host", &["b"])]),
                    on("reg", "path", &["x"]),
                ]),
                "host [=a =b] path any",
            ),
            (Wire::Const { value: Const::Bool(false) }, "host [] path []"),
            (Wire::Const { value: Const::Bool(true) }, "host any path any"),
        ] {
            assert_eq!(keys(&wire), expected, "{wire}");
        }
    }

    #[test]
    fn comparisons_and_changes_of_case_hide_nothing() {
        let path = || Box::new(Wire::Fetch { name: "path".into(), args: vec![] });
        let lower = Box::new(Wire::Convert { name: "lower".into(), input: path(), args: vec![] });
        let right = || Box::new(Wire::Const { value: Const::Str("/a".into()) });
        let equal = Wire::Compare { cmp: Comparison::Eq, left: lower, right: right() };
        assert_eq!(keys(&equal), "host any path [=/a]");
        let unequal = Wire::Compare { cmp: Comparison::Ne, left: path(), right: right() };
        assert_eq!(keys(&unequal), "host any path any");
    }
}
