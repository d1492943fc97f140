//! What a server may do on a connection beside its work: a hostile one must neither fill our memory nor keep us busy.
//!
//! `h2` bounds what has a window or an answer. Left are interim answers that nobody asks for any more, and small frames
//! that cost us more than the server.

use tenbin_proto::frames::{Frame, Kind};

/// Heads that may come for a stream: interim ones, the answer's, the trailers'.
const HEADS_A_STREAM: u64 = 24;

/// No more are put aside, however many streams there were.
const MOST_HEADS: u64 = HEADS_A_STREAM * 100;

/// Small frames that are always allowed.
const SMALL: u64 = 1_000;

/// Those that come with a frame of data of ours: windows, and pings by which servers measure the path.
const SMALL_WITH_DATA: u64 = 16;

/// No more is put aside: a long upload must not pay for a flood.
const MOST_SMALL: u64 = 4_000;

/// A piece of a head that is smaller serves nothing but to be one more.
const SMALL_PIECE: u32 = 256;

/// See the module.
#[derive(Debug)]
pub struct Meter {
    heads: u64,
    small: u64,
    since_ms: u64,
}

impl Meter {
    /// Of a new connection.
    pub fn new(now_ms: u64) -> Self {
        Self { heads: HEADS_A_STREAM, small: SMALL, since_ms: now_ms }
    }

    /// A frame of ours.
    pub fn sent(&mut self, frame: Frame) {
        match frame.kind {
            Kind::Headers => {
                self.heads = (self.heads + HEADS_A_STREAM).min(MOST_HEADS);
                self.allow(SMALL_WITH_DATA);
            }
            Kind::Data => self.allow(SMALL_WITH_DATA),
            _ => {}
        }
    }

    /// A frame of the server; false when it is one too many.
    pub fn received(&mut self, frame: Frame, now_ms: u64) -> bool {
        let left = match frame.kind {
            Kind::Headers => &mut self.heads,
            Kind::Data | Kind::GoAway => return true,
            Kind::Continuation if frame.length >= SMALL_PIECE || frame.ends_headers() => return true,
            _ => {
                if now_ms > self.since_ms {
                    self.allow(now_ms - self.since_ms);
                    self.since_ms = now_ms;
                }
                &mut self.small
            }
        };
        *left = left.saturating_sub(1);
        *left > 0
    }

    fn allow(&mut self, frames: u64) {
        self.small = (self.small + frames).min(MOST_SMALL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind) -> Frame {
        Frame { kind, flags: 0, length: 8, stream: 1, first: [0; 10] }
    }

    fn flood(meter: &mut Meter, kind: Kind) -> usize {
        (0..1_000_000).take_while(|_| meter.received(frame(kind), 0)).count()
    }

    #[test]
    fn floods_end() {
        for kind in [Kind::Ping, Kind::Settings, Kind::Priority, Kind::WindowUpdate, Kind::ResetStream] {
            assert!(flood(&mut Meter::new(0), kind) < 1_000, "{kind:?}");
        }
        assert!(flood(&mut Meter::new(0), Kind::Continuation) < 1_000);
        let mut meter = Meter::new(0);
        meter.sent(frame(Kind::Headers));
        assert!(flood(&mut meter, Kind::Headers) < 48, "interim answers without end");
    }

    #[test]
    fn who_works_never_comes_near() {
        let mut meter = Meter::new(0);
        for _ in 0..100_000 {
            meter.sent(frame(Kind::Headers));
            for kind in [Kind::Headers, Kind::Headers, Kind::Headers, Kind::Data, Kind::WindowUpdate] {
                assert!(meter.received(frame(kind), 0));
            }
            meter.sent(frame(Kind::Data));
            for kind in [Kind::WindowUpdate, Kind::WindowUpdate, Kind::Ping, Kind::Ping] {
                assert!(meter.received(frame(kind), 0));
            }
        }
    }

    #[test]
    fn time_allows_some_and_nothing_is_put_aside_for_ever() {
        let mut meter = Meter::new(0);
        assert!(flood(&mut meter, Kind::Ping) > 0);
        assert!(meter.received(frame(Kind::Ping), 100));
        (0..1_000_000).for_each(|_| meter.sent(frame(Kind::Data)));
        assert!(flood(&mut meter, Kind::Ping) < 5_000);
    }
}
