//! Edits of a message that was read: the head grows at its end, and later rules see it changed.

use tenbin_proto::{Request, Response};

use super::State;
use crate::tables::{NameMatch, Normalizer, Part, Replacement};

/// A head with the bytes that it grows in.
pub trait Head {
    /// Its field lines.
    fn fields(&mut self) -> &mut tenbin_proto::Fields;
}

impl Head for Request {
    fn fields(&mut self) -> &mut tenbin_proto::Fields {
        &mut self.fields
    }
}

impl Head for Response {
    fn fields(&mut self) -> &mut tenbin_proto::Fields {
        &mut self.fields
    }
}

/// The bytes of a head that is about to be changed: its own copy, made the first time.
pub fn growing<'s>(text: &'s mut Option<Vec<u8>>, head: &[u8]) -> &'s mut Vec<u8> {
    text.get_or_insert_with(|| {
        let mut copy = Vec::with_capacity(head.len() + 512);
        copy.extend_from_slice(head);
        copy
    })
}

impl State {
    /// The bytes that the request's spans point into; `head` as it was read.
    pub fn request_bytes<'a>(&'a self, head: &'a [u8]) -> &'a [u8] {
        self.request_text.as_deref().unwrap_or(head)
    }

    /// The bytes that the answer's spans point into.
    pub fn answer_bytes<'a>(&'a self, head: &'a [u8]) -> &'a [u8] {
        self.answer_text.as_deref().unwrap_or(head)
    }
}

/// Removes what is there of that name, adds one.
pub fn set_header(head: &mut (impl Head + ?Sized), bytes: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    head.fields().remove(bytes, |other| other.eq_ignore_ascii_case(name));
    head.fields().add(bytes, name, value);
}

/// Removes every field that is meant.
pub fn del_header(head: &mut (impl Head + ?Sized), bytes: &[u8], names: &NameMatch) {
    head.fields().remove(bytes, |name| names.test(name));
}

/// Replaces within whole values, or within each part between commas.
pub fn replace_header(
    head: &mut (impl Head + ?Sized),
    bytes: &mut Vec<u8>,
    (name, each): (&[u8], bool),
    (by, template): (&Replacement, &[u8]),
) {
    for index in 0..head.fields().len() {
        let Some(field) = head.fields().iter().nth(index).copied() else { return };
        if !field.name.of(bytes).eq_ignore_ascii_case(name) {
            continue;
        }
        let value = field.value.of(bytes);
        let new = if each { replace_parts(value, by, template) } else { by.apply(value, template, true) };
        if let Some(new) = new {
            head.fields().replace(bytes, index, &new);
        }
    }
}

fn replace_parts(value: &[u8], by: &Replacement, template: &[u8]) -> Option<Vec<u8>> {
    let mut changed = false;
    let mut parts = Vec::new();
    for part in value.split(|byte| *byte == b',') {
        let inner = part.trim_ascii();
        match by.apply(inner, template, true) {
            Some(new) => {
                changed = true;
                let blanks = part.len() - part.trim_ascii_start().len();
                parts.push([part.get(..blanks).unwrap_or_default(), &new].concat());
            }
            None => parts.push(part.to_vec()),
        }
    }
    changed.then(|| parts.join(&b","[..]))
}

/// The text of a part of the target.
pub fn part_of<'a>(request: &Request, bytes: &'a [u8], part: Part) -> &'a [u8] {
    match part {
        Part::Path => request.path.of(bytes),
        Part::Query => request.query.of(bytes),
        Part::PathAndQuery | Part::Whole => request.target.of(bytes),
    }
}

/// Gives a part of the target anew.
pub fn set_part(request: &mut Request, bytes: &mut Vec<u8>, part: Part, text: &[u8]) {
    let target = match part {
        Part::PathAndQuery => text.to_vec(),
        Part::Whole => without_authority(text).to_vec(),
        Part::Path => {
            let target = request.target.of(bytes);
            let query = target.iter().position(|byte| *byte == b'?').and_then(|at| target.get(at..));
            // A question mark in a path is none that begins a query.
            let path: Vec<u8> = text
                .iter()
                .flat_map(|byte| if *byte == b'?' { b"%3F".to_vec() } else { vec![*byte] })
                .collect();
            [&path, query.unwrap_or_default()].concat()
        }
        Part::Query => {
            let path = request.path.of(bytes);
            let text = text.strip_prefix(b"?").unwrap_or(text);
            if text.is_empty() { path.to_vec() } else { [path, b"?", text].concat() }
        }
    };
    request.set_target(bytes, &target);
    if part == Part::Whole
        && let Some(authority) = authority(text)
    {
        set_header(request, bytes, b"host", authority);
    }
}

/// Where a target in absolute form leads.
fn authority(text: &[u8]) -> Option<&[u8]> {
    let at = text.windows(3).position(|part| part == b"://")?;
    let rest = text.get(at + 3..).filter(|_| text.first() != Some(&b'/'))?;
    rest.split(|byte| matches!(byte, b'/' | b'?')).next().filter(|name| !name.is_empty())
}

/// What follows scheme and authority, which only Host says here.
fn without_authority(text: &[u8]) -> &[u8] {
    let Some(at) = text.windows(3).position(|part| part == b"://") else { return text };
    if text.first() == Some(&b'/') {
        return text;
    }
    let rest = text.get(at + 3..).unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    end.and_then(|end| rest.get(end..)).unwrap_or(b"/")
}

/// Path and query normalized; None if nothing changes, and Err if the target is not one that can be.
pub fn normalize(how: Normalizer, path: &[u8], query: Option<&[u8]>) -> Result<Option<Vec<u8>>, ()> {
    let joined = |path: &[u8], query: Option<&[u8]>| match query {
        Some(query) => [path, b"?", query].concat(),
        None => path.to_vec(),
    };
    let before = joined(path, query);
    let after = match how {
        // A `#` never gets here: targets that hold one are refused.
        Normalizer::FragmentEncode | Normalizer::FragmentStrip => before.clone(),
        Normalizer::PathMergeSlashes => joined(&merge_slashes(path), query),
        Normalizer::PathStripDot => joined(&strip_dots(path, false, false), query),
        Normalizer::PathStripDotdot { full } => joined(&strip_dots(path, true, full), query),
        Normalizer::PercentToUppercase { strict } => percent(&before, strict, false)?,
        Normalizer::PercentDecodeUnreserved { strict } => percent(&before, strict, true)?,
        Normalizer::QuerySortByName => joined(path, query.map(sorted).as_deref()),
    };
    Ok((after != before).then_some(after))
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for &byte in path {
        if byte != b'/' || out.last() != Some(&b'/') {
            out.push(byte);
        }
    }
    out
}

/// Takes out `.` segments, or `..` segments with the one before each; `full`: also those at the start.
fn strip_dots(path: &[u8], doubled: bool, full: bool) -> Vec<u8> {
    let dots: &[u8] = if doubled { b".." } else { b"." };
    let mut kept: Vec<&[u8]> = Vec::new();
    let segments: Vec<&[u8]> = path.strip_prefix(b"/").unwrap_or(path).split(|byte| *byte == b'/').collect();
    let last = segments.len().saturating_sub(1);
    for (index, segment) in segments.into_iter().enumerate() {
        if segment != dots {
            kept.push(segment);
            continue;
        }
        if doubled && kept.last().is_some_and(|before| *before != b"..") {
            kept.pop();
        } else if doubled && !full {
            kept.push(segment);
            continue;
        }
        if index == last {
            kept.push(b"");
        }
    }
    [&b"/"[..], &kept.join(&b"/"[..])].concat()
}

fn percent(text: &[u8], strict: bool, decode: bool) -> Result<Vec<u8>, ()> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match (byte, digits) {
            (b'%', Some(digits)) => {
                let value = digits.iter().fold(0_u8, |value, digit| {
                    let digit = (*digit as char).to_digit(16).unwrap_or(0) as u8;
                    value << 4 | digit
                });
                let unreserved = value.is_ascii_alphanumeric() || matches!(value, b'-' | b'.' | b'_' | b'~');
                if decode && unreserved {
                    out.push(value);
                } else if decode {
                    out.extend_from_slice(text.get(at..at + 3).unwrap_or_default());
                } else {
                    out.push(b'%');
                    out.extend(digits.iter().map(u8::to_ascii_uppercase));
                }
                at += 3;
            }
            (b'%', None) if strict => return Err(()),
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Ok(out)
}

fn sorted(query: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = query.split(|byte| *byte == b'&').collect();
    parts.sort_by_key(|part| part.split(|byte| *byte == b'=').next().unwrap_or_default().to_vec());
    parts.join(&b"&"[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(how: Normalizer, target: &str) -> String {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.as_bytes())),
            None => (target, None),
        };
        match normalize(how, path.as_bytes(), query) {
            Ok(Some(text)) => String::from_utf8(text).unwrap(),
            Ok(None) => target.to_owned(),
            Err(()) => "refused".to_owned(),
        }
    }

    #[test]
    fn targets_are_normalized_as_the_manual_shows() {
        let upper = Normalizer::PercentToUppercase { strict: false };
        let decode = Normalizer::PercentDecodeUnreserved { strict: false };
        let some = Normalizer::PathStripDotdot { full: false };
        let full = Normalizer::PathStripDotdot { full: true };
        for (how, target, expected) in [
            (Normalizer::PathMergeSlashes, "//", "/"),
            (Normalizer::PathMergeSlashes, "/foo//bar", "/foo/bar"),
            (Normalizer::PathStripDot, "/.", "/"),
            (Normalizer::PathStripDot, "/./bar/", "/bar/"),
            (Normalizer::PathStripDot, "/a/./a", "/a/a"),
            (Normalizer::PathStripDot, "/.well-known/", "/.well-known/"),
            (some, "/foo/../", "/"),
            (some, "/foo/../bar/", "/bar/"),
            (some, "/foo/bar/../", "/foo/"),
            (some, "/../bar/", "/../bar/"),
            (some, "/bar/../../", "/../"),
            (full, "/../bar/", "/bar/"),
            (full, "/bar/../../", "/"),
            (upper, "/%6f", "/%6F"),
            (upper, "/%zz", "/%zz"),
            (Normalizer::PercentToUppercase { strict: true }, "/%zz", "refused"),
            (decode, "/%61dmin", "/admin"),
            (decode, "/foo%3Fbar=baz", "/foo%3Fbar=baz"),
            (decode, "/%%36%36", "/%66"),
            (Normalizer::QuerySortByName, "/?c=3&a=1&b=2", "/?a=1&b=2&c=3"),
            (Normalizer::QuerySortByName, "/?aaa=3&a=1&aa=2", "/?a=1&aa=2&aaa=3"),
            (Normalizer::QuerySortByName, "/?a=3&b=4&a=1&b=5&a=2", "/?a=3&a=1&a=2&b=4&b=5"),
        ] {
            assert_eq!(normalized(how, target), expected, "{how:?} {target}");
        }
    }
}
