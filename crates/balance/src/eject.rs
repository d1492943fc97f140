//! The record of failures of a server: counts outcomes and says when it should be left out, for how long.
//!
//! Whether it may be left out (never the last one, never too many) is decided in `core`, which alone calls
//! this, under the lock of the group.

use std::sync::atomic::Ordering::Relaxed;

use crate::lease::OutcomeKind;
use crate::server::{Record, Server};
use crate::spec::Eject;

/// Why a server should be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// So many failures within the passive check's time, which is also the time out.
    Fails { fails: u32, timeout_ms: u64 },
    /// So many failures in a row.
    Streak { streak: u32 },
}

/// Count the end of a request that was not a trial.
pub(crate) fn count(server: &Server, kind: OutcomeKind, eject: Option<Eject>, now_ms: u64) -> Option<Cause> {
    let record = &server.record;
    match kind {
        OutcomeKind::Aborted => None,
        OutcomeKind::Success => {
            record.streak.store(0, Relaxed);
            None
        }
        OutcomeKind::Failure => {
            let streak = record.streak.load(Relaxed).saturating_add(1);
            record.streak.store(streak, Relaxed);
            let enough = eject.is_some_and(|eject| eject.consecutive > 0 && streak >= eject.consecutive);
            count_fail(server, now_ms).or_else(|| enough.then_some(Cause::Streak { streak }))
        }
    }
}

/// Leave out by the passive check; returns until when.
pub(crate) fn take_out(record: &Record, timeout_ms: u64, now_ms: u64) -> u64 {
    let until = now_ms.saturating_add(timeout_ms).max(1);
    record.passive_until.store(until, Relaxed);
    record.on_trial.store(false, Relaxed);
    until
}

/// Leave out by ejection, twice as long as the last time; returns until when.
pub(crate) fn eject(record: &Record, eject: Eject, now_ms: u64) -> u64 {
    // Each `max_ms` in the rotation forgives one earlier ejection.
    let quiet = now_ms.saturating_sub(record.eject_ended.load(Relaxed));
    let forgiven = quiet / eject.max_ms.max(1);
    let times = u64::from(record.times.load(Relaxed)).saturating_sub(forgiven).min(32);
    let length = eject.base_ms.saturating_mul(1 << times).min(eject.max_ms.max(eject.base_ms));
    let until = now_ms.saturating_add(length).max(1);
    record.times.store(times as u32 + 1, Relaxed);
    record.eject_until.store(until, Relaxed);
    until
}

/// Let it back in if its time is over; after a passive check, on trial. Is it in now?
pub(crate) fn readmit(record: &Record, now_ms: u64) -> bool {
    let passive_until = record.passive_until.load(Relaxed);
    if passive_until != 0 && passive_until <= now_ms {
        record.passive_until.store(0, Relaxed);
        record.on_trial.store(true, Relaxed);
    }
    let eject_until = record.eject_until.load(Relaxed);
    if eject_until != 0 && eject_until <= now_ms {
        record.eject_until.store(0, Relaxed);
        record.eject_ended.store(now_ms, Relaxed);
        record.streak.store(0, Relaxed);
    }
    record.passive_until.load(Relaxed) == 0 && record.eject_until.load(Relaxed) == 0
}

/// Let it back in with a clean record (how often it was ejected is kept).
pub(crate) fn clear(record: &Record, now_ms: u64) {
    if record.eject_until.swap(0, Relaxed) != 0 {
        record.eject_ended.store(now_ms, Relaxed);
    }
    record.passive_until.store(0, Relaxed);
    record.on_trial.store(false, Relaxed);
    record.fails.store(0, Relaxed);
    record.streak.store(0, Relaxed);
}

fn count_fail(server: &Server, now_ms: u64) -> Option<Cause> {
    let passive = server.passive()?;
    let record = &server.record;
    let mut fails = record.fails.load(Relaxed);
    if fails == 0 || now_ms.saturating_sub(record.window_from.load(Relaxed)) > passive.fail_timeout_ms {
        record.window_from.store(now_ms, Relaxed);
        fails = 0;
    }
    fails = fails.saturating_add(1);
    record.fails.store(fails, Relaxed);
    let timeout_ms = passive.fail_timeout_ms;
    (fails >= passive.max_fails).then_some(Cause::Fails { fails, timeout_ms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Passive, ServerSpec};

    const EJECT: Eject = Eject { consecutive: 3, base_ms: 100, max_ms: 1_000, max_percent: 10 };

    fn server(max_fails: u32) -> Server {
        let passive = Some(Passive { max_fails, fail_timeout_ms: 1_000 });
        Server::new("server", &ServerSpec { passive, ..ServerSpec::default() })
    }

    fn fail(server: &Server, now_ms: u64) -> Option<Cause> {
        count(server, OutcomeKind::Failure, Some(EJECT), now_ms)
    }

    #[test]
    fn fails_count_only_within_their_time() {
        let server = server(2);
        assert_eq!(fail(&server, 0), None);
        count(&server, OutcomeKind::Success, Some(EJECT), 1);
        assert_eq!(fail(&server, 1_500), None);
        assert_eq!(fail(&server, 1_600), Some(Cause::Fails { fails: 2, timeout_ms: 1_000 }));
    }

    #[test]
    fn a_streak_is_broken_by_success_only() {
        let server = server(0);
        assert_eq!((fail(&server, 0), fail(&server, 1)), (None, None));
        count(&server, OutcomeKind::Aborted, Some(EJECT), 2);
        assert_eq!(fail(&server, 3), Some(Cause::Streak { streak: 3 }));
        count(&server, OutcomeKind::Success, Some(EJECT), 4);
        assert_eq!(fail(&server, 5), None);
    }

    #[test]
    fn each_ejection_is_twice_as_long_up_to_the_limit_and_forgiven_in_time() {
        let record = &server(0).record;
        let mut now = 0;
        let mut lengths = Vec::new();
        for _ in 0..6 {
            let until = eject(record, EJECT, now);
            lengths.push(until - now);
            now = until;
            assert!(!readmit(record, now - 1) && readmit(record, now));
        }
        assert_eq!(lengths, [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(eject(record, EJECT, now + 10_000) - now - 10_000, 100);
    }
}
