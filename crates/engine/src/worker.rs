//! A worker: one thread with its own runtime, connections, pools and timers, sharing only what must be shared.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::TcpListener as StdListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::task::Waker;
use std::time::Duration;

use tenbin_balance::Health;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::{AbortHandle, spawn_local, yield_now};

use crate::buffer::{Buffer, TUNNEL_BYTES};
use crate::capacity::{Capacity, RELIEF, Relief, Stance, Want};
use crate::clock::{Clock, wall_seconds};
use crate::deadline::{Deadlines, TICK_MS};
use crate::doors::{Door, Doors};
use crate::ending::Who;
use crate::flow::Presses;
use crate::http::Exchange;
use crate::lines::{Batches, Dates, Sinks};
use crate::listener::{Place, accept};
use crate::log::{LogBatch, LogSender};
use crate::sessions::{Sessions, Which};
use crate::spares::Spares;
use crate::splice::Pipes;
use crate::stats::ProcessCounters;
use crate::tables::{Followed, Held, Published, Server, Tables};
use crate::turns::Turns;
use crate::upstream::Pools;
use crate::wire::Session;

/// What all threads share.
pub struct Shared {
    /// The tables in force.
    pub tables: Published,
    /// One clock for all.
    pub clock: Clock,
    /// Counted over the process.
    pub process: ProcessCounters,
    /// Whether work is taken as always.
    pub stance: Stance,
    /// Descriptors and memory.
    pub capacity: Capacity,
    /// Sockets that are accepted on.
    pub doors: Doors,
    /// Takes access-log lines.
    pub log: LogSender,
    /// Take the lines of frontends that have their own.
    pub sinks: Sinks,
    /// Tells the control plane something.
    pub notices: crate::notice::Notices,
    /// Messages that could not be read.
    pub refused: crate::refused::Refused,
    /// Of the scope `proc`.
    pub variables: crate::rules::ProcessVariables,
}

/// What the control thread tells a worker.
pub enum Command {
    /// Accept on these sockets.
    Listen(String, Vec<(StdListener, Door)>),
    /// Stop accepting there.
    Unlisten(String),
    /// Close idle connections now.
    CloseIdle,
    /// Close every connection to the server with this serial.
    CloseServer(u64),
    /// Tell what is in progress.
    Sessions(SyncSender<Vec<Session>>),
    /// End some of what is in progress, for this reason, and say how many if somebody asks.
    EndSessions(Which, Who, Option<SyncSender<u64>>),
    /// Hand over the lines of the access log; dropping the sender says that it is done.
    FlushLog(SyncSender<()>),
}

/// One thread's state; lives on that thread.
pub struct Worker {
    /// 0 and up.
    pub index: usize,
    /// Shared with the other threads.
    pub shared: Arc<Shared>,
    /// Coarse timers.
    pub deadlines: Rc<Deadlines>,
    /// Idle server connections.
    pub pools: Pools,
    /// Pipes for tunnels that carry much.
    pub pipes: Pipes,
    /// Make answers smaller.
    pub presses: Presses,
    /// For handshakes, whose arithmetic takes long.
    pub turns: Rc<Turns>,
    /// Lines for the access log that have not left yet.
    pub log: LogBatch,
    /// The same for frontends that have their own lines.
    pub batches: Batches,
    /// Dates as lines tell them.
    pub dates: RefCell<Dates>,
    /// Moves on when idle connections are to be closed.
    pub idle_epoch: Cell<u64>,
    /// What is in progress.
    pub sessions: Rc<Sessions>,
    /// The clock, when somebody looked last.
    seen_us: Cell<u64>,
    date: Cell<u32>,
    relief: Relief,
    /// Connections that were turned away and are still read from.
    pub farewells: Cell<usize>,
    tables: Followed,
    exchanges: Spares<Box<Exchange>>,
    attached: RefCell<HashMap<u64, Vec<Attachment>>>,
    buffers: Spares<Buffer>,
}

/// A connection that must end when its server goes down.
pub struct Attachment {
    cut: Rc<Cell<bool>>,
    waker: Rc<RefCell<Option<Waker>>>,
}

impl Attachment {
    fn lives(&self) -> bool {
        Rc::strong_count(&self.cut) > 1
    }

    /// Ends it.
    pub fn cut(&self) {
        self.cut.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// A connection's side of an [`Attachment`].
#[derive(Default)]
pub struct Cut {
    cut: Rc<Cell<bool>>,
    waker: Rc<RefCell<Option<Waker>>>,
}

/// How long a connection to a server must have been idle to be given back for a client.
const IDLE_MS: u64 = 1_000;

/// Exchanges kept for reuse by a worker; more are freed.
const SPARE_EXCHANGES: usize = 1024;

/// Tunnel buffers kept for reuse by a worker.
const SPARE_BUFFERS: usize = 64;

/// Starts a worker's thread, with tables that are or are about to be in force. It ends when nobody can send it commands
/// any more.
pub fn start(
    index: usize,
    shared: Arc<Shared>,
    tables: Arc<Tables>,
    commands: UnboundedReceiver<Command>,
) -> std::io::Result<()> {
    let version = shared.tables.version();
    let thread = std::thread::Builder::new().name(format!("worker-{index}"));
    thread.spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => runtime.block_on(Worker::new(index, shared, (tables, version)).run(commands)),
            // Sockets that nobody accepts on would be worse than a process that is started again.
            Err(_) => std::process::abort(),
        }
    })?;
    Ok(())
}

/// Commands to a worker.
pub type Commands = UnboundedSender<Command>;

impl Worker {
    fn new(index: usize, shared: Arc<Shared>, (tables, version): (Arc<Tables>, u64)) -> Rc<Self> {
        let log = LogBatch::new(shared.log.clone());
        let deadlines = Rc::new(Deadlines::default());
        deadlines.tick(shared.clock.millis());
        Rc::new(Self {
            index,
            shared,
            deadlines,
            seen_us: Cell::default(),
            date: Cell::new(wall_seconds()),
            pools: Pools::default(),
            pipes: Pipes::default(),
            presses: Presses::default(),
            turns: Rc::default(),
            log,
            batches: Batches::default(),
            dates: RefCell::new(Dates::here()),
            idle_epoch: Cell::new(0),
            sessions: Rc::default(),
            relief: Relief::default(),
            farewells: Cell::new(0),
            tables: Followed::new(tables, version),
            exchanges: Spares::new(SPARE_EXCHANGES),
            attached: RefCell::default(),
            buffers: Spares::new(SPARE_BUFFERS),
        })
    }

    async fn run(self: Rc<Self>, mut commands: UnboundedReceiver<Command>) {
        spawn_local(Rc::clone(&self).tick());
        let mut accepting: HashMap<String, Vec<AbortHandle>> = HashMap::new();
        while let Some(command) = commands.recv().await {
            match command {
                Command::Listen(address, sockets) => {
                    let place = Rc::new(Place::new(address.clone()));
                    let task = |socket| spawn_local(accept(Rc::clone(&self), Rc::clone(&place), socket));
                    let tasks = sockets.into_iter().map(|socket| task(socket).abort_handle()).collect();
                    accepting.insert(address, tasks);
                }
                Command::Unlisten(address) => {
                    for task in accepting.remove(&address).unwrap_or_default() {
                        task.abort();
                    }
                }
                Command::CloseIdle => self.close_idle(),
                Command::CloseServer(serial) => self.cut(serial),
                Command::Sessions(answer) => {
                    let now = self.shared.clock.micros();
                    let _ = answer.send(self.sessions.show(&self.tables(), now));
                }
                Command::EndSessions(which, who, answer) => {
                    let ended = self.sessions.end(which, who);
                    if ended > 0 {
                        self.deadlines.wake_all();
                    }
                    let _ = answer.map(|answer| answer.send(ended));
                }
                Command::FlushLog(_done) => self.flush_log(),
            }
        }
    }

    /// Time moves, timers fire, idle server connections are looked after, log lines leave.
    async fn tick(self: Rc<Self>) {
        let mut interval = tokio::time::interval(Duration::from_millis(TICK_MS));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count = 0_u64;
        loop {
            interval.tick().await;
            let now = self.now_ms();
            self.date.set(wall_seconds());
            self.deadlines.tick(now);
            let mut from = Some(0);
            while let Some(slot) = from {
                from = self.deadlines.wake_due(slot);
                if from.is_some() {
                    yield_now().await;
                }
            }
            self.flush_log();
            self.relieve(now);
            count += 1;
            if count.is_multiple_of(1000 / TICK_MS) {
                if self.shared.capacity.severe.load(Ordering::Relaxed) {
                    self.close_idle();
                }
                self.tables();
                self.pools.sweep(self.index, now);
                self.attached.borrow_mut().retain(|_, list| list.iter().any(Attachment::lives));
                self.exchanges.look();
                self.buffers.look();
                self.presses.look();
            }
        }
    }

    fn flush_log(&self) {
        self.log.flush();
        self.batches.flush();
    }

    fn close_idle(&self) {
        self.idle_epoch.set(self.idle_epoch.get() + 1);
        self.deadlines.wake_all();
    }

    /// Gives descriptors back when somebody in the process lacks them: pipes and idle connections to servers first, and
    /// when there are none, those of the clients that have been idle for the longest.
    fn relieve(&self, now: u64) {
        let want = self.shared.capacity.want(now);
        self.pipes.fold(want != Want::None);
        let least_ms = match want {
            Want::None => return self.relief.end(),
            Want::Clients => IDLE_MS,
            Want::Servers => 0,
        };
        if self.pools.evict(self.index, now.saturating_sub(least_ms), RELIEF) == 0 && self.relief.step(now) {
            self.deadlines.wake_all();
        }
    }

    /// Whether a client that has been idle since then is closed for the sake of others.
    pub fn is_spared(&self, since: u64) -> bool {
        let spared = self.relief.takes(since);
        if spared {
            self.shared.capacity.idle_closed.fetch_add(1, Ordering::Relaxed);
        }
        spared
    }

    /// The tables in force; cheap, since this thread keeps its own reference.
    pub fn tables(&self) -> Held {
        self.tables.current(&self.shared.tables)
    }

    /// The version of what `tables` returned last.
    pub fn version(&self) -> u64 {
        self.tables.version()
    }

    /// Microseconds on the shared clock.
    pub fn micros(&self) -> u64 {
        let now = self.shared.clock.micros();
        self.seen_us.set(now);
        now
    }

    /// Milliseconds on the shared clock.
    pub fn now_ms(&self) -> u64 {
        self.micros() / 1000
    }

    /// The same as of this worker's last look: within a request, when its current phase began, or a tick ago.
    pub fn lately_ms(&self) -> u64 {
        self.seen_us.get() / 1000
    }

    /// Seconds since 1970, as of the last tick; for cookies.
    pub fn date(&self) -> u32 {
        self.date.get()
    }

    /// Buffers and state for one exchange.
    pub fn take_exchange(&self) -> Box<Exchange> {
        let size = self.tables.last().limits.buffer;
        let spare = self.exchanges.take().filter(|spare| spare.buffer_bytes == size);
        spare.unwrap_or_else(|| Box::new(Exchange::new(&self.deadlines, size)))
    }

    /// Gives them back.
    pub fn put_exchange(&self, mut exchange: Box<Exchange>) {
        exchange.reset();
        self.exchanges.put(exchange);
    }

    /// A buffer for a direction of a tunnel that has something to carry.
    pub fn take_buffer(&self) -> Buffer {
        self.buffers.take().unwrap_or_else(|| Buffer::new(TUNNEL_BYTES))
    }

    /// Gives it back.
    pub fn put_buffer(&self, mut buffer: Buffer) {
        if buffer.capacity() == TUNNEL_BYTES {
            buffer.clear();
            self.buffers.put(buffer);
        }
    }

    /// Registers a connection that ends when an operator says so or, with `falls`, when the server goes down.
    pub fn attach(&self, server: &Server, falls: bool) -> Cut {
        let cut = Cut::default();
        let mut attached = self.attached.borrow_mut();
        let list = attached.entry(server.slot.serial).or_default();
        // Now and then: looking at all of them each time would cost more the more there are.
        if list.len() >= 32 && list.len().is_power_of_two() {
            list.retain(Attachment::lives);
        }
        list.push(cut.attachment());
        // It went down while the connection was opened: the command to cut has come and gone.
        cut.cut.set(falls && server.state.health() == Health::Down);
        cut
    }

    fn cut(&self, serial: u64) {
        self.pools.close(serial, self.index);
        for attachment in self.attached.borrow_mut().remove(&serial).unwrap_or_default() {
            attachment.cut();
        }
    }
}

impl Cut {
    /// The side of whoever may cut it.
    pub fn attachment(&self) -> Attachment {
        Attachment { cut: Rc::clone(&self.cut), waker: Rc::clone(&self.waker) }
    }

    /// Whether the connection must end; otherwise the task is woken when it must.
    pub fn poll(&self, cx: &std::task::Context<'_>) -> bool {
        if !self.cut.get() {
            self.waker.replace(Some(cx.waker().clone()));
        }
        self.cut.get()
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        // It would keep the memory of a task that has ended.
        self.waker.take();
    }
}
