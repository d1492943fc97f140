//! Frames of the control channel: their lengths, and what is answered to each.

use std::io;
use std::sync::OnceLock;

use serde_json::Value;
use tenbin_engine::offline::{Compiled, Control, read_frame};
use tenbin_engine::wire::{Apply, Request};

use crate::seeds;

/// Frames of one stream that are answered.
const ANSWERED: usize = 8;

/// The same frames however the stream is cut; every one of them is answered by its number, with yes or with a reason.
pub fn property(data: &[u8]) {
    let (whole, end) = frames(data, usize::MAX);
    for piece in [1, 3] {
        let (cut, cut_end) = frames(data, piece);
        assert_eq!((cut, cut_end), (whole.clone(), end), "{piece} bytes at a time");
    }
    assert!(whole.iter().map(|body| body.len() + 4).sum::<usize>() <= data.len());
    for body in whole.iter().take(ANSWERED) {
        answer(body);
    }
    answer(data);
}

/// Every frame in `data`, `piece` bytes at a time, and how it ended.
fn frames(data: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<io::ErrorKind>) {
    let (mut rest, mut bodies) = (data, Vec::new());
    let mut receive = |place: &mut [u8]| {
        let count = place.len().min(rest.len()).min(piece);
        let (now, later) = rest.split_at(count);
        place[..count].copy_from_slice(now);
        rest = later;
        Ok(count)
    };
    loop {
        match read_frame(&mut receive) {
            Ok(Some(body)) => bodies.push(body),
            Ok(None) => return (bodies, None),
            Err(error) => return (bodies, Some(error.kind())),
        }
    }
}

fn answer(body: &[u8]) {
    if let Ok(Apply { snapshot, .. }) = serde_json::from_slice(body) {
        // Carrying it out would start threads; what could fail of it is the property of snapshots.
        let _ = Compiled::new(snapshot.get().as_bytes());
        return;
    }
    let control = control();
    if serde_json::from_slice::<Request>(body).is_ok() {
        // What one frame changes must not be there for the next one.
        let small = seeds::contract("snapshot-small.json").to_string();
        control.hold(&Compiled::new(small.as_bytes()).unwrap_or_else(|error| panic!("{}", error.reason)));
    }
    let reply: Value = serde_json::from_slice(&control.answer(body)).expect("answers are JSON");
    let id = serde_json::from_slice::<Value>(body).ok().and_then(|body| body.get("id")?.as_u64());
    assert_eq!(reply["id"].as_u64(), Some(id.unwrap_or_default()));
    let reason = reply["error"]["reason"].as_str().unwrap_or_default();
    assert!(reply["ok"] == true || reply["ok"] == false && !reason.is_empty(), "{reply}");
}

fn control() -> &'static Control {
    static CONTROL: OnceLock<Control> = OnceLock::new();
    CONTROL.get_or_init(|| Control::new().expect("a thread for logs"))
}
