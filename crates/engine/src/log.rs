//! The access log: lines are gathered by each worker, pass through a bounded queue and are written by one thread.
//!
//! A reader that does not read, or a full disk, costs lines (which are counted), never a request.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;

use crate::notice::Notices;
use crate::wire::{AccessLog, NoticeLevel};

/// Batches in flight; each is at most a little over [`BATCH_BYTES`].
const QUEUE: usize = 256;
const BATCH_BYTES: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_millis(300);

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

#[derive(Default)]
struct Shared {
    dropped: AtomicU64,
    /// Where lines go from the next message on.
    target: Mutex<Option<AccessLog>>,
}

/// Lines of one worker that have not left yet.
pub struct LogBatch {
    sender: LogSender,
    lines: RefCell<(Vec<u8>, u64)>,
}

/// Starts the writing thread.
pub fn start(notices: Notices) -> io::Result<LogSender> {
    let (queue, messages) = sync_channel(QUEUE);
    let shared = Arc::new(Shared::default());
    let writers = Arc::clone(&shared);
    std::thread::Builder::new()
        .name("access-log".into())
        .spawn(move || write(&messages, &writers, &notices))?;
    Ok(LogSender { queue, shared })
}

impl LogSender {
    /// From now on lines go there; a file is opened again, so that it can be rotated.
    pub fn target(&self, target: &AccessLog) {
        *self.shared.target.lock() = Some(target.clone());
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
    let mut out: Option<Output> = None;
    while let Ok(message) = messages.recv() {
        let target = shared.target.lock().take();
        if let Some(target) = target {
            out = open(&target, notices);
        }
        match message {
            Message::Look => {}
            Message::Done(done) => {
                let _ = done.try_send(());
            }
            Message::Lines { bytes, count } => {
                if out.as_mut().is_some_and(|out| out.write(&bytes).is_err()) {
                    shared.dropped.fetch_add(count, Ordering::Relaxed);
                }
            }
        }
    }
}

/// A file that cannot be opened loses lines, not requests, and is told about.
fn open(target: &AccessLog, notices: &Notices) -> Option<Output> {
    match target.target.as_str() {
        "none" => None,
        "stdout" => Some(Output::Stdout),
        path => match OpenOptions::new().create(true).append(true).open(path) {
            Ok(file) => Some(Output::File(file)),
            Err(error) => {
                notices.say(NoticeLevel::Error, format!("the access log {path} cannot be opened: {error}"));
                Some(Output::Nowhere)
            }
        },
    }
}

enum Output {
    /// Lines are counted as lost.
    Nowhere,
    Stdout,
    File(File),
}

impl Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Nowhere => Err(io::ErrorKind::NotFound.into()),
            Self::Stdout => io::stdout().lock().write_all(bytes).and_then(|()| io::stdout().lock().flush()),
            Self::File(file) => file.write_all(bytes),
        }
    }
}
