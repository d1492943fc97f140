//! Counters of an earlier process, added to those of this one so that totals never go back.

use std::sync::atomic::Ordering;

use super::{BackendCounters, ConnectionCounters, Counter, FrontendCounters, ServerCounters};
use crate::tables::Tables;
use crate::wire;
use crate::worker::Shared;

/// Adds the last statistics of an earlier process. Objects that are gone are skipped.
pub fn restore(stats: &wire::Stats, tables: &Tables, shared: &Shared) {
    let process = &shared.process;
    process.connections_total.fetch_add(stats.process.connections_total, Ordering::Relaxed);
    process.connections.raise(stats.process.connections_max);
    process.requests_restored.fetch_add(stats.process.requests, Ordering::Relaxed);
    process.panics.fetch_add(stats.process.panics, Ordering::Relaxed);
    process.accept_pauses.fetch_add(stats.process.accept_pauses, Ordering::Relaxed);
    for old in &stats.listeners {
        if let Some(counters) = tables.listener_counters.get(&old.address) {
            counters.current.raise(old.max);
            let totals = [old.total, old.denied, old.request_errors, old.bytes_in, old.bytes_out];
            connections(counters.workers.restored(), totals);
            edge(counters.workers.restored(), old);
        }
    }
    for old in &stats.frontends {
        if let Some(known) = tables.frontends.iter().find(|frontend| frontend.spec.name == old.name) {
            let mut window = known.counters.workers.window.lock();
            frontend(&known.counters, old);
            window.rebase();
        }
    }
    for old in &stats.backends {
        let Some(known) = tables.backend(&old.name) else { continue };
        let mut window = known.counters.window.lock();
        backend(known.counters.restored(), old);
        window.rebase();
        drop(window);
        for old in &old.servers {
            if let Some(known) = known.server_named(&old.name).and_then(|index| known.servers.get(index)) {
                let mut window = known.counters.window.lock();
                server(known.counters.restored(), old);
                window.rebase();
            }
        }
    }
}

fn connections(
    counters: &ConnectionCounters,
    [total, denied, request_errors, bytes_in, bytes_out]: [u64; 5],
) {
    counters.total.add(total);
    counters.denied.add(denied);
    counters.request_errors.add(request_errors);
    counters.bytes_in.add(bytes_in);
    counters.bytes_out.add(bytes_out);
}

/// What comes before requests: handshakes and what HTTP/2 does with a connection.
fn edge(counters: &ConnectionCounters, old: &wire::ListenerStats) {
    counters.handshakes.add(old.handshakes);
    counters.resumed.add(old.resumed);
    counters.handshake_errors.add(old.handshake_errors);
    counters.proxy_errors.add(old.proxy_errors);
    counters.http2_connections.add(old.http2_connections);
    counters.http2_streams.add(old.http2_streams);
    counters.glitches.add(old.glitches);
}

fn classes(counters: &[Counter; 6], old: &[u64; 6]) {
    for (counter, count) in counters.iter().zip(old) {
        counter.add(*count);
    }
}

fn frontend(counters: &FrontendCounters, old: &wire::FrontendStats) {
    counters.current.raise(old.max);
    let block = counters.workers.restored();
    let totals = [old.total, old.denied, old.request_errors, old.bytes_in, old.bytes_out];
    connections(&block.connections, totals);
    block.requests.add(old.requests);
    block.intercepted.add(old.intercepted);
    block.source_connections_refused.add(old.source_connections_refused);
    block.source_requests_refused.add(old.source_requests_refused);
    block.headers_dropped.add(old.headers_dropped);
    classes(&block.responses, &old.responses);
    let mut errors = counters.errors.lock();
    for (reason, count) in &old.errors {
        *errors.entry(reason.clone()).or_insert(0) += count;
    }
}

fn backend(block: &BackendCounters, old: &wire::BackendStats) {
    // What was under way in the earlier process has ended with it.
    block.total.add(old.total);
    block.ended.add(old.total);
    block.most.raise(old.max);
    block.requests.add(old.requests);
    block.queue_most.raise(old.queue_max);
    block.denied.add(old.denied);
    classes(&block.responses, &old.responses);
}

fn server(block: &ServerCounters, old: &wire::ServerStats) {
    block.total.add(old.total);
    block.ended.add(old.total);
    block.most.raise(old.max);
    block.queue_most.raise(old.queue_max);
    classes(&block.responses, &old.responses);
    for (counter, count) in [
        (&block.requests, old.requests),
        (&block.bytes_in, old.bytes_in),
        (&block.bytes_out, old.bytes_out),
        (&block.connect_errors, old.connect_errors),
        (&block.response_errors, old.response_errors),
        (&block.failures, old.failures),
        (&block.retries, old.retries),
        (&block.redispatches, old.redispatches),
        (&block.client_aborts, old.client_aborts),
        (&block.server_aborts, old.server_aborts),
        (&block.connects, old.connects),
        (&block.reuses, old.reuses),
    ] {
        counter.add(count);
    }
}
