//! Every input that is kept, on every `cargo test`.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

use std::panic::catch_unwind;

use tenbin_fuzz::{Target, corpus};

fn replay(name: &str) {
    let target = Target::named(name).unwrap();
    let inputs = target.inputs();
    assert!(inputs.len() > 2, "{name} has no inputs");
    let fails = |input: &&Vec<u8>| catch_unwind(|| (target.property)(input)).is_err();
    let failed: Vec<String> = inputs.iter().filter(fails).map(|input| corpus::line(input)).collect();
    let count = failed.len();
    assert!(failed.is_empty(), "{count} inputs of {name}, one a line:\n{}", failed.join("\n"));
}

macro_rules! replays {
    ($($test:ident $name:literal)*) => {
        $(#[test] fn $test() { replay($name); })*

        #[test]
        fn no_target_is_forgotten() {
            let replayed = [$($name),*];
            assert!(tenbin_fuzz::TARGETS.iter().map(|target| target.name).eq(replayed));
        }
    };
}

replays! {
    requests "request"
    answers "answer"
    chunked_bodies "chunks"
    targets_of_requests "uri"
    hosts "host"
    cookies_and_tokens "cookie"
    snapshots "snapshot"
    control_frames "frame"
    proxy_headers "proxy"
    client_hellos "hello"
    frames_of_http2 "frames"
}
