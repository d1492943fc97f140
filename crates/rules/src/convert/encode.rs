//! Bytes as text and back: hexadecimal, base64, URL escapes, decimal chunks.

use super::argument::{Parameter, Take, may, need};
use super::base64::{self, Alphabet};
use super::{Ask, Given, Row, cast, row, text};
use crate::{Kind, Value};

const HEX: &[Parameter] = &[
    may("a separator", Take::Text),
    may("a size", Take::Within(1, i64::MAX)),
    may("whether to cut", Take::Int),
];
const DECIMAL: &[Parameter] =
    &[may("a separator", Take::Text), need("a size", Take::Within(1, 8)), may("whether to cut", Take::Int)];

pub(super) static ROWS: &[Row] = &[
    row("hex", &[], Kind::Str, |value, _, _| {
        made(value, |bytes, out| bytes.iter().for_each(|byte| hex(*byte, out)))
    }),
    row("be2hex", HEX, Kind::Str, |value, given, ask| {
        chunked(value, given, ask, |chunk, out| chunk.iter().for_each(|byte| hex(*byte, out)))
    }),
    row("be2dec", DECIMAL, Kind::Str, |value, given, ask| {
        chunked(value, given, ask, |chunk, out| decimal(chunk.iter(), out))
    }),
    row("le2dec", DECIMAL, Kind::Str, |value, given, ask| {
        chunked(value, given, ask, |chunk, out| decimal(chunk.iter().rev(), out))
    }),
    row("hex2i", &[], Kind::Int, |value, _, _| {
        cast::text(value).and_then(|text| number(&text)).map_or(Value::Absent, Value::Int)
    }),
    row("base64", &[], Kind::Str, |value, _, _| {
        made(value, |bytes, out| base64::encode(bytes, Alphabet::Plain, out))
    }),
    row("ub64enc", &[], Kind::Str, |value, _, _| {
        made(value, |bytes, out| base64::encode(bytes, Alphabet::Url, out))
    }),
    row("b64dec", &[], Kind::Str, |value, _, _| decoded(value, Alphabet::Plain)),
    row("ub64dec", &[], Kind::Str, |value, _, _| decoded(value, Alphabet::Url)),
    row("url_dec", &[may("whether it is a form", Take::Int)], Kind::Str, |value, given, ask| {
        let form = given.int(0, ask).is_some_and(|number| number != 0);
        text::text(value, |text| {
            if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
                return Some(text);
            }
            unescaped(&text, form).map(Into::into)
        })
    }),
    row("url_enc", &[may("what for", Take::Word(&["query"]))], Kind::Str, |value, _, _| {
        text::text(value, |text| {
            if text.iter().all(|byte| plain(*byte)) {
                return Some(text);
            }
            let mut out = Vec::with_capacity(text.len() * 2);
            text.iter().for_each(|byte| escape(*byte, &mut out));
            Some(out.into())
        })
    }),
    row("htonl", &[], Kind::Str, |value, _, _| {
        let bytes = |number: i64| Value::Str((number as u32).to_be_bytes().to_vec().into());
        cast::int(&value).map_or(Value::Absent, bytes)
    }),
];

/// What is made of the value's bytes.
pub(super) fn made<'v>(value: Value<'_>, make: impl FnOnce(&[u8], &mut Vec<u8>)) -> Value<'v> {
    let Some(bytes) = cast::bytes(value) else { return Value::Absent };
    let mut out = Vec::with_capacity(bytes.len() * 2);
    make(&bytes, &mut out);
    Value::Str(out.into())
}

fn chunked<'v>(
    value: Value<'v>,
    given: &Given,
    ask: &dyn Ask<'_>,
    write: fn(&[u8], &mut Vec<u8>),
) -> Value<'v> {
    let size = given.int(1, ask).and_then(|size| usize::try_from(size).ok()).unwrap_or(1).max(1);
    let whole = given.int(2, ask).is_some_and(|flag| flag != 0);
    made(value, |bytes, out| {
        let chunks = bytes.chunks(size).filter(|chunk| !whole || chunk.len() == size);
        for (index, chunk) in chunks.enumerate() {
            if index > 0 {
                out.extend_from_slice(given.text(0));
            }
            write(chunk, out);
        }
    })
}

fn hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend([byte >> 4, byte & 15].iter().filter_map(|half| DIGITS.get(usize::from(*half))));
}

fn decimal<'b>(bytes: impl Iterator<Item = &'b u8>, out: &mut Vec<u8>) {
    let number = bytes.fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    out.extend_from_slice(number.to_string().as_bytes());
}

/// The last sixteen digits count; none when anything is no digit.
fn number(text: &[u8]) -> Option<i64> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    text.iter().try_fold(0u64, |number, byte| Some(number << 4 | u64::from(digit(byte)?))).map(|n| n as i64)
}

fn decoded<'v>(value: Value<'_>, alphabet: Alphabet) -> Value<'v> {
    let bytes = cast::text(value).and_then(|text| base64::decoded(&text, alphabet));
    bytes.map_or(Value::Absent, |bytes| Value::Str(bytes.into()))
}

/// The text that escapes stand for; `+` is a blank in forms, and after a question mark. None when an escape is broken.
fn unescaped(text: &[u8], mut form: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let mut half = || char::from(*bytes.next()?).to_digit(16);
                out.push((half()? << 4 | half()?) as u8);
            }
            b'+' if form => out.push(b' '),
            _ => {
                form |= *byte == b'?';
                out.push(*byte);
            }
        }
    }
    Some(out)
}

fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    if plain(byte) {
        out.push(byte);
    } else {
        out.push(b'%');
        hex(byte, out);
    }
}
