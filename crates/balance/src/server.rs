//! One server: what it was told (weight, limits, states) and what it holds now, all in atomics.
//!
//! Owns the facts that outlive a snapshot. Decides nothing: which of several servers gets work is the group's
//! business, and the record of failures is written by `eject` only, under the lock of the group.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crate::group::Group;
use crate::hash::xxh64;
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Mutex};

/// What the operator wants of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Admin {
    /// Takes work.
    #[default]
    Ready,
    /// Finishes its work, takes no new work; sticky clients may stay.
    Drain,
    /// Takes nothing.
    Maint,
}

/// What checks say of a server. Only `Down` keeps work away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not checked, or not yet.
    #[default]
    Unknown,
    /// First checks under way.
    Starting,
    /// Checks pass.
    Up,
    /// Checks fail.
    Down,
}

/// nginx's passive check: `max_fails` failures within `fail_timeout_ms` keep work away for as long; then one
/// request is let through and decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passive {
    /// Failures that take the server out; 0 never does.
    pub max_fails: u32,
    /// Both the window in which failures count and the time out.
    pub fail_timeout_ms: u64,
}

/// How a server starts out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSpec {
    /// 0 to 256; 0 takes no new work.
    pub weight: u16,
    /// Used only when no other server is usable.
    pub backup: bool,
    /// Most requests (or connections) held at once; 0 = no limit.
    pub max_connections: u32,
    /// That limit while the group has little to do; 0 = it does not move.
    pub min_connections: u32,
    /// What the group holds and keeps waiting when the limit is whole.
    pub full_connections: u32,
    /// Longest queue of this server; 0 = no limit.
    pub max_queue: u32,
    /// Passive check, if wanted.
    pub passive: Option<Passive>,
    /// Time in which the weight grows to its full value after the server came back; 0 = at once.
    pub slow_start_ms: u64,
    /// What the operator wants.
    pub admin: Admin,
    /// What checks say so far.
    pub health: Health,
    /// Its number among the group's, by which HAProxy's tree places it.
    pub number: u32,
}

impl Default for ServerSpec {
    fn default() -> Self {
        Self {
            weight: 1,
            backup: false,
            max_connections: 0,
            min_connections: 0,
            full_connections: 0,
            max_queue: 0,
            passive: None,
            slow_start_ms: 0,
            admin: Admin::Ready,
            health: Health::Unknown,
            number: 0,
        }
    }
}

/// Highest weight.
pub(crate) const MAX_WEIGHT: u16 = 256;

/// Steps of slow start within one unit of weight: shares are weights times this.
pub(crate) const SHARE_PER_WEIGHT: u32 = 16;

/// A server, shared by all threads and by every snapshot in which it is the same server.
///
/// It belongs to one group at a time: the last one built with it. Leases of an older group give their slot
/// back to whichever group the server belongs to by then.
pub struct Server {
    /// Its name within the backend; hash policies place it by this.
    pub name: String,
    id: u64,
    home: Mutex<(Weak<Group>, usize)>,
    home_number: AtomicU64,
    active: AtomicU32,
    queued: AtomicU32,
    weight: AtomicU32,
    base_weight: AtomicU32,
    max_connections: AtomicU32,
    min_connections: AtomicU32,
    full_connections: AtomicU32,
    /// The limit in force.
    limit: AtomicU32,
    max_queue: AtomicU32,
    admin: AtomicU8,
    health: AtomicU8,
    backup: AtomicBool,
    max_fails: AtomicU32,
    fail_timeout_ms: AtomicU64,
    slow_start_ms: AtomicU64,
    number: AtomicU32,
    /// When slow start began, plus one; 0 when there is none.
    pub(crate) ramp_from: AtomicU64,
    pub(crate) record: Record,
    pub(crate) latency: Latency,
}

/// What requests saw of the server. Written under the lock of the group, by `eject`.
#[derive(Default)]
pub(crate) struct Record {
    /// Failures since `window_from`.
    pub fails: AtomicU32,
    pub window_from: AtomicU64,
    /// Out by the passive check until then; 0 = in.
    pub passive_until: AtomicU64,
    /// Back from the passive check, with one request to prove itself.
    pub on_trial: AtomicBool,
    /// Failures in a row.
    pub streak: AtomicU32,
    /// Out by ejection until then; 0 = in.
    pub eject_until: AtomicU64,
    /// How often it was ejected lately, and when the last one ended.
    pub times: AtomicU32,
    pub eject_ended: AtomicU64,
}

/// Moving average of latency, for `peak_ewma`: microseconds as the bits of an f64, and when it was true.
#[derive(Default)]
pub(crate) struct Latency {
    pub micros: AtomicU64,
    pub at_ms: AtomicU64,
}

impl Server {
    /// A server without a group yet.
    pub fn new(name: &str, spec: &ServerSpec) -> Self {
        let server = Self {
            name: name.to_owned(),
            id: xxh64(name.as_bytes(), 0),
            home: Mutex::new((Weak::new(), 0)),
            home_number: AtomicU64::new(0),
            active: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            weight: AtomicU32::new(0),
            base_weight: AtomicU32::new(0),
            max_connections: AtomicU32::new(0),
            min_connections: AtomicU32::new(0),
            full_connections: AtomicU32::new(0),
            limit: AtomicU32::new(0),
            max_queue: AtomicU32::new(0),
            admin: AtomicU8::new(0),
            health: AtomicU8::new(0),
            backup: AtomicBool::new(false),
            max_fails: AtomicU32::new(0),
            fail_timeout_ms: AtomicU64::new(0),
            slow_start_ms: AtomicU64::new(0),
            number: AtomicU32::new(0),
            ramp_from: AtomicU64::new(0),
            record: Record::default(),
            latency: Latency::default(),
        };
        server.configure(spec);
        server.store_admin(spec.admin);
        server.store_health(spec.health);
        server
    }

    /// Take over what a newer snapshot says (all of `spec` but admin state and health). Call it before the
    /// new group is built.
    pub fn configure(&self, spec: &ServerSpec) {
        let passive = spec.passive.unwrap_or(Passive { max_fails: 0, fail_timeout_ms: 0 });
        self.store_weight(spec.weight);
        self.base_weight.store(u32::from(spec.weight.min(MAX_WEIGHT)), Ordering::Relaxed);
        self.backup.store(spec.backup, Ordering::Relaxed);
        self.max_connections.store(spec.max_connections, Ordering::Relaxed);
        self.min_connections.store(spec.min_connections, Ordering::Relaxed);
        self.full_connections.store(spec.full_connections, Ordering::Relaxed);
        self.limit.store(spec.max_connections, Ordering::Relaxed);
        self.max_queue.store(spec.max_queue, Ordering::Relaxed);
        self.max_fails.store(passive.max_fails, Ordering::Relaxed);
        self.fail_timeout_ms.store(passive.fail_timeout_ms, Ordering::Relaxed);
        self.slow_start_ms.store(spec.slow_start_ms, Ordering::Relaxed);
        self.number.store(spec.number, Ordering::Relaxed);
    }

    /// A number made from the name: the same in every snapshot and after a restart.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its number among the group's.
    pub fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// What the operator wants.
    pub fn admin(&self) -> Admin {
        match self.admin.load(Ordering::Relaxed) {
            0 => Admin::Ready,
            1 => Admin::Drain,
            _ => Admin::Maint,
        }
    }

    /// What checks say.
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Relaxed) {
            0 => Health::Unknown,
            1 => Health::Starting,
            2 => Health::Up,
            _ => Health::Down,
        }
    }

    /// Weight now, 0 to 256, without slow start.
    pub fn weight(&self) -> u16 {
        self.weight.load(Ordering::Relaxed) as u16
    }

    /// Weight of the configuration, whatever was set since.
    pub fn base_weight(&self) -> u16 {
        self.base_weight.load(Ordering::Relaxed) as u16
    }

    /// Requests or connections held now.
    pub fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }

    /// Requests that wait for this server and no other.
    pub fn queued(&self) -> u32 {
        self.queued.load(Ordering::Relaxed)
    }

    /// Used only when no other server is usable.
    pub fn is_backup(&self) -> bool {
        self.backup.load(Ordering::Relaxed)
    }

    /// Most requests held at once; 0 = no limit.
    pub fn max_connections(&self) -> u32 {
        self.max_connections.load(Ordering::Relaxed)
    }

    /// Most requests held at once as things are: less than [`max_connections`](Self::max_connections) while the group
    /// has little to do, and in slow start. 0 = no limit.
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Longest queue of this server; 0 = no limit.
    pub fn max_queue(&self) -> u32 {
        self.max_queue.load(Ordering::Relaxed)
    }

    /// Until when requests' failures keep it out (passive check or ejection), monotonic ms; 0 = not out.
    pub fn ejected_until(&self) -> u64 {
        let passive = self.record.passive_until.load(Ordering::Relaxed);
        passive.max(self.record.eject_until.load(Ordering::Relaxed))
    }

    /// May it get new work: ready, not down, weight above 0, not left out for failures.
    pub fn is_usable(&self) -> bool {
        self.is_fit() && self.ejected_until() == 0
    }

    /// Length of slow start; 0 = none.
    pub fn slow_start_ms(&self) -> u64 {
        self.slow_start_ms.load(Ordering::Relaxed)
    }

    /// How much of its weight slow start lets it have, in percent; 100 when none is under way. A server that is out
    /// will begin with the least.
    pub fn ramp_percent(&self, now_ms: u64) -> u8 {
        let (from, length) = (self.ramp_from.load(Ordering::Relaxed), self.slow_start_ms());
        if length > 0 && (self.health() == Health::Down || self.admin() == Admin::Maint) {
            return 1;
        }
        if from == 0 || length == 0 {
            return 100;
        }
        (now_ms.saturating_sub(from - 1) * 100 / length).clamp(1, 100) as u8
    }

    /// The passive check, if any.
    pub fn passive(&self) -> Option<Passive> {
        let max_fails = self.max_fails.load(Ordering::Relaxed);
        let fail_timeout_ms = self.fail_timeout_ms.load(Ordering::Relaxed);
        (max_fails > 0).then_some(Passive { max_fails, fail_timeout_ms })
    }
}

/// For the group.
impl Server {
    /// Usable as far as operator and checks are concerned.
    pub(crate) fn is_fit(&self) -> bool {
        self.admin() == Admin::Ready && self.health() != Health::Down && self.weight() > 0
    }

    /// What it holds and what waits for it.
    pub(crate) fn load(&self) -> u32 {
        self.active() + self.queued()
    }

    /// Whether its limit moves with what the group holds.
    pub(crate) fn limit_follows_load(&self) -> bool {
        (1..self.max_connections()).contains(&self.min_connections.load(Ordering::Relaxed))
    }

    /// Whether its limit is not always the same.
    pub(crate) fn has_moving_limit(&self) -> bool {
        self.limit_follows_load() || self.max_connections() > 0 && self.slow_start_ms() > 0
    }

    /// Sets the limit for what the group holds and keeps waiting (HAProxy's manual, `minconn` and `slowstart`): in
    /// proportion to that, and to the time of slow start. Returns whether it has grown, if it has changed.
    pub(crate) fn move_limit(&self, load: u64, now_ms: u64) -> Option<bool> {
        let (most, least) = (self.max_connections(), self.min_connections.load(Ordering::Relaxed));
        let full = u64::from(self.full_connections.load(Ordering::Relaxed));
        let mut limit = most;
        if (1..most).contains(&least) && load < full {
            limit = least.max((load * u64::from(most) / full) as u32);
        }
        let percent = u32::from(self.ramp_percent(now_ms));
        if percent < 100 {
            limit = (u64::from(limit) * u64::from(percent) / 100).max(1) as u32;
        }
        let before = self.limit.swap(limit, Ordering::Relaxed);
        (before != limit).then_some(limit > before)
    }

    pub(crate) fn has_room(&self) -> bool {
        let most = self.limit();
        most == 0 || self.active() < most
    }

    pub(crate) fn has_queue_room(&self) -> bool {
        let most = self.max_queue();
        most == 0 || self.queued() < most
    }

    /// Take a slot if one is free. The limit holds whatever other threads and groups do; what else must be seen in
    /// order is seen by the groups' locks, under which all this is called.
    pub(crate) fn try_take(&self) -> bool {
        let most = match self.limit() {
            0 => u32::MAX,
            most => most,
        };
        let take = |active: u32| (active < most).then(|| active + 1);
        self.active.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    pub(crate) fn give_back(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn add_queued(&self, count: u32) {
        self.queued.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn sub_queued(&self, count: u32) {
        self.queued.fetch_sub(count, Ordering::Relaxed);
    }

    /// From now on leases give their slot back to `group`, where this server has index `index`. Returns the group
    /// to which it belonged.
    pub(crate) fn move_home(
        &self,
        group: Weak<Group>,
        group_number: u64,
        index: usize,
    ) -> Option<Arc<Group>> {
        let before = std::mem::replace(&mut *self.home.lock(), (group, index));
        // Who must see the new number has the lock of the former group after `Group::new` had it.
        self.home_number.store(group_number, Ordering::Relaxed);
        before.0.upgrade()
    }

    pub(crate) fn home_number(&self) -> u64 {
        self.home_number.load(Ordering::Relaxed)
    }

    pub(crate) fn home(&self) -> Option<(Arc<Group>, usize)> {
        let home = self.home.lock();
        home.0.upgrade().map(|group| (group, home.1))
    }

    pub(crate) fn store_weight(&self, weight: u16) {
        self.weight.store(u32::from(weight.min(MAX_WEIGHT)), Ordering::Relaxed);
    }

    pub(crate) fn store_admin(&self, admin: Admin) {
        self.admin.store(admin as u8, Ordering::Relaxed);
    }

    pub(crate) fn store_health(&self, health: Health) {
        self.health.store(health as u8, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("admin", &self.admin())
            .field("health", &self.health())
            .field("weight", &self.weight())
            .field("active", &self.active())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
