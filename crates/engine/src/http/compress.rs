//! Compression: which answers are made smaller on their way, and what their heads say of it.
//!
//! The conditions, and what is written, are HAProxy's. Does not own: how a body is made smaller (`flow`).

use tenbin_proto::{Body, Fields, Request, Response, Version};

use super::exchange::Exchange;
use crate::client::Client;
use crate::flow::Press;
use crate::listener::Found;
use crate::stats::Counter;
use crate::stream::Stream;
use crate::tables::Backend;
use crate::wire::{Coding, Compression};

const ACCEPT_ENCODING: &[u8] = b"accept-encoding";
const ETAG: &[u8] = b"etag";

/// Chooses the coding that the client likes best, before the request leaves for its server.
pub fn choose(x: &mut Exchange, found: &Found, backend: &Backend) {
    let of = [backend.spec.compression.as_ref(), found.frontend.spec.compression.as_ref()];
    if of == [None, None] {
        return;
    }
    let algorithms = setting(of, |one| &one.algorithms);
    let bytes = x.state.request_bytes(x.input.head());
    let accepted = accepted(&x.request, bytes, algorithms);
    let is_known = !is_old_agent(&x.request, bytes);
    let hides = accepted.is_some() && of.iter().flatten().any(|one| one.offload);
    // That which changes nothing needs nobody's consent.
    let unasked = algorithms.iter().find(|coding| **coding == Coding::Identity).copied();
    x.state.coding = accepted.or(unasked).filter(|_| is_known);
    if hides && is_known {
        x.amend_request(|request, bytes| {
            request.fields.remove(bytes, |name| name.eq_ignore_ascii_case(ACCEPT_ENCODING));
        });
    }
}

/// Has an answer that fits go through a press, and says so in its head.
pub fn begin(client: &Client, x: &mut Exchange, (found, backend): (&Found, &Backend), from: &Stream) {
    let Some(coding) = x.state.coding.take() else { return };
    let of = [backend.spec.compression.as_ref(), found.frontend.spec.compression.as_ref()];
    let bytes = x.state.answer_bytes(x.output.head());
    let has_end = has_end(&x.response, from.is_multiplexed(), of);
    if x.request.version == Version::Http10 || !has_end || !is_plain(&x.response, bytes, of) {
        return;
    }
    // Of memory that is short, answers that are larger take none.
    if client.worker.shared.stance.is_leaving() {
        return;
    }
    x.down.press = client.worker.presses.take(coding);
    if x.down.press.is_some() {
        x.state.coding = Some(coding);
        x.amend_answer(|answer, bytes| announce(answer, bytes, coding));
    }
}

/// Counts what went through the press, and gives it back.
pub fn end(
    client: &Client,
    (found, backend): (&Found, &Backend),
    press: Box<Press>,
    (taken, is_whole): (u64, bool),
) {
    let worker = client.worker.index;
    let front = found.frontend.counters.workers.of(worker);
    let back = backend.counters.of(worker);
    for counters in [&front.compressed, &back.compressed] {
        count(counters, &press, (taken, is_whole));
    }
    client.worker.presses.put(press);
}

fn count(counters: &[Counter; 4], press: &Press, (taken, is_whole): (u64, bool)) {
    let [came, left, passed, answers] = counters;
    if press.is_idle() {
        passed.add(taken);
    } else {
        came.add(taken);
        left.add(press.made());
    }
    answers.add(u64::from(is_whole));
}

/// What the backend says, or if that is nothing the frontend.
fn setting<'a, T>(of: [Option<&'a Compression>; 2], what: impl Fn(&'a Compression) -> &'a Vec<T>) -> &'a [T] {
    of.into_iter().flatten().map(what).find(|list| !list.is_empty()).map_or(&[], Vec::as_slice)
}

/// The coding of the highest weight in Accept-Encoding; of equals, the first there.
fn accepted(request: &Request, bytes: &[u8], known: &[Coding]) -> Option<Coding> {
    let (mut best, mut found) = (0, None);
    for value in parts(&request.fields, bytes, ACCEPT_ENCODING) {
        let end = value.iter().position(|byte| !is_token(*byte)).unwrap_or(value.len());
        let (name, rest) = value.split_at(end);
        let weight = weight(rest);
        let is_meant = |coding: &&Coding| name.starts_with(b"*") || name.eq_ignore_ascii_case(coding.name());
        if weight > best
            && let Some(coding) = known.iter().find(is_meant)
        {
            (best, found) = (weight, Some(*coding));
        }
    }
    found
}

/// Thousandths: 1000 where nothing is said.
fn weight(parameters: &[u8]) -> u32 {
    let mut parameters = parameters.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii_start);
    let Some(text) = parameters.find_map(|one| one.strip_prefix(b"q=")) else { return 1000 };
    let Some((whole, rest)) = text.split_first().filter(|(digit, _)| digit.is_ascii_digit()) else {
        return 1000;
    };
    let digits = rest.strip_prefix(b".").unwrap_or_default();
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let part: u32 = digits.zip([100, 10, 1]).map(|(digit, worth)| u32::from(digit - b'0') * worth).sum();
    (u32::from(whole - b'0') * 1000 + part).min(1000)
}

/// Browsers of old that say they can and cannot; those of their name that can are told apart as everywhere.
fn is_old_agent(request: &Request, bytes: &[u8]) -> bool {
    let Some(agent) = request.fields.find(bytes, b"user-agent") else { return false };
    let agent = agent.value.of(bytes);
    if !agent.starts_with(b"Mozilla/4") {
        return false;
    }
    let Some([version, ..]) = agent.get(25..).and_then(|rest| rest.strip_prefix(b"MSIE ")) else {
        return true;
    };
    let has_service_pack = agent.get(51..54) == Some(b"SV1");
    *version < b'6' || *version == b'6' && !has_service_pack
}

/// Whether it has a body of which something else than the connection says where it ends, and that is long enough.
fn has_end(answer: &Response, is_multiplexed: bool, of: [Option<&Compression>; 2]) -> bool {
    let least = of.into_iter().flatten().map(|one| one.min_size).find(|size| *size > 0).unwrap_or(0);
    match answer.body {
        Body::None => false,
        Body::Length(length) => length > 0 && length >= least,
        Body::Chunked => true,
        Body::UntilClose => is_multiplexed,
    }
}

/// Whether it is an answer of those that are compressed, and nobody has done so before.
fn is_plain(answer: &Response, bytes: &[u8], of: [Option<&Compression>; 2]) -> bool {
    let fields = &answer.fields;
    let is_fixed =
        || parts(fields, bytes, b"cache-control").any(|one| one.eq_ignore_ascii_case(b"no-transform"));
    answer.version != Version::Http10
        && matches!(answer.status, 200..=203)
        && fields.find(bytes, b"content-encoding").is_none()
        && !is_fixed()
        && has_weak_tag(fields, bytes)
        && is_listed(fields, bytes, setting(of, |one| &one.types))
}

/// Whether its tag, if any, is one that a weak one can be made of.
fn has_weak_tag(fields: &Fields, bytes: &[u8]) -> bool {
    let mut tags = fields.find_all(bytes, ETAG).map(|field| field.value.of(bytes));
    let Some(tag) = tags.next() else { return true };
    let quoted = tag.strip_prefix(b"W/").unwrap_or(tag);
    quoted.len() >= 2 && quoted.starts_with(b"\"") && quoted.ends_with(b"\"") && tags.next().is_none()
}

fn is_listed(fields: &Fields, bytes: &[u8], types: &[String]) -> bool {
    let Some(kind) = fields.find(bytes, b"content-type") else { return types.is_empty() };
    let kind = kind.value.of(bytes);
    let begins = |start: &[u8]| kind.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start));
    !begins(b"multipart") && (types.is_empty() || types.iter().any(|one| begins(one.as_bytes())))
}

fn announce(answer: &mut Response, bytes: &mut Vec<u8>, coding: Coding) {
    let strong = answer.fields.iter().position(|field| {
        field.name.of(bytes).eq_ignore_ascii_case(ETAG) && field.value.of(bytes).starts_with(b"\"")
    });
    if let Some(index) = strong
        && let Some(field) = answer.fields.iter().nth(index)
    {
        let weak = [b"W/", field.value.of(bytes)].concat();
        answer.fields.replace(bytes, index, &weak);
    }
    answer.fields.add(bytes, b"Vary", b"Accept-Encoding");
    if coding != Coding::Identity {
        answer.fields.add(bytes, b"Content-Encoding", coding.name());
    }
}

/// The values of a field that is a list.
fn parts<'a>(fields: &'a Fields, bytes: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let lines = fields.find_all(bytes, name).map(|field| field.value.of(bytes));
    lines.flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use tenbin_proto::{Asked, Limits};

    use super::*;

    fn chosen(accepted_text: &str, known: &[Coding]) -> Option<Coding> {
        let raw = format!("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accepted_text}\r\n\r\n");
        let mut request = Request::default();
        request.parse(raw.as_bytes(), &mut 0, &Limits::default()).unwrap();
        accepted(&request, raw.as_bytes(), known)
    }

    #[test]
    fn the_client_decides_which_coding() {
        const ALL: &[Coding] = &[Coding::Deflate, Coding::Gzip];
        for (text, expected) in [
            ("gzip", Some(Coding::Gzip)),
            ("GZIP", Some(Coding::Gzip)),
            ("br, gzip, deflate", Some(Coding::Gzip)),
            ("gzip;q=0.5, deflate;q=0.501", Some(Coding::Deflate)),
            ("gzip ; x=1 ; q=0.2,deflate;q=0.1", Some(Coding::Gzip)),
            ("*", Some(Coding::Deflate)),
            ("br, *;q=0.1", Some(Coding::Deflate)),
            ("gzip;q=0, deflate;q=0.000", None),
            ("gzip;q=7", Some(Coding::Gzip)),
            ("x-gzip, br", None),
            ("", None),
        ] {
            assert_eq!(chosen(text, ALL), expected, "{text}");
        }
        assert_eq!(chosen("gzip", &[Coding::RawDeflate]), None);
        assert_eq!(chosen("identity", &[Coding::Identity]), Some(Coding::Identity));
    }

    #[test]
    fn agents_that_only_say_they_can_are_known() {
        for (agent, is_old) in [
            ("curl/8", false),
            ("Mozilla/5.0 (X11)", false),
            ("Mozilla/4.0 (compatible; MSIE 5.0)", true),
            ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)", true),
            ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)", false),
            ("Mozilla/4.0 (compatible; MSIE 7.0; Windows)", false),
            ("Mozilla/4.08", true),
        ] {
            let raw = format!("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: {agent}\r\n\r\n");
            let mut request = Request::default();
            request.parse(raw.as_bytes(), &mut 0, &Limits::default()).unwrap();
            assert_eq!(is_old_agent(&request, raw.as_bytes()), is_old, "{agent}");
        }
    }

    /// Whether an answer with these fields is compressed, and its head then.
    fn told(lines: &str, types: &[&str]) -> Option<String> {
        let raw = format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n{lines}\r\n");
        let mut answer = Response::default();
        answer.parse(raw.as_bytes(), &mut 0, &Limits::default(), Asked::default()).unwrap();
        let types = types.iter().map(|one| (*one).to_owned()).collect();
        let of = Compression { types, ..Compression::default() };
        if !is_plain(&answer, raw.as_bytes(), [Some(&of), None]) {
            return None;
        }
        let (mut bytes, mut out) = (raw.into_bytes(), Vec::new());
        announce(&mut answer, &mut bytes, Coding::Gzip);
        tenbin_proto::write_response(&mut out, &answer, &bytes, &tenbin_proto::ResponseEdits::default());
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_head_says_what_was_done() {
        let head = told("ETag: \"a\"\r\nVary: Origin\r\n", &[]).unwrap();
        assert!(head.contains("W/\"a\"") && head.contains("Vary: Origin\r\n"), "{head}");
        assert!(head.contains("Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\n"), "{head}");
        assert!(told("ETag: W/\"a\"\r\n", &[]).unwrap().contains("ETag: W/\"a\"\r\n"));
    }

    #[test]
    fn some_answers_stay_as_they_are() {
        for (lines, types, is_done) in [
            ("", &[][..], true),
            ("", &["text/html"], false),
            ("Content-Type: Text/HTML; charset=utf-8\r\n", &["text/html"], true),
            ("Content-Type: text/css\r\n", &["text/html", "text/"], true),
            ("Content-Type: image/png\r\n", &["text/"], false),
            ("Content-Type: Multipart/x\r\n", &[], false),
            ("Content-Encoding: br\r\n", &[], false),
            ("Cache-Control: public, No-Transform\r\n", &[], false),
            ("Cache-Control: public\r\n", &[], true),
            ("ETag: abc\r\n", &[], false),
            ("ETag: \"\r\n", &[], false),
            ("ETag: \"a\"\r\nETag: \"b\"\r\n", &[], false),
        ] {
            assert_eq!(told(lines, types).is_some(), is_done, "{lines}");
        }
    }
}
