//! A connection without sockets: messages read piece by piece and written anew, as the engine does it.

use tenbin_proto::{
    Asked, Body, ChunkDecoder, ForwardSet, Forwarding, Framing, LAST_CHUNK, Limits, Progress, Reject,
    Request, RequestEdits, Response, ResponseEdits, write_request, write_response,
};

/// What became of the bytes of one side.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What stopped the reading, if something did.
    pub refused: Option<Reject>,
    /// Messages that went through whole.
    pub whole: usize,
    /// Final heads that went out, whole messages or not.
    pub heads: usize,
    /// The input ended inside a message.
    pub unfinished: bool,
    /// The input ended inside a head.
    pub unfinished_head: bool,
    /// What the other side got, message by message.
    pub sent: Vec<Vec<u8>>,
    /// The heads of it alone.
    pub sent_heads: Vec<Vec<u8>>,
    /// Each head as it was read.
    pub read_heads: Vec<Vec<u8>>,
}

/// Bytes that arrive `piece` at a time.
struct Input<'a> {
    raw: &'a [u8],
    piece: usize,
    start: usize,
    end: usize,
}

impl Input<'_> {
    fn here(&self) -> &[u8] {
        &self.raw[self.start..self.end]
    }

    fn more(&mut self) -> bool {
        let before = self.end;
        self.end = self.raw.len().min(self.end.saturating_add(self.piece));
        self.end > before
    }
}

/// Plays a client's bytes, `piece` at a time.
pub fn requests(raw: &[u8], piece: usize, limits: &Limits) -> Outcome {
    let mut input = Input { raw, piece, start: 0, end: 0 };
    let mut outcome = Outcome::default();
    let mut head = Request::default();
    while input.start < raw.len() || outcome.heads == 0 {
        let mut scanned = 0;
        match read_head(&mut input, |bytes| head.parse(bytes, &mut scanned, limits)) {
            Ok(true) => {}
            stopped => return stop(outcome, stopped, true),
        }
        let bytes = &input.here()[..head.length];
        let mut sent = Vec::new();
        write_request(&mut sent, &head, bytes, &request_edits(head.upgrade.of(bytes)));
        outcome.read_heads.push(bytes.to_vec());
        outcome.sent_heads.push(sent.clone());
        outcome.heads += 1;
        input.start += head.length;
        let read = read_body(&mut input, head.body, &mut sent);
        outcome.sent.push(sent);
        match read {
            Ok(true) => outcome.whole += 1,
            stopped => return stop(outcome, stopped, false),
        }
        if !head.keep_alive {
            break;
        }
    }
    outcome
}

/// Plays a server's bytes until the final answer has ended; `closes` says whether the connection ends with them.
pub fn responses(raw: &[u8], piece: usize, asked: Asked, closes: bool) -> Outcome {
    let mut input = Input { raw, piece, start: 0, end: 0 };
    let mut outcome = Outcome::default();
    let mut head = Response::default();
    loop {
        let mut scanned = 0;
        match read_head(&mut input, |bytes| head.parse(bytes, &mut scanned, &Limits::default(), asked)) {
            Ok(true) => {}
            stopped => return stop(outcome, stopped, true),
        }
        let bytes = &input.here()[..head.length];
        let framing = match head.body {
            Body::None => Framing::None,
            Body::Length(length) => Framing::Length(length),
            Body::Chunked => Framing::Chunked,
            Body::UntilClose => Framing::Close,
        };
        let mut sent = Vec::new();
        write_response(&mut sent, &head, bytes, &ResponseEdits { framing, ..ResponseEdits::default() });
        outcome.sent_heads.push(sent.clone());
        input.start += head.length;
        if head.status < 200 {
            outcome.sent.push(sent);
            continue;
        }
        outcome.heads += 1;
        let read = match head.body {
            Body::UntilClose => {
                while input.more() {}
                sent.extend_from_slice(input.here());
                Ok(closes)
            }
            body => read_body(&mut input, body, &mut sent),
        };
        outcome.sent.push(sent);
        return match read {
            Ok(true) => Outcome { whole: 1, ..outcome },
            stopped => stop(outcome, stopped, false),
        };
    }
}

fn stop(outcome: Outcome, stopped: Result<bool, Reject>, in_head: bool) -> Outcome {
    Outcome {
        refused: stopped.err(),
        unfinished: stopped.is_ok(),
        unfinished_head: stopped.is_ok() && in_head,
        ..outcome
    }
}

/// Reads on until `parse` is done; false when the input ends before.
fn read_head(
    input: &mut Input<'_>,
    mut parse: impl FnMut(&[u8]) -> Result<Progress, Reject>,
) -> Result<bool, Reject> {
    loop {
        if parse(input.here())? == Progress::Complete {
            return Ok(true);
        }
        if !input.more() {
            return Ok(false);
        }
    }
}

/// Reads a body and writes it with framing of its own; false when the input ends before.
fn read_body(input: &mut Input<'_>, body: Body, sent: &mut Vec<u8>) -> Result<bool, Reject> {
    match body {
        Body::None | Body::UntilClose => Ok(true),
        Body::Length(length) => {
            let mut left = usize::try_from(length).unwrap_or(usize::MAX);
            while left > 0 {
                let run = left.min(input.here().len());
                sent.extend_from_slice(&input.here()[..run]);
                input.start += run;
                left -= run;
                if left > 0 && !input.more() {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Body::Chunked => read_chunks(input, sent),
    }
}

fn read_chunks(input: &mut Input<'_>, sent: &mut Vec<u8>) -> Result<bool, Reject> {
    let mut decoder = ChunkDecoder::default();
    let mut data = Vec::new();
    loop {
        let mut buf = input.here().to_vec();
        // Offsets count from the piece at hand, which differs with the cut.
        let step = decoder.decode(&mut buf).map_err(|mut reject| {
            reject.offset = 0;
            reject
        })?;
        data.extend_from_slice(&buf[..step.produced]);
        input.start += step.consumed;
        if step.done {
            break;
        }
        if !input.more() {
            return Ok(false);
        }
    }
    if !data.is_empty() {
        sent.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        sent.extend_from_slice(&data);
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(&LAST_CHUNK[..3]);
    sent.extend_from_slice(decoder.trailers());
    sent.extend_from_slice(b"\r\n");
    Ok(true)
}

/// How the engine sends by default: strangers are not believed, WebSocket is the one upgrade that is passed on.
fn request_edits(upgrade: &[u8]) -> RequestEdits<'static> {
    const FORWARDING: Forwarding<'static> = Forwarding {
        client: std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
        original: std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
        trusted: false,
        proto: "http",
        host: b"",
        port: 8080,
        by: None,
        write: ForwardSet(ForwardSet::FOR.0 | ForwardSet::PROTO.0),
    };
    RequestEdits {
        forwarding: Some(&FORWARDING),
        upgrade: upgrade.eq_ignore_ascii_case(b"websocket"),
        host_fallback: b"fallback.test",
        ..RequestEdits::default()
    }
}
