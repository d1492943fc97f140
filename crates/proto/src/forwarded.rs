//! Telling a server who the client is: X-Forwarded-*, X-Real-IP, Forwarded (RFC 7239).
//!
//! Owns: the text of these fields, and which of a client's own are believed. Does not own: who is trusted.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::scan::{self, TOKEN};
use crate::{Fields, Known, output};

/// Which forwarding fields are written; a set of bits joined with `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardSet(pub u8);

impl ForwardSet {
    /// X-Forwarded-For.
    pub const FOR: Self = Self(1);
    /// X-Forwarded-Proto.
    pub const PROTO: Self = Self(2);
    /// X-Forwarded-Host.
    pub const HOST: Self = Self(4);
    /// X-Forwarded-Port.
    pub const PORT: Self = Self(8);
    /// X-Real-IP.
    pub const REAL_IP: Self = Self(16);
    /// Forwarded.
    pub const FORWARDED: Self = Self(32);
    /// All of them.
    pub const ALL: Self = Self(63);

    /// Whether every field of `other` is in this set.
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for ForwardSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What is told about the client of a request.
///
/// An untrusted peer's own forwarding fields are all dropped and those in `write` are set. A trusted peer's
/// X-Forwarded-For and Forwarded are appended to; its other fields are kept, and set where they are missing.
#[derive(Clone, Copy, Debug)]
pub struct Forwarding<'a> {
    /// The peer's address.
    pub client: IpAddr,
    /// The client's address as far as it can be believed, for X-Real-IP; see `original_client`.
    pub original: IpAddr,
    /// Whether the peer's own forwarding fields are believed.
    pub trusted: bool,
    /// `http` or `https`.
    pub proto: &'a str,
    /// The Host value that the client sent.
    pub host: &'a [u8],
    /// The port that the client connected to.
    pub port: u16,
    /// Our own address, for the `by` of Forwarded; left out when `None`.
    pub by: Option<IpAddr>,
    /// Which fields to write.
    pub write: ForwardSet,
}

/// The client's address by X-Forwarded-For, for a trusted `peer`: the last address that is not trusted itself, since
/// whatever stands before it may be the client's own invention. The first one if all are trusted, and the one before
/// (that is, behind) whatever is no address.
pub fn original_client(
    fields: &Fields,
    bytes: &[u8],
    peer: IpAddr,
    trusts: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut client = peer;
    let listed = fields.iter().rev().filter(|field| field.known == Known::XForwardedFor);
    for element in listed.flat_map(|field| field.value.of(bytes).rsplit(|&byte| byte == b',')) {
        let element = element.trim_ascii();
        if element.is_empty() {
            continue;
        }
        match listed_address(element) {
            Some(address) if trusts(address) => client = address,
            Some(address) => return address,
            None => break,
        }
    }
    client
}

/// An address, as some proxies write it with a port.
fn listed_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// Every field that tells about a client.
const ALL_FIELDS: u32 = Known::XForwardedFor.bit()
    | Known::XForwardedProto.bit()
    | Known::XForwardedHost.bit()
    | Known::XForwardedPort.bit()
    | Known::XForwardedOther.bit()
    | Known::XRealIp.bit()
    | Known::Forwarded.bit();

impl Forwarding<'_> {
    /// The fields of the peer that do not travel on as they came.
    #[inline]
    pub(crate) fn replaces(&self) -> u32 {
        if !self.trusted {
            return ALL_FIELDS;
        }
        let list_fields =
            [(ForwardSet::FOR, Known::XForwardedFor), (ForwardSet::FORWARDED, Known::Forwarded)];
        list_fields
            .iter()
            .filter(|(kind, _)| self.write.has(*kind))
            .fold(0, |set, (_, known)| set | known.bit())
    }

    /// Appends the lines to write, but none of the fields in `edited`, which a route has its own mind about.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>, fields: &Fields, bytes: &[u8], edited: u32) {
        let wanted = |kind, known: Known| self.write.has(kind) && edited & known.bit() == 0;
        let missing = |known| !self.trusted || fields.find_known(known).is_none();
        if wanted(ForwardSet::FOR, Known::XForwardedFor) {
            self.start_list(out, b"X-Forwarded-For: ", fields, bytes, Known::XForwardedFor);
            address(out, self.client);
            out.extend_from_slice(b"\r\n");
        }
        if wanted(ForwardSet::REAL_IP, Known::XRealIp) && missing(Known::XRealIp) {
            out.extend_from_slice(b"X-Real-IP: ");
            address(out, self.original);
            out.extend_from_slice(b"\r\n");
        }
        if wanted(ForwardSet::PROTO, Known::XForwardedProto) && missing(Known::XForwardedProto) {
            output::line(out, b"X-Forwarded-Proto", self.proto.as_bytes());
        }
        if wanted(ForwardSet::HOST, Known::XForwardedHost) && missing(Known::XForwardedHost) {
            output::line(out, b"X-Forwarded-Host", self.host);
        }
        if wanted(ForwardSet::PORT, Known::XForwardedPort) && missing(Known::XForwardedPort) {
            out.extend_from_slice(b"X-Forwarded-Port: ");
            output::decimal(out, u64::from(self.port));
            out.extend_from_slice(b"\r\n");
        }
        if wanted(ForwardSet::FORWARDED, Known::Forwarded) {
            self.start_list(out, b"Forwarded: ", fields, bytes, Known::Forwarded);
            self.element(out);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// The name, and what a trusted peer has listed already.
    #[inline]
    fn start_list(&self, out: &mut Vec<u8>, name: &[u8], fields: &Fields, bytes: &[u8], known: Known) {
        out.extend_from_slice(name);
        if self.trusted {
            for field in fields.find_all_known(known).filter(|field| !field.value.is_empty()) {
                out.extend_from_slice(field.value.of(bytes));
                out.extend_from_slice(b", ");
            }
        }
    }

    /// One element of Forwarded (RFC 7239, 4).
    fn element(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"for=");
        node(out, self.client);
        if let Some(by) = self.by {
            out.extend_from_slice(b";by=");
            node(out, by);
        }
        if !self.host.is_empty() {
            out.extend_from_slice(b";host=");
            token_or_quoted(out, self.host);
        }
        out.extend_from_slice(b";proto=");
        token_or_quoted(out, self.proto.as_bytes());
    }
}

/// An address as text; IPv4 in IPv6's clothing is undressed.
#[inline]
fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            output::octet(out, a);
            for part in [b, c, d] {
                out.push(b'.');
                output::octet(out, part);
            }
        }
        // Writing to a Vec cannot fail.
        IpAddr::V6(v6) => drop(write!(out, "{v6}")),
    }
}

/// An address as a node (RFC 7239, 6): IPv6 in brackets, and therefore in quotes.
fn node(out: &mut Vec<u8>, node: IpAddr) {
    if node.to_canonical().is_ipv4() {
        return address(out, node);
    }
    out.extend_from_slice(b"\"[");
    address(out, node);
    out.extend_from_slice(b"]\"");
}

fn token_or_quoted(out: &mut Vec<u8>, text: &[u8]) {
    if !text.is_empty() && scan::class_end(text, 0, TOKEN) == text.len() {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        output::text(out, &[byte]);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{ForwardSet, Forwarding, original_client};
    use crate::{Limits, Request, RequestEdits, write_request};

    const SPOOFED: &str = "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-proto: https\r\nX-Forwarded-Prefix: /x\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n";

    fn forward(client: &str, trusted: bool, write: ForwardSet, lines: &str) -> String {
        let raw = format!("GET / HTTP/1.1\r\nHost: a.test:81\r\n{lines}\r\n");
        let mut head = Request::default();
        head.parse(raw.as_bytes(), &mut 0, &Limits::default()).unwrap();
        let client = client.parse().unwrap();
        let original = original_client(&head.fields, raw.as_bytes(), client, |address| address == client);
        let original = if trusted { original } else { client };
        let by = "10.0.0.9".parse().ok();
        let forwarding = Forwarding {
            client,
            original,
            trusted,
            proto: "http",
            host: b"a.test:81",
            port: 8080,
            by,
            write,
        };
        let mut out = Vec::new();
        let to = RequestEdits { forwarding: Some(&forwarding), ..RequestEdits::default() };
        write_request(&mut out, &head, raw.as_bytes(), &to);
        let text = String::from_utf8(out).unwrap();
        text.strip_prefix("GET / HTTP/1.1\r\nHost: a.test:81\r\n").unwrap().trim_end().replace("\r\n", "|")
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let everything = "X-Forwarded-For: 10.0.0.1|X-Real-IP: 10.0.0.1|X-Forwarded-Proto: http|X-Forwarded-Host: a.test:81|X-Forwarded-Port: 8080|Forwarded: for=10.0.0.1;by=10.0.0.9;host=\"a.test:81\";proto=http";
        assert_eq!(forward("10.0.0.1", false, ForwardSet::ALL, SPOOFED), everything);
        assert_eq!(forward("10.0.0.1", false, ForwardSet::FOR, SPOOFED), "X-Forwarded-For: 10.0.0.1");
    }

    #[test]
    fn a_trusted_peer_is_believed_and_appended_to() {
        assert_eq!(
            forward("10.0.0.1", true, ForwardSet::ALL, SPOOFED),
            "x-forwarded-proto: https|X-Forwarded-Prefix: /x|X-Real-IP: 6.6.6.6|X-Forwarded-For: 6.6.6.6, 7.7.7.7, 10.0.0.1|X-Forwarded-Host: a.test:81|X-Forwarded-Port: 8080|Forwarded: for=6.6.6.6, for=10.0.0.1;by=10.0.0.9;host=\"a.test:81\";proto=http"
        );
        assert_eq!(
            forward("10.0.0.1", true, ForwardSet(0), SPOOFED),
            SPOOFED.trim_end().replace("\r\n", "|")
        );
    }

    #[test]
    fn the_client_is_the_last_one_that_no_trusted_peer_stands_for() {
        let real = |lines: &str| forward("10.0.0.1", true, ForwardSet::REAL_IP, lines);
        for (listed, expected) in [
            ("X-Forwarded-For: 6.6.6.6, 8.8.8.8", "8.8.8.8"),
            ("X-Forwarded-For: 8.8.8.8, 10.0.0.1", "8.8.8.8"),
            ("X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 8.8.8.8 ,, 10.0.0.1:4711", "8.8.8.8"),
            ("X-Forwarded-For: [2001:db8::7]:80", "2001:db8::7"),
            ("X-Forwarded-For: ::ffff:8.8.8.8", "8.8.8.8"),
            ("X-Forwarded-For: 6.6.6.6, unknown, 10.0.0.1", "10.0.0.1"),
            ("X-Forwarded-For: 10.0.0.1, 10.0.0.1", "10.0.0.1"),
            ("X-Forwarded-For: \u{e9}", "10.0.0.1"),
            ("X-Forwarded-For:", "10.0.0.1"),
            ("A: b", "10.0.0.1"),
        ] {
            let written = real(&format!("{listed}\r\n"));
            assert!(written.ends_with(&format!("X-Real-IP: {expected}")), "{listed}: {written}");
        }
        assert_eq!(
            real("X-Forwarded-For: 8.8.8.8\r\nX-Real-IP: 7.7.7.7\r\n"),
            "X-Forwarded-For: 8.8.8.8|X-Real-IP: 7.7.7.7"
        );
        let stranger = forward("10.0.0.1", false, ForwardSet::REAL_IP, "X-Forwarded-For: 8.8.8.8\r\n");
        assert_eq!(stranger, "X-Real-IP: 10.0.0.1");
    }

    #[test]
    fn addresses_are_written_as_their_fields_demand() {
        let set = ForwardSet::FOR | ForwardSet::FORWARDED;
        let tail = ";by=10.0.0.9;host=\"a.test:81\";proto=http";
        for (client, plain, node) in [
            ("255.0.10.1", "255.0.10.1", "255.0.10.1"),
            ("2001:db8::1", "2001:db8::1", "\"[2001:db8::1]\""),
            ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4"),
        ] {
            let expected = format!("X-Forwarded-For: {plain}|Forwarded: for={node}{tail}");
            assert_eq!(forward(client, false, set, ""), expected);
        }
    }

    #[test]
    fn the_client_is_the_last_one_that_is_not_trusted() {
        let client = |lines: &str| {
            let raw = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
            let mut head = Request::default();
            head.parse(raw.as_bytes(), &mut 0, &Limits::default()).unwrap();
            let trusts = |address: IpAddr| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10);
            let peer = [10, 9, 9, 9].into();
            original_client(&head.fields, raw.as_bytes(), peer, trusts).to_string()
        };
        for (lines, expected) in [
            ("", "10.9.9.9"),
            ("X-Forwarded-For: \r\n", "10.9.9.9"),
            ("X-Forwarded-For: nobody\r\n", "10.9.9.9"),
            ("X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n", "192.0.2.1"),
            ("X-Forwarded-For: 6.6.6.6, 192.0.2.1 , 10.0.0.1,10.0.0.2\r\n", "192.0.2.1"),
            ("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.1\r\n", "192.0.2.1"),
            ("X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.1\r\n", "10.0.0.1"),
            ("X-Forwarded-For: 10.0.0.3, 10.0.0.1\r\n", "10.0.0.3"),
            ("X-Forwarded-For: 192.0.2.1:4711\r\n", "192.0.2.1"),
            ("X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1"),
            ("X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1"),
            ("X-Forwarded-For: ::ffff:192.0.2.1\r\n", "192.0.2.1"),
        ] {
            assert_eq!(client(lines), expected, "{lines}");
        }
    }

    #[test]
    fn quoting_escapes_what_would_end_the_string() {
        let mut out = Vec::new();
        super::token_or_quoted(&mut out, b"a\"b\\c\r\nd");
        assert_eq!(out, b"\"a\\\"b\\\\c  d\"");
    }
}
