//! A compiled expression: the public face of everything below it.

use crate::compile;
use crate::fetch::Fetch;
use crate::node::Node;
use crate::{Around, Error, Kind, TlsFact, Value, View, wire};

/// A compiled, type-checked expression. Immutable; it may be shared between threads.
#[derive(Debug, Clone)]
pub struct Expr {
    node: Node,
    kind: Kind,
    text: Box<str>,
}

impl Expr {
    /// Checks names, kinds and patterns and builds what is evaluated; lists and tables are bound once and for all.
    ///
    /// The error tells the place in the JSON form: `of[1].patterns[0]`.
    pub fn compile(wire: &wire::Expr, around: &Around<'_>) -> Result<Self, Error> {
        let typed = compile::compile(wire, around)?;
        Ok(Self { node: typed.node, kind: typed.kind, text: wire.to_string().into() })
    }

    /// Whether the expression holds; values that are no truth values count as [`Value::truth`] says.
    pub fn test<V: View + ?Sized>(&self, view: &V) -> bool {
        self.node.test(view)
    }

    /// The value for this request or answer.
    pub fn eval<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        self.node.eval(view)
    }

    /// Appends the textual form of the value, as [`Value::write`] does, with fewer copies.
    pub fn write<V: View + ?Sized>(&self, view: &V, out: &mut Vec<u8>) {
        self.node.write(view, out);
    }

    /// The value, if no request can change it.
    pub fn constant(&self) -> Option<Value<'_>> {
        match &self.node {
            Node::Const(value) => Some(value.borrowed()),
            _ => None,
        }
    }

    /// The kind of its values; any may be absent as well.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it asks for any of those.
    pub fn asks(&self, which: impl Fn(TlsFact) -> bool) -> bool {
        let mut found = false;
        self.node.each_fetch(&mut |fetch| {
            found |= match fetch {
                Fetch::Tls(fact) => which(*fact),
                Fetch::Sample(asked) => asked.asks().is_some_and(&which),
                _ => false,
            };
        });
        found
    }

    /// Whether it holds, come what may; None while more of the first bytes may change that.
    pub fn decided<V: View + ?Sized>(&self, view: &V) -> Option<bool> {
        self.node.decided(view)
    }

    /// Whether more of the first bytes may change its value.
    pub fn may_change<V: View + ?Sized>(&self, view: &V) -> bool {
        self.node.may_change(view)
    }

    /// The expression in the configuration's syntax.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_tls_is_known_before_any_request() {
        let compiled =
            |text: &str| Expr::compile(&serde_json::from_str(text).unwrap(), &Around::NOTHING).unwrap();
        let sni = r#"{"op":"match","method":"eq","input":{"op":"fetch","name":"sni"},"patterns":["a"]}"#;
        let deep =
            format!(r#"{{"op":"any","of":[{{"op":"fetch","name":"tls"}},{{"op":"not","input":{sni}}}]}}"#);
        for (text, expected) in
            [(sni, true), (deep.as_str(), true), (r#"{"op":"fetch","name":"tls.sni"}"#, false)]
        {
            assert_eq!(compiled(text).asks(TlsFact::is_asked), expected, "{text}");
        }
    }
}
