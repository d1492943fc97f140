//! What is wrong with a file or a setting of TLS, and where.

use std::fmt;

use serde::Serialize;

/// Whether it can be lived with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The configuration is refused.
    Error,
    /// It is used, and somebody should know.
    Warning,
}

/// Something wrong. No text holds anything of a private key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it can be lived with.
    pub level: Level,
    /// The file; empty when none is to blame.
    pub file: String,
    /// The line in the file, from 1; 0 when it is the file as a whole.
    pub line: usize,
    /// What was found and what was expected, without the places.
    pub text: String,
    /// `file:line:column` in the configuration; empty when it is not known.
    #[serde(skip)]
    pub position: String,
}

impl Problem {
    /// An error in a file.
    pub fn error(file: &str, line: usize, text: impl Into<String>) -> Self {
        let (file, text) = (file.to_owned(), text.into());
        Self { level: Level::Error, file, line, text, position: String::new() }
    }

    /// A warning about a file.
    pub fn warning(file: &str, line: usize, text: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(file, line, text) }
    }

    /// An error that no file is to blame for.
    pub fn setting(text: impl Into<String>) -> Self {
        Self::error("", 0, text)
    }

    /// The same, with the place in the configuration that led here.
    #[must_use]
    pub fn at(mut self, position: &str) -> Self {
        position.clone_into(&mut self.position);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.position.is_empty() {
            write!(out, "{}: ", self.position)?;
        }
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, 0) => write!(out, "{file}: ")?,
            (file, line) => write!(out, "{file}:{line}: ")?,
        }
        out.write_str(&self.text)
    }
}

impl std::error::Error for Problem {}
