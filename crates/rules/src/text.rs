//! Expressions as text, in the syntax in which they are written in the configuration: for logs and `explain`.

use std::fmt::{self, Display, Formatter};

use crate::wire::{Comparison, Const, Expr};

impl Display for Const {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Str(text) => write!(f, "{text:?}"),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        })
    }
}

/// The expression as a condition in the configuration would say it.
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Const { value } => value.fmt(f),
            Self::Fetch { name, args } if args.is_empty() => f.write_str(name),
            Self::Fetch { name, args } => write!(f, "{name}({})", Joined(args, ", ")),
            Self::Convert { name, input, args } if name == "length" && args.is_empty() => {
                write!(f, "len({input})")
            }
            Self::Convert { name, input, args } => {
                write!(f, "{}.{name}({})", Operand(input), Joined(args, ", "))
            }
            Self::Match { each, lists, .. } if *each || !lists.is_empty() => each_matched(f, self),
            Self::Match { method, input, patterns, ignore_case, .. } => {
                matched(f, method, input, patterns)?;
                if *ignore_case { f.write_str(" ignoring case") } else { Ok(()) }
            }
            Self::Compare { cmp, left, right } => write!(f, "{} {cmp} {}", Operand(left), Operand(right)),
            Self::All { of } if of.is_empty() => f.write_str("True"),
            Self::Any { of } if of.is_empty() => f.write_str("False"),
            Self::Concat { of } if of.is_empty() => f.write_str("\"\""),
            Self::All { of } => write!(f, "{}", Joined(&operands(of), " and ")),
            Self::Any { of } => write!(f, "{}", Joined(&operands(of), " or ")),
            Self::Concat { of } => write!(f, "{}", Joined(&operands(of), " + ")),
            Self::Not { input } => write!(f, "not {}", Operand(input)),
        }
    }
}

fn matched(f: &mut Formatter<'_>, method: &str, input: &Expr, patterns: &[String]) -> fmt::Result {
    let input = Operand(input);
    let quoted: Vec<Const> = patterns.iter().map(|pattern| Const::Str(pattern.clone())).collect();
    let list = Joined(&quoted, ", ");
    match (method, quoted.as_slice()) {
        ("eq", [one]) => write!(f, "{input} == {one}"),
        ("beg", [one]) => write!(f, "{input}.startswith({one})"),
        ("end", [one]) => write!(f, "{input}.endswith({one})"),
        ("sub", [one]) => write!(f, "{one} in {input}"),
        ("in" | "ip", [one]) => write!(f, "{input} in {one}"),
        ("beg", _) => write!(f, "{input}.startswith(({list}))"),
        ("end", _) => write!(f, "{input}.endswith(({list}))"),
        ("eq" | "in" | "ip", _) => write!(f, "{input} in ({list})"),
        ("reg", _) => write!(f, "matches({input}, {list})"),
        ("found", _) => write!(f, "{input} is not None"),
        _ => write!(f, "{input} matches {method}({list})"),
    }
}

/// As HAProxy writes a condition: `req.hdr("host") -m str -i "a" -f "hosts"`.
fn each_matched(f: &mut Formatter<'_>, expr: &Expr) -> fmt::Result {
    let Expr::Match { method, input, patterns, ignore_case, lists, .. } = expr else { return Ok(()) };
    write!(f, "{} -m {method}", Operand(input))?;
    if *ignore_case {
        f.write_str(" -i")?;
    }
    patterns.iter().try_for_each(|pattern| write!(f, " {pattern:?}"))?;
    lists.iter().try_for_each(|list| write!(f, " -f {list:?}"))
}

fn operands(of: &[Expr]) -> Vec<Operand<'_>> {
    of.iter().map(Operand).collect()
}

/// Items with something between them.
struct Joined<'a, T>(&'a [T], &'a str);

impl<T: Display> Display for Joined<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(self.1)?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

/// An expression inside another: in parentheses when it has operators of its own.
struct Operand<'a>(&'a Expr);

impl Display for Operand<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::Const { .. } | Expr::Fetch { .. } | Expr::Convert { .. } => self.0.fmt(f),
            Expr::Match { method, patterns, ignore_case: false, each: false, lists, .. }
                if lists.is_empty()
                    && patterns.len() == 1
                    && matches!(method.as_str(), "beg" | "end" | "reg") =>
            {
                self.0.fmt(f)
            }
            _ => write!(f, "({})", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_read_as_they_are_written() {
        let path = r#"{"op":"fetch","name":"path"}"#;
        let header = r#"{"op":"fetch","name":"header","args":["x"]}"#;
        let beg = format!(r#"{{"op":"match","method":"beg","input":{path},"patterns":["/a"]}}"#);
        for (json, expected) in [
            (r#"{"op":"const","value":null}"#.to_owned(), "None"),
            (beg.clone(), r#"path.startswith("/a")"#),
            (
                format!(r#"{{"op":"match","method":"beg","input":{path},"patterns":["/a","/b"]}}"#),
                r#"path.startswith(("/a", "/b"))"#,
            ),
            (format!(r#"{{"op":"match","method":"sub","input":{path},"patterns":["a"]}}"#), r#""a" in path"#),
            (
                format!(
                    r#"{{"op":"match","method":"eq","input":{path},"patterns":["/"],"ignore_case":true}}"#
                ),
                r#"path == "/" ignoring case"#,
            ),
            (format!(r#"{{"op":"match","method":"found","input":{header}}}"#), r#"header("x") is not None"#),
            (
                format!(
                    r#"{{"op":"compare","cmp":"lt","left":{{"op":"convert","name":"length","input":{path}}},"right":{{"op":"const","value":9}}}}"#
                ),
                "len(path) < 9",
            ),
            (
                format!(
                    r#"{{"op":"not","input":{{"op":"any","of":[{beg},{{"op":"match","method":"eq","input":{{"op":"convert","name":"lower","input":{header}}},"patterns":["y"]}}]}}}}"#
                ),
                r#"not (path.startswith("/a") or (header("x").lower() == "y"))"#,
            ),
            (
                format!(r#"{{"op":"concat","of":[{{"op":"const","value":"https://"}},{path}]}}"#),
                r#""https://" + path"#,
            ),
            (r#"{"op":"all","of":[]}"#.to_owned(), "True"),
            (
                format!(
                    r#"{{"op":"not","input":{{"op":"match","method":"beg","input":{header},"patterns":["a","b"],"ignore_case":true,"lists":["l"],"each":true}}}}"#
                ),
                r#"not (header("x") -m beg -i "a" "b" -f "l")"#,
            ),
        ] {
            let expr: Expr = serde_json::from_str(&json).unwrap();
            assert_eq!(expr.to_string(), expected);
        }
    }
}
