//! The JSON form of expressions: the contract with the control plane, which writes it.
//!
//! Only shapes live here. Names, types and patterns are judged by `Expr::compile`.

use serde::{Deserialize, Serialize};

/// An expression tree as a snapshot carries it; `op` tells the node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Expr {
    /// A literal.
    Const {
        /// The value itself.
        value: Const,
    },
    /// Asks the request for something by name: `path`, `header("x")`.
    Fetch {
        /// The name in the table of fetches.
        name: String,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        args: Vec<Const>,
    },
    /// Turns a value into another: `lower`, `strip`. Chains nest.
    Convert {
        /// The name in the table of converters.
        name: String,
        /// What it is applied to.
        input: Box<Expr>,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        args: Vec<Const>,
    },
    /// True when any pattern matches the input.
    Match {
        /// The name in the table of match methods: `eq`, `beg`, `end`, `sub`, `reg`, `ip`, `in`, `found`.
        method: String,
        /// What is looked at.
        input: Box<Expr>,
        /// Texts, regular expressions, numbers or networks, as the method wants them.
        #[serde(default)]
        patterns: Vec<String>,
        /// Whether ASCII case is ignored.
        #[serde(default)]
        ignore_case: bool,
        /// Live lists whose patterns count too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lists: Vec<String>,
        /// What is absent matches nothing; of a sample with several values any may match.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        each: bool,
    },
    /// Compares two values of one kind. What is absent equals empty text; only what is absent equals null.
    Compare {
        /// How.
        cmp: Comparison,
        /// The left side.
        left: Box<Expr>,
        /// The right side.
        right: Box<Expr>,
    },
    /// True when all are true; stops at the first that is not.
    All {
        /// The operands.
        of: Vec<Expr>,
    },
    /// True when any is true; stops at the first that is.
    Any {
        /// The operands.
        of: Vec<Expr>,
    },
    /// True when the input is false.
    Not {
        /// The operand.
        input: Box<Expr>,
    },
    /// The texts of all operands, one after another.
    Concat {
        /// The operands.
        of: Vec<Expr>,
    },
}

/// A literal: text, a whole number, a truth value or null (absent).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Const {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Text.
    Str(String),
}

/// The six comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_survives_the_round_trip() {
        for text in [
            r#"{"op":"const","value":null}"#,
            r#"{"op":"const","value":-3}"#,
            r#"{"op":"const","value":"3"}"#,
            r#"{"op":"fetch","name":"path"}"#,
            r#"{"op":"fetch","name":"header","args":["x"]}"#,
            r#"{"op":"convert","name":"lower","input":{"op":"fetch","name":"path"}}"#,
            r#"{"op":"match","method":"eq","input":{"op":"fetch","name":"path"},"patterns":["/"],"ignore_case":true}"#,
            r#"{"op":"compare","cmp":"le","left":{"op":"fetch","name":"port"},"right":{"op":"const","value":80}}"#,
            r#"{"op":"all","of":[{"op":"any","of":[]},{"op":"not","input":{"op":"concat","of":[]}}]}"#,
        ] {
            let expr: Expr = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&expr).unwrap(), text);
        }
    }

    #[test]
    fn unknown_fields_ops_and_values_are_refused() {
        for text in [
            r#"{"op":"fetch","name":"path","arg":[]}"#,
            r#"{"op":"fetch"}"#,
            r#"{"op":"fitch","name":"path"}"#,
            r#"{"op":"const","value":1.5}"#,
            r#"{"op":"const","value":9223372036854775808}"#,
            r#"{"op":"compare","cmp":"==","left":{"op":"const","value":1},"right":{"op":"const","value":1}}"#,
            r#"{"op":"not","input":{"op":"const","value":true,"extra":1}}"#,
        ] {
            assert!(serde_json::from_str::<Expr>(text).is_err(), "{text}");
        }
    }
}
