//! Fields of one connection: Connection options, the fields they nominate, Upgrade, TE (RFC 9110, 7.6 to 7.8, 10.1.4).
//!
//! Owns: reading them and marking what must not travel on. Does not own: what the caller does about persistence.

use crate::known::{CONNECTION_FIELDS, classify};
use crate::reject::Fault;
use crate::scan::{self, TOKEN};
use crate::{Fields, Known, Version};

/// Most options in the Connection fields of one head; more would make marking costly and mean nothing.
const OPTIONS: u8 = 32;

/// Fields whose loss would change framing, routing or who the client seems to be: naming them in Connection is an
/// attack, not a wish.
const PROTECTED: u32 = Known::Host.bit()
    | Known::ContentLength.bit()
    | Known::TransferEncoding.bit()
    | Known::Expect.bit()
    | Known::XForwardedFor.bit()
    | Known::XForwardedProto.bit()
    | Known::XForwardedHost.bit()
    | Known::XForwardedPort.bit()
    | Known::XForwardedOther.bit()
    | Known::XRealIp.bit()
    | Known::Forwarded.bit();

/// What the Connection fields of one head have said so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    close: bool,
    /// The fields named, as a set; `keep-alive` and `upgrade` are both options and fields.
    named: u32,
    count: u8,
}

impl Options {
    /// Reads one Connection field.
    #[inline]
    pub fn add(&mut self, value: &[u8]) -> Result<(), Fault> {
        // Nearly all hold one word.
        match classify(value) {
            Known::KeepAlive => self.named |= Known::KeepAlive.bit(),
            Known::Other if value == b"close" => self.close = true,
            _ => return self.add_list(value),
        }
        Ok(())
    }

    fn add_list(&mut self, value: &[u8]) -> Result<(), Fault> {
        for option in value.split(|&byte| byte == b',') {
            let option = option.trim_ascii();
            if option.is_empty() {
                continue;
            }
            self.count += 1;
            if self.count > OPTIONS {
                return Err(Fault::OptionsTooMany);
            }
            match classify(option) {
                Known::Other if option.eq_ignore_ascii_case(b"close") => self.close = true,
                known => self.named |= known.bit(),
            }
            if self.named & PROTECTED != 0 {
                return Err(Fault::Nominated);
            }
        }
        Ok(())
    }

    /// Marks the fields that Connection nominates as hop-by-hop, wherever they stand.
    #[inline]
    pub fn mark(self, fields: &mut Fields, bytes: &[u8]) {
        if self.named & !CONNECTION_FIELDS != 0 {
            mark_nominated(fields, bytes);
        }
    }

    /// Whether `upgrade` was given.
    #[inline]
    pub fn upgrade(self) -> bool {
        self.named & Known::Upgrade.bit() != 0
    }

    /// Whether the connection lives on after this message (RFC 9112, 9.3).
    #[inline]
    pub fn keeps_alive(self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.named & Known::KeepAlive.bit() != 0)
    }
}

/// Whether an Upgrade value names protocols by the grammar (RFC 9110, 7.8), and none that would replace HTTP/1 under the
/// balancer's feet: h2c and its kin, TLS, HTTP itself.
pub(crate) fn may_tunnel(value: &[u8]) -> bool {
    protocols(value).all(|protocol| {
        let mut parts = protocol.split(|&byte| byte == b'/');
        let name = parts.next().unwrap_or_default();
        let replaces =
            [&b"h2c"[..], b"h2", b"tls", b"http"].iter().any(|other| name.eq_ignore_ascii_case(other));
        !replaces && is_token(name) && parts.next().is_none_or(is_token) && parts.next().is_none()
    })
}

/// Whether every protocol of a switch is among those that were asked for.
pub(crate) fn was_asked(switch: &[u8], asked: &[u8]) -> bool {
    protocols(switch).all(|protocol| protocols(asked).any(|other| other.eq_ignore_ascii_case(protocol)))
}

fn protocols(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && scan::class_end(text, 0, TOKEN) == text.len()
}

/// Whether a TE value accepts trailers.
pub(crate) fn accepts_trailers(value: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|member| member.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

#[cold]
fn mark_nominated(fields: &mut Fields, bytes: &[u8]) {
    for index in 0..fields.len() {
        let Some(field) = fields.get(index).filter(|field| field.known == Known::Connection) else {
            continue;
        };
        for option in field.value.of(bytes).split(|&byte| byte == b',') {
            let option = option.trim_ascii();
            // Empty ones are not counted (RFC 9110, 5.6.1): a long value may hold thousands.
            if !option.is_empty() {
                fields.mark_hop(bytes, option);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, accepts_trailers, may_tunnel, was_asked};
    use crate::Known;
    use crate::Version::{Http10, Http11};
    use crate::reject::Fault;

    fn options(value: &str) -> Options {
        let mut options = Options::default();
        options.add(value.as_bytes()).unwrap();
        options
    }

    #[test]
    fn persistence_by_version_and_option() {
        for (value, on_10, on_11) in [
            ("", false, true),
            ("close", false, false),
            ("Keep-Alive", true, true),
            ("keep-alive, CLOSE", false, false),
            (" , ,keep-alive", true, true),
            ("closed", false, true),
        ] {
            let options = options(value);
            assert_eq!((options.keeps_alive(Http10), options.keeps_alive(Http11)), (on_10, on_11), "{value}");
        }
    }

    #[test]
    fn naming_a_field_that_matters_is_refused() {
        for name in
            ["Host", "content-length", "Transfer-Encoding", "x-forwarded-for", "X-Forwarded-Foo", "Forwarded"]
        {
            assert_eq!(Options::default().add(name.as_bytes()), Err(Fault::Nominated), "{name}");
        }
        assert_eq!(options("X-Own, close").named, Known::Other.bit());
        assert_eq!(Options::default().add(&b"a,".repeat(33)), Err(Fault::OptionsTooMany));
        assert_eq!(Options::default().add(&b",".repeat(3300)), Ok(()));
    }

    #[test]
    fn upgrades_that_replace_http_are_not_tunnels() {
        for yes in ["websocket", "WebSocket", "tcp", "SPDY/3.1", "foo, bar"] {
            assert!(may_tunnel(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "h2c",
            "H2C",
            "TLS/1.0",
            "HTTP/2.0",
            "websocket, h2c",
            "h2c,",
            "websocket,",
            "/1",
            "a/",
            "a/b/c",
            "web socket",
            "\"a\"",
        ] {
            assert!(!may_tunnel(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn a_switch_goes_where_it_was_asked_to() {
        for (switch, asked) in [("WebSocket", "websocket"), ("b", "a, b"), ("b, a", "a,b"), ("a/1", "A/1")] {
            assert!(was_asked(switch.as_bytes(), asked.as_bytes()), "{switch} of {asked}");
        }
        for (switch, asked) in
            [("other", "websocket"), ("a, c", "a, b"), ("a/2", "a/1"), ("a", "a/1"), ("a", "")]
        {
            assert!(!was_asked(switch.as_bytes(), asked.as_bytes()), "{switch} of {asked}");
        }
    }

    #[test]
    fn trailers_are_accepted_by_name() {
        assert!(accepts_trailers(b"trailers"));
        assert!(accepts_trailers(b"gzip;q=0.5, Trailers"));
        assert!(!accepts_trailers(b"trailersx"));
    }
}
