//! Trailer fields of a chunked body (RFC 9112, 7.1.2), checked like head fields and thinned out.
//!
//! Owns: which trailers may travel on, and the bound on all of them. Does not own: the chunks before them.

use crate::line::{self, Dialect, Line};
use crate::reject::Fault;
use crate::{Known, Reject};

/// Most bytes of trailers, dropped ones included.
const TRAILER_BYTES: usize = 8192;

/// Fields that would change how the message is framed, routed, authorised or stored if someone merged them into its
/// head (RFC 9110, 6.5.1); those that Tenbin knows by `Known` are all refused as well.
const FORBIDDEN: &[&[u8]] = &[
    b"age",
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-range",
    b"content-type",
    b"expires",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"max-forwards",
    b"pragma",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"range",
    b"retry-after",
    b"vary",
    b"warning",
    b"www-authenticate",
];

/// Of whole lines, those that may travel behind a body, as they are written. For trailers that did not come in chunks.
pub fn kept(lines: &[u8]) -> Result<Vec<u8>, Reject> {
    let (mut trailers, mut at) = (Trailers::default(), 0);
    while let Some(rest) = lines.get(at..).filter(|rest| !rest.is_empty()) {
        at += trailers.add(rest).map_err(|fault| fault.at(at))?;
    }
    trailers.text.truncate(trailers.line);
    Ok(trailers.text)
}

/// The trailers kept so far, and at their end a line that is not whole yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trailers {
    text: Vec<u8>,
    line: usize,
    eaten: usize,
}

impl Trailers {
    /// The lines kept, each as `Name: value CR LF`.
    pub fn lines(&self) -> &[u8] {
        self.text.get(..self.line).unwrap_or_default()
    }

    pub fn at_line_start(&self) -> bool {
        self.line == self.text.len()
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.line = 0;
        self.eaten = 0;
    }

    /// Eats up to the end of one line and says how many bytes that were.
    pub fn add(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
        let piece = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        self.eaten = self.eaten.saturating_add(piece.len());
        if self.eaten > TRAILER_BYTES {
            return Err(Fault::TrailersTooBig);
        }
        self.text.extend_from_slice(piece);
        if end.is_some() {
            self.judge_line()?;
        }
        Ok(piece.len())
    }

    /// Keeps the whole line at the end, written anew, or drops it.
    fn judge_line(&mut self) -> Result<(), Fault> {
        let text = self.text.get(self.line..).unwrap_or_default();
        let dialect = Dialect { lenient: false, trim_names: false };
        let read = line::read(text, 0, dialect).map_err(Reject::fault)?;
        match read {
            Line::Field(field, _) if field.known == Known::Other && !is_forbidden(field.name.of(text)) => {
                if !field.plain {
                    let name = field.name.of(text).to_vec();
                    let value = field.value.of(text).to_vec();
                    self.text.truncate(self.line);
                    for piece in [&name[..], b": ", &value, b"\r\n"] {
                        self.text.extend_from_slice(piece);
                    }
                }
            }
            _ => self.text.truncate(self.line),
        }
        self.line = self.text.len();
        Ok(())
    }
}

fn is_forbidden(name: &[u8]) -> bool {
    FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden))
}

#[cfg(test)]
mod tests {
    use super::Trailers;
    use crate::reject::Fault;

    #[test]
    fn a_line_is_kept_once_it_is_whole() {
        let mut trailers = Trailers::default();
        assert_eq!(trailers.add(b"X: a\r"), Ok(5));
        assert!(!trailers.at_line_start() && trailers.lines().is_empty());
        assert_eq!(trailers.add(b"\nY: b\r\n"), Ok(1));
        assert!(trailers.at_line_start());
        assert_eq!(trailers.lines(), b"X: a\r\n");
    }

    #[test]
    fn lines_are_thinned_out_at_once() {
        let lines = b"grpc-status: 0\r\ncontent-length: 5\r\ngrpc-message:  a\r\n";
        assert_eq!(super::kept(lines).unwrap(), b"grpc-status: 0\r\ngrpc-message: a\r\n");
        assert!(super::kept(b"a: b\nc: d\r\n").is_err() && super::kept(b"").unwrap().is_empty());
    }

    #[test]
    fn nothing_is_kept_of_a_forbidden_or_a_wrong_line() {
        let mut trailers = Trailers::default();
        for line in
            [&b"Transfer-Encoding: x\r\n"[..], b"Range: bytes=0-\r\n", b"Set-Cookie: a=b\r\n", b"a_b: c\r\n"]
        {
            assert_eq!(trailers.add(line), Ok(line.len()));
            assert_eq!(trailers.lines(), b"");
        }
        assert_eq!(trailers.add(b"X: a\n"), Err(Fault::BareLf));
    }
}
