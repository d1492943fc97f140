//! Request heads (RFC 9112, 3), read strictly into spans.
//!
//! Owns: what a request means: method, target, host, framing, persistence. Does not own: the grammar of its first line
//! (`target`) and of field lines (`line`).

use crate::{Body, Fields, Limits, Progress, Reject, Span, Version};

/// The request method; text of `Other` is in `Request::method_text`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the method of that name")]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Patch,
    Connect,
    Trace,
    Other,
}

impl Method {
    /// Whether sending the request twice does what sending it once does (RFC 9110, 9.2.2).
    pub fn is_idempotent(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options | Self::Trace)
    }
}

/// A request head. Spans refer to the bytes given to `parse`. One value serves one request after another.
#[derive(Debug, Default)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The method as it was written.
    pub method_text: Span,
    /// Path and query as they will be forwarded, or `*`. One corner: for an absolute-form target without a path but
    /// with a query it begins with `?`, and the writer puts `/` before it.
    pub target: Span,
    /// The path; `/` for an absolute-form target without one.
    pub path: Span,
    /// The query without its `?`.
    pub query: Span,
    /// The host without port (IPv6 in its brackets), from an absolute-form target or from Host.
    pub host: Span,
    /// `host[:port]` to forward as Host; empty only in HTTP/1.0 without Host.
    pub authority: Span,
    /// The version it is processed as.
    pub version: Version,
    /// How its body is framed.
    pub body: Body,
    /// Whether the client wants the connection to live on.
    pub keep_alive: bool,
    /// The protocol asked for with `Connection: upgrade`; empty for protocols that would replace HTTP/1 itself
    /// (h2c, TLS, HTTP) and in HTTP/1.0.
    pub upgrade: Span,
    /// The client waits for 100 before it sends the body.
    pub expect_continue: bool,
    /// The client accepts trailers (`TE: trailers`).
    pub te_trailers: bool,
    /// Field lines, those with an underscore in their name left out.
    pub fields: Fields,
    /// Bytes of the head, from leading empty lines to the empty line at its end.
    pub length: usize,
}

impl Request {
    /// Reads the head at the start of `bytes`.
    ///
    /// `scanned` is 0 for a new head; after `Partial` pass it back unchanged with the same bytes and more behind them
    /// (they may have moved), so that a slow sender costs linear time. Faults are found as soon as their line is whole,
    /// in the first line as soon as their byte is there.
    pub fn parse(&mut self, bytes: &[u8], scanned: &mut usize, limits: &Limits) -> Result<Progress, Reject> {
        let _ = (bytes, scanned, limits);
        Ok(Progress::Partial)
    }
}
