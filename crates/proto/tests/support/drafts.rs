//! Messages put together from the grammar, and the pieces to spoil them with.
//!
//! Owns: what a good message may look like (RFC 9110, 5; RFC 9112, 2 to 7). Does not own: what is made of it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A message in parts, good as it was made.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The request line or status line.
    pub start: Vec<u8>,
    /// Field lines without their ends.
    pub lines: Vec<Vec<u8>>,
    /// What follows the empty line.
    pub body: Vec<u8>,
}

impl Draft {
    /// As it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_with(|_| b"\r\n")
    }

    /// The same with line ends of one's own; the empty line at the end of the head is a line, too.
    pub fn bytes_with<'a>(&self, end: impl Fn(usize) -> &'a [u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let empty = Vec::new();
        for (index, line) in [&self.start].into_iter().chain(&self.lines).chain([&empty]).enumerate() {
            out.extend([line, end(index)].concat());
        }
        out.extend_from_slice(&self.body);
        out
    }

    /// Puts a line in, anywhere.
    pub fn insert(&mut self, at: Index, line: &[u8]) {
        self.lines.insert(at.index(self.lines.len() + 1), line.to_vec());
    }

    /// Takes out the fields of that name.
    pub fn remove(&mut self, name: &[u8]) {
        self.lines.retain(|line| !is_called(line, name));
    }

    /// Replaces the framing by these lines, wherever they may stand, and leaves no body.
    pub fn frame(&mut self, lines: &[&[u8]], at: &[Index]) {
        self.remove(b"content-length");
        self.remove(b"transfer-encoding");
        for (line, at) in lines.iter().zip(at) {
            self.insert(*at, line);
        }
        self.body.clear();
    }
}

/// Whether a line holds the field called `name`.
pub fn is_called(line: &[u8], name: &[u8]) -> bool {
    let end = line.iter().position(|&byte| byte == b':').unwrap_or(0);
    line[..end].trim_ascii().eq_ignore_ascii_case(name)
}

/// A request that nobody could object to.
pub fn requests() -> impl Strategy<Value = Draft> {
    let first = (methods(), targets(), select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.3", "HTTP/1.9"]));
    let start =
        first.prop_map(|(method, target, version)| format!("{method} {target} {version}").into_bytes());
    let host = (cased("Host"), blanks(), blanks()).prop_map(|(name, before, after)| {
        [name.as_bytes(), b":", before.as_bytes(), b"a.test", after.as_bytes()].concat()
    });
    (start, vec(fields(), 0..6), host, any::<Index>(), framings()).prop_map(
        |(start, lines, host, at, framing)| {
            let mut draft = Draft { start, lines, body: framing.1 };
            draft.insert(at, &host);
            if let Some(line) = framing.0 {
                draft.insert(at, &line);
            }
            draft
        },
    )
}

/// An answer that nobody could object to, to anything but HEAD.
pub fn answers() -> impl Strategy<Value = Draft> {
    let reasons = select(vec![" OK", " ", "", " Nicht \u{e9}", " a\tb"]);
    let first =
        (select(vec!["HTTP/1.1", "HTTP/1.2"]), select(vec![200_u16, 201, 299, 404, 503, 999]), reasons);
    let start =
        first.prop_map(|(version, status, reason)| format!("{version} {status}{reason}").into_bytes());
    (start, vec(fields(), 0..6), any::<Index>(), framings()).prop_map(|(start, lines, at, framing)| {
        let mut draft = Draft { start, lines, body: framing.1 };
        // Without framing the body would go on until the end.
        draft.insert(at, &framing.0.unwrap_or_else(|| b"Content-Length: 0".to_vec()));
        draft
    })
}

/// `name` with the case of its letters changed at will.
pub fn cased(name: &'static str) -> impl Strategy<Value = String> {
    any::<u64>().prop_map(move |bits| {
        let letter = |(index, letter): (usize, char)| {
            if bits >> (index % 64) & 1 == 1 {
                letter.to_ascii_uppercase()
            } else {
                letter.to_ascii_lowercase()
            }
        };
        name.chars().enumerate().map(letter).collect()
    })
}

/// White space around a value.
pub fn blanks() -> impl Strategy<Value = &'static str> {
    select(vec!["", " ", " ", "\t", "  \t "])
}

/// A token that means nothing to anyone.
pub fn tokens() -> impl Strategy<Value = String> {
    "x-[a-zA-Z0-9!#$%&'*+.^`|~-]{0,12}"
}

/// Bytes of a class.
pub fn bytes_where(wanted: fn(u8) -> bool) -> impl Strategy<Value = u8> {
    select((0..=255).filter(|&byte| wanted(byte)).collect::<Vec<u8>>())
}

/// One of these.
pub fn one_of(choices: &'static [&'static [u8]]) -> impl Strategy<Value = &'static [u8]> {
    select(choices)
}

/// A control byte, but the tab.
pub fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// A byte of a token (RFC 9110, 5.6.2).
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Puts a byte into a line.
pub fn put(line: &[u8], at: usize, byte: u8) -> Vec<u8> {
    [&line[..at], &[byte], &line[at..]].concat()
}

/// Four places.
pub fn places() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 4)
}

fn methods() -> impl Strategy<Value = String> {
    let known = select(vec!["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]).prop_map(str::to_owned);
    prop_oneof![known, "[A-Z]{1,8}X", "[a-z!#$%&'*+.^`|~-]{1,32}"]
}

fn targets() -> impl Strategy<Value = String> {
    let path = "/([a-zA-Z0-9/._~!$&'()*+,;=:@\\[\\]|^`{}<>\"-]|%[0-9a-fA-F]{2}){0,20}";
    let query = "(\\?([a-z=&/?]|%[0-9A-F]{2}){0,10})?";
    let scheme = "(http|HTTP|hTtP)://[aA]\\.(test|TEST)(:|:80)?";
    let local = (path, query).prop_map(|(path, query)| path + &query);
    let whole = (scheme, prop_oneof![path, Just(String::new())], query)
        .prop_map(|(scheme, path, query)| scheme + &path + &query);
    prop_oneof![4 => local, 1 => whole]
}

fn fields() -> impl Strategy<Value = Vec<u8>> {
    let value = vec(prop_oneof![0x21_u8..0x7f, Just(b' '), Just(b'\t'), 0x80_u8..=0xff], 0..12);
    let free = (tokens(), blanks(), value, blanks()).prop_map(|(name, before, value, after)| {
        [name.as_bytes(), b":", before.as_bytes(), &value, after.as_bytes()].concat()
    });
    let known = select(vec![
        "Accept: */*",
        "cookie: a=b; c=\"d\"",
        "Connection: keep-alive",
        "connection:Keep-Alive , , x-hop",
        "X-Hop: 1",
        "TE: trailers",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Upgrade: h2c",
        "X-Forwarded-For: 6.6.6.6",
        "Forwarded: for=6.6.6.6",
        "Authorization: Basic dTpw",
    ]);
    prop_oneof![2 => free, 1 => known.prop_map(|line| line.as_bytes().to_vec())]
}

/// A framing line, if there is one, and the body that goes with it.
fn framings() -> impl Strategy<Value = (Option<Vec<u8>>, Vec<u8>)> {
    let data = || vec(any::<u8>(), 0..20);
    let length = (cased("Content-Length"), blanks(), "0{0,3}", data(), blanks()).prop_map(
        |(name, before, zeros, data, after)| {
            (Some(format!("{name}:{before}{zeros}{}{after}", data.len()).into_bytes()), data)
        },
    );
    let coding = (cased("Transfer-Encoding"), blanks(), cased("chunked"), vec(data(), 0..4), trailers());
    let chunked = coding.prop_map(|(name, before, coding, parts, trailers)| {
        let mut body = Vec::new();
        for part in parts.iter().filter(|part| !part.is_empty()) {
            body.extend([format!("{:X}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat());
        }
        body.extend([b"000\r\n", trailers.as_bytes(), b"\r\n"].concat());
        (Some(format!("{name}:{before}{coding}").into_bytes()), body)
    });
    prop_oneof![Just((None, Vec::new())), length, chunked]
}

fn trailers() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "X-Sum: 1\r\n", "x-a:\r\nHost: b\r\nX-B: 2 \r\n"])
}
