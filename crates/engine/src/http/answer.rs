//! Answers that Tenbin makes itself: one table from reason to status and words.
//!
//! Every such answer carries `tenbin-reason` and a body that says why, for whoever reads it at night.

use tenbin_proto::{Reject, Version};

use crate::ending::{Phase, Who};
use crate::listener::Found;

/// Why Tenbin answers by itself. The closed list; `Rejected` carries the parser's own.
#[derive(Clone, Copy, Debug)]
pub enum Reason {
    /// The request is against the grammar or a limit.
    Rejected(Reject),
    /// The listener speaks TLS and the client does not.
    PlainHttp,
    /// The head did not come in time.
    HeaderTimeout,
    /// The body did not come in time.
    BodyTimeout,
    /// The body is larger than the limit.
    BodyTooBig,
    /// The request cannot be said in the protocol of the backend's servers.
    Unfit,
    /// The server knows no WebSocket over HTTP/2.
    NoWebSocket,
    /// No route leads anywhere.
    NoRoute,
    /// A route refuses.
    Denied(u16),
    /// A rule refuses what the server answered.
    AnswerDenied(u16),
    /// Rules have made a head longer than any may be.
    Overgrown,
    /// The client's address has as many connections as it may.
    SourceConnections,
    /// The client's address has sent as many requests as it may, and may send the next one in so many milliseconds.
    SourceRequests(u64),
    /// No server of the backend may take work.
    NoServerUp,
    /// All slots and all places in the queue are taken.
    QueueFull,
    /// No slot was free in time.
    QueueTimeout,
    /// No descriptor was free for a connection to a server in time.
    OutOfDescriptors,
    /// No port was free for a connection to a server.
    OutOfPorts,
    /// The process is above its limit of memory.
    OutOfMemory,
    /// No connection to a server.
    ConnectFailed,
    /// No connection to a server in time.
    ConnectTimeout,
    /// The TLS handshake with a server failed.
    TlsFailed,
    /// The server closed before it answered.
    ServerClosed,
    /// The server's answer is against the grammar or a limit.
    BadAnswer(&'static str),
    /// The server did not answer in time.
    ServerTimeout,
}

impl Reason {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::Rejected(reject) => reject.status,
            Self::PlainHttp | Self::Unfit => 400,
            Self::HeaderTimeout | Self::BodyTimeout => 408,
            Self::BodyTooBig => 413,
            Self::NoRoute => 404,
            Self::Denied(status) | Self::AnswerDenied(status) => status,
            Self::Overgrown => 500,
            Self::SourceConnections | Self::SourceRequests(_) => 429,
            Self::NoServerUp
            | Self::QueueFull
            | Self::QueueTimeout
            | Self::OutOfDescriptors
            | Self::OutOfPorts
            | Self::OutOfMemory => 503,
            Self::ConnectFailed
            | Self::TlsFailed
            | Self::ServerClosed
            | Self::BadAnswer(_)
            | Self::NoWebSocket => 502,
            Self::ConnectTimeout | Self::ServerTimeout => 504,
        }
    }

    /// The status at a frontend: one that has answers of its own has HAProxy's, whose statuses for these are others.
    pub fn status_at(self, found: &Found) -> u16 {
        match self {
            Self::ConnectFailed | Self::TlsFailed | Self::ConnectTimeout | Self::NoRoute
                if !found.frontend.answers.is_empty() =>
            {
                503
            }
            _ => self.status(),
        }
    }

    /// The value of `tenbin-reason`, in logs and in counters.
    pub fn code(self) -> &'static str {
        match self {
            Self::Rejected(reject) => reject.reason,
            Self::PlainHttp => "plain-http",
            Self::HeaderTimeout => "header-timeout",
            Self::BodyTimeout => "body-timeout",
            Self::BodyTooBig => "body-too-big",
            Self::Unfit => "not-for-http2",
            Self::NoWebSocket => "no-websocket",
            Self::NoRoute => "no-route",
            Self::Denied(_) => "denied",
            Self::AnswerDenied(_) => "answer-denied",
            Self::Overgrown => "head-overgrown",
            Self::SourceConnections => "source-connections",
            Self::SourceRequests(_) => "source-request-rate",
            Self::NoServerUp => "no-server-up",
            Self::QueueFull => "queue-full",
            Self::QueueTimeout => "queue-timeout",
            Self::OutOfDescriptors => "out-of-descriptors",
            Self::OutOfPorts => "out-of-ports",
            Self::OutOfMemory => "out-of-memory",
            Self::ConnectFailed => "connect-failed",
            Self::ConnectTimeout => "connect-timeout",
            Self::TlsFailed => "tls-failed",
            Self::ServerClosed => "server-closed",
            Self::BadAnswer(_) => "bad-answer",
            Self::ServerTimeout => "server-timeout",
        }
    }

    /// Who ended the request with that, and in which phase, where the place does not say it better.
    pub fn ending(self) -> (Who, Phase) {
        match self {
            Self::HeaderTimeout => (Who::ClientSlow, Phase::Request),
            Self::BodyTimeout => (Who::ClientSlow, Phase::Data),
            Self::OutOfMemory => (Who::Resource, Phase::Request),
            Self::OutOfDescriptors | Self::OutOfPorts => (Who::Resource, Phase::Connect),
            Self::Rejected(_)
            | Self::PlainHttp
            | Self::BodyTooBig
            | Self::Denied(_)
            | Self::Overgrown
            | Self::SourceConnections
            | Self::SourceRequests(_) => (Who::Proxy, Phase::Request),
            Self::QueueFull => (Who::Server, Phase::Queue),
            Self::QueueTimeout => (Who::ServerSlow, Phase::Queue),
            Self::NoRoute | Self::NoServerUp | Self::ConnectFailed | Self::TlsFailed => {
                (Who::Server, Phase::Connect)
            }
            Self::ConnectTimeout => (Who::ServerSlow, Phase::Connect),
            Self::ServerClosed => (Who::Server, Phase::Head),
            Self::ServerTimeout => (Who::ServerSlow, Phase::Head),
            Self::BadAnswer(_) | Self::AnswerDenied(_) | Self::Unfit | Self::NoWebSocket => {
                (Who::Proxy, Phase::Head)
            }
        }
    }

    /// Whether the client is to blame.
    pub fn is_request_error(self) -> bool {
        matches!(
            self,
            Self::Rejected(_) | Self::HeaderTimeout | Self::BodyTimeout | Self::BodyTooBig | Self::Unfit
        )
    }

    /// Whether somebody decided that such requests are refused.
    pub fn is_denial(self) -> bool {
        matches!(self, Self::Denied(_) | Self::SourceRequests(_))
    }

    /// Seconds after which it is worth trying again, where that is known.
    fn retry_after(self) -> Option<u64> {
        match self {
            Self::SourceConnections | Self::OutOfDescriptors | Self::OutOfPorts | Self::OutOfMemory => {
                Some(1)
            }
            Self::SourceRequests(wait_ms) => Some(wait_ms.div_ceil(1000).max(1)),
            _ => None,
        }
    }

    /// For whoever reads it at night.
    pub fn words(self) -> String {
        match self {
            Self::Rejected(reject) => format!("The request was refused: {reject}."),
            Self::PlainHttp => "This port speaks HTTPS; the request came without TLS.".into(),
            Self::HeaderTimeout => "The head of the request did not arrive in time.".into(),
            Self::BodyTimeout => "The body of the request did not arrive in time.".into(),
            Self::BodyTooBig => "The body of the request is larger than the limit of this frontend.".into(),
            Self::Unfit => "The request cannot be said in HTTP/2, which the server speaks.".into(),
            Self::NoWebSocket => "The server speaks HTTP/2 and does not take WebSockets over it.".into(),
            Self::NoRoute => "No route of this frontend matches the request.".into(),
            Self::Denied(_) => "A route of this frontend refuses the request.".into(),
            Self::AnswerDenied(_) => "A rule refuses the answer of the server.".into(),
            Self::Overgrown => "Rules have made the head longer than it may be.".into(),
            Self::SourceConnections => "Your address has as many connections open as it may.".into(),
            Self::SourceRequests(_) => "Your address sends more requests than it may.".into(),
            Self::NoServerUp => "No server of the backend may take the request now.".into(),
            Self::QueueFull => "All servers of the backend are busy and its queue is full.".into(),
            Self::QueueTimeout => "All servers of the backend are busy; none became free in time.".into(),
            Self::OutOfDescriptors => "No descriptor was free for a connection to a server in time.".into(),
            Self::OutOfPorts => "No local port was free for a connection to a server.".into(),
            Self::OutOfMemory => "The load balancer is short of memory and takes no more work now.".into(),
            Self::ConnectFailed => "No connection to a server of the backend could be opened.".into(),
            Self::ConnectTimeout => "No connection to a server of the backend was accepted in time.".into(),
            Self::TlsFailed => "The TLS handshake with a server of the backend failed.".into(),
            Self::ServerClosed => "The server closed the connection before it answered.".into(),
            Self::BadAnswer(why) => format!("The server's answer was refused: {why}."),
            Self::ServerTimeout => "The server did not answer in time.".into(),
        }
    }
}

/// How the connection goes on after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Manner<'a> {
    /// The client's version.
    pub version: Version,
    /// The connection lives on.
    pub keep_alive: bool,
    /// The request was HEAD.
    pub head: bool,
    /// Finished field lines that every answer of the listener carries.
    pub always: &'a [u8],
}

/// Appends the whole answer for a reason.
pub fn write_reason(out: &mut Vec<u8>, reason: Reason, backend: Option<&str>, manner: Manner<'_>) {
    let status = reason.status();
    let about = backend.map(|name| format!("\nBackend: {name}")).unwrap_or_default();
    let body =
        format!("{status} {}\n\n{}{about}\nReason: {}\n", phrase(status), reason.words(), reason.code());
    let mut lines = format!("tenbin-reason: {}\r\n", reason.code()).into_bytes();
    lines.extend_from_slice(b"content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n");
    if matches!(reason, Reason::Rejected(reject) if reject.status == 405) {
        lines.extend_from_slice(b"allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n");
    }
    if let Some(seconds) = reason.retry_after() {
        lines.extend_from_slice(format!("retry-after: {seconds}\r\n").as_bytes());
    }
    write_answer(out, status, &lines, body.as_bytes(), manner);
}

/// Appends a whole answer; `lines` are finished field lines.
pub fn write_answer(out: &mut Vec<u8>, status: u16, lines: &[u8], body: &[u8], manner: Manner<'_>) {
    write_answer_as(out, (status, phrase(status).as_bytes()), lines, body, manner);
}

/// Appends a whole answer with a reason phrase of its own.
pub fn write_answer_as(
    out: &mut Vec<u8>,
    (status, reason): (u16, &[u8]),
    lines: &[u8],
    body: &[u8],
    manner: Manner<'_>,
) {
    let mut number = itoa::Buffer::new();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(number.format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(lines);
    out.extend_from_slice(manner.always);
    // RFC 9110, 8.6: no Content-Length in a 204.
    if status != 204 && status != 304 {
        out.extend_from_slice(b"content-length: ");
        out.extend_from_slice(number.format(body.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if !manner.keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    } else if manner.version == Version::Http10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
    out.extend_from_slice(b"\r\n");
    if !manner.head && status != 204 && status != 304 {
        out.extend_from_slice(body);
    }
}

/// The phrase that goes with a status (RFC 9110, 15).
pub fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        100..=199 => "Informational",
        200..=299 => "Success",
        300..=399 => "Redirection",
        400..=499 => "Client Error",
        500..=599 => "Server Error",
        _ => "Other",
    }
}
