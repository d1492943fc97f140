//! One stream of an HTTP/2 connection to a server, as the life of a request sees it: a connection of its own that takes
//! the text of a request's head and its body, and gives the text of the answer's heads and its body.
//!
//! Owns: the order of what is sent and read, flow control both ways, what an error says about the request. Does not own:
//! the connection (`back_link`), and what fields mean (`back_head`).

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::header::CONTENT_LENGTH;
use tenbin_proto::{Body, ChunkDecoder};
use tokio::io::ReadBuf;

use super::back_head::{self, Kind};
use super::back_link::Link;
use crate::behind::Behind;

/// What an error says about the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It may have been carried out.
    #[default]
    Unknown,
    /// The server has not begun with it (RFC 9113, 8.7).
    Untouched,
    /// The server broke the protocol on this stream.
    Malformed,
    /// It cannot be said in HTTP/2.
    Unfit,
}

/// See the module. Dropped before its end, it is reset.
pub struct Asked {
    // Before the link: the stream must be gone when the link counts it out.
    sending: Sending,
    reading: Reading,
    kind: Kind,
    /// Text, or a piece of the body, that was received and not read yet.
    text: Bytes,
    /// It is of the body: the server may send as much more once it was read.
    is_counted: bool,
    /// Bytes of body that the head has promised and that were not received yet.
    missing: Option<u64>,
    body: Body,
    trailers: Vec<u8>,
    fate: Fate,
    extended: bool,
    /// What the link had heard when the head left.
    reads: u64,
    place: Place,
}

/// A stream's place on its connection.
struct Place(Rc<Link>);

enum Sending {
    /// The text of the head so far, and whether it is whole.
    Head(Vec<u8>, bool),
    Body(SendStream<Bytes>),
    /// Everything was said, or nothing more can be.
    Ended,
}

enum Reading {
    /// Nothing was asked yet.
    Silent,
    Head(ResponseFuture),
    Body(RecvStream),
    Ended,
}

impl Asked {
    /// Its connection as rules and lines see it.
    pub fn behind(&self) -> &Rc<Behind> {
        self.place.0.behind()
    }

    /// The next stream of a connection.
    pub fn new(link: Rc<Link>) -> Self {
        Self {
            sending: Sending::Head(Vec::new(), false),
            reading: Reading::Silent,
            kind: Kind::Plain,
            text: Bytes::new(),
            is_counted: false,
            missing: None,
            body: Body::None,
            trailers: Vec::new(),
            fate: Fate::Unknown,
            extended: false,
            reads: link.reads(),
            place: Place(link),
        }
    }

    /// Whether the server knows extended CONNECT; if so, a WebSocket handshake will be one.
    pub fn poll_extended(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.extended = ready!(self.place.0.poll_extended(cx));
        Poll::Ready(self.extended)
    }

    /// What the error that was met says about the request.
    pub fn fate(&self) -> Fate {
        self.fate
    }

    /// Whether the connection has brought nothing since the request left: it may have been dead before.
    pub fn is_unheard(&self) -> bool {
        self.place.0.reads() == self.reads
    }

    /// How the answer's body ends.
    pub fn body(&self) -> Body {
        self.body
    }

    /// Lines behind the body, after its end.
    pub fn trailers(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.trailers)
    }

    /// Whether there is something to read, be it the end.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_fill(cx)
    }

    /// Text of heads, then the body; nothing is its end.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while buffer.remaining() > 0 {
            match self.poll_fill(cx) {
                Poll::Ready(Ok(())) if self.text.is_empty() => break,
                Poll::Ready(Ok(())) => self.take(buffer),
                // What was read first goes first.
                _ if !buffer.filled().is_empty() => break,
                other => return other,
            }
            // A head is judged before its body is asked for.
            if !matches!(self.reading, Reading::Body(_)) {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// First the head's text, which is kept until something follows it, then the body.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Sending::Head(text, whole @ false) = &mut self.sending {
            let (taken, ended) = head_part(text, bytes);
            text.extend_from_slice(bytes.get(..taken).unwrap_or_default());
            *whole = ended;
            return Poll::Ready(Ok(taken));
        }
        self.send_head(false)?;
        let Sending::Body(stream) = &mut self.sending else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        stream.reserve_capacity(bytes.len());
        let mut room = stream.capacity();
        if room == 0 {
            room = match ready!(stream.poll_capacity(cx)) {
                Some(Ok(room)) => room,
                _ => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
        }
        let piece = bytes.get(..room).unwrap_or(bytes);
        stream.send_data(Bytes::copy_from_slice(piece), false).map_err(broken)?;
        Poll::Ready(Ok(piece.len()))
    }

    /// A head that was kept leaves.
    pub fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.send_head(false))
    }

    /// The end of the request, with trailers.
    pub fn poll_end(&mut self, _: &mut Context<'_>, trailers: &[u8]) -> Poll<io::Result<()>> {
        let is_first = matches!(self.sending, Sending::Head(..));
        self.send_head(trailers.is_empty())?;
        // The request is over, but not what it opens.
        if is_first && self.kind.opens_tunnel() {
            return Poll::Ready(Ok(()));
        }
        let Sending::Body(stream) = &mut self.sending else { return Poll::Ready(Ok(())) };
        let trailers = back_head::trailer_fields(trailers);
        let sent = if trailers.is_empty() {
            stream.send_data(Bytes::new(), true)
        } else {
            stream.send_trailers(trailers)
        };
        self.sending = Sending::Ended;
        Poll::Ready(sent.map_err(broken))
    }

    /// Whether the server has given the stream up.
    pub fn is_reset(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.sending {
            Sending::Head(..) | Sending::Ended => false,
            Sending::Body(stream) => stream.poll_reset(cx).is_ready(),
        }
    }

    /// Whether an answer waits; it is read where it is asked for.
    pub fn has_spoken(&self) -> bool {
        !self.text.is_empty()
    }

    /// A whole head leaves, once; a part of one waits for the rest.
    fn send_head(&mut self, ends: bool) -> io::Result<()> {
        let Sending::Head(text, true) = &mut self.sending else { return Ok(()) };
        let text = Bytes::from(std::mem::take(text));
        self.sending = Sending::Ended;
        let link = &self.place.0;
        let Ok((request, kind)) = back_head::request(&text, link.is_secure(), self.extended) else {
            self.fate = Fate::Unfit;
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let ends = ends && !kind.opens_tunnel();
        let opened = link.sender().map(|mut sender| sender.send_request(request, ends));
        let Some(Ok((response, stream))) = opened else {
            self.fate = Fate::Untouched;
            return Err(io::ErrorKind::ConnectionReset.into());
        };
        self.reads = link.reads();
        self.kind = kind;
        self.reading = Reading::Head(response);
        if !ends {
            self.sending = Sending::Body(stream);
        }
        Ok(())
    }

    /// Makes sure that there is text, or that the end was reached. What makes an answer whole that has a length is held
    /// until the server has ended it: a client must not take one for good whose frames turn out to say something else.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.text.is_empty() || (self.missing == Some(0) && matches!(self.reading, Reading::Body(_))) {
            let filled = match &mut self.reading {
                Reading::Silent if self.fate == Fate::Unknown => return Poll::Pending,
                Reading::Silent => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Reading::Ended => return Poll::Ready(Ok(())),
                Reading::Head(_) => ready!(self.poll_head(cx)),
                Reading::Body(_) => ready!(self.poll_body(cx)),
            };
            if let Err(error) = filled {
                self.fate = fate(&error);
                return Poll::Ready(Err(broken(error)));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        let Reading::Head(response) = &mut self.reading else { return Poll::Ready(Ok(())) };
        let mut text = Vec::new();
        if let Some(interim) = ready!(response.poll_informational(cx)) {
            let interim = interim?;
            back_head::answer(interim.status(), interim.headers(), &Kind::Plain, &mut text);
            self.text = text.into();
            return Poll::Ready(Ok(()));
        }
        let (head, stream) = ready!(std::pin::Pin::new(response).poll(cx))?.into_parts();
        back_head::answer(head.status, &head.headers, &self.kind, &mut text);
        self.text = text.into();
        let length = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let tunnel = head.status.is_success() && self.kind.opens_tunnel();
        self.body = match length {
            _ if tunnel || self.kind == Kind::Head => Body::None,
            _ if matches!(head.status.as_u16(), 204 | 304) => Body::None,
            _ if stream.is_end_stream() => Body::Length(0),
            Some(length) => Body::Length(length),
            None => Body::UntilClose,
        };
        self.missing = length.filter(|_| matches!(self.body, Body::Length(_)) && !stream.is_end_stream());
        self.reading = Reading::Body(stream);
        Poll::Ready(Ok(()))
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        let Reading::Body(stream) = &mut self.reading else { return Poll::Ready(Ok(())) };
        if let Some(piece) = ready!(stream.poll_data(cx)) {
            let piece = piece?;
            if let Some(missing) = &mut self.missing {
                // More than was promised does not come this far.
                *missing = missing.saturating_sub(piece.len() as u64);
            }
            if !piece.is_empty() {
                (self.text, self.is_counted) = (piece, true);
            }
            return Poll::Ready(Ok(()));
        }
        if let Some(fields) = ready!(stream.poll_trailers(cx))? {
            self.trailers = judged(&back_head::trailer_lines(&fields));
        }
        self.reading = Reading::Ended;
        Poll::Ready(Ok(()))
    }

    fn take(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.text.len().min(buffer.remaining());
        buffer.put_slice(self.text.get(..count).unwrap_or_default());
        self.text.advance(count);
        if self.is_counted
            && let Reading::Body(stream) = &mut self.reading
        {
            // It fails only for more than was received.
            let _ = stream.flow_control().release_capacity(count);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.ended();
    }
}

/// How many of `bytes` belong to the head that has begun with `text`, and whether they end it.
fn head_part(text: &[u8], bytes: &[u8]) -> (usize, bool) {
    const END: &[u8] = b"\r\n\r\n";
    let kept = text.get(text.len().saturating_sub(END.len() - 1)..).unwrap_or_default();
    if kept.is_empty() {
        return memchr::memmem::find(bytes, END).map_or((bytes.len(), false), |at| (at + END.len(), true));
    }
    let joined = [kept, bytes].concat();
    let end = memchr::memmem::find(&joined, END).map(|at| at + END.len() - kept.len());
    end.map_or((bytes.len(), false), |end| (end, true))
}

/// Trailers that may travel on, by the rules for those of chunked bodies.
fn judged(lines: &[u8]) -> Vec<u8> {
    let mut decoder = ChunkDecoder::default();
    let mut text = [b"0\r\n", lines, b"\r\n"].concat();
    match decoder.decode(&mut text) {
        Ok(_) => decoder.trailers().to_vec(),
        Err(_) => Vec::new(),
    }
}

fn fate(error: &h2::Error) -> Fate {
    match error.reason() {
        Some(Reason::REFUSED_STREAM) if error.is_remote() => Fate::Untouched,
        // Of a stream, this is said only of those that the peer has not looked at.
        Some(_) if error.is_go_away() && error.is_remote() => Fate::Untouched,
        Some(_) if error.is_library() => Fate::Malformed,
        // It was metered out.
        None if error.get_io().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData) => {
            Fate::Malformed
        }
        _ => Fate::Unknown,
    }
}

fn broken(error: h2::Error) -> io::Error {
    error.into_io().unwrap_or_else(|| io::ErrorKind::ConnectionReset.into())
}
