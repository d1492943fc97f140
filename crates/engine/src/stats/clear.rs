//! Counting anew: what an operator asks for before a measurement.
//!
//! No worker is stopped for it. What was largest is set back where it stands; sums are made 0 by the block of what was
//! restored, which makes up for the others. What is in progress stays counted.

use super::{BackendCounters, ConnectionCounters, Counter, RequestCounters, ServerCounters, Workers};
use crate::tables::Tables;

/// Forgets what was largest, and with `everything` all counts.
pub fn clear(tables: &Tables, everything: bool) {
    for counters in tables.listener_counters.values() {
        counters.current.forget();
        if everything {
            forget(&counters.workers, |c| of_connections(c).collect());
        }
    }
    for frontend in &tables.frontends {
        let counters = &frontend.counters;
        let mut window = counters.workers.window.lock();
        counters.current.forget();
        counters.workers.iter().filter_map(|c| c.phases.averages()).for_each(|c| c.clear(everything));
        if everything {
            forget(&counters.workers, of_frontend);
            counters.errors.lock().clear();
        }
        window.forget();
    }
    for backend in &tables.backends {
        let workers = &backend.counters;
        let mut window = workers.window.lock();
        for block in workers.iter() {
            block.most.set(0);
            block.queue_most.set(0);
        }
        workers.iter().filter_map(|c| c.phases.averages()).for_each(|c| c.clear(everything));
        if everything {
            forget(workers, of_backend);
            in_progress(workers, |c| &c.total, |c| &c.ended);
        }
        window.forget();
        drop(window);
        for server in &backend.servers {
            clear_server(&server.counters, everything);
        }
    }
}

fn clear_server(workers: &Workers<ServerCounters>, everything: bool) {
    let mut window = workers.window.lock();
    for block in workers.iter() {
        block.most.set(0);
        block.queue_most.set(0);
        if everything {
            block.last_used.set(0);
        }
    }
    workers.iter().filter_map(|c| c.phases.averages()).for_each(|c| c.clear(everything));
    if everything {
        forget(workers, of_server);
        in_progress(workers, |c| &c.total, |c| &c.ended);
        in_progress(workers, |c| &c.idle_in, |c| &c.idle_out);
    }
    window.forget();
}

/// Makes all sums 0.
fn forget<T: Default>(workers: &Workers<T>, of: impl Fn(&T) -> Vec<&Counter>) {
    let mut sums: Vec<u64> = Vec::new();
    for block in workers.iter() {
        let counters = of(block);
        sums.resize(counters.len(), 0);
        for (sum, counter) in sums.iter_mut().zip(counters) {
            *sum = sum.wrapping_add(counter.get());
        }
    }
    for (sum, counter) in sums.iter().zip(of(workers.restored())) {
        counter.add(sum.wrapping_neg());
    }
}

/// Takes from both what has ended, so that their difference stays.
fn in_progress<T: Default>(
    workers: &Workers<T>,
    begun: impl Fn(&T) -> &Counter,
    ended: impl Fn(&T) -> &Counter,
) {
    let sum = workers.sum(&ended);
    begun(workers.restored()).add(sum.wrapping_neg());
    ended(workers.restored()).add(sum.wrapping_neg());
}

fn of_connections(c: &ConnectionCounters) -> impl Iterator<Item = &Counter> {
    [
        &c.total,
        &c.denied,
        &c.request_errors,
        &c.bytes_in,
        &c.bytes_out,
        &c.handshakes,
        &c.resumed,
        &c.handshake_errors,
        &c.proxy_errors,
        &c.http2_connections,
        &c.http2_streams,
        &c.glitches,
    ]
    .into_iter()
}

fn of_frontend(c: &RequestCounters) -> Vec<&Counter> {
    let own = [
        &c.requests,
        &c.intercepted,
        &c.source_connections_refused,
        &c.source_requests_refused,
        &c.headers_dropped,
        &c.denied_connections,
        &c.denied_sessions,
        &c.denied_responses,
        &c.failed_rewrites,
        &c.internal_errors,
    ];
    own.into_iter().chain(of_connections(&c.connections)).chain(&c.compressed).chain(&c.responses).collect()
}

fn of_backend(c: &BackendCounters) -> Vec<&Counter> {
    let own = [&c.requests, &c.denied, &c.denied_responses, &c.failed_rewrites, &c.internal_errors];
    own.into_iter().chain(&c.compressed).chain(&c.responses).collect()
}

fn of_server(c: &ServerCounters) -> Vec<&Counter> {
    let own = [
        &c.requests,
        &c.bytes_in,
        &c.bytes_out,
        &c.connect_errors,
        &c.response_errors,
        &c.failures,
        &c.retries,
        &c.redispatches,
        &c.client_aborts,
        &c.server_aborts,
        &c.connects,
        &c.reuses,
        &c.denied_responses,
        &c.failed_rewrites,
        &c.internal_errors,
    ];
    own.into_iter().chain(&c.responses).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_zero_and_what_is_in_progress_stays() {
        let workers = Workers::<ServerCounters>::new(2);
        for worker in 0..2 {
            workers.of(worker).total.add(5);
            workers.of(worker).ended.add(4);
            workers.of(worker).bytes_in.add(100);
            workers.of(worker).most.raise(3);
        }
        clear_server(&workers, false);
        assert_eq!((workers.sum(|c| &c.bytes_in), workers.max(|c| &c.most)), (200, 0));
        clear_server(&workers, true);
        assert_eq!(
            (workers.sum(|c| &c.bytes_in), workers.sum(|c| &c.total), workers.sum(|c| &c.ended)),
            (0, 2, 0)
        );
        workers.of(1).bytes_in.add(7);
        workers.of(1).ended.add(1);
        assert_eq!((workers.sum(|c| &c.bytes_in), workers.sum(|c| &c.ended)), (7, 1));
    }
}
