//! The control channel: one control plane at a time, served by threads that no request ever waits for.
//!
//! A control plane that hangs blocks only the thread that writes to it; what cannot be told is dropped and counted.

mod channel;
mod housekeeping;
mod plane;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

use parking_lot::Mutex;
use plane::{Answer, Plane};

use crate::wire::Event;

/// Events that wait while the control plane does not read.
const EVENTS: usize = 1024;

/// What the thread that writes to the current control plane is given.
type Outgoing = Sender<Answer>;

/// Serves control planes on a unix socket until told to stop; returns when the process may exit.
pub fn serve(path: &Path) -> io::Result<()> {
    let listener = bind(path)?;
    let (events, told) = sync_channel(EVENTS);
    let plane = Arc::new(Plane::new(events, path.to_owned())?);
    housekeeping::start(Arc::clone(&plane))?;
    let current: Arc<Mutex<Option<(UnixStream, Outgoing)>>> = Arc::default();
    let writer = Arc::clone(&current);
    std::thread::Builder::new().name("events".into()).spawn(move || tell(&told, &writer))?;
    loop {
        let (stream, _) = listener.accept()?;
        let (plane, current) = (Arc::clone(&plane), Arc::clone(&current));
        std::thread::Builder::new().name("control".into()).spawn(move || {
            // The control plane ended or broke the contract: traffic goes on, the next one is welcome.
            let _ = attend(&plane, &stream, &current);
        })?;
    }
}

/// The socket is for its owner only; a stale one of an earlier process is replaced.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener
}

/// Reads requests of one control plane and has them answered in order.
fn attend(
    plane: &Plane,
    stream: &UnixStream,
    current: &Mutex<Option<(UnixStream, Outgoing)>>,
) -> io::Result<()> {
    let (outgoing, answers) = channel::<Answer>();
    let writing = stream.try_clone()?;
    std::thread::Builder::new().name("answers".into()).spawn(move || write_all(&writing, &answers))?;
    while let Some(frame) = channel::read(stream)? {
        let handled = plane.handle(&frame.body, frame.descriptors);
        if handled.greeted {
            take_over(stream, &outgoing, current)?;
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

/// A newer control plane replaces an older one.
fn take_over(
    stream: &UnixStream,
    outgoing: &Outgoing,
    current: &Mutex<Option<(UnixStream, Outgoing)>>,
) -> io::Result<()> {
    let before = current.lock().replace((stream.try_clone()?, outgoing.clone()));
    if let Some((old, _)) = before {
        let _ = old.shutdown(std::net::Shutdown::Both);
    }
    Ok(())
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

/// Passes events on to the current control plane, if there is one.
fn tell(events: &Receiver<Event>, current: &Mutex<Option<(UnixStream, Outgoing)>>) {
    while let Ok(event) = events.recv() {
        let Ok(body) = serde_json::to_vec(&event) else { continue };
        if let Some((_, outgoing)) = current.lock().as_ref() {
            let _ = outgoing.send(Answer { body, descriptors: Vec::new() });
        }
    }
}
