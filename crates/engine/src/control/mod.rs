//! The control channel: one control plane at a time, served by threads that no request ever waits for.
//!
//! A control plane that hangs blocks only the threads that serve it; what cannot be told is dropped and counted.

mod answers;
mod channel;
mod door;
pub mod housekeeping;
mod listening;
mod live_lists;
mod memory;
pub mod offline;
mod plane;
mod stick_tables;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use door::{Door, Visitor};
use parking_lot::Mutex;
use plane::Answer;
pub use plane::Plane;

use crate::capacity;
use crate::clock::pause;
use crate::privileges::{RunAs, give_up};
use crate::wire::{Event, NoticeLevel};

/// Events that wait to be passed on.
const EVENTS: usize = 1024;

/// Answers and events that wait while a control plane does not read. Beyond that its requests wait, too.
const OUTGOING: usize = 1024;

/// How long to wait when a control plane cannot be served, mostly for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// What the thread that writes to a control plane is given.
type Outgoing = SyncSender<Answer>;

/// The connection that controls, if there is one.
type Current = Mutex<Option<Seat>>;

struct Seat {
    /// Tells connections apart.
    number: u64,
    stream: UnixStream,
    outgoing: Outgoing,
}

/// Serves control planes on a unix socket until told to stop, as this user if one is named; returns when the process may
/// exit. To be called before there is a second thread.
///
/// On a leash the process ends with its standard input, of which whoever started it holds the other end: however that
/// one ends, nothing stays behind.
pub fn serve(path: &Path, run_as: Option<&RunAs>, leash: bool) -> io::Result<()> {
    capacity::raise_descriptors();
    let door = Door::open(path)?;
    give_up(run_as)?;
    if leash {
        std::thread::Builder::new().name("leash".into()).spawn(end_with_input)?;
    }
    let (events, told) = sync_channel(EVENTS);
    let plane = Arc::new(Plane::new(events, path.to_owned())?);
    housekeeping::start(Arc::clone(&plane))?;
    let current: Arc<Current> = Arc::default();
    let (teller, seat) = (Arc::clone(&plane), Arc::clone(&current));
    std::thread::Builder::new().name("events".into()).spawn(move || tell(&told, &teller, &seat))?;
    for number in 0_u64.. {
        // Whatever is short now, traffic goes on and the control plane tries again.
        if accept(&door, number, &plane, &current).is_err() {
            pause(PAUSE);
        }
    }
    Ok(())
}

/// Waits for the end of standard input, and ends everything.
fn end_with_input() {
    // A broken one is an end, too.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    std::process::exit(0);
}

/// Waits for a control plane and serves it in a thread of its own.
fn accept(door: &Door, number: u64, plane: &Arc<Plane>, current: &Arc<Current>) -> io::Result<()> {
    let stream = match door.visitor()? {
        Visitor::Welcome(stream) => stream,
        Visitor::Stranger { uid, pid } => {
            let text = format!("process {pid} of user {uid} came to the control socket and was refused");
            plane.shared.notices.say(NoticeLevel::Warning, text);
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    };
    let (plane, current) = (Arc::clone(plane), Arc::clone(current));
    std::thread::Builder::new().name("control".into()).spawn(move || {
        let connection = Connection { number, stream, current: &current };
        // The control plane ended or broke the contract: the next one is welcome.
        let _ = attend(&plane, &connection);
    })?;
    Ok(())
}

/// A connection of a control plane; it ends for the other side, too, when it is dropped.
struct Connection<'a> {
    number: u64,
    stream: UnixStream,
    current: &'a Current,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        // The thread that writes holds the stream, too.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        self.current.lock().take_if(|seat| seat.number == self.number);
    }
}

/// Reads requests of one control plane and has them answered in order.
fn attend(plane: &Plane, connection: &Connection<'_>) -> io::Result<()> {
    let stream = &connection.stream;
    let (outgoing, answers) = sync_channel::<Answer>(OUTGOING);
    let writing = stream.try_clone()?;
    std::thread::Builder::new().name("answers".into()).spawn(move || write_all(&writing, &answers))?;
    while let Some(frame) = channel::read(stream)? {
        let handled = plane.handle(&frame.body, frame.descriptors);
        if handled.greeted {
            connection.take_over(&outgoing)?;
        }
        if outgoing.send(handled.answer).is_err() {
            break;
        }
        if handled.stop {
            // The answer leaves first; then nothing is left to do.
            drop(outgoing);
            plane.exit_when_told(stream);
            return Ok(());
        }
    }
    Ok(())
}

impl Connection<'_> {
    /// A newer control plane replaces an older one.
    fn take_over(&self, outgoing: &Outgoing) -> io::Result<()> {
        let (stream, outgoing) = (self.stream.try_clone()?, outgoing.clone());
        let before = self.current.lock().replace(Seat { number: self.number, stream, outgoing });
        if let Some(old) = before.filter(|old| old.number != self.number) {
            let _ = old.stream.shutdown(std::net::Shutdown::Both);
        }
        Ok(())
    }
}

fn write_all(stream: &UnixStream, answers: &Receiver<Answer>) {
    while let Ok(answer) = answers.recv() {
        let descriptors: Vec<_> = answer.descriptors.iter().map(AsFd::as_fd).collect();
        if channel::write(stream, &answer.body, &descriptors).is_err() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

/// Passes events on to the current control plane, if there is one that reads.
fn tell(events: &Receiver<Event>, plane: &Plane, current: &Current) {
    while let Ok(event) = events.recv() {
        let Ok(body) = serde_json::to_vec(&event) else { continue };
        let answer = Answer { body, descriptors: Vec::new() };
        let told = current.lock().as_ref().is_some_and(|seat| seat.outgoing.try_send(answer).is_ok());
        if !told {
            plane.shared.process.events_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
