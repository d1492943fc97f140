//! Every row of the HTTP/1 corpus, as far as a parser without sockets and clocks can be judged: in one piece and byte by
//! byte, with the same verdict, and with nothing sent on that a second reader could take for something else.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

#[path = "support/exchange.rs"]
mod exchange;
#[path = "support/meaning.rs"]
mod meaning;
#[path = "support/rows.rs"]
mod rows;

use std::collections::BTreeMap;

use exchange::{Outcome, requests, responses};
use meaning::{is_clean, meaning};
use rows::{Row, rows};
use tenbin_proto::{Asked, Limits, Progress, Request};

/// Interim answers that may pass before one gives up; counting them is the engine's work.
const INTERIM: usize = 20;

#[test]
fn requests_get_the_class_they_deserve() {
    judge("req", |row, piece| {
        let outcome = requests(&row.raw, piece, &Limits::default());
        let class = match &outcome {
            Outcome { refused: Some(reject), whole: 0, .. } => reject.status.to_string(),
            Outcome { unfinished: true, whole: 0, .. } => "408".into(),
            _ => "forward-ok".into(),
        };
        (class, outcome)
    });
}

#[test]
fn answers_get_the_class_they_deserve() {
    judge("resp", |row, piece| {
        let asked = Asked { head: row.method == "HEAD", ..Asked::default() };
        let outcome = responses(&row.raw, piece, asked, row.after == "close");
        let class = match &outcome {
            _ if outcome.sent.len() > INTERIM => "502",
            Outcome { refused: Some(_), heads: 0, .. } | Outcome { unfinished_head: true, .. } => "502",
            Outcome { refused: Some(_), .. } | Outcome { unfinished: true, .. } => "abort",
            _ => "pass",
        };
        (class.into(), outcome)
    });
}

#[test]
fn what_is_sent_on_means_what_came() {
    let mut checked = 0;
    for row in rows().iter().filter(|row| row.kind == "req") {
        let outcome = requests(&row.raw, usize::MAX, &Limits::default());
        for (read, sent) in outcome.read_heads.iter().zip(&outcome.sent_heads) {
            assert!(is_clean(sent), "{}: {}", row.id, sent.escape_ascii());
            let (before, after) = (parse(read), parse(sent));
            let mut expected = meaning(&before, read);
            let mut got = meaning(&after, sent);
            if expected.authority.is_empty() {
                expected.authority = b"fallback.test".to_vec();
            }
            for fields in [&mut expected.fields, &mut got.fields] {
                fields.retain(|(name, _)| !is_forwarding(name));
            }
            assert_eq!(got, expected, "{}", row.id);
            checked += 1;
        }
    }
    println!("{checked} request heads read back");
    assert!(checked > 200);
}

#[test]
fn lenient_takes_bare_lf_in_heads_and_gives_crlf() {
    let limits = Limits { lenient: true, ..Limits::default() };
    let taken = ["R005", "R007", "R125", "R128"];
    for row in rows().iter().filter(|row| row.kind == "req") {
        let (whole, single) = (requests(&row.raw, usize::MAX, &limits), requests(&row.raw, 1, &limits));
        assert_eq!(whole, single, "{}", row.id);
        assert!(whole.sent_heads.iter().all(|head| is_clean(head)), "{}", row.id);
        assert!(!taken.contains(&row.id.as_str()) || whole.whole == 1, "{}", row.id);
    }
}

/// Plays each row whole and byte by byte and holds the class against the row's own.
fn judge(kind: &str, play: impl Fn(&Row, usize) -> (String, Outcome)) {
    let rows = rows();
    let rows: Vec<&Row> = rows.iter().filter(|row| row.kind == kind).collect();
    let mut classes = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in &rows {
        let (class, whole) = play(row, usize::MAX);
        let (single_class, single) = play(row, 1);
        assert_eq!((&class, &whole), (&single_class, &single), "{} byte by byte", row.id);
        *classes.entry(class.clone()).or_insert(0) += 1;
        // Waiting ends in whatever the engine's clock or the peer's end makes of it.
        let fits = |wanted: &String| {
            *wanted == class || whole.unfinished && ["close", "504", "408"].contains(&wanted.as_str())
        };
        if !row.classes.iter().any(fits) {
            wrong.push(format!("{}: {class} ({:?}), not {:?}", row.id, whole.refused, row.classes));
        }
        if row.max_fwd.is_some_and(|most| whole.heads > most) {
            wrong.push(format!("{}: {} requests sent on", row.id, whole.heads));
        }
        let sent = whole.sent.concat();
        if row.must_not.as_ref().is_some_and(|pattern| pattern.is_match(&sent)) {
            wrong.push(format!("{}: sent {}", row.id, sent.escape_ascii()));
        }
    }
    println!("{kind}: {} of {} rows, {classes:?}", rows.len() - wrong.len(), rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows.len() > 50);
}

fn parse(bytes: &[u8]) -> Request {
    let mut head = Request::default();
    assert_eq!(
        head.parse(bytes, &mut 0, &Limits::default()),
        Ok(Progress::Complete),
        "{}",
        bytes.escape_ascii()
    );
    assert_eq!(head.length, bytes.len());
    head
}

fn is_forwarding(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with(b"x-forwarded-") || name == b"forwarded" || name == b"x-real-ip"
}
