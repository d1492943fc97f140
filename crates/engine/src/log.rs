//! The access log: lines are gathered by each worker, pass through a bounded queue and are written by one thread.
//!
//! A reader that does not read, or a full disk, costs lines (which are counted), never a request.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::logdatagram::Datagrams;
use crate::logtarget::{Target, Written};
use crate::notice::Notices;
use crate::wire::NoticeLevel;

/// Batches in flight; each is at most a little over [`BATCH_BYTES`].
const QUEUE: usize = 256;
const BATCH_BYTES: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_millis(300);

/// Milliseconds between two complaints about the target.
const QUIET_MS: u64 = 10_000;

enum Message {
    /// There is a new target.
    Look,
    Done(SyncSender<()>),
    Lines {
        bytes: Vec<u8>,
        count: u64,
    },
}

/// Where workers send their lines.
#[derive(Clone)]
pub struct LogSender {
    queue: SyncSender<Message>,
    shared: Arc<Shared>,
}

struct Shared {
    what: &'static str,
    dropped: Arc<AtomicU64>,
    /// Where lines go from the next message on.
    target: Mutex<Option<String>>,
}

/// Lines of one worker that have not left yet.
pub struct LogBatch {
    sender: LogSender,
    lines: RefCell<(Vec<u8>, u64)>,
}

/// Starts the writing thread of what is called so; it ends when nobody can send it lines any more.
pub fn start(what: &'static str, notices: Notices, dropped: Arc<AtomicU64>) -> io::Result<LogSender> {
    let (queue, messages) = sync_channel(QUEUE);
    let shared = Arc::new(Shared { what, dropped, target: Mutex::default() });
    let writers = Arc::clone(&shared);
    std::thread::Builder::new()
        .name(what.replace(' ', "-"))
        .spawn(move || write(&messages, &writers, &notices))?;
    Ok(LogSender { queue, shared })
}

impl LogSender {
    /// From now on lines go there; a file is opened again, so that it can be rotated.
    pub fn target(&self, target: &str) {
        *self.shared.target.lock() = Some(target.to_owned());
        // A full queue holds a message already, and whoever stalls its reader must not stall this thread.
        let _ = self.queue.try_send(Message::Look);
    }

    /// Waits until what was sent is written, but not for a reader that does not read.
    pub fn finish(&self) {
        let (done, written) = sync_channel(1);
        if self.queue.try_send(Message::Done(done)).is_ok() {
            let _ = written.recv_timeout(PATIENCE);
        }
    }

    /// Lines lost so far.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl LogBatch {
    /// Sends to this queue.
    pub fn new(sender: LogSender) -> Self {
        Self { sender, lines: RefCell::default() }
    }

    /// Adds one line; `write` appends it with its LF.
    pub fn line(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = self.lines.borrow_mut();
        write(&mut lines.0);
        lines.1 += 1;
        let full = lines.0.len() >= BATCH_BYTES;
        drop(lines);
        if full {
            self.flush();
        }
    }

    /// Sends what was gathered.
    pub fn flush(&self) {
        let (bytes, count) = self.lines.take();
        if count > 0 && self.sender.queue.try_send(Message::Lines { bytes, count }).is_err() {
            self.sender.shared.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }
}

fn write(messages: &Receiver<Message>, shared: &Shared, notices: &Notices) {
    let clock = Clock::start();
    let mut writer = Writer { shared, notices, target: None, quiet_until: 0 };
    while let Ok(message) = messages.recv() {
        let now = clock.millis();
        writer.turn(now);
        match message {
            Message::Look => {}
            Message::Done(done) => {
                let _ = done.try_send(());
            }
            Message::Lines { bytes, count } => writer.write(&bytes, count, now),
        }
    }
}

/// A file or a server.
enum Outlet {
    File(Target),
    Server(Datagrams),
}

struct Writer<'a> {
    shared: &'a Shared,
    notices: &'a Notices,
    /// None: nobody wants lines.
    target: Option<Outlet>,
    quiet_until: u64,
}

impl Writer<'_> {
    /// Takes over a new target; one that is open already stays as it is.
    fn turn(&mut self, now: u64) {
        let Some(name) = self.shared.target.lock().take() else { return };
        if self.target.as_ref().is_some_and(|target| target.is(&name)) {
            return;
        }
        let lost = self.target.take().map_or(0, Outlet::close);
        self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
        self.target = (name != "none").then(|| Outlet::new(&name));
        self.open(now);
    }

    fn write(&mut self, bytes: &[u8], count: u64, now: u64) {
        self.open(now);
        let Some(target) = &mut self.target else { return };
        let written = if target.is_open() {
            target.write(bytes, || self.shared.target.lock().is_none())
        } else {
            Written { lost: count, error: None }
        };
        self.shared.dropped.fetch_add(written.lost, Ordering::Relaxed);
        if let Some(error) = written.error {
            self.complain("written to", &error, now);
        }
    }

    fn open(&mut self, now: u64) {
        if let Some(Err(error)) = self.target.as_mut().map(|target| target.open(now)) {
            self.complain("opened", &error, now);
        }
    }

    /// Lines are lost, not requests; once in a while it is told why.
    fn complain(&mut self, what: &str, error: &io::Error, now: u64) {
        if now >= self.quiet_until {
            self.quiet_until = now + QUIET_MS;
            let name = self.target.as_ref().map_or("", Outlet::name);
            self.notices.say(
                NoticeLevel::Error,
                format!("the {} {name} cannot be {what}: {error}", self.shared.what),
            );
        }
    }
}

impl Outlet {
    fn new(name: &str) -> Self {
        if Datagrams::is_named(name) {
            Self::Server(Datagrams::new(name))
        } else {
            Self::File(Target::new(name))
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::File(file) => file.name(),
            Self::Server(server) => server.name(),
        }
    }

    fn is(&self, name: &str) -> bool {
        match self {
            Self::File(file) => file.is(name),
            Self::Server(server) => server.name() == name,
        }
    }

    fn is_open(&self) -> bool {
        match self {
            Self::File(file) => file.is_open(),
            Self::Server(server) => server.is_open(),
        }
    }

    fn open(&mut self, now: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.open(now),
            Self::Server(server) => server.open(now),
        }
    }

    fn write(&mut self, bytes: &[u8], patient: impl Fn() -> bool) -> Written {
        match self {
            Self::File(file) => file.write(bytes, patient),
            Self::Server(server) => server.write(bytes, patient),
        }
    }

    fn close(self) -> u64 {
        match self {
            Self::File(file) => file.close(),
            Self::Server(_) => 0,
        }
    }
}
