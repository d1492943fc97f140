//! What request heads and response heads have in common: version, body framing, limits, progress.
//!
//! Owns: these values. Does not own: how they are found, see `request` and `response`.

/// The protocol version a message is processed as; HTTP/1.2 to 1.9 count as 1.1 (RFC 9110, 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: no chunked, closes unless kept alive on demand.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

/// How the end of a message's body is found (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// No body, whatever the fields say.
    #[default]
    None,
    /// Exactly so many bytes.
    Length(u64),
    /// Chunks, see `ChunkDecoder`.
    Chunked,
    /// Everything until the connection closes; responses only.
    UntilClose,
}

/// What a head may cost. Sizes are bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The whole head, from its first byte to the empty line that ends it; above: 431.
    pub head_bytes: usize,
    /// Field lines; above: 431.
    pub fields: usize,
    /// The request target; above: 414.
    pub target_bytes: usize,
    /// Accept a bare LF as the end of a line of a head (never in chunk framing).
    pub lenient: bool,
    /// Let TRACE through; otherwise: 405.
    pub trace: bool,
    /// Let CONNECT through; otherwise: 405.
    pub connect: bool,
    /// Request fields with an underscore in their name.
    pub underscores: Underscores,
    /// Paths that servers read in more than one way.
    pub ambiguous_paths: AmbiguousPaths,
}

/// What becomes of a request whose path is not in the normal form of RFC 3986, 6.2.2: with empty, `.` or `..` segments, a
/// backslash, or an escape that stands for a slash, a control byte or a byte that needs none. Conditions see the path as it
/// was sent and it is forwarded so; a server that normalises it afterwards may serve what a condition kept from clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AmbiguousPaths {
    /// Let it through as it is.
    #[default]
    Pass,
    /// Refuse the request: 400.
    Refuse,
}

/// What becomes of a request field whose name holds an underscore. Servers that make variables of field names read it
/// as a dash, so that it can pass for a field that Tenbin sets or checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Underscores {
    /// Leave the field out and count it.
    #[default]
    Drop,
    /// Forward it, unless with dashes it would be a field that means something to Tenbin: then it is left out.
    Pass,
    /// Refuse the request: 400.
    Refuse,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 32_768,
            fields: 100,
            target_bytes: 8_192,
            lenient: false,
            trace: false,
            connect: false,
            underscores: Underscores::Drop,
            ambiguous_paths: AmbiguousPaths::Pass,
        }
    }
}

/// How far a parse came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The head is fine so far and not finished: call again with more bytes.
    Partial,
    /// The head is finished.
    Complete,
}
