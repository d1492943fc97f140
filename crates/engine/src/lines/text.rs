//! How a value stands in a line: quoted, escaped, in hexadecimal, with a dash where there is none.

use std::io::Write as _;
use std::net::IpAddr;

use tenbin_rules::Value;

/// What a format asks for.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "four flags that have nothing to do with each other")]
pub struct Style {
    /// In double quotes.
    pub quote: bool,
    /// With backslashes.
    pub escape: bool,
    /// In hexadecimal.
    pub hex: bool,
    /// `-` where absent.
    pub dash: bool,
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

impl Style {
    /// A text, or none.
    pub fn text(self, out: &mut Vec<u8>, text: &[u8]) {
        self.quoted(out, |out| match text {
            b"" if self.dash && !self.quote => out.push(b'-'),
            text if self.escape => backslashed(out, text),
            text => out.extend_from_slice(text),
        });
    }

    /// A text from outside, in which bytes that could break the line stand as `#` and two digits.
    pub fn encoded(self, out: &mut Vec<u8>, text: &[u8], special: &[u8]) {
        self.quoted(out, |out| self.encoded_bare(out, text, special));
    }

    /// The same without quotes.
    pub fn encoded_bare(self, out: &mut Vec<u8>, text: &[u8], special: &[u8]) {
        let is_plain = |byte: &u8| matches!(byte, 0x20..=0x7e) && !special.contains(byte);
        if self.escape {
            backslashed_encoding(out, text);
            return;
        }
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| !is_plain(byte)) {
            let (plain, other) = rest.split_at(at);
            out.extend_from_slice(plain);
            let [byte, left @ ..] = other else { return };
            out.push(b'#');
            hex(out, *byte);
            rest = left;
        }
        out.extend_from_slice(rest);
    }

    /// An address.
    pub fn address(self, out: &mut Vec<u8>, address: Option<IpAddr>) {
        let Some(address) = address else { return self.text(out, b"") };
        self.quoted(out, |out| match address {
            IpAddr::V4(address) if self.hex => address.octets().into_iter().for_each(|byte| hex(out, byte)),
            IpAddr::V6(address) if self.hex => address.octets().into_iter().for_each(|byte| hex(out, byte)),
            IpAddr::V4(address) => dotted(out, address.octets()),
            IpAddr::V6(address) => drop(write!(out, "{address}")),
        });
    }

    /// A port.
    pub fn port(self, out: &mut Vec<u8>, port: Option<u16>) {
        let Some(port) = port else { return self.text(out, b"") };
        // HAProxy puts no port in quotes.
        self.number(out, i64::from(port), 4);
    }

    /// A number, which in hexadecimal has so many digits at least.
    pub fn number(self, out: &mut Vec<u8>, number: i64, width: usize) {
        if self.hex && width > 0 {
            // Writing into a vector cannot fail.
            let _ = write!(out, "{number:0width$X}");
        } else {
            decimal(out, number);
        }
    }

    /// What an expression yields.
    pub fn value(self, out: &mut Vec<u8>, value: &Value<'_>) {
        match value {
            Value::Str(text) if self.hex => {
                self.quoted(out, |out| text.iter().for_each(|byte| hex(out, *byte)));
            }
            Value::Str(text) => self.quoted(out, |out| match &**text {
                b"" if self.dash && !self.quote => out.push(b'-'),
                text => self.encoded_bare(out, text, b""),
            }),
            Value::Ip(address) => self.address(out, Some(*address)),
            Value::Int(number) => self.quoted(out, |out| decimal(out, *number)),
            Value::Bool(flag) => self.quoted(out, |out| out.push(b'0' + u8::from(*flag))),
            Value::Absent => self.text(out, b""),
        }
    }

    fn quoted(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.quote {
            out.push(b'"');
        }
        write(out);
        if self.quote {
            out.push(b'"');
        }
    }
}

/// In decimal.
pub fn decimal(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn dotted(out: &mut Vec<u8>, octets: [u8; 4]) {
    for (index, octet) in octets.into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
    }
}

fn hex(out: &mut Vec<u8>, byte: u8) {
    for half in [byte >> 4, byte & 15] {
        out.extend(DIGITS.get(usize::from(half)));
    }
}

fn backslashed(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        if matches!(byte, b'"' | b'\\' | b']') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
}

/// The same for a text from outside, of which nothing may break the line.
fn backslashed_encoding(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'"' | b'\\' | b']' => out.extend_from_slice(&[b'\\', *byte]),
            0x20..=0x7e => out.push(*byte),
            _ => {
                out.push(b'#');
                hex(out, *byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(style: Style, write: impl Fn(Style, &mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(style, &mut out);
        String::from_utf8(out).unwrap()
    }

    const PLAIN: Style = Style { quote: false, escape: false, hex: false, dash: true };
    const QUOTED: Style = Style { quote: true, ..PLAIN };
    const ESCAPED: Style = Style { escape: true, ..QUOTED };
    const HEX: Style = Style { hex: true, ..PLAIN };

    #[test]
    fn what_is_missing_is_a_dash_or_empty_quotes() {
        assert_eq!(told(PLAIN, |style, out| style.text(out, b"")), "-");
        assert_eq!(told(QUOTED, |style, out| style.text(out, b"")), "\"\"");
        assert_eq!(told(Style { dash: false, ..PLAIN }, |style, out| style.text(out, b"")), "");
        assert_eq!(told(PLAIN, |style, out| style.value(out, &Value::Absent)), "-");
    }

    #[test]
    fn nothing_from_outside_breaks_a_line() {
        let text = b"a\"b\r\n\x7f\xff#|";
        assert_eq!(told(QUOTED, |style, out| style.encoded(out, text, b"\"#")), "\"a#22b#0D#0A#7F#FF#23|\"");
        assert_eq!(told(PLAIN, |style, out| style.encoded(out, text, b"\"#{|}")), "a#22b#0D#0A#7F#FF#23#7C");
        assert_eq!(
            told(ESCAPED, |style, out| style.encoded(out, b"a\"\\]\n", b"\"#")),
            "\"a\\\"\\\\\\]#0A\""
        );
    }

    #[test]
    fn numbers_and_addresses_have_two_forms() {
        let address = Some("10.0.1.255".parse().unwrap());
        assert_eq!(told(PLAIN, |style, out| style.address(out, address)), "10.0.1.255");
        assert_eq!(told(HEX, |style, out| style.address(out, address)), "0A0001FF");
        assert_eq!(told(HEX, |style, out| style.port(out, Some(80))), "0050");
        assert_eq!(told(PLAIN, |style, out| style.number(out, -1, 4)), "-1");
    }
}
