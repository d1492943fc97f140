//! What the tests of groups share.
#![allow(
    dead_code,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test uses a part, and fails by panicking"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tenbin_balance::{
    Ask, Grant, Group, GroupSpec, HashMethod, IpHashForm, Lease, Outcome, OutcomeKind, PolicySpec, Server,
    ServerSpec, Ticket, Turn,
};

pub const HASHES: [HashMethod; 3] = [HashMethod::Modulo, HashMethod::Consistent, HashMethod::Maglev];

pub fn policies() -> Vec<PolicySpec> {
    let hash = |method| [None, Some(125)].map(|load_factor| PolicySpec::Hash { method, load_factor });
    let mut all = vec![
        PolicySpec::RoundRobin,
        PolicySpec::StaticRr,
        PolicySpec::LeastConn,
        PolicySpec::Random { draws: 1 },
        PolicySpec::Random { draws: 2 },
        PolicySpec::First,
        PolicySpec::IpHash { form: IpHashForm::Fnv1a },
        PolicySpec::IpHash { form: IpHashForm::Nginx },
        PolicySpec::PeakEwma { decay_ms: 1_000, error_penalty_ms: 1_000 },
    ];
    all.extend(HASHES.into_iter().flat_map(hash));
    all
}

pub fn servers(specs: &[ServerSpec]) -> Vec<Arc<Server>> {
    specs.iter().enumerate().map(|(id, spec)| Arc::new(Server::new(&format!("s{id}"), spec))).collect()
}

pub fn group(policy: PolicySpec, specs: &[ServerSpec]) -> Arc<Group> {
    Group::new(GroupSpec { policy, ..GroupSpec::default() }, servers(specs), 1)
}

pub fn limited(size: usize, max_connections: u32) -> Vec<ServerSpec> {
    vec![ServerSpec { max_connections, ..ServerSpec::default() }; size]
}

pub fn ask() -> Ask<'static> {
    Ask::new(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

pub fn ok() -> Outcome {
    Outcome { kind: OutcomeKind::Success, latency_us: 100 }
}

pub fn failure() -> Outcome {
    Outcome { kind: OutcomeKind::Failure, latency_us: 100 }
}

pub fn lease(group: &Arc<Group>, ask: &Ask<'_>, now_ms: u64) -> Lease {
    match group.acquire(ask, now_ms) {
        Grant::Lease(lease) => lease,
        other => panic!("no lease but {other:?}"),
    }
}

pub fn ticket(group: &Arc<Group>, ask: &Ask<'_>) -> Ticket {
    match group.acquire(ask, 0) {
        Grant::Wait(ticket) => ticket,
        other => panic!("no ticket but {other:?}"),
    }
}

/// Acquire and end at once; which server was it?
pub fn visit(group: &Arc<Group>, ask: &Ask<'_>, outcome: Outcome, now_ms: u64) -> usize {
    let lease = lease(group, ask, now_ms);
    let index = lease.index();
    lease.finish(outcome, now_ms);
    index
}

pub fn count(group: &Arc<Group>, times: usize, now_ms: u64) -> Vec<usize> {
    let mut counted = vec![0; group.servers().len()];
    for _ in 0..times {
        counted[visit(group, &ask(), ok(), now_ms)] += 1;
    }
    counted
}

/// A waker that counts.
#[derive(Default)]
pub struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    pub fn rings(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

pub fn poll(ticket: &mut Ticket, bell: &Arc<Bell>) -> Poll<Turn> {
    ticket.poll(&mut Context::from_waker(&Waker::from(Arc::clone(bell))))
}

/// The lease that a ticket has become.
pub fn served(ticket: &mut Ticket) -> Lease {
    match poll(ticket, &Arc::default()) {
        Poll::Ready(Turn::Lease(lease)) => lease,
        other => panic!("no lease but {other:?}"),
    }
}

pub fn assert_idle(group: &Group) {
    assert_eq!(group.queued(), 0);
    for server in group.servers() {
        assert_eq!((server.active(), server.queued()), (0, 0), "{server:?}");
    }
}
