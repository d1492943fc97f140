//! Where lines go: which of them, at which level, and the batches in which they leave a worker.
//!
//! Each address has one queue and one thread that writes, whoever sends there, so that one that is stalled holds up
//! no other.

use std::cell::{RefCell, RefMut};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::date::Dates;
use super::envelope::Wrapping;
use crate::log::{self, LogBatch, LogSender};
use crate::notice::Notices;
use crate::wire::{LogTarget, NoticeLevel};

/// One place that lines are sent to.
pub struct Sink {
    /// Never used for another.
    number: u64,
    sender: LogSender,
}

/// All of them.
pub struct Sinks {
    known: Mutex<(u64, HashMap<String, Weak<Sink>>)>,
    notices: Notices,
    dropped: Arc<AtomicU64>,
}

/// One target of a frontend's lines.
pub struct Target {
    sink: Arc<Sink>,
    wrapping: Wrapping,
    level: u8,
    least: u8,
    length: usize,
    sampling: Option<Sampling>,
}

/// Some of so many lines.
struct Sampling {
    of: u32,
    ranges: Vec<(u32, u32)>,
    next: AtomicU32,
}

/// Lines of one worker that have not left yet, and room to write them in.
#[derive(Default)]
pub struct Batches {
    list: RefCell<Vec<(u64, Weak<Sink>, LogBatch)>>,
    texts: RefCell<(Vec<u8>, Vec<u8>)>,
}

impl Sinks {
    /// None yet.
    pub fn new(notices: Notices) -> Self {
        Self { known: Mutex::default(), notices, dropped: Arc::default() }
    }

    /// The sink at an address; None when its thread cannot be started.
    pub fn open(&self, address: &str) -> Option<Arc<Sink>> {
        let mut known = self.known.lock();
        let (count, sinks) = &mut *known;
        if let Some(sink) = sinks.get(address).and_then(Weak::upgrade) {
            return Some(sink);
        }
        let started = log::start("log", self.notices.clone(), Arc::clone(&self.dropped));
        let sender = started.inspect_err(|error| self.complain(address, error)).ok()?;
        sender.target(address);
        *count += 1;
        let sink = Arc::new(Sink { number: *count, sender });
        sinks.retain(|_, sink| sink.strong_count() > 0);
        sinks.insert(address.to_owned(), Arc::downgrade(&sink));
        Some(sink)
    }

    /// Files are opened again, so that they can be rotated.
    pub fn look(&self) {
        for (address, sink) in &self.known.lock().1 {
            if let Some(sink) = sink.upgrade() {
                sink.sender.target(address);
            }
        }
    }

    /// Waits a moment until what was sent is written.
    pub fn finish(&self) {
        let sinks: Vec<_> = self.known.lock().1.values().filter_map(Weak::upgrade).collect();
        for sink in sinks {
            sink.sender.finish();
        }
    }

    /// Lines lost so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn complain(&self, address: &str, error: &io::Error) {
        self.notices.say(NoticeLevel::Error, format!("nothing is logged to {address}: {error}"));
    }
}

impl Target {
    /// What a snapshot says; lines of a sink that cannot be had are lost, not the snapshot.
    pub fn new(spec: &LogTarget, (host, tag, pid): (&str, &str, u32), sinks: &Sinks) -> Option<Self> {
        Some(Self {
            sink: sinks.open(&spec.address)?,
            wrapping: Wrapping::new((spec.envelope, spec.facility), host, tag, pid),
            level: spec.level,
            least: spec.least,
            length: spec.length,
            sampling: Sampling::new(spec),
        })
    }

    /// Sends a line there, if it is one of those that are wanted.
    pub fn send(
        &self,
        batches: &Batches,
        (level, micros): (u8, u64),
        (line, structured): (&[u8], &[u8]),
        dates: &RefCell<Dates>,
    ) {
        if level > self.level || !self.sampling.as_ref().is_none_or(Sampling::takes) {
            return;
        }
        batches.line(&self.sink, |out| {
            let begin = out.len();
            let severity = level.max(self.least);
            self.wrapping.write(out, (severity, micros), structured, &mut dates.borrow_mut());
            out.extend_from_slice(line);
            out.truncate(begin + self.length.saturating_sub(1));
            if let Some(written) = out.get_mut(begin..) {
                // A line is one line, whatever a format has in it.
                written.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
            }
            out.push(b'\n');
        });
    }
}

impl Sampling {
    fn new(spec: &LogTarget) -> Option<Self> {
        let some = spec.sample > 0 && !spec.ranges.is_empty();
        some.then(|| Self { of: spec.sample, ranges: spec.ranges.clone(), next: AtomicU32::new(0) })
    }

    fn takes(&self) -> bool {
        let step = |at: u32| Some((at + 1) % self.of);
        let at = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or(0) + 1;
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&at))
    }
}

impl Batches {
    /// Room for a line and its structured data.
    pub fn texts(&self) -> RefMut<'_, (Vec<u8>, Vec<u8>)> {
        self.texts.borrow_mut()
    }

    /// Hands over what was gathered; forgets sinks that nobody sends to any more.
    pub fn flush(&self) {
        let mut list = self.list.borrow_mut();
        list.iter().for_each(|(_, _, batch)| batch.flush());
        list.retain(|(_, sink, _)| sink.strong_count() > 0);
    }

    fn line(&self, sink: &Arc<Sink>, write: impl FnOnce(&mut Vec<u8>)) {
        let mut list = self.list.borrow_mut();
        let place = list.iter().position(|(number, ..)| *number == sink.number).unwrap_or_else(|| {
            list.push((sink.number, Arc::downgrade(sink), LogBatch::new(sink.sender.clone())));
            list.len() - 1
        });
        if let Some((_, _, batch)) = list.get(place) {
            batch.line(write);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_so_many_lines_some_are_sent() {
        let sampling = Sampling { of: 5, ranges: vec![(1, 1), (3, 4)], next: AtomicU32::new(0) };
        let taken: Vec<_> = (0..10).map(|_| sampling.takes()).collect();
        assert_eq!(taken[..5], [true, false, true, true, false]);
        assert_eq!(taken[5..], taken[..5]);
    }
}
