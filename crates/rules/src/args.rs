//! Literal arguments of fetches and converters: what a row of a table wants, and whether it got it.

use crate::wire::Const;
use crate::{Error, Kind};

/// One parameter of a fetch or converter. Optional ones stand after the required ones.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// How messages call it.
    pub name: &'static str,
    /// The kind of literal it takes.
    pub kind: Kind,
    /// Whether it may be left out.
    pub optional: bool,
}

/// A parameter that must be given as text.
pub(crate) const fn text(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Str, optional: false }
}

/// A text parameter that may be left out.
pub(crate) const fn optional_text(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Str, optional: true }
}

/// A parameter that must be given as a number.
pub(crate) const fn int(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Int, optional: false }
}

/// A number that may be left out.
pub(crate) const fn optional_int(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Int, optional: true }
}

/// Checks number and kinds; `what` is how the message calls the fetch or converter.
pub(crate) fn check(what: &str, parameters: &[Parameter], args: &[Const]) -> Result<(), Error> {
    if let Some(missing) = parameters.iter().skip(args.len()).find(|p| !p.optional) {
        return Err(Error::at("args", format!("{what} needs {} ({})", missing.name, missing.kind)));
    }
    if args.len() > parameters.len() {
        let most = parameters.len();
        return Err(Error::at("args", format!("{what} takes at most {most} arguments, not {}", args.len())));
    }
    for (index, (parameter, arg)) in parameters.iter().zip(args).enumerate() {
        if arg.kind() != parameter.kind {
            let reason =
                format!("{} of {what} must be {}, not {}", parameter.name, parameter.kind, arg.kind());
            return Err(Error::at(format!("args[{index}]"), reason));
        }
    }
    Ok(())
}

/// The text of argument `index`, which [`check`] has found to be text; `None` if it was left out.
pub(crate) fn text_at(args: &[Const], index: usize) -> Option<&str> {
    match args.get(index) {
        Some(Const::Str(text)) => Some(text),
        _ => None,
    }
}

/// The number of argument `index`, which [`check`] has found to be one; `None` if it was left out.
pub(crate) fn int_at(args: &[Const], index: usize) -> Option<i64> {
    match args.get(index) {
        Some(Const::Int(number)) => Some(*number),
        _ => None,
    }
}

impl Const {
    /// The kind of this literal.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Absent,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Str(_) => Kind::Str,
        }
    }
}

/// `unknown fetch "pth"; known: path, query`.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    let field = if what == "match method" { "method" } else { "name" };
    Error::at(field, format!("unknown {what} {name:?}; known: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_kind_are_checked() {
        let parameters = [text("a name"), optional_text("characters")];
        let word = || Const::Str("x".into());
        assert!(check("f", &parameters, &[word()]).is_ok());
        assert!(check("f", &parameters, &[word(), word()]).is_ok());
        for (args, expected) in [
            (vec![], "args: f needs a name (str)"),
            (vec![word(), word(), word()], "args: f takes at most 2 arguments, not 3"),
            (vec![word(), Const::Int(1)], "args[1]: characters of f must be str, not int"),
            (vec![Const::Null], "args[0]: a name of f must be str, not null"),
        ] {
            assert_eq!(check("f", &parameters, &args).unwrap_err().to_string(), expected);
        }
    }
}
