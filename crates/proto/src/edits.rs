//! What the caller wants changed in a message on its way out.
//!
//! Owns: the values. Does not own: how they are carried out, see `write`.

use crate::Forwarding;

/// Changes to the fields of a message. Framing and connection fields cannot be edited; bytes that could end a line
/// become spaces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Edits<'a> {
    /// Names of fields to leave out.
    pub remove: &'a [&'a [u8]],
    /// Name and value: fields of that name are left out, then this one is added.
    pub set: &'a [(&'a [u8], &'a [u8])],
    /// Name and value to add.
    pub add: &'a [(&'a [u8], &'a [u8])],
}

impl Edits<'_> {
    /// No changes.
    pub const NONE: &'static Edits<'static> = &Edits { remove: &[], set: &[], add: &[] };
}

/// How a request leaves for its server.
#[derive(Clone, Copy, Debug)]
pub struct RequestEdits<'a> {
    /// Path and query in place of the client's.
    pub target: Option<&'a [u8]>,
    /// Host when the client named none (HTTP/1.0).
    pub host_fallback: &'a [u8],
    /// What to tell about the client; `None` passes the client's own forwarding fields on as they are.
    pub forwarding: Option<&'a Forwarding<'a>>,
    /// Changes by the route.
    pub edits: &'a Edits<'a>,
    /// Ask the server for the upgrade that the client asked for.
    pub upgrade: bool,
    /// A cookie to hide from the server.
    pub drop_cookie: Option<&'a [u8]>,
    /// Whether the connection to the server may live on.
    pub keep_alive: bool,
    /// Finished lines to append, each with CR LF.
    pub extra: &'a [u8],
}

impl Default for RequestEdits<'_> {
    fn default() -> Self {
        Self {
            target: None,
            host_fallback: b"",
            forwarding: None,
            edits: Edits::NONE,
            upgrade: false,
            drop_cookie: None,
            keep_alive: true,
            extra: b"",
        }
    }
}

/// How the body of an answer is framed for the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Content-Length.
    Length(u64),
    /// Transfer-Encoding: chunked; never for HTTP/1.0 clients.
    Chunked,
    /// Until the connection closes.
    Close,
    /// No body. The Content-Length of the server's answer to HEAD, or of a 304, is passed on.
    #[default]
    None,
}

/// What the answer says about the client's connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persist {
    /// Nothing: an HTTP/1.1 connection that lives on.
    #[default]
    Implied,
    /// `Connection: close`.
    Close,
    /// `Connection: keep-alive`, for HTTP/1.0 clients that asked.
    KeepAlive,
}

/// How an answer leaves for its client.
#[derive(Clone, Copy, Debug)]
pub struct ResponseEdits<'a> {
    /// How its body is framed.
    pub framing: Framing,
    /// What it says about the connection.
    pub persist: Persist,
    /// Pass the switch of protocols on, for a 101.
    pub upgrade: bool,
    /// Changes by the route.
    pub edits: &'a Edits<'a>,
    /// Finished lines to append, each with CR LF.
    pub extra: &'a [u8],
}

impl Default for ResponseEdits<'_> {
    fn default() -> Self {
        Self {
            framing: Framing::None,
            persist: Persist::Implied,
            upgrade: false,
            edits: Edits::NONE,
            extra: b"",
        }
    }
}
