//! The one error of this crate: why an expression does not compile, and where in its JSON.
//!
//! Nothing here can fail while a request is served; every refusal happens when a snapshot is read.

use std::fmt;

/// Why an expression was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// Where, in the JSON form, from the expression's root: `of[1].patterns[0]`. Empty for the root itself.
    pub path: String,
    /// What was found and what was expected, in one sentence without a full stop.
    pub reason: String,
}

impl Error {
    /// An error about `field` of the expression at hand (empty: about the expression itself).
    pub(crate) fn at(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: field.into(), reason: reason.into() }
    }

    /// The same error seen from the expression that holds this one in `field`.
    #[must_use]
    pub(crate) fn under(mut self, field: &str) -> Self {
        self.path = if self.path.is_empty() { field.to_owned() } else { format!("{field}.{}", self.path) };
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}: {}", self.path, self.reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_grows_from_the_inside_out() {
        let error = Error::at("patterns[0]", "bad").under("input").under("of[1]");
        assert_eq!(error.to_string(), "of[1].input.patterns[0]: bad");
        assert_eq!(Error::at("", "bad").to_string(), "bad");
        assert_eq!(Error::at("", "bad").under("left").path, "left");
    }
}
