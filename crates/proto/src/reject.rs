//! Why a message was refused: one closed catalogue, with the status to answer and words for the log.
//!
//! Owns: codes, statuses and sentences. Does not own: what is done about it.

use std::fmt;

/// A refused message. `status` is what the client gets; for messages of a server it is 502.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// HTTP status to answer with.
    pub status: u16,
    /// Stable kebab-case code, for `tenbin-reason`, logs and counters.
    pub reason: &'static str,
    /// Where in the head (or in the bytes given to the chunk decoder) the fault stands.
    pub offset: u32,
    fault: Fault,
}

impl Reject {
    /// The same fault in a message of a server: the client did nothing wrong and gets 502.
    #[must_use]
    pub fn of_server(self) -> Self {
        Self { status: 502, ..self }
    }

    /// The same fault, its offset counted from `by` bytes further ahead.
    pub(crate) fn shifted(self, by: usize) -> Self {
        Self { offset: self.offset.saturating_add(by as u32), ..self }
    }

    pub(crate) fn fault(self) -> Fault {
        self.fault
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.fault.row();
        write!(out, "{} at byte {}: found {}, expected {}", self.reason, self.offset, row.found, row.expected)
    }
}

impl std::error::Error for Reject {}

/// One row of the catalogue.
struct Row {
    reason: &'static str,
    status: u16,
    found: &'static str,
    expected: &'static str,
}

macro_rules! faults {
    ($($name:ident $reason:literal $status:literal $found:literal $expected:literal;)*) => {
        /// Everything that a message can be refused for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault { $($name,)* }

        impl Fault {
            fn row(self) -> Row {
                match self {
                    $(Self::$name => Row { reason: $reason, status: $status, found: $found, expected: $expected },)*
                }
            }

            #[cfg(test)]
            const ALL: &'static [Fault] = &[$(Self::$name,)*];
        }
    };
}

faults! {
    // Lines and bytes
    BareCr "bare-cr" 400 "a CR that no LF follows" "CR LF, or no CR at all";
    BareLf "bare-lf" 400 "a LF without CR before it" "CR LF at the end of a line";
    EmptyLines "empty-lines" 400 "too many empty lines before the request" "a request line";
    HeadTooBig "head-too-big" 431 "a head above its limit in bytes" "a smaller head";
    // Request line
    MethodByte "method-byte" 400 "a byte that no method may have" "a method, one space and a target";
    MethodTooLong "method-too-long" 501 "a method of more than 32 bytes" "a method that is known";
    MethodConnect "connect-refused" 405 "CONNECT" "a method that does not open tunnels";
    MethodTrace "trace-refused" 405 "TRACE" "a method that does not echo requests";
    TargetForm "target-form" 400 "a target of another form" "a path that starts with /, or an http URI";
    TargetByte "target-byte" 400 "a byte that no target may have" "visible ASCII without #";
    TargetEscape "target-escape" 400 "a % that two hexadecimal digits do not follow" "%XX";
    PathAmbiguous "path-ambiguous" 400 "a path that servers read in more than one way" "a path in normal form";
    TargetTooLong "target-too-long" 414 "a target above its limit in bytes" "a shorter target";
    UserInfo "userinfo" 400 "a user name or password in the target" "a host and port alone";
    VersionMissing "version-missing" 400 "the end of the line after the target" "one space and HTTP/1.1";
    VersionText "version-text" 400 "something else than a version" "HTTP/1.1 or HTTP/1.0 and the end of the line";
    VersionUnknown "version-unknown" 505 "another major version" "HTTP/1.1 or HTTP/1.0";
    // Status line
    StatusLine "status-line" 502 "bytes that begin no answer" "HTTP/1.1, one space and a status";
    StatusCode "status-code" 502 "a status that is not three digits from 100 to 999" "a status";
    StatusReason "status-reason" 502 "a control byte in the reason phrase" "visible text";
    // Field lines
    FieldFold "field-fold" 400 "a line that begins with white space" "a field name";
    FieldName "field-name" 400 "a byte that no field name may have" "a token and a colon";
    FieldNameEmpty "field-name-empty" 400 "a colon without a name before it" "a field name";
    FieldNameTooLong "field-name-too-long" 400 "a field name of more than 256 bytes" "a shorter name";
    FieldNameSpace "field-name-space" 400 "white space before the colon" "the colon right after the name";
    FieldUnderscore "field-name-underscore" 400 "an underscore in a field name" "dashes";
    FieldColon "field-colon" 400 "a line without a colon" "name, colon, value";
    FieldValue "field-value" 400 "a control byte in a field value" "visible text, spaces and tabs";
    FieldsTooMany "too-many-fields" 431 "more field lines than allowed" "fewer fields";
    // Host
    HostMissing "host-missing" 400 "no Host field" "exactly one Host field";
    HostRepeated "host-repeated" 400 "a second Host field" "exactly one Host field";
    HostInvalid "host-invalid" 400 "a host that is no name and no address" "host or host:port";
    HostEmpty "host-empty" 400 "an empty host" "host or host:port";
    HostPort "host-port" 400 "a port that is no number up to 65535" "host:port";
    HostDiffers "host-differs" 400 "a Host field that differs from the target" "the same host in both";
    // Framing
    LengthAndCoding "content-length-and-transfer-encoding" 400 "both ways to frame a body" "one of them";
    LengthRepeated "content-length-repeated" 400 "a second Content-Length" "one Content-Length";
    LengthInvalid "content-length-invalid" 400 "a Content-Length that is no plain number" "digits";
    LengthTooBig "content-length-too-big" 400 "a Content-Length above 2^63-1" "a smaller body";
    CodingOld "transfer-encoding-in-http-1.0" 400 "Transfer-Encoding in HTTP/1.0" "Content-Length, or HTTP/1.1";
    CodingRepeated "transfer-encoding-repeated" 400 "a second Transfer-Encoding" "one Transfer-Encoding";
    CodingOrder "transfer-encoding-invalid" 400 "chunked not alone, or nothing" "chunked";
    ContentRefused "content-refused" 400 "content with a method that has none" "a head alone";
    CodingUnknown "transfer-encoding-unknown" 501 "a transfer coding other than chunked" "chunked";
    // Other fields
    Nominated "connection-nominates" 400 "a Connection option that names a field needed for safety" "other options";
    OptionsTooMany "connection-options" 400 "more than 32 Connection options" "fewer options";
    ExpectUnknown "expectation-unknown" 417 "an expectation other than 100-continue" "100-continue";
    SwitchUnasked "switch-unasked" 502 "status 101 that nobody asked for" "an answer to the request";
    SwitchOther "switch-to-another" 502 "a switch to a protocol that nobody asked for" "one of those asked for";
    SwitchBlind "switch-without-upgrade" 502 "status 101 without an Upgrade field" "the protocol switched to";
    // Chunks
    ChunkSize "chunk-size" 400 "bytes that are no chunk size" "hexadecimal digits, then CR LF or an extension";
    ChunkTooBig "chunk-too-big" 400 "a chunk size above 2^63-1 or of more than 16 digits" "a smaller chunk";
    ChunkExtension "chunk-extension" 400 "a control byte in a chunk extension" "visible text";
    ChunkExtensions "chunk-extensions" 400 "more chunk extensions than data" "fewer extensions";
    ChunkEnd "chunk-end" 400 "something else after the data of a chunk" "CR LF";
    TrailersTooBig "trailers-too-big" 431 "trailers above 8 KiB" "smaller trailers";
}

impl Fault {
    /// The refusal for this fault found at `offset`.
    #[cold]
    pub(crate) fn at(self, offset: usize) -> Reject {
        let row = self.row();
        Reject { status: row.status, reason: row.reason, offset: offset as u32, fault: self }
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_kebab_case_and_unique() {
        let codes: HashSet<_> = Fault::ALL.iter().map(|fault| fault.row().reason).collect();
        assert_eq!(codes.len(), Fault::ALL.len());
        for code in codes {
            assert!(
                code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)),
                "{code}"
            );
        }
    }

    #[test]
    fn says_where_what_and_what_instead() {
        let reject = Fault::HostMissing.at(16);
        assert_eq!(
            reject.to_string(),
            "host-missing at byte 16: found no Host field, expected exactly one Host field"
        );
        assert_eq!((reject.status, reject.of_server().status), (400, 502));
    }
}
