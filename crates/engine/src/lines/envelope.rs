//! What a line is wrapped in: the heads of syslog messages (RFC 3164, RFC 5424) and HAProxy's shorter ones.

use std::io::Write as _;

use super::date::Dates;
use crate::wire::Envelope;

/// Everything of a head but date and level.
pub struct Wrapping {
    /// Its form.
    pub envelope: Envelope,
    /// 0-23.
    pub facility: u8,
    /// Host, tag and process, as they stand after the date.
    sender: Vec<u8>,
}

impl Wrapping {
    /// Prepared once for a target.
    pub fn new((envelope, facility): (Envelope, u8), host: &str, tag: &str, pid: u32) -> Self {
        let sender = match envelope {
            Envelope::Rfc3164 if host.is_empty() => format!(" localhost {tag}[{pid}]: "),
            Envelope::Rfc3164 => format!(" {host} {tag}[{pid}]: "),
            Envelope::Local => format!(" {tag}[{pid}]: "),
            Envelope::Rfc5424 => {
                let host = if host.is_empty() { "-" } else { host };
                format!(" {host} {tag} {pid} - ")
            }
            Envelope::Timed | Envelope::Iso => " ".to_owned(),
            Envelope::Priority | Envelope::Short | Envelope::Raw => String::new(),
        };
        Self { envelope, facility, sender: sender.into_bytes() }
    }

    /// Appends the head of a line at this severity and moment.
    pub fn write(&self, out: &mut Vec<u8>, (level, micros): (u8, u64), structured: &[u8], dates: &mut Dates) {
        // Writing into a vector cannot fail.
        let _ = match self.envelope {
            Envelope::Rfc3164 | Envelope::Rfc5424 | Envelope::Local | Envelope::Priority => {
                write!(out, "<{}>", u32::from(self.facility) * 8 + u32::from(level))
            }
            Envelope::Short | Envelope::Timed => write!(out, "<{level}>"),
            Envelope::Iso | Envelope::Raw => Ok(()),
        };
        match self.envelope {
            Envelope::Rfc3164 | Envelope::Local => dates.syslog(micros, out),
            Envelope::Rfc5424 => {
                out.extend_from_slice(b"1 ");
                dates.iso(micros, out);
            }
            Envelope::Timed | Envelope::Iso => dates.iso(micros, out),
            Envelope::Priority | Envelope::Short | Envelope::Raw => {}
        }
        out.extend_from_slice(&self.sender);
        if self.envelope == Envelope::Rfc5424 {
            out.extend_from_slice(if structured.is_empty() { b"-" } else { structured });
            out.push(b' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_envelope_has_its_head() {
        let moment = 1_772_330_405_000_042;
        for (envelope, head) in [
            (Envelope::Rfc3164, "<134>Mar  1 02:00:05 localhost haproxy[7]: "),
            (Envelope::Rfc5424, "<134>1 2026-03-01T02:00:05.000042+00:00 - haproxy 7 - [x] "),
            (Envelope::Local, "<134>Mar  1 02:00:05 haproxy[7]: "),
            (Envelope::Priority, "<134>"),
            (Envelope::Short, "<6>"),
            (Envelope::Timed, "<6>2026-03-01T02:00:05.000042+00:00 "),
            (Envelope::Iso, "2026-03-01T02:00:05.000042+00:00 "),
            (Envelope::Raw, ""),
        ] {
            let mut out = Vec::new();
            let wrapping = Wrapping::new((envelope, 16), "", "haproxy", 7);
            wrapping.write(&mut out, (6, moment), b"[x]", &mut Dates::default());
            assert_eq!(String::from_utf8(out).unwrap(), head);
        }
    }
}
