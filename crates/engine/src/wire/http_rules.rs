//! What of a request a frontend lets through: methods and field names that are refused or left out by default.

use serde::Deserialize;

/// What of a request is let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRules {
    /// TRACE is forwarded.
    pub trace: bool,
    /// CONNECT is forwarded, and a tunnel after its success.
    pub connect: bool,
    /// Headers with an underscore in their name.
    pub underscores: Underscores,
    /// Paths that servers read in more than one way.
    pub ambiguous_paths: AmbiguousPaths,
}

/// What becomes of headers with an underscore in their name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Underscores {
    /// Left out and counted.
    #[default]
    Drop,
    /// Forwarded.
    Pass,
    /// The request is refused.
    Refuse,
}

/// What becomes of requests with a path that servers read in more than one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmbiguousPaths {
    /// Forwarded as they are.
    #[default]
    Pass,
    /// Refused.
    Refuse,
}

impl From<AmbiguousPaths> for tenbin_proto::AmbiguousPaths {
    fn from(rule: AmbiguousPaths) -> Self {
        match rule {
            AmbiguousPaths::Pass => Self::Pass,
            AmbiguousPaths::Refuse => Self::Refuse,
        }
    }
}

impl From<Underscores> for tenbin_proto::Underscores {
    fn from(rule: Underscores) -> Self {
        match rule {
            Underscores::Drop => Self::Drop,
            Underscores::Pass => Self::Pass,
            Underscores::Refuse => Self::Refuse,
        }
    }
}
