//! Wrong words, each wrong in its own way; the rules that they break stand beside the tests that use them.

/// Ends of lines.
pub const ENDS: &[&[u8]] = &[b"\n", b"\r", b"\r\r\n", b"\n\r", b"\0\r\n"];
/// What stands between two words of a request line.
pub const SPACES: &[&[u8]] = &[b"  ", b"\t", b" \t", b"\x0b", b"\x0c", b"\0", b"\r", b"", b"\xa0", b" \r\n "];
/// Versions; all but one are no version at all.
pub const VERSIONS: &[&str] = &[
    "",
    "ICY",
    "http/1.1",
    "HTTP/1.1 ",
    "HTTP/1.10",
    "HTTP/1",
    "HTTP/1.",
    "HTTP/11",
    "HTTP1.1",
    "HTTP/+1.1",
    "HTTP/01.1",
    "HTTPS/1.1",
    "HTTP /1.1",
    "HTTP/1,1",
    "HTTP/1.x",
];
/// Status lines.
pub const STATUS_LINES: &[&str] = &[
    "",
    "ICY 200 OK",
    " HTTP/1.1 200",
    "\r\nHTTP/1.1 200 OK",
    "http/1.1 200",
    "HTTP/2 200",
    "HTTP/2.0 200",
    "HTTP/1.1200 OK",
    "HTTP/1.1  200",
    "HTTP/1.1\t200",
    "HTTP/1.1 200\tOK",
    "HTTP/1.1 000",
    "HTTP/1.1 99",
    "HTTP/1.1 099 X",
    "HTTP/1.1 1000 X",
    "HTTP/1.1 20x",
    "HTTP/1.1 -20",
    "HTTP/1.1 200 O\0K",
    "HTTP/1.1 200 O\rK",
    "HTTP/1.1 200 O\x7fK",
];
/// Values of Content-Length that no server may send.
pub const LENGTHS: &[&str] =
    &["", "5, 6", "-1", "+1", "0x1", "1 1", "9223372036854775808", "1,", "1;", "1.0", "1e1", "\"1\""];
/// Codings that might mean something to others.
pub const UNKNOWN_CODINGS: &[&str] =
    &["gzip", "identity", "xchunked", "chunked;q=1", "\"chunked\"", "chunke", "gzip, chunked"];
/// Values of Transfer-Encoding that put chunked in the wrong place.
pub const CODINGS: &[&str] = &["", ",", "chunked,", "chunked, chunked", "chunked ,gzip", ",chunked"];
/// Chunked bodies, and why they are none.
pub const CHUNKS: &[(&[u8], &str)] = &[
    (b"5\nhello\r\n0\r\n\r\n", "chunk-size"),
    (b"5\r\nhello\n0\r\n\r\n", "chunk-end"),
    (b"5\r\nhello!0\r\n\r\n", "chunk-end"),
    (b"5 \r\nhello\r\n0\r\n\r\n", "chunk-size"),
    (b"0x5\r\nhello\r\n0\r\n\r\n", "chunk-size"),
    (b" 5\r\nhello\r\n0\r\n\r\n", "chunk-size"),
    (b"5;a=\nb\r\nhello\r\n0\r\n\r\n", "chunk-extension"),
    (b"5;a\0\r\nhello\r\n0\r\n\r\n", "chunk-extension"),
    (b"5\rhello", "bare-cr"),
    (b"0\r\n\n", "bare-lf"),
    (b"0\r\nA: b\n\r\n", "bare-lf"),
    (b"0\r\nA: b\r\n c\r\n\r\n", "field-fold"),
    (b"0\r\nA : b\r\n\r\n", "field-name-space"),
    (b"fffffffffffffffff\r\n", "chunk-too-big"),
    (b"8000000000000000\r\n", "chunk-too-big"),
    (b"\r\n\r\n", "chunk-size"),
    (b";a\r\n", "chunk-size"),
    (b"5\r\nhello\r\r\n0\r\n\r\n", "chunk-end"),
    (b"5\r\nhello\r\n-0\r\n\r\n", "chunk-size"),
    (b"5\r\nhello\r\n0\r\n\r\r\n", "bare-cr"),
];
/// What Connection may not name: without it framing, routing or the client would be another.
pub const NEEDED: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "expect",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "forwarded",
    "x-real-ip",
];
/// What may stand in Connection before an option.
pub const OPTIONS_BEFORE: &[&str] = &["", "close,", ", ,", "x-a \t,"];
/// And behind it.
pub const OPTIONS_AFTER: &[&str] = &["", ",close", " ,", "\t, x-b"];
