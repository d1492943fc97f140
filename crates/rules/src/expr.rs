//! A compiled expression: the public face of everything below it.

use crate::compile;
use crate::node::Node;
use crate::{Error, Kind, Value, View, wire};

/// A compiled, type-checked expression. Immutable; it may be shared between threads.
#[derive(Debug, Clone)]
pub struct Expr {
    node: Node,
    kind: Kind,
    text: Box<str>,
}

impl Expr {
    /// Checks names, kinds and patterns and builds what is evaluated.
    ///
    /// The error tells the place in the JSON form: `of[1].patterns[0]`.
    pub fn compile(wire: &wire::Expr) -> Result<Self, Error> {
        let typed = compile::compile(wire)?;
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

    /// The expression in the configuration's syntax.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }
}
