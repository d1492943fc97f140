//! Changing a head that was read: new texts are appended to its bytes, and spans come to point at them.
//!
//! Owns: that whatever is appended is a line that could have been read: no byte that ends one, no framing, no connection
//! field. Does not own: what is changed, and why. The caller keeps the bytes, which only ever grow.

use crate::known::{CONNECTION_FIELDS, Known};
use crate::request_line::Form;
use crate::scan::{self, TOKEN};
use crate::{Field, Fields, Method, Request, Response, Span, authority, output};

/// Fields that decide how a message is framed or where it goes: only the head as it was read decides that.
const FIXED: u32 = CONNECTION_FIELDS | Known::ContentLength.bit();

/// Appends text of which no byte may end a line.
fn append(bytes: &mut Vec<u8>, text: &[u8]) -> Span {
    let start = bytes.len();
    output::text(bytes, text);
    Span::new(start, bytes.len())
}

impl Fields {
    /// Adds a field at the end; false for a name that is no token, or that no rule may set.
    pub fn add(&mut self, bytes: &mut Vec<u8>, name: &[u8], value: &[u8]) -> bool {
        let known = Known::of(name);
        let is_token = !name.is_empty() && scan::class_end(name, 0, TOKEN) == name.len();
        if !is_token || known.bit() & FIXED != 0 {
            return false;
        }
        let name = append(bytes, name);
        let value = append(bytes, value.trim_ascii());
        self.push(Field::new(name, value, known, false));
        true
    }

    /// Takes every field out whose name `matches`; how many. Framing and connection fields stay.
    pub fn remove(&mut self, bytes: &[u8], matches: impl Fn(&[u8]) -> bool) -> usize {
        self.retain(|field| field.known.bit() & FIXED != 0 || !matches(field.name.of(bytes)))
    }

    /// Gives the value of the field at `index` anew; false for a field that no rule may set.
    pub fn replace(&mut self, bytes: &mut Vec<u8>, index: usize, value: &[u8]) -> bool {
        match self.get(index) {
            Some(field) if field.known.bit() & FIXED == 0 => {
                let value = append(bytes, value.trim_ascii());
                self.put(index, Field { value, plain: false, ..field });
                true
            }
            _ => false,
        }
    }
}

impl Request {
    /// Gives the method anew; false for what is no token, for CONNECT, and between HEAD and others, whose answers are
    /// framed in another way than the client expects.
    pub fn set_method(&mut self, bytes: &mut Vec<u8>, text: &[u8]) -> bool {
        let method = Method::named(text);
        let is_token = !text.is_empty() && scan::class_end(text, 0, TOKEN) == text.len();
        let frames_alike = (method == Method::Head) == (self.method == Method::Head);
        if !is_token || !frames_alike || text == b"CONNECT" || self.method == Method::Connect {
            return false;
        }
        self.method = method;
        self.method_text = append(bytes, text);
        self.first.plain = false;
        true
    }

    /// Gives path and query anew, from one text; bytes that no target may hold are percent-encoded.
    pub fn set_target(&mut self, bytes: &mut Vec<u8>, text: &[u8]) {
        let start = bytes.len();
        output::target(bytes, text);
        let end = bytes.len();
        self.target = Span::new(start, end);
        let question = memchr::memchr(b'?', self.target.of(bytes)).map(|at| start + at);
        self.path = Span::new(start, question.unwrap_or(end));
        self.query = Span::new(question.map_or(end, |at| at + 1), end);
        self.first.form = Form::Origin;
        self.first.plain = false;
    }

    /// What Host says now decides where the request goes, unless it says nothing that could be a host.
    pub fn follow_host(&mut self, bytes: &[u8]) {
        if let Some(field) = self.fields.find_known(Known::Host)
            && let Ok(found) = authority::read(bytes, field.value)
        {
            (self.host, self.authority) = (found.host, found.whole);
        }
    }
}

impl Response {
    /// Gives status and phrase anew; the body stays what it is, so neither may become one that has none.
    pub fn set_status(&mut self, bytes: &mut Vec<u8>, status: u16, reason: &[u8]) -> bool {
        let bodiless = |status: u16| status < 200 || status == 204 || status == 304;
        if !(200..=599).contains(&status) || bodiless(status) || bodiless(self.status) {
            return false;
        }
        self.status = status;
        self.reason = append(bytes, reason);
        self.plain_line = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Asked, Limits, Request, RequestEdits, Response, ResponseEdits, write_request, write_response,
    };

    fn read(raw: &str) -> (Request, Vec<u8>) {
        let mut head = Request::default();
        head.parse(raw.as_bytes(), &mut 0, &Limits::default()).unwrap();
        (head, raw.as_bytes().to_vec())
    }

    fn written(head: &Request, bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write_request(&mut out, head, bytes, &RequestEdits::default());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_changed_request_leaves_changed() {
        let (mut head, mut bytes) = read("GET /a?b HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
        assert!(head.fields.add(&mut bytes, b"X-C", b" 3\r\nEvil: 1 "));
        assert_eq!(head.fields.remove(&bytes, |name| name.eq_ignore_ascii_case(b"x-a")), 1);
        assert!(head.fields.replace(&mut bytes, 1, b"two"));
        assert!(head.set_method(&mut bytes, b"POST"));
        head.set_target(&mut bytes, b"new path?q=1");
        assert_eq!((head.path.of(&bytes), head.query.of(&bytes)), (&b"/new%20path"[..], &b"q=1"[..]));
        assert_eq!(
            written(&head, &bytes),
            "POST /new%20path?q=1 HTTP/1.1\r\nHost: a.test\r\nX-B: two\r\nX-C: 3  Evil: 1\r\n\r\n"
        );
    }

    #[test]
    fn a_new_host_is_where_it_goes() {
        let (mut head, mut bytes) = read("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        head.fields.remove(&bytes, |name| name.eq_ignore_ascii_case(b"host"));
        head.fields.add(&mut bytes, b"Host", b"b.test:81");
        head.follow_host(&bytes);
        assert_eq!((head.host.of(&bytes), head.authority.of(&bytes)), (&b"b.test"[..], &b"b.test:81"[..]));
        assert_eq!(written(&head, &bytes), "GET / HTTP/1.1\r\nHost: b.test:81\r\n\r\n");
    }

    #[test]
    fn framing_and_connection_cannot_be_touched() {
        let (mut head, mut bytes) =
            read("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
        for name in [&b"Content-Length"[..], b"transfer-encoding", b"Connection", b"a b", b""] {
            assert!(!head.fields.add(&mut bytes, name, b"9"));
        }
        assert_eq!(head.fields.remove(&bytes, |name| name.starts_with(b"C")), 0);
        assert!(!head.fields.replace(&mut bytes, 1, b"4"));
        assert!(!head.set_method(&mut bytes, b"CONNECT") && !head.set_method(&mut bytes, b"A B"));
        assert!(written(&head, &bytes).contains("Content-Length: 3\r\n"));
    }

    #[test]
    fn an_answer_gets_another_status() {
        let raw = b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n";
        let mut head = Response::default();
        head.parse(raw, &mut 0, &Limits::default(), Asked::default()).unwrap();
        let mut bytes = raw.to_vec();
        assert!(head.set_status(&mut bytes, 418, b"Tea\r\npot"));
        assert!(!head.set_status(&mut bytes, 204, b"") && !head.set_status(&mut bytes, 101, b""));
        let mut out = Vec::new();
        write_response(&mut out, &head, &bytes, &ResponseEdits::default());
        assert!(out.starts_with(b"HTTP/1.1 418 Tea  pot\r\nA: b\r\n"));
    }
}
