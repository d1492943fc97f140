//! One stream of a client's connection, as the life of a request sees it: a head as HTTP/1 text, a body, and an answer.
//!
//! Owns: the order of heads, data and trailers in both directions, and flow control: what is not taken here is not asked
//! for, and nothing is kept that the client's window has no room for. Does not own: the connection (`serve`).

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response, StatusCode};
use tenbin_proto::{Body, trailer};
use tokio::io::ReadBuf;

use super::request_head::{self, Purpose};
use super::{answer_head, websocket};

/// Most data of one frame.
const PIECE: usize = 16 * 1024;

/// See the module.
pub struct Served {
    request: Inbound,
    answer: Outbound,
}

/// What comes from the client.
struct Inbound {
    stream: RecvStream,
    /// The head, until it was taken.
    head: Vec<u8>,
    taken: usize,
    /// Data that was received and not taken yet.
    data: Bytes,
    /// Bytes of body that the head has promised and that were not received yet.
    missing: Option<u64>,
    body: Body,
    ended: bool,
    trailers: Vec<u8>,
}

/// What goes to it.
struct Outbound {
    respond: SendResponse<Bytes>,
    stream: Option<SendStream<Bytes>>,
    purpose: Purpose,
    /// Of a head that is not whole yet.
    text: Vec<u8>,
    /// The head, which may be all: it leaves when more comes, or nothing.
    head: Option<Response<()>>,
    /// Data, which may be the last.
    data: Bytes,
    closing: bool,
    ended: bool,
}

impl Served {
    /// A stream that a request has come on; given back when it is malformed.
    pub fn new(
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
    ) -> Result<Self, SendResponse<Bytes>> {
        let (parts, stream) = request.into_parts();
        let mut head = Vec::with_capacity(512);
        let ended = stream.is_end_stream();
        let Ok(written) = request_head::write(&mut head, &parts, ended, websocket::key) else {
            return Err(respond);
        };
        let may_lack = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
        let body = match (&written.purpose, written.length) {
            (Purpose::Message, Some(length)) => Body::Length(length),
            (Purpose::Message, None) if ended && may_lack => Body::Length(0),
            (Purpose::Message, None) if !ended => Body::UntilClose,
            _ => Body::None,
        };
        let missing = written.length.filter(|_| written.purpose == Purpose::Message);
        let (data, trailers) = (Bytes::new(), Vec::new());
        let request = Inbound { stream, head, taken: 0, data, missing, body, ended, trailers };
        let (text, data) = (Vec::new(), Bytes::new());
        let answer = Outbound {
            respond,
            stream: None,
            purpose: written.purpose,
            text,
            head: None,
            data,
            closing: false,
            ended: false,
        };
        Ok(Self { request, answer })
    }

    /// How long the request's body is.
    pub fn body(&self) -> Body {
        self.request.body
    }

    /// Lines that came behind the body.
    pub fn trailers(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.request.trailers)
    }

    /// Whether something can be read, be it the end.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.request.poll_fill(cx)
    }

    /// The head, then the body; nothing at its end.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.request.poll_fill(cx))?;
        self.request.take(buffer);
        Poll::Ready(Ok(()))
    }

    /// Text until a head has ended, then data.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.answer.stream.is_none() && self.answer.head.is_none() {
            return Poll::Ready(self.answer.take_text(bytes));
        }
        self.answer.poll_data(cx, bytes)
    }

    /// What was kept leaves.
    pub fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.answer.flush())
    }

    /// The answer ends, with trailers if there are any.
    pub fn poll_end(&mut self, _: &mut Context<'_>, trailers: &[u8]) -> Poll<io::Result<()>> {
        Poll::Ready(self.answer.end(trailers))
    }

    /// Whether the client gave it up, or lost it by what it did.
    pub fn is_reset(&mut self, cx: &mut Context<'_>) -> bool {
        let reset = match &mut self.answer.stream {
            _ if self.answer.ended => return false,
            Some(stream) => stream.poll_reset(cx),
            None => self.answer.respond.poll_reset(cx),
        };
        reset.is_ready()
    }

    /// Ends it for good. An answer that is not whole is broken off, so that nobody takes it for one.
    pub fn poll_close(&mut self, cx: &mut Context<'_>, is_whole: bool) -> Poll<()> {
        if is_whole {
            let _ = self.poll_end(cx, &[]);
        }
        if self.answer.ended {
            return Poll::Ready(());
        }
        if !std::mem::replace(&mut self.answer.closing, true) && self.answer.flush().is_ok() {
            // A reset overtakes what has not left: the connection has its turn before.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let is_tunnel = self.answer.purpose != Purpose::Message;
        self.reset(if is_tunnel { Reason::CANCEL } else { Reason::INTERNAL_ERROR });
        Poll::Ready(())
    }

    fn reset(&mut self, reason: Reason) {
        match &mut self.answer.stream {
            Some(stream) => stream.send_reset(reason),
            None => self.answer.respond.send_reset(reason),
        }
    }
}

impl Inbound {
    /// Waits for something to take, or for the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What makes a message whole that has a length is held until the client has ended it: a server must not take one
        // for good whose frames turn out to say something else.
        while !self.ended && (self.missing == Some(0) || (self.data.is_empty() && self.head.is_empty())) {
            let Some(data) = ready!(self.stream.poll_data(cx)).transpose().map_err(broken)? else {
                let trailers = ready!(self.stream.poll_trailers(cx)).map_err(broken)?;
                self.end(trailers.map(|trailers| request_head::lines(&trailers)).as_deref())?;
                continue;
            };
            if let Some(missing) = &mut self.missing {
                *missing = missing.checked_sub(data.len() as u64).ok_or(io::ErrorKind::InvalidData)?;
            }
            if data.is_empty() {
                continue;
            }
            self.data = data;
        }
        Poll::Ready(Ok(()))
    }

    fn end(&mut self, trailers: Option<&[u8]>) -> io::Result<()> {
        self.ended = true;
        if self.missing.is_some_and(|missing| missing > 0) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(lines) = trailers {
            self.trailers = trailer::kept(lines).map_err(|_| io::ErrorKind::InvalidData)?;
        }
        Ok(())
    }

    fn take(&mut self, buffer: &mut ReadBuf<'_>) {
        if let Some(rest) = self.head.get(self.taken..).filter(|rest| !rest.is_empty()) {
            let count = rest.len().min(buffer.remaining());
            buffer.put_slice(rest.get(..count).unwrap_or_default());
            self.taken += count;
            if self.taken == self.head.len() {
                self.head = Vec::new();
            }
            return;
        }
        let count = self.data.len().min(buffer.remaining());
        buffer.put_slice(self.data.get(..count).unwrap_or_default());
        self.data.advance(count);
        // The client may send as much again.
        let _ = self.stream.flow_control().release_capacity(count);
    }
}

impl Outbound {
    /// Takes text up to the end of one head.
    fn take_text(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nearly always it comes at once.
        if self.text.is_empty()
            && let Some(end) = answer_head::end(bytes)
        {
            self.take_head(&Bytes::copy_from_slice(bytes.get(..end).unwrap_or_default()))?;
            return Ok(end);
        }
        let before = self.text.len();
        self.text.extend_from_slice(bytes);
        let Some(end) = answer_head::end(&self.text) else { return Ok(bytes.len()) };
        self.text.truncate(end);
        let text = std::mem::take(&mut self.text);
        self.take_head(&Bytes::from(text))?;
        Ok(end - before)
    }

    fn take_head(&mut self, text: &Bytes) -> io::Result<()> {
        let mut head = answer_head::read(text).ok_or(io::ErrorKind::InvalidData)?;
        if let Purpose::WebSocket(key) = &self.purpose {
            websocket::judge(key, &mut head).map_err(|()| io::ErrorKind::InvalidData)?;
        }
        match head.status() {
            StatusCode::SWITCHING_PROTOCOLS => Err(io::ErrorKind::InvalidData.into()),
            status if status.is_informational() => self.respond.send_informational(head).map_err(broken),
            _ => {
                self.head = Some(head);
                Ok(())
            }
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.flush()?;
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        stream.reserve_capacity(bytes.len().min(PIECE));
        let mut room = stream.capacity();
        while room == 0 {
            match ready!(stream.poll_capacity(cx)).transpose().map_err(broken)? {
                Some(_) => room = stream.capacity(),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let piece = bytes.get(..room.min(PIECE)).unwrap_or(bytes);
        self.data = Bytes::copy_from_slice(piece);
        Poll::Ready(Ok(piece.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(head) = self.head.take() {
            self.stream = Some(self.respond.send_response(head, false).map_err(broken)?);
        }
        match &mut self.stream {
            Some(stream) if !self.data.is_empty() => {
                stream.send_data(std::mem::take(&mut self.data), false).map_err(broken)
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, trailers: &[u8]) -> io::Result<()> {
        if !self.ended {
            self.say_end(trailers)?;
            self.ended = true;
        }
        Ok(())
    }

    fn say_end(&mut self, trailers: &[u8]) -> io::Result<()> {
        if !trailers.is_empty() {
            self.flush()?;
            let fields = answer_head::fields(trailers).ok_or(io::ErrorKind::InvalidData)?;
            let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::BrokenPipe.into()) };
            return stream.send_trailers(fields).map_err(broken);
        }
        match (self.head.take(), &mut self.stream) {
            (Some(head), _) => self.respond.send_response(head, true).map(drop).map_err(broken),
            (None, Some(stream)) => stream.send_data(std::mem::take(&mut self.data), true).map_err(broken),
            (None, None) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

fn broken(_: h2::Error) -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}
