//! What the control plane may do: hand over sockets, apply and patch snapshots, ask for numbers, drain, stop.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::mpsc::unbounded_channel;

use super::channel::MAX_DESCRIPTORS;
use super::listening::listen;
use super::memory::Memory;
use crate::capacity::{Capacity, Stance};
use crate::clock::Clock;
use crate::doors::Doors;
use crate::ending::Who;
use crate::lines::Sinks;
use crate::log;
use crate::notice::Notices;
use crate::rules::ProcessVariables;
use crate::sessions::Which;
use crate::stats::{ProcessCounters, clear, restore, stats};
use crate::tables::{Backend, Built, Context, Parting, Published, Refusal, Slots, Tables, change};
use crate::tls::Tickets;
use crate::wire::{
    self, Apply, Event, Reply, Request, ServerPatch, ServerState, SessionsAction, Snapshot, WireError,
};
use crate::worker::{self, Command, Commands, Shared};

/// How long a worker may take to say what is in progress.
const ANSWERS: Duration = Duration::from_millis(500);

/// How long the workers may take to hand over the last lines of the access log.
const LAST_LINES: Duration = Duration::from_millis(300);

/// The process as the control plane sees it.
pub struct Plane {
    /// Shared with the workers.
    pub shared: Arc<Shared>,
    /// When draining must end, in milliseconds on the shared clock; 0: not draining.
    pub drain_until: AtomicU64,
    socket_path: PathBuf,
    tickets: Arc<Tickets>,
    /// Its limit holds before the first connection is taken.
    pub(super) memory: Mutex<Memory>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    slots: Arc<Slots>,
    pub(super) sockets: BTreeMap<String, Vec<OwnedFd>>,
    pub(super) listening: Vec<String>,
    pub(super) workers: Vec<Commands>,
}

/// A frame that goes out.
pub struct Answer {
    /// JSON.
    pub body: Vec<u8>,
    /// What travels with it.
    pub descriptors: Vec<OwnedFd>,
}

/// What came of a request.
pub struct Handled {
    /// Goes back.
    pub answer: Answer,
    /// It was a hello: this connection is the control plane now.
    pub greeted: bool,
    /// Exit once the answer has left.
    pub stop: bool,
}

impl Plane {
    /// A process without a snapshot.
    pub fn new(events: SyncSender<Event>, socket_path: PathBuf) -> io::Result<Self> {
        let notices = Notices::new(events);
        let shared = Shared {
            tables: Published::new(),
            clock: Clock::start(),
            process: ProcessCounters::default(),
            stance: Stance::default(),
            capacity: Capacity::default(),
            doors: Doors::default(),
            log: log::start("access log", notices.clone(), Arc::default())?,
            sinks: Sinks::new(notices.clone()),
            notices,
            refused: crate::refused::Refused::default(),
            variables: ProcessVariables::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            drain_until: AtomicU64::new(0),
            socket_path,
            tickets: Tickets::new().map_err(|error| io::Error::other(error.to_string()))?,
            memory: Mutex::default(),
            state: Mutex::default(),
        })
    }

    /// Carries out one request.
    pub fn handle(&self, body: &[u8], descriptors: Vec<OwnedFd>) -> Handled {
        if let Ok(Apply { id, snapshot, salvage, .. }) = serde_json::from_slice(body) {
            let applied = understand(snapshot).and_then(|snapshot| self.apply(snapshot, salvage));
            return Handled::plain(&outcome(id, applied));
        }
        let request = match serde_json::from_slice::<Request>(body) {
            Ok(request) => request,
            Err(error) => {
                // Even a frame that is not understood is answered by its number, if it has one.
                let id = serde_json::from_slice::<serde_json::Value>(body).ok();
                let id = id.and_then(|value| value.get("id")?.as_u64()).unwrap_or(0);
                return Handled::plain(&failed(id, "frame", error.to_string()));
            }
        };
        let (mut greeted, mut stop) = (false, false);
        let reply = match request {
            Request::Hello { id, protocol, .. } if protocol != wire::PROTOCOL => {
                failed(id, "protocol", format!("found {protocol}, expected {}", wire::PROTOCOL))
            }
            Request::Hello { id, .. } => {
                greeted = true;
                self.welcome(id)
            }
            Request::SetSockets { id, address, count } => self.set_sockets(id, address, count, descriptors),
            Request::GetSockets { id, address } => return self.get_sockets(id, &address),
            Request::Patch { id, generation, servers } => outcome(id, self.patch(generation, &servers)),
            Request::Stop { id } => {
                stop = true;
                done(id)
            }
            other => self.look_or_change(other),
        };
        Handled { greeted, stop, ..Handled::plain(&reply) }
    }

    /// What needs neither descriptors nor an end: figures, lists, tables, sessions.
    fn look_or_change(&self, request: Request) -> Reply {
        let tables = self.shared.tables.latest();
        let tables = tables.as_deref();
        match request {
            Request::GetStats { id } => {
                let threads = self.state.lock().workers.len();
                Reply::Stats { id, ok: true, stats: Box::new(stats(tables, &self.shared, threads)) }
            }
            Request::Restore { id, stats } => {
                // Two that add at once would lose some.
                let _alone = self.state.lock();
                if let Some(tables) = tables {
                    restore(&stats, tables, &self.shared);
                }
                done(id)
            }
            Request::ClearCounters { id, everything } => {
                let _alone = self.state.lock();
                if let Some(tables) = tables {
                    clear(tables, everything);
                }
                done(id)
            }
            Request::List(asked) => super::live_lists::list(asked, tables),
            Request::Table(asked) => super::stick_tables::table(&asked, &self.shared),
            Request::Sessions { id, action, backend, server, session } => {
                self.sessions(id, action, (&backend, &server), session)
            }
            Request::Variable(asked) => super::answers::variable(&asked, tables, &self.shared),
            Request::GetRefused { id } => super::answers::refused(id, &self.shared),
            Request::Drain { id, deadline, close_idle } => {
                self.drain(deadline, close_idle);
                done(id)
            }
            Request::Hello { id, .. }
            | Request::SetSockets { id, .. }
            | Request::GetSockets { id, .. }
            | Request::Patch { id, .. }
            | Request::Stop { id } => done(id),
        }
    }

    fn welcome(&self, id: u64) -> Reply {
        let tables = self.shared.tables.latest();
        let state = self.state.lock();
        let server_state = |backend: &Arc<Backend>| -> Vec<ServerState> {
            let states = backend.servers.iter().map(|server| ServerState {
                backend: backend.spec.name.clone(),
                server: server.name.clone(),
                weight: server.state.weight(),
                admin: server.state.admin(),
                health: server.state.health(),
            });
            states.collect()
        };
        Reply::Welcome {
            id,
            ok: true,
            protocol: wire::PROTOCOL,
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            threads: state.workers.len(),
            generation: tables.as_ref().map_or(0, |tables| tables.generation.load(Ordering::Relaxed)),
            listeners: state.sockets.keys().cloned().collect(),
            servers: tables.iter().flat_map(|tables| &tables.backends).flat_map(server_state).collect(),
        }
    }

    fn set_sockets(&self, id: u64, address: String, count: usize, descriptors: Vec<OwnedFd>) -> Reply {
        if descriptors.len() != count || count == 0 || count > MAX_DESCRIPTORS {
            let reason = format!("{} descriptors came with a frame that names {count}", descriptors.len());
            return failed(id, "count", reason);
        }
        self.state.lock().sockets.insert(address, descriptors);
        done(id)
    }

    fn get_sockets(&self, id: u64, address: &str) -> Handled {
        let state = self.state.lock();
        let copies =
            state.sockets.get(address).map(|sockets| sockets.iter().map(OwnedFd::try_clone).collect());
        match copies {
            Some(Ok::<Vec<_>, _>(descriptors)) => {
                let mut handled = Handled::plain(&Reply::Sockets { id, ok: true, count: descriptors.len() });
                handled.answer.descriptors = descriptors;
                handled
            }
            Some(Err(error)) => Handled::plain(&failed(id, "address", error.to_string())),
            None => Handled::plain(&failed(id, "address", format!("no sockets are held for {address}"))),
        }
    }

    /// Replaces the tables, or changes nothing: what could fail comes first.
    fn apply(&self, snapshot: Snapshot, salvage: bool) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let old = self.shared.tables.latest();
        let threads = if state.workers.is_empty() { snapshot.threads } else { state.workers.len() };
        let shares = state.shares(&snapshot, threads)?;
        let sockets = |address: &str| state.sockets.contains_key(address);
        let context = Context {
            threads,
            slots: &state.slots,
            clock: self.shared.clock,
            sockets: &sockets,
            sinks: Some(&self.shared.sinks),
            tickets: Some(&self.tickets),
            salvage: salvage.then_some(&self.shared.notices),
        };
        let Built { tables, retired, changes, fallen, variables } =
            Built::new(snapshot, old.as_deref(), &context)?;
        let tables = Arc::new(tables);
        if old.is_none() {
            for (which, value) in variables {
                self.shared.variables.set(which.key, value);
            }
        }
        start_workers(&mut state, threads, &self.shared, &tables)?;
        self.shared.log.target(&tables.access_log.target);
        self.shared.sinks.look();
        self.shared.tables.publish(Arc::clone(&tables));
        let now = self.shared.clock.millis();
        for (backend, index, server) in changes {
            let wanted = (Some(server.weight), Some(server.admin), Some(server.health));
            state.part(&change(&backend, index, wanted, now));
        }
        state.part(&fallen);
        for backend in retired {
            super::housekeeping::tell_events(&self.shared, &backend, now);
            backend.group.retire();
        }
        self.memory.lock().look(&self.shared, &tables, true);
        listen(&mut state, &tables, &self.shared.doors, shares);
        Ok(())
    }

    fn patch(&self, generation: u64, servers: &[ServerPatch]) -> Result<(), Refusal> {
        let state = self.state.lock();
        let Some(tables) = self.shared.tables.latest() else {
            return Err(Refusal { path: "generation".into(), reason: "no snapshot was applied yet".into() });
        };
        let mut places = Vec::with_capacity(servers.len());
        for (index, patch) in servers.iter().enumerate() {
            let place = tables
                .backend(&patch.backend)
                .and_then(|backend| Some((Arc::clone(backend), backend.server_named(&patch.server)?)));
            let Some(place) = place.filter(|_| patch.weight.is_none_or(|weight| weight <= 256)) else {
                let reason = format!("no server {}/{}, or a weight above 256", patch.backend, patch.server);
                return Err(Refusal { path: format!("servers[{index}]"), reason });
            };
            places.push(place);
        }
        let now = self.shared.clock.millis();
        for ((backend, index), patch) in places.into_iter().zip(servers) {
            state.part(&change(&backend, index, (patch.weight, patch.admin, patch.health), now));
        }
        tables.generation.store(generation, Ordering::Relaxed);
        Ok(())
    }

    fn sessions(
        &self,
        id: u64,
        action: SessionsAction,
        (backend, server): (&str, &str),
        session: u64,
    ) -> Reply {
        if action == SessionsAction::Show {
            let sessions = self.ask(Command::Sessions).into_iter().flatten().collect();
            return Reply::Sessions { id, ok: true, closed: 0, sessions };
        }
        let tables = self.shared.tables.latest();
        let serial = tables.as_deref().and_then(|tables| {
            let backend = tables.backend(backend)?;
            Some(backend.servers.get(backend.server_named(server)?)?.slot.serial)
        });
        let which = if session > 0 { Some(Which::Number(session)) } else { serial.map(Which::Server) };
        let closed = which.map_or(0, |which| {
            let end = |answer| Command::EndSessions(which, Who::Killed, Some(answer));
            self.ask(end).into_iter().sum()
        });
        Reply::Sessions { id, ok: true, closed, sessions: Vec::new() }
    }

    /// What the workers answer; one that is too busy to is left out.
    fn ask<T>(&self, command: impl Fn(SyncSender<T>) -> Command) -> Vec<T> {
        let workers = {
            let state = self.state.lock();
            // Room for all of them: no worker waits for whoever asks.
            let (answer, answers) = sync_channel(state.workers.len());
            state.command(|| command(answer.clone()));
            answers
        };
        std::iter::from_fn(|| workers.recv_timeout(ANSWERS).ok()).collect()
    }

    fn drain(&self, deadline: u64, close_idle: bool) {
        let mut state = self.state.lock();
        self.shared.stance.drain();
        for address in std::mem::take(&mut state.listening) {
            state.command(|| Command::Unlisten(address.clone()));
        }
        state.sockets.clear();
        if close_idle {
            state.command(|| Command::CloseIdle);
        }
        let until = self.shared.clock.millis().saturating_add(deadline.max(1));
        self.drain_until.store(until, Ordering::Relaxed);
    }

    /// Ends the process once the other side has read the answer and closed, or soon.
    pub fn exit_when_told(&self, stream: &UnixStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        let _ = super::channel::read(stream);
        self.exit();
    }

    /// Ends the process.
    pub fn exit(&self) -> ! {
        let (done, flushed) = sync_channel(0);
        self.state.lock().command(|| Command::FlushLog(done.clone()));
        drop(done);
        // It ends when every worker has dropped its sender; one that hangs is not waited for.
        let _ = flushed.recv_timeout(LAST_LINES);
        self.shared.log.finish();
        self.shared.sinks.finish();
        // A newer process may have replaced the socket; removing a path that is not ours would cut it off.
        if !self.shared.stance.is_draining() {
            let _ = std::fs::remove_file(&self.socket_path);
        }
        std::process::exit(0)
    }
}

/// All of them or none; those that were started end when nobody can command them.
fn start_workers(
    state: &mut State,
    threads: usize,
    shared: &Arc<Shared>,
    tables: &Arc<Tables>,
) -> Result<(), Refusal> {
    if !state.workers.is_empty() {
        return Ok(());
    }
    let start = |index| {
        let (commands, received) = unbounded_channel();
        worker::start(index, Arc::clone(shared), Arc::clone(tables), received)?;
        Ok(commands)
    };
    let started: io::Result<Vec<Commands>> = (0..threads).map(start).collect();
    state.workers = started.map_err(|error| Refusal { path: "threads".into(), reason: error.to_string() })?;
    Ok(())
}

impl State {
    /// Ends what has to end.
    fn part(&self, partings: &[Parting]) {
        for parting in partings {
            self.command(|| match *parting {
                Parting::Close(serial) => Command::CloseServer(serial),
                Parting::End(serial, who) => Command::EndSessions(Which::Server(serial), who, None),
            });
        }
    }

    /// Tells every worker the same.
    fn command(&self, command: impl Fn() -> Command) {
        for worker in &self.workers {
            let _ = worker.send(command());
        }
    }
}

impl Handled {
    fn plain(reply: &Reply) -> Self {
        let body = serde_json::to_vec(reply).unwrap_or_default();
        Self { answer: Answer { body, descriptors: Vec::new() }, greeted: false, stop: false }
    }
}

/// The snapshot as it is meant, or the place of the first thing that is not in the contract.
pub(super) fn understand(snapshot: &RawValue) -> Result<Snapshot, Refusal> {
    let mut json = serde_json::Deserializer::from_str(snapshot.get());
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| Refusal { path: error.path().to_string(), reason: error.into_inner().to_string() })
}

fn outcome(id: u64, result: Result<(), Refusal>) -> Reply {
    match result {
        Ok(()) => done(id),
        Err(refusal) => failed(id, refusal.path, refusal.reason),
    }
}

fn done(id: u64) -> Reply {
    Reply::Done { id, ok: true }
}

pub(super) fn failed(id: u64, path: impl Into<String>, reason: impl Into<String>) -> Reply {
    Reply::Failed { id, ok: false, error: WireError { path: path.into(), reason: reason.into() } }
}
