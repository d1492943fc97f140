//! Conditions on bytes that are still coming: whether what holds now will hold when more of them are there.
//!
//! Owns which fetches may change with more bytes. Waiting for these is the caller's.

use crate::fetch::Fetch;
use crate::node::Node;
use crate::sample::Asked;
use crate::{Fact, View};

impl Node {
    /// Whether the node holds, come what may; None while more bytes may change it. What holds now counts as decided:
    /// a match on first bytes is one as soon as it is there, as in HAProxy.
    pub fn decided<V: View + ?Sized>(&self, view: &V) -> Option<bool> {
        match self {
            Self::All(of) => first(of.iter().map(|node| node.decided(view)), false),
            Self::Any(of) => first(of.iter().map(|node| node.decided(view)), true),
            Self::Not(input) => input.decided(view).map(|holds| !holds),
            one if one.test(view) => Some(true),
            one => (!one.may_change(view)).then_some(false),
        }
    }

    /// Whether more bytes may change any of its fetches.
    pub fn may_change<V: View + ?Sized>(&self, view: &V) -> bool {
        let mut may_change = false;
        self.each_fetch(&mut |fetch| may_change |= fetch.may_change(view));
        may_change
    }
}

/// `wanted` if any says so, None if any does not know, and else the opposite.
fn first(mut of: impl Iterator<Item = Option<bool>>, wanted: bool) -> Option<bool> {
    of.try_fold(Some(!wanted), |sum, one| if one == Some(wanted) { Err(one) } else { Ok(sum.and(one)) })
        .unwrap_or_else(|decided| decided)
}

impl Fetch {
    fn may_change<V: View + ?Sized>(&self, view: &V) -> bool {
        match self {
            Self::Fact(Fact::WaitEnd) => true,
            Self::Tls(fact) if fact.is_asked() => crate::sample::is_cut_hello(view),
            Self::Sample(asked) => Asked::may_change(asked, view),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Around, Expr, Message};

    /// First bytes of a client.
    struct Bytes(&'static [u8]);

    impl View for Bytes {
        fn body(&self, _: Message) -> &[u8] {
            self.0
        }
    }

    fn decided(text: &str, bytes: &'static [u8]) -> Option<bool> {
        let wire = serde_json::from_str(text).unwrap();
        Expr::compile(&wire, &Around::NOTHING).unwrap().decided(&Bytes(bytes))
    }

    #[test]
    fn conditions_wait_only_for_bytes_that_may_decide_them() {
        let payload = r#"{"op":"match","method":"eq","input":{"op":"fetch","name":"req.payload","args":[0,3]},
            "patterns":["SSH"]}"#;
        let compared = |cmp: &str, name: &str, with: u8| {
            format!(
                r#"{{"op":"compare","cmp":"{cmp}","left":{{"op":"fetch","name":"{name}"}},"right":{{"op":"const","value":{with}}}}}"#
            )
        };
        let length = compared("gt", "req.len", 5);
        let (hello, port) = (compared("eq", "req.ssl_hello_type", 1), compared("eq", "port", 9));
        let end = r#"{"op":"fetch","name":"wait_end"}"#;
        for (text, bytes, expected) in [
            (payload, &b"SS"[..], None),
            (payload, b"SSH-2.0", Some(true)),
            (payload, b"GET", Some(false)),
            (&length, b"abc", None),
            (&length, b"abcdef", Some(true)),
            (&hello, b"\x16\x03\x01", None),
            (&hello, b"SSH", Some(false)),
            (end, b"abc", None),
            (&port, b"", Some(false)),
            (&format!(r#"{{"op":"all","of":[{port},{length}]}}"#), b"", Some(false)),
            (&format!(r#"{{"op":"any","of":[{port},{length}]}}"#), b"", None),
            (&format!(r#"{{"op":"not","input":{length}}}"#), b"", None),
            (&format!(r#"{{"op":"not","input":{length}}}"#), b"abcdef", Some(false)),
        ] {
            assert_eq!(decided(text, bytes), expected, "{text} {bytes:?}");
        }
    }
}
