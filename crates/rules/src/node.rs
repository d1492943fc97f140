//! The compiled tree and its evaluation. Total: nothing here fails or panics, whatever a request holds.
//!
//! Built and type-checked by `compile`; read by `keys` for what a route's condition makes necessary.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::convert::Converter;
use crate::each::Each;
use crate::fetch::Fetch;
use crate::method::Matcher;
use crate::wire::Comparison;
use crate::{Value, View};

/// A node of the compiled tree.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Const(Value<'static>),
    Fetch(Fetch),
    Convert {
        converter: Converter,
        input: Box<Node>,
    },
    /// A match on a fetch, without the detour of a box: what nearly every condition is.
    Test {
        fetch: Fetch,
        matcher: Matcher,
    },
    Match {
        input: Box<Node>,
        matcher: Matcher,
    },
    /// A match on every value that the input stands for.
    Each {
        input: Box<Node>,
        each: Box<Each>,
    },
    Compare {
        cmp: Comparison,
        ignore_case: bool,
        sides: Box<(Node, Node)>,
    },
    All(Box<[Node]>),
    Any(Box<[Node]>),
    Not(Box<Node>),
    Concat(Box<[Node]>),
}

impl Node {
    /// Whether the node holds.
    pub fn test<V: View + ?Sized>(&self, view: &V) -> bool {
        match self {
            Self::Const(value) => value.truth(),
            Self::Test { fetch, matcher } => matcher.test(&fetch.value(view)),
            Self::Match { input, matcher } => matcher.test(&input.eval(view)),
            Self::Each { input, each } => input.any(view, &mut |value| each.test(&value)),
            Self::Compare { cmp, ignore_case, sides } => {
                cmp.holds(order(&sides.0.eval(view), &sides.1.eval(view), *ignore_case))
            }
            Self::All(of) => of.iter().all(|node| node.test(view)),
            Self::Any(of) => of.iter().any(|node| node.test(view)),
            Self::Not(input) => !input.test(view),
            Self::Fetch(_) | Self::Convert { .. } | Self::Concat(_) => self.eval(view).truth(),
        }
    }

    /// The node's value.
    pub fn eval<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        match self {
            Self::Const(value) => value.borrowed(),
            Self::Fetch(fetch) => fetch.value(view),
            Self::Convert { converter, input } => converter.call(input.eval(view), view),
            Self::Concat(of) => {
                let mut text = Vec::new();
                of.iter().for_each(|node| node.write(view, &mut text));
                Value::Str(Cow::Owned(text))
            }
            Self::Test { .. }
            | Self::Match { .. }
            | Self::Each { .. }
            | Self::Compare { .. }
            | Self::All(_)
            | Self::Any(_)
            | Self::Not(_) => Value::Bool(self.test(view)),
        }
    }

    /// Whether `test` holds for any value that the node stands for; what is absent is none.
    fn any<V: View + ?Sized>(&self, view: &V, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let mut there = |value: Value<'_>| match value {
            Value::Absent => false,
            value => test(value),
        };
        match self {
            Self::Fetch(fetch) => fetch.any(view, test),
            Self::Convert { converter, input } => {
                input.any(view, &mut |value| there(converter.call(value, view)))
            }
            one => there(one.eval(view)),
        }
    }

    /// Appends the value's text.
    pub fn write<V: View + ?Sized>(&self, view: &V, out: &mut Vec<u8>) {
        match self {
            Self::Fetch(fetch) => fetch.write(view, out),
            Self::Concat(of) => of.iter().for_each(|node| node.write(view, out)),
            _ => self.eval(view).write(out),
        }
    }

    /// Calls `seen` for every fetch of the tree, from left to right.
    pub fn each_fetch<'n>(&'n self, seen: &mut impl FnMut(&'n Fetch)) {
        match self {
            Self::Const(_) => {}
            Self::Fetch(fetch) | Self::Test { fetch, .. } => seen(fetch),
            Self::Convert { input, .. }
            | Self::Match { input, .. }
            | Self::Each { input, .. }
            | Self::Not(input) => {
                input.each_fetch(seen);
            }
            Self::Compare { sides, .. } => {
                sides.0.each_fetch(seen);
                sides.1.each_fetch(seen);
            }
            Self::All(of) | Self::Any(of) | Self::Concat(of) => {
                of.iter().for_each(|node| node.each_fetch(seen));
            }
        }
    }
}

impl Comparison {
    /// Whether two values in this order satisfy the comparison; values without an order are only unequal.
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Eq => order == Some(Ordering::Equal),
            Self::Ne => order != Some(Ordering::Equal),
            Self::Lt => order == Some(Ordering::Less),
            Self::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Gt => order == Some(Ordering::Greater),
            Self::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// The order of two values of one kind. What is absent is empty text beside text and `false` beside a truth value,
/// and has no order beside a number or an address.
fn order(left: &Value<'_>, right: &Value<'_>, ignore_case: bool) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Ip(left), Value::Ip(right)) => Some(left.cmp(right)),
        (Value::Bool(_), Value::Bool(_) | Value::Absent) | (Value::Absent, Value::Bool(_)) => {
            Some(left.truth().cmp(&right.truth()))
        }
        _ => {
            let (left, right) = (left.as_bytes()?, right.as_bytes()?);
            if !ignore_case {
                return Some(left.cmp(right));
            }
            let lower = |text: &'_ [u8]| text.to_ascii_lowercase();
            if left.eq_ignore_ascii_case(right) {
                Some(Ordering::Equal)
            } else {
                Some(lower(left).cmp(&lower(right)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_kinds_has_its_order() {
        let text = |t: &'static str| Value::text(t.as_bytes());
        for (left, right, expected) in [
            (text("a"), text("b"), Some(Ordering::Less)),
            (text("a"), text("B"), Some(Ordering::Greater)),
            (Value::Absent, text(""), Some(Ordering::Equal)),
            (Value::Absent, text("a"), Some(Ordering::Less)),
            (Value::Absent, Value::Absent, Some(Ordering::Equal)),
            (Value::Int(2), Value::Int(10), Some(Ordering::Less)),
            (Value::Absent, Value::Int(0), None),
            (Value::Absent, Value::Bool(false), Some(Ordering::Equal)),
            (Value::Bool(true), Value::Absent, Some(Ordering::Greater)),
            (text("1"), Value::Int(1), None),
        ] {
            assert_eq!(order(&left, &right, false), expected, "{left:?} {right:?}");
        }
        assert_eq!(order(&text("aB"), &text("Ab"), true), Some(Ordering::Equal));
        assert_eq!(order(&text("a"), &text("B"), true), Some(Ordering::Less));
    }

    #[test]
    fn comparisons_without_an_order_only_differ() {
        use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
        for (cmp, less, equal, greater, none) in [
            (Eq, false, true, false, false),
            (Ne, true, false, true, true),
            (Lt, true, false, false, false),
            (Le, true, true, false, false),
            (Gt, false, false, true, false),
            (Ge, false, true, true, false),
        ] {
            let orders = [Some(Ordering::Less), Some(Ordering::Equal), Some(Ordering::Greater), None];
            assert_eq!(orders.map(|order| cmp.holds(order)), [less, equal, greater, none], "{cmp:?}");
        }
    }
}
