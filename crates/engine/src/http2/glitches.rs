//! The glitch budget of a connection: what a client does that is of no use to it is counted, and useful work pays back.
//!
//! Owns: the price of each frame. Does not own: what happens to who has nothing left (`serve`).
//!
//! A glitch costs two points and a stream that was given up one, for people do leave pages. Answers pay back, and so does
//! time; data that was sent allows the small frames that clients answer it with (windows, and the pings by which gRPC
//! measures paths). So a client that works never comes near the limit, whatever its habits, and one that only keeps us
//! busy has spent it within a read.

use tenbin_proto::frames::{Frame, Kind};

/// Points of one glitch.
const GLITCH: u32 = 2;
/// Of a stream that was given up.
const GIVEN_UP: u32 = 1;
/// What an answer pays back.
const ANSWER: u32 = 2;
/// Points that are forgiven every second.
const POINTS_A_SECOND: u64 = 20;
/// Small frames that come with a request: its priority, its window.
const WITH_REQUEST: u32 = 3;
/// Small frames that answer a frame of data: the windows of its stream and connection, and a ping.
const WITH_DATA: u32 = 3;
/// SETTINGS that are one client's own, and the answer to ours.
const SETTINGS: u32 = 2;
/// A piece of a head that is smaller serves nothing but to be one more.
const SMALL_PIECE: u32 = 256;
/// Error codes of resets that end a stream without blame (RFC 9113, 7).
const BLAMELESS: [u32; 3] = [0, 2, 8];

/// See the module.
#[derive(Debug)]
pub struct Budget {
    limit: u32,
    points: u32,
    /// Small frames that are still for free.
    small: u32,
    settings: u32,
    /// Glitches that were counted and not told.
    fresh: u32,
    resets: u32,
    since_ms: u64,
}

impl Budget {
    /// For so many glitches; 0: any number.
    pub fn new(limit: u32, now_ms: u64) -> Self {
        let small = limit.max(WITH_REQUEST);
        Self { limit, points: 0, small, settings: 0, fresh: 0, resets: 0, since_ms: now_ms }
    }

    /// A frame of the client.
    pub fn received(&mut self, frame: Frame) {
        match frame.kind {
            Kind::Data if frame.length == 0 && !frame.ends_stream() => self.glitch(),
            Kind::Headers => self.allow(WITH_REQUEST),
            Kind::Continuation if frame.length < SMALL_PIECE && !frame.ends_headers() => self.glitch(),
            Kind::Data | Kind::Continuation | Kind::PushPromise | Kind::GoAway => {}
            Kind::ResetStream => {
                self.resets = self.resets.saturating_add(1);
                self.spend(GIVEN_UP);
            }
            Kind::Settings => {
                self.settings += 1;
                if self.settings > SETTINGS {
                    self.glitch();
                }
            }
            Kind::Ping | Kind::Priority | Kind::WindowUpdate | Kind::Unknown(_) => match self.small {
                0 => self.glitch(),
                _ => self.small -= 1,
            },
        }
    }

    /// A frame of ours.
    pub fn sent(&mut self, frame: Frame) {
        match frame.kind {
            Kind::Data if frame.length > 0 => self.allow(WITH_DATA),
            Kind::Headers => self.points = self.points.saturating_sub(ANSWER),
            // The client made us: by what is malformed, or by frames for streams that have ended.
            Kind::ResetStream if !BLAMELESS.contains(&frame.error_code()) => self.glitch(),
            _ => {}
        }
    }

    /// Time passes.
    pub fn forgive(&mut self, now_ms: u64) {
        let points = now_ms.saturating_sub(self.since_ms) * POINTS_A_SECOND / 1000;
        if points > 0 {
            self.since_ms = now_ms;
            self.points = self.points.saturating_sub(u32::try_from(points).unwrap_or(u32::MAX));
        }
    }

    /// Whether the client has said what it speaks.
    pub fn has_settings(&self) -> bool {
        self.settings > 0
    }

    /// Whether the client gives streams up.
    pub fn has_resets(&self) -> bool {
        self.resets > 0
    }

    /// Three quarters are spent: the client is asked to go.
    pub fn is_low(&self) -> bool {
        self.limit > 0 && u64::from(self.points) * 4 >= u64::from(self.limit) * u64::from(GLITCH) * 3
    }

    /// Nothing is left.
    pub fn is_spent(&self) -> bool {
        self.limit > 0 && u64::from(self.points) >= u64::from(self.limit) * u64::from(GLITCH)
    }

    /// Glitches since it was asked last.
    pub fn take_count(&mut self) -> u32 {
        std::mem::take(&mut self.fresh)
    }

    fn glitch(&mut self) {
        self.spend(GLITCH);
    }

    fn spend(&mut self, points: u32) {
        self.points = self.points.saturating_add(points);
        self.fresh = self.fresh.saturating_add(1);
    }

    /// No more is put aside than the limit: a long download must not pay for a flood.
    fn allow(&mut self, frames: u32) {
        self.small = (self.small + frames).min(self.limit.saturating_mul(2).max(WITH_REQUEST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind) -> Frame {
        Frame { kind, flags: 0, length: 8, stream: 1, first: [0; 10] }
    }

    fn reset(code: u8) -> Frame {
        Frame { first: [0, 0, 0, code, 0, 0, 0, 0, 0, 0], ..frame(Kind::ResetStream) }
    }

    fn flood(kinds: &[Kind]) -> usize {
        let mut count = 0;
        let mut budget = Budget::new(100, 0);
        while !budget.is_spent() && count < 10_000 {
            budget.received(frame(kinds[count % kinds.len()]));
            count += 1;
        }
        count
    }

    #[test]
    fn floods_end_soon() {
        assert!(flood(&[Kind::Ping]) <= 200);
        assert!(flood(&[Kind::Settings]) <= 102);
        assert!(flood(&[Kind::WindowUpdate]) <= 200 && flood(&[Kind::Priority]) <= 200);
        assert!(flood(&[Kind::Unknown(77)]) <= 200);
        assert!(flood(&[Kind::Continuation]) <= 100);
        assert_eq!(flood(&[Kind::Headers, Kind::ResetStream]), 400, "200 streams that were given up");
        let empty = |flags| Frame { flags, length: 0, ..frame(Kind::Data) };
        let mut budget = Budget::new(100, 0);
        (0..100).for_each(|_| budget.received(empty(0)));
        assert!(budget.is_spent());
        let mut budget = Budget::new(100, 0);
        (0..1000).for_each(|_| budget.received(empty(1)));
        assert!(!budget.is_low(), "the end of a body is no glitch");
    }

    #[test]
    fn resets_that_we_were_made_to_send_are_the_clients() {
        let mut budget = Budget::new(100, 0);
        (0..99).for_each(|_| budget.sent(reset(1)));
        assert!(budget.is_low() && !budget.is_spent());
        budget.sent(reset(5));
        assert!(budget.is_spent());
        assert_eq!((budget.take_count(), budget.take_count()), (100, 0));
        let mut budget = Budget::new(100, 0);
        (0..1000).for_each(|_| budget.sent(reset(8)));
        assert!(!budget.is_low(), "a server that breaks off is not the client's fault");
    }

    /// What a client does for every frame of data, and for every request.
    #[test]
    fn who_works_never_comes_near() {
        let mut budget = Budget::new(100, 0);
        for _ in 0..100_000 {
            budget.received(frame(Kind::Headers));
            for kind in [Kind::WindowUpdate, Kind::Priority] {
                budget.received(frame(kind));
            }
            budget.sent(frame(Kind::Headers));
            for _ in 0..3 {
                budget.sent(frame(Kind::Data));
                for kind in [Kind::WindowUpdate, Kind::WindowUpdate, Kind::Ping] {
                    budget.received(frame(kind));
                }
            }
            assert_eq!(budget.points, 0);
        }
    }

    #[test]
    fn a_page_may_be_left_and_time_forgives() {
        let mut budget = Budget::new(100, 1000);
        for _ in 0..100 {
            budget.received(frame(Kind::Headers));
            budget.received(frame(Kind::ResetStream));
        }
        assert!(!budget.is_low() && budget.has_resets());
        budget.forgive(1010);
        assert_eq!(budget.points, 100);
        budget.forgive(5950);
        assert_eq!(budget.points, 1);
        budget.forgive(6000);
        assert_eq!(budget.points, 0);
    }

    #[test]
    fn what_is_put_aside_has_an_end() {
        let mut budget = Budget::new(100, 0);
        (0..1_000_000).for_each(|_| budget.sent(frame(Kind::Data)));
        assert_eq!(budget.small, 200);
    }

    #[test]
    fn without_a_limit_nothing_is_too_much() {
        let mut budget = Budget::new(0, 0);
        (0..10_000).for_each(|_| budget.received(frame(Kind::Ping)));
        assert!(!budget.is_low() && !budget.is_spent());
    }
}
