//! Makes numbers of what the workers counted: rates once a second, percentiles and sums when asked.

use std::sync::atomic::Ordering;

use super::{BackendCounters, RequestCounters, ServerCounters, Workers, averages};
use crate::capacity::resident;
use crate::tables::{Backend, Frontend, Listener, Server, Tables};
use crate::wire;
use crate::worker::Shared;

/// Once a second: how fast the totals grow.
pub fn second(tables: &Tables) {
    for frontend in &tables.frontends {
        let workers = &frontend.counters.workers;
        // Under the lock, so that no total is older than a restored one that was taken into account.
        let mut window = workers.window.lock();
        window.second(&[workers.sum(|c| &c.connections.total), workers.sum(|c| &c.requests)]);
    }
    for backend in &tables.backends {
        let mut window = backend.counters.window.lock();
        window.second(&[backend.counters.sum(|c| &c.total)]);
        drop(window);
        for server in &backend.servers {
            let mut window = server.counters.window.lock();
            window.second(&[server.counters.sum(|c| &c.total)]);
        }
    }
}

/// Once a slice of the window: remembers what was counted so far.
pub fn slice(tables: &Tables) {
    for frontend in &tables.frontends {
        let workers = &frontend.counters.workers;
        workers.window.lock().slice(workers.iter().filter_map(|c| c.phases.get()));
    }
    for backend in &tables.backends {
        let workers = &backend.counters;
        workers.window.lock().slice(workers.iter().filter_map(|c| c.phases.get()));
        for server in &backend.servers {
            let workers = &server.counters;
            workers.window.lock().slice(workers.iter().filter_map(|c| c.phases.get()));
        }
    }
}

/// Everything counted, now.
pub fn stats(tables: Option<&Tables>, shared: &Shared, threads: usize) -> wire::Stats {
    let now = shared.clock.millis();
    let frontends: Vec<_> = tables.iter().flat_map(|t| &t.frontends).map(|f| frontend_stats(f)).collect();
    let requests = frontends.iter().map(|frontend| frontend.requests).sum();
    wire::Stats {
        process: process_stats(tables, shared, threads, requests),
        listeners: tables
            .iter()
            .flat_map(|t| t.listeners.iter().map(|listener| listener_stats(t, listener)))
            .collect(),
        frontends,
        backends: tables.iter().flat_map(|t| &t.backends).map(|b| backend_stats(b, now)).collect(),
    }
}

fn process_stats(
    tables: Option<&Tables>,
    shared: &Shared,
    threads: usize,
    requests: u64,
) -> wire::ProcessStats {
    let process = &shared.process;
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let capacity = &shared.capacity;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    wire::ProcessStats {
        pid: u64::from(std::process::id()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        generation: tables.map_or(0, |t| t.generation.load(Ordering::Relaxed)),
        uptime: shared.clock.millis().saturating_sub(1000),
        threads: threads as u64,
        connections: process.connections.now(),
        connections_max: process.connections.most(),
        connections_total: process.connections_total.load(Ordering::Relaxed),
        requests: requests.max(process.requests_restored.load(Ordering::Relaxed)),
        cpu: cpu.tv_sec as u64 * 1_000_000 + cpu.tv_nsec as u64 / 1000,
        resident: resident(),
        descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
        log_dropped: shared.log.dropped() + shared.sinks.dropped(),
        events_dropped: process.events_dropped.load(Ordering::Relaxed),
        accept_pauses: process.accept_pauses.load(Ordering::Relaxed),
        descriptors_limit: capacity.descriptors(),
        descriptor_waits: count(&capacity.descriptor_waits),
        idle_closed: count(&capacity.idle_closed),
        memory_used: count(&capacity.memory_used),
        memory_limit: count(&capacity.memory_limit),
        memory_refused: count(&capacity.memory_refused),
        panics: process.panics.load(Ordering::Relaxed),
    }
}

fn listener_stats(tables: &Tables, listener: &Listener) -> wire::ListenerStats {
    let workers = &listener.counters.workers;
    let frontend = tables.frontends.get(listener.frontend);
    wire::ListenerStats {
        address: listener.address.clone(),
        frontend: frontend.map(|frontend| frontend.spec.name.clone()).unwrap_or_default(),
        current: listener.counters.current.now(),
        max: listener.counters.current.most(),
        total: workers.sum(|c| &c.total),
        denied: workers.sum(|c| &c.denied),
        request_errors: workers.sum(|c| &c.request_errors),
        bytes_in: workers.sum(|c| &c.bytes_in),
        bytes_out: workers.sum(|c| &c.bytes_out),
        handshakes: workers.sum(|c| &c.handshakes),
        resumed: workers.sum(|c| &c.resumed),
        handshake_errors: workers.sum(|c| &c.handshake_errors),
        proxy_errors: workers.sum(|c| &c.proxy_errors),
        http2_connections: workers.sum(|c| &c.http2_connections),
        http2_streams: workers.sum(|c| &c.http2_streams),
        glitches: workers.sum(|c| &c.glitches),
    }
}

fn frontend_stats(frontend: &Frontend) -> wire::FrontendStats {
    let counters = &frontend.counters;
    let workers: &Workers<RequestCounters> = &counters.workers;
    let window = workers.window.lock();
    let (connections, requests) = (window.rate(0), window.rate(1));
    wire::FrontendStats {
        name: frontend.spec.name.clone(),
        current: counters.current.now(),
        max: counters.current.most(),
        total: workers.sum(|c| &c.connections.total),
        requests: workers.sum(|c| &c.requests),
        bytes_in: workers.sum(|c| &c.connections.bytes_in),
        bytes_out: workers.sum(|c| &c.connections.bytes_out),
        denied: workers.sum(|c| &c.connections.denied),
        request_errors: workers.sum(|c| &c.connections.request_errors),
        intercepted: workers.sum(|c| &c.intercepted),
        source_connections_refused: workers.sum(|c| &c.source_connections_refused),
        source_requests_refused: workers.sum(|c| &c.source_requests_refused),
        headers_dropped: workers.sum(|c| &c.headers_dropped),
        responses: each(workers, |c| &c.responses),
        rate_connections: connections.now,
        rate_connections_max: connections.most,
        rate_requests: requests.now,
        rate_requests_max: requests.most,
        phases: window.phases(workers.iter().filter_map(|c| c.phases.get())),
        errors: counters.errors.lock().clone(),
        denied_connections: workers.sum(|c| &c.denied_connections),
        denied_sessions: workers.sum(|c| &c.denied_sessions),
        denied_responses: workers.sum(|c| &c.denied_responses),
        failed_rewrites: workers.sum(|c| &c.failed_rewrites),
        internal_errors: workers.sum(|c| &c.internal_errors),
        compressed: each(workers, |c| &c.compressed),
    }
}

fn each<T: Default, const N: usize>(
    workers: &Workers<T>,
    of: impl Fn(&T) -> &[super::Counter; N],
) -> [u64; N] {
    let mut sums = [0_u64; N];
    for block in workers.iter() {
        for (sum, counter) in sums.iter_mut().zip(of(block)) {
            *sum = sum.wrapping_add(counter.get());
        }
    }
    sums
}

fn seconds_since(last_ms: u64, now_ms: u64) -> i64 {
    if last_ms == 0 { -1 } else { (now_ms.saturating_sub(last_ms) / 1000) as i64 }
}

fn server_stats(server: &Server, now: u64) -> wire::ServerStats {
    let workers: &Workers<ServerCounters> = &server.counters;
    let window = workers.window.lock();
    let rate = window.rate(0);
    let state = &server.state;
    wire::ServerStats {
        name: server.name.clone(),
        address: server.address.as_ref().map(ToString::to_string),
        weight: u64::from(state.weight()),
        admin: wire::admin_name(state.admin()).to_owned(),
        health: wire::health_name(state.health()).to_owned(),
        ejected: state.ejected_until().saturating_sub(now),
        throttle: u64::from(state.ramp_percent(now)),
        current: workers.sum(|c| &c.total).saturating_sub(workers.sum(|c| &c.ended)),
        max: workers.max(|c| &c.most),
        total: workers.sum(|c| &c.total),
        requests: workers.sum(|c| &c.requests),
        queue: u64::from(state.queued()),
        queue_max: workers.max(|c| &c.queue_most),
        bytes_in: workers.sum(|c| &c.bytes_in),
        bytes_out: workers.sum(|c| &c.bytes_out),
        connect_errors: workers.sum(|c| &c.connect_errors),
        response_errors: workers.sum(|c| &c.response_errors),
        failures: workers.sum(|c| &c.failures),
        retries: workers.sum(|c| &c.retries),
        redispatches: workers.sum(|c| &c.redispatches),
        client_aborts: workers.sum(|c| &c.client_aborts),
        server_aborts: workers.sum(|c| &c.server_aborts),
        denied_responses: workers.sum(|c| &c.denied_responses),
        responses: each(workers, |c| &c.responses),
        connects: workers.sum(|c| &c.connects),
        reuses: workers.sum(|c| &c.reuses),
        idle: workers.sum(|c| &c.idle_in).saturating_sub(workers.sum(|c| &c.idle_out)),
        rate: rate.now,
        rate_max: rate.most,
        last_used: seconds_since(workers.max(|c| &c.last_used), now),
        phases: window.phases(workers.iter().filter_map(|c| c.phases.get())),
        averages: averages::merged(workers.iter().filter_map(|c| c.phases.averages())),
        failed_rewrites: workers.sum(|c| &c.failed_rewrites),
        internal_errors: workers.sum(|c| &c.internal_errors),
        balanced: workers.sum(|c| &c.balanced),
        unreached: workers.sum(|c| &c.unreached),
        repeats: workers.sum(|c| &c.repeats),
        unanswered: workers.sum(|c| &c.unanswered),
    }
}

fn backend_stats(backend: &Backend, now: u64) -> wire::BackendStats {
    let workers: &Workers<BackendCounters> = &backend.counters;
    let servers: Vec<_> = backend.servers.iter().map(|server| server_stats(server, now)).collect();
    let window = workers.window.lock();
    let rate = window.rate(0);
    let sum = |of: fn(&wire::ServerStats) -> u64| servers.iter().map(of).sum();
    wire::BackendStats {
        name: backend.spec.name.clone(),
        current: workers.sum(|c| &c.total).saturating_sub(workers.sum(|c| &c.ended)),
        max: most(workers),
        total: workers.sum(|c| &c.total),
        requests: workers.sum(|c| &c.requests),
        queue: u64::from(backend.group.queued()),
        queue_max: workers.max(|c| &c.queue_most),
        bytes_in: sum(|server| server.bytes_in),
        bytes_out: sum(|server| server.bytes_out),
        denied: workers.sum(|c| &c.denied),
        connect_errors: sum(|server| server.connect_errors),
        response_errors: sum(|server| server.response_errors),
        retries: sum(|server| server.retries),
        redispatches: sum(|server| server.redispatches),
        client_aborts: sum(|server| server.client_aborts),
        server_aborts: sum(|server| server.server_aborts),
        responses: each(workers, |c| &c.responses),
        connects: sum(|server| server.connects),
        reuses: sum(|server| server.reuses),
        rate: rate.now,
        rate_max: rate.most,
        last_used: seconds_since(workers_last_used(backend), now),
        phases: window.phases(workers.iter().filter_map(|c| c.phases.get())),
        averages: averages::merged(workers.iter().filter_map(|c| c.phases.averages())),
        denied_responses: workers.sum(|c| &c.denied_responses),
        failed_rewrites: workers.sum(|c| &c.failed_rewrites),
        internal_errors: workers.sum(|c| &c.internal_errors),
        compressed: each(workers, |c| &c.compressed),
        balanced: sum(|server| server.balanced),
        unreached: sum(|server| server.unreached) + workers.sum(|c| &c.unserved),
        repeats: sum(|server| server.repeats),
        unanswered: sum(|server| server.unanswered),
        servers,
    }
}

/// At most so many at once, by the sum over the workers, in this process or in the one before.
fn most(workers: &Workers<BackendCounters>) -> u64 {
    let before = workers.restored().most.get();
    workers.sum(|c| &c.most).saturating_sub(before).max(before)
}

fn workers_last_used(backend: &Backend) -> u64 {
    backend.servers.iter().map(|server| server.counters.max(|c| &c.last_used)).max().unwrap_or(0)
}
