//! Response heads (RFC 9112, 4), read as strictly as requests.
//!
//! Owns: what an answer means: status, framing, persistence. Does not own: the grammar of field lines (`line`).

use crate::{Body, Fields, Limits, Progress, Reject, Span, Version};

/// What the request asked for, as far as it changes how the answer is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method was HEAD: the answer has no body.
    pub head: bool,
    /// An upgrade was forwarded: 101 is a valid answer.
    pub upgrade: bool,
    /// The method was CONNECT: a 2xx answer opens a tunnel.
    pub connect: bool,
}

/// A response head. Spans refer to the bytes given to `parse`. One value serves one response after another.
#[derive(Debug, Default)]
pub struct Response {
    /// 100 to 999.
    pub status: u16,
    /// The reason phrase, often empty.
    pub reason: Span,
    /// The version it is processed as.
    pub version: Version,
    /// How its body is framed; `None` after HEAD, for 1xx, 204 and 304, and when it opens a tunnel.
    pub body: Body,
    /// What Content-Length says, also where there is no body (HEAD, 304).
    pub content_length: Option<u64>,
    /// Whether the server lets the connection live on once this message has ended.
    pub keep_alive: bool,
    /// The protocol that a 101 switches to.
    pub upgrade: Span,
    /// Field lines.
    pub fields: Fields,
    /// Bytes of the head with the empty line at its end.
    pub length: usize,
}

impl Response {
    /// Reads the head at the start of `bytes`; `scanned` as in `Request::parse`. Every refusal has the status 502.
    pub fn parse(
        &mut self,
        bytes: &[u8],
        scanned: &mut usize,
        limits: &Limits,
        asked: Asked,
    ) -> Result<Progress, Reject> {
        let _ = (bytes, scanned, limits, asked);
        Ok(Progress::Partial)
    }
}
