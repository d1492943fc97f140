//! How answers are compressed, for a frontend or a backend.

use serde::Deserialize;

/// A form that an answer's body may take on its way to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum Coding {
    Identity,
    Gzip,
    /// With the wrapper of zlib.
    Deflate,
    /// Without it, under the same name.
    RawDeflate,
}

impl Coding {
    /// Its name in Accept-Encoding and Content-Encoding.
    pub fn name(self) -> &'static [u8] {
        match self {
            Self::Identity => b"identity",
            Self::Gzip => b"gzip",
            Self::Deflate | Self::RawDeflate => b"deflate",
        }
    }

    /// Its name in configurations.
    pub fn configured(self) -> &'static [u8] {
        if self == Self::RawDeflate { b"raw-deflate" } else { self.name() }
    }
}

/// What is compressed, and how. What a backend leaves empty is its frontend's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compression {
    /// The one that is preferred first; empty: none.
    pub algorithms: Vec<Coding>,
    /// What Content-Type begins with; empty: any.
    #[serde(default)]
    pub types: Vec<String>,
    /// Shorter bodies stay as they are, where their length is known before.
    #[serde(default)]
    pub min_size: u64,
    /// Servers are not told what the client takes.
    #[serde(default)]
    pub offload: bool,
}
