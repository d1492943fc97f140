//! A second reader: the tokens by httparse, the framing by the words of RFC 9112, nothing by `tenbin-proto`.
//!
//! Owns: messages as somebody else reads them, and how strict that reader is. Does not own: which of two readers is right.

use httparse::{EMPTY_HEADER, Header, Status};

/// A message as the second reader sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The method and the target, or the status alone.
    pub start: (Vec<u8>, Vec<u8>),
    /// The minor version.
    pub minor: u8,
    /// Names in lower case, and values, in order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The data of the body, out of its chunks.
    pub body: Vec<u8>,
    /// Trailers, like fields.
    pub trailers: Vec<(Vec<u8>, Vec<u8>)>,
    /// How the body was framed.
    pub framing: Framing,
    /// Bytes up to its end.
    pub length: usize,
}

/// How a body ends (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    #[default]
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// Why there is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More bytes are needed.
    Unfinished,
    /// The tokens are wrong.
    Tokens(httparse::Error),
    /// The fields do not say where the body ends, or say it twice.
    Framing(&'static str),
    /// The chunks are wrong.
    Chunks(&'static str),
}

/// Most fields that are read.
const FIELDS: usize = 200;

/// Reads a request.
pub fn request(bytes: &[u8]) -> Result<Message, Refusal> {
    let mut room = [EMPTY_HEADER; FIELDS];
    let mut head = httparse::Request::new(&mut room);
    let length = match head.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Err(Refusal::Unfinished),
        Err(error) => return Err(Refusal::Tokens(error)),
    };
    let start = (head.method.unwrap_or_default().into(), head.path.unwrap_or_default().into());
    let minor = head.version.unwrap_or_default();
    let message = Message { start, minor, fields: fields(head.headers), length, ..Message::default() };
    let framing = match declared(&message.fields, minor)? {
        None => Framing::None,
        Some(framing) => framing,
    };
    with_body(message, framing, bytes)
}

/// Reads an answer to a request of this method.
pub fn answer(bytes: &[u8], head_only: bool) -> Result<Message, Refusal> {
    let mut room = [EMPTY_HEADER; FIELDS];
    let mut head = httparse::Response::new(&mut room);
    // A proxy removes white space before the colon in answers (RFC 9112, 5.1), and so does this one.
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    let length = match config.parse_response(&mut head, bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Err(Refusal::Unfinished),
        Err(error) => return Err(Refusal::Tokens(error)),
    };
    let status = head.code.unwrap_or_default();
    let minor = head.version.unwrap_or_default();
    let start = (status.to_string().into_bytes(), Vec::new());
    let message = Message { start, minor, fields: fields(head.headers), length, ..Message::default() };
    let framing = match declared(&message.fields, minor)? {
        _ if head_only || matches!(status, 100..=199 | 204 | 304) => Framing::None,
        None => Framing::UntilClose,
        Some(framing) => framing,
    };
    with_body(message, framing, bytes)
}

fn fields(headers: &[Header<'_>]) -> Vec<(Vec<u8>, Vec<u8>)> {
    headers.iter().map(|field| (field.name.to_ascii_lowercase().into_bytes(), field.value.to_vec())).collect()
}

/// What Content-Length and Transfer-Encoding say together. Lists of equal lengths count as one, as the RFC allows.
fn declared(fields: &[(Vec<u8>, Vec<u8>)], minor: u8) -> Result<Option<Framing>, Refusal> {
    let of = |name: &[u8]| -> Vec<String> {
        let values = fields.iter().filter(|(field, _)| field == name);
        values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    };
    let (lengths, codings) = (of(b"content-length"), of(b"transfer-encoding"));
    match (lengths.is_empty(), codings.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Err(Refusal::Framing("both")),
        (true, false) if minor == 0 => Err(Refusal::Framing("coding in HTTP/1.0")),
        (true, false) if codings.join(",").trim().eq_ignore_ascii_case("chunked") => {
            Ok(Some(Framing::Chunked))
        }
        (true, false) => Err(Refusal::Framing("coding")),
        (false, true) => {
            let list = lengths.join(",");
            let mut numbers = list.split(',').map(|number| {
                let number = number.trim_matches([' ', '\t']);
                let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                number.parse::<u64>().ok().filter(|_| digits).ok_or(Refusal::Framing("length"))
            });
            let first = numbers.next().unwrap_or(Err(Refusal::Framing("length")))?;
            if numbers.all(|number| number == Ok(first)) {
                Ok(Some(Framing::Length(first)))
            } else {
                Err(Refusal::Framing("lengths differ"))
            }
        }
    }
}

fn with_body(mut message: Message, framing: Framing, bytes: &[u8]) -> Result<Message, Refusal> {
    message.framing = framing;
    let rest = bytes.get(message.length..).unwrap_or_default();
    match framing {
        Framing::None => {}
        Framing::UntilClose => {
            message.body = rest.to_vec();
            message.length = bytes.len();
        }
        Framing::Length(length) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            message.body = rest.get(..length).ok_or(Refusal::Unfinished)?.to_vec();
            message.length += length;
        }
        Framing::Chunked => {
            let (body, trailers, length) = chunks(rest)?;
            (message.body, message.trailers) = (body, trailers);
            message.length += length;
        }
    }
    Ok(message)
}

/// The data, the trailers, and how many bytes they took.
type Chunks = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>, usize);

/// Reads a chunked body from its grammar (RFC 9112, 7.1), with a whole body in hand and no state.
pub fn chunks(bytes: &[u8]) -> Result<Chunks, Refusal> {
    let (mut data, mut at) = (Vec::new(), 0);
    loop {
        let rest = &bytes[at..];
        let (head, size) = match httparse::parse_chunk_size(rest) {
            Ok(Status::Complete(found)) => found,
            Ok(Status::Partial) => return Err(Refusal::Unfinished),
            Err(_) => return Err(Refusal::Chunks("size")),
        };
        let line = &rest[..head];
        if !line.ends_with(b"\r\n") || line[..head - 2].iter().any(|byte| b"\r\n\0".contains(byte)) {
            return Err(Refusal::Chunks("line"));
        }
        at += head;
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let behind = at.checked_add(size).ok_or(Refusal::Unfinished)?;
        data.extend_from_slice(bytes.get(at..behind).ok_or(Refusal::Unfinished)?);
        match bytes.get(behind..behind.saturating_add(2)) {
            Some(b"\r\n") => at = behind + 2,
            Some(_) => return Err(Refusal::Chunks("end")),
            None => return Err(Refusal::Unfinished),
        }
    }
    let mut room = [EMPTY_HEADER; FIELDS];
    match httparse::parse_headers(&bytes[at..], &mut room) {
        Ok(Status::Complete((length, trailers))) => Ok((data, fields(trailers), at + length)),
        Ok(Status::Partial) => Err(Refusal::Unfinished),
        Err(error) => Err(Refusal::Tokens(error)),
    }
}
