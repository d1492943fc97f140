//! A group of servers behind one policy.

use std::sync::Arc;

use crate::lease::{Ask, Grant};
use crate::server::{Admin, Health, Server};
use crate::spec::{GroupEvent, GroupSpec};

/// One backend of one snapshot, shared by all threads.
#[derive(Debug)]
pub struct Group {
    servers: Vec<Arc<Server>>,
}

impl Group {
    /// Build the group and make it the home of its servers. `seed` feeds the policies that draw.
    pub fn new(spec: GroupSpec, servers: Vec<Arc<Server>>, seed: u64) -> Arc<Self> {
        let _ = (spec, seed);
        Arc::new(Self { servers })
    }

    /// The servers, in the order of the configuration; indexes elsewhere mean this slice.
    pub fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// Choose a server and take a slot on it.
    pub fn acquire(self: &Arc<Self>, ask: &Ask<'_>, now_ms: u64) -> Grant {
        let _ = (ask, now_ms);
        Grant::NoServer
    }

    /// Set the runtime weight of a server (0 to 256).
    pub fn set_weight(&self, index: usize, weight: u16, now_ms: u64) {
        let _ = (index, weight, now_ms);
    }

    /// Set what the operator wants of a server.
    pub fn set_admin(&self, index: usize, admin: Admin, now_ms: u64) {
        let _ = (index, admin, now_ms);
    }

    /// Set what checks say of a server. Coming back from `Down` begins its slow start.
    pub fn set_health(&self, index: usize, health: Health, now_ms: u64) {
        let _ = (index, health, now_ms);
    }

    /// Call about every 100 ms: slow start, end of ejections. Cheap when nothing is pending.
    pub fn tick(&self, now_ms: u64) {
        let _ = now_ms;
    }

    /// A newer snapshot replaced the group: everyone who waits is told to ask there.
    pub fn retire(&self) {}

    /// What happened since the last call; bounded, the oldest are dropped.
    pub fn events(&self) -> Vec<GroupEvent> {
        Vec::new()
    }

    /// Requests that wait for any server.
    pub fn queued(&self) -> u32 {
        0
    }

    /// May a request be retried now: retries stay below the budget's percentage of requests.
    pub fn allow_retry(&self, now_ms: u64) -> bool {
        let _ = now_ms;
        true
    }
}
