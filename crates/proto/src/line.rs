//! Field lines (RFC 9112, 5) of requests, responses and trailers, one at a time.
//!
//! Owns: the grammar of one line and of line ends, strict or lenient. Does not own: what fields mean, limits on their
//! number.
//!
//! A fault is reported only once its line is whole, so that a message gets the same verdict however it is cut.

use crate::known::{classify, head_word, recognise};
use crate::reject::Fault;
use crate::scan::{self, TOKEN};
use crate::{Field, Known, Reject, Span};

/// Longest field name, in bytes. Real ones are below 50; longer ones have hurt parsers with narrow length types.
const NAME_BYTES: usize = 256;

/// Which deviations are let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// A bare LF ends a line.
    pub lenient: bool,
    /// White space before the colon is trimmed, as a proxy must in responses (RFC 9112, 5.1).
    pub trim_names: bool,
}

/// What stands at the start of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    /// Not yet a whole line.
    Partial,
    /// The empty line after the last field; the body starts at this offset.
    End(usize),
    /// A field, and where the next line starts.
    Field(Field, usize),
    /// A field whose name holds an underscore.
    Underscore(Field, usize),
}

/// The field in the line at `at`, and where the next line starts, if the line is as plain as nearly all are: a name of
/// letters and dashes, colon, space, a value without blanks around it, CR LF. For any other line ask `read`.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the field stays in registers only inside the loop over lines")]
pub(crate) fn read_plain(bytes: &[u8], at: usize) -> Option<(Field, usize)> {
    let rest = bytes.get(at..)?;
    let (length, first_word) = scan::plain_name(rest)?;
    let (name, behind) = rest.split_at_checked(length)?;
    let [b':', b' ', value @ ..] = behind else { return None };
    let stop = scan::text_end(value, 0);
    let (text, end) = value.split_at_checked(stop)?;
    let is_trimmed = matches!((text.first(), text.last()), (Some(b'!'..), Some(b'!'..)));
    if !is_trimmed || !end.starts_with(b"\r\n") || length > NAME_BYTES {
        return None;
    }
    let known = recognise(name, head_word(first_word, length));
    // All of these lie inside `bytes`: the sums cannot wrap.
    let name_end = at.wrapping_add(length);
    let start = name_end.wrapping_add(2);
    let value_end = start.wrapping_add(stop);
    let field = Field::new(Span::new(at, name_end), Span::new(start, value_end), known, true);
    Some((field, value_end.wrapping_add(2)))
}

/// Reads the line at `at`, whatever its form.
#[inline(never)]
pub(crate) fn read(bytes: &[u8], at: usize, dialect: Dialect) -> Result<Line, Reject> {
    if let Some(b"\r\n") = bytes.get(at..at + 2) {
        return Ok(Line::End(at + 2));
    }
    let name = match read_name(bytes, at, dialect)? {
        Name::Line(line) => return Ok(line),
        Name::Found(name) => name,
    };
    if name.end - at > NAME_BYTES {
        return whole_line_fault(bytes, at, Fault::FieldNameTooLong, at + NAME_BYTES);
    }
    let start = skip_blanks(bytes, name.colon + 1);
    let stop = scan::text_end(bytes, start);
    let next = match line_end(bytes, stop, dialect.lenient) {
        End::Next(next) => next,
        End::Partial => return Ok(Line::Partial),
        End::Fault(fault) => return whole_line_fault(bytes, at, fault, stop),
    };
    let end = trim_blanks(bytes, start, stop);
    let plain = start < end
        && stop == end
        && next == end + 2
        && start == name.end + 2
        && bytes.get(name.end + 1) == Some(&b' ');
    let text = Span::new(at, name.end);
    let field = Field::new(text, Span::new(start, end), classify(text.of(bytes)), plain);
    Ok(if name.underscore { Line::Underscore(field, next) } else { Line::Field(field, next) })
}

/// What `line_end` found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// The line is over; the next one starts here.
    Next(usize),
    /// The bytes end before that can be said.
    Partial,
    /// Something that may not stand there.
    Fault(Fault),
}

/// Expects the end of a line at `at`.
#[inline]
pub(crate) fn line_end(bytes: &[u8], at: usize, lenient: bool) -> End {
    match bytes.get(at) {
        Some(b'\r') => match bytes.get(at + 1) {
            Some(b'\n') => End::Next(at + 2),
            Some(_) => End::Fault(Fault::BareCr),
            None => End::Partial,
        },
        Some(b'\n') if lenient => End::Next(at + 1),
        Some(b'\n') => End::Fault(Fault::BareLf),
        Some(_) => End::Fault(Fault::FieldValue),
        None => End::Partial,
    }
}

/// What stands where a name should.
enum Name {
    Line(Line),
    Found(Found),
}

struct Found {
    end: usize,
    colon: usize,
    underscore: bool,
}

/// The name at `at`, the empty line, or a fault before the colon.
fn read_name(bytes: &[u8], at: usize, dialect: Dialect) -> Result<Name, Reject> {
    let end = scan::class_end(bytes, at, TOKEN);
    let fault = match bytes.get(end) {
        None => return Ok(Name::Line(Line::Partial)),
        Some(b':') if end > at => {
            let underscore = memchr::memchr(b'_', bytes.get(at..end).unwrap_or_default()).is_some();
            return Ok(Name::Found(Found { end, colon: end, underscore }));
        }
        Some(b':') => Fault::FieldNameEmpty,
        Some(b'\r' | b'\n') if end == at => match line_end(bytes, at, dialect.lenient) {
            End::Next(next) => return Ok(Name::Line(Line::End(next))),
            End::Partial => return Ok(Name::Line(Line::Partial)),
            End::Fault(fault) => fault,
        },
        Some(b' ' | b'\t') if end == at => Fault::FieldFold,
        Some(b' ' | b'\t') => {
            let colon = skip_blanks(bytes, end);
            let may_trim = dialect.trim_names && classify(Span::new(at, end).of(bytes)) == Known::Other;
            match bytes.get(colon) {
                None => return Ok(Name::Line(Line::Partial)),
                Some(b':') if may_trim => return Ok(Name::Found(Found { end, colon, underscore: false })),
                Some(b':') => Fault::FieldNameSpace,
                Some(_) => Fault::FieldName,
            }
        }
        Some(b'\r' | b'\n') => Fault::FieldColon,
        Some(_) => Fault::FieldName,
    };
    whole_line_fault(bytes, at, fault, end).map(Name::Line)
}

/// The fault if the line from `at` on is whole, otherwise `Partial`.
#[cold]
fn whole_line_fault(bytes: &[u8], at: usize, fault: Fault, offset: usize) -> Result<Line, Reject> {
    match memchr::memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
        Some(_) => Err(fault.at(offset)),
        None => Ok(Line::Partial),
    }
}

/// The first byte from `at` on that is neither space nor tab.
#[inline]
fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while matches!(bytes.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

/// One past the last byte of `start..end` that is neither space nor tab.
#[inline]
fn trim_blanks(bytes: &[u8], start: usize, end: usize) -> usize {
    let mut end = end;
    while end > start && matches!(bytes.get(end - 1), Some(b' ' | b'\t')) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Line, read};

    const STRICT: Dialect = Dialect { lenient: false, trim_names: false };
    const LENIENT: Dialect = Dialect { lenient: true, trim_names: false };
    const SERVER: Dialect = Dialect { lenient: false, trim_names: true };

    /// `name=value` with `+` when the line is plain, or the reason of the refusal.
    fn line(bytes: &[u8], dialect: Dialect) -> String {
        match read(bytes, 0, dialect) {
            Ok(Line::Partial) => "partial".into(),
            Ok(Line::End(at)) => format!("end {at}"),
            Ok(Line::Field(field, _) | Line::Underscore(field, _)) => format!(
                "{}={}{}",
                field.name.of(bytes).escape_ascii(),
                field.value.of(bytes).escape_ascii(),
                if field.plain { "+" } else { "" }
            ),
            Err(reject) => reject.reason.into(),
        }
    }

    #[test]
    fn reads_names_and_trims_values() {
        assert_eq!(line(b"Accept: */*\r\n", STRICT), "Accept=*/*+");
        assert_eq!(line(b"Accept:*/*\r\n", STRICT), "Accept=*/*");
        assert_eq!(line(b"Accept:\t*/* \t\r\n", STRICT), "Accept=*/*");
        assert_eq!(line(b"X:\r\n", STRICT), "X=");
        assert_eq!(line(b"X: \r\n", STRICT), "X=");
        assert_eq!(line(b"X-1!: a\xe9\tb\r\n", STRICT), "X-1!=a\\xe9\\tb+");
        assert_eq!(line(b"\r\n", STRICT), "end 2");
    }

    #[test]
    fn refuses_what_the_grammar_refuses() {
        for (bytes, reason) in [
            (&b" X: a\r\n"[..], "field-fold"),
            (b"X : a\r\n", "field-name-space"),
            (b"X Y: a\r\n", "field-name"),
            (b"X@Y: a\r\n", "field-name"),
            (b"X\0: a\r\n", "field-name"),
            (b": a\r\n", "field-name-empty"),
            (b"nothing\r\n", "field-colon"),
            (b"X: a\0b\r\n", "field-value"),
            (b"X: a\rb\r\n", "bare-cr"),
            (b"X: a\r\r\n", "bare-cr"),
            (b"X: a\n", "bare-lf"),
            (b"\n", "bare-lf"),
            (b"\rX\n", "bare-cr"),
        ] {
            assert_eq!(line(bytes, STRICT), reason, "{}", bytes.escape_ascii());
        }
        let long = [&[b'x'; 257][..], b": 1\r\n"].concat();
        assert_eq!(line(&long, STRICT), "field-name-too-long");
    }

    #[test]
    fn a_line_cut_anywhere_is_partial_even_when_it_is_wrong() {
        for whole in
            [&b"Name: value \r\n"[..], b"X@: y\r\n", b"X: a\rb\r\n", b" fold\r\n", b"\r\n", b": x\r\n"]
        {
            for cut in 0..whole.len() {
                assert_eq!(line(&whole[..cut], STRICT), "partial", "{} at {cut}", whole.escape_ascii());
            }
        }
    }

    #[test]
    fn lenient_takes_a_bare_lf_and_nothing_else() {
        assert_eq!(line(b"X: a\n", LENIENT), "X=a");
        assert_eq!(line(b"X: a \n", LENIENT), "X=a");
        assert_eq!(line(b"\n", LENIENT), "end 1");
        assert_eq!(line(b"X: a\rb\r\n", LENIENT), "bare-cr");
    }

    #[test]
    fn only_servers_may_put_a_space_before_the_colon_and_not_where_it_matters() {
        assert_eq!(line(b"X-A : a\r\n", SERVER), "X-A=a");
        assert_eq!(line(b"Content-Length : 5\r\n", SERVER), "field-name-space");
        assert_eq!(line(b"X-A : a\r\n", STRICT), "field-name-space");
    }
}
