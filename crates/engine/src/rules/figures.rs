//! Figures about something by name, `be_conn("app")`: what is counted at this moment, over all threads.

use std::hash::{BuildHasher, RandomState};

use tenbin_balance::Server as State;
use tenbin_rules::{Figure, Value};

use crate::listener::Found;
use crate::tables::{Backend, Frontend, Server, Tables};
use crate::worker::Worker;

/// The value of a figure; absent when nothing has that name. Without a name it is about what the exchange goes through.
pub fn tell(
    figure: Figure,
    name: &str,
    (worker, found, backend): (&Worker, &Found, Option<&Backend>),
) -> Value<'static> {
    let tables = worker.tables();
    let number = match figure {
        Figure::FrontendConnections | Figure::FrontendRequestRate | Figure::FrontendSessionRate => {
            let frontend = match name {
                "" => Some(&*found.frontend),
                name => tables.frontends.iter().map(|one| &**one).find(|one| one.spec.name == name),
            };
            frontend.map(|frontend| of_frontend(figure, frontend))
        }
        figure if figure.name().starts_with("srv_") => {
            server(&tables, name, backend).map(|(backend, server)| of_server(figure, backend, server))
        }
        figure => {
            let named = tables.backend(name).map(|backend| &**backend);
            named.or(backend.filter(|_| name.is_empty())).map(|backend| of_backend(figure, backend))
        }
    };
    match (number, figure) {
        (None, _) => Value::Absent,
        (Some(number), Figure::ServerUp) => Value::Bool(number != 0),
        (Some(number), _) => Value::Int(number),
    }
}

/// 64 bits that nobody can foretell.
pub fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

fn of_frontend(figure: Figure, frontend: &Frontend) -> i64 {
    let counters = &frontend.counters;
    let rate = |index| counters.workers.window.lock().rate(index).now;
    signed(match figure {
        Figure::FrontendConnections => counters.current.now(),
        Figure::FrontendSessionRate => rate(0),
        _ => rate(1),
    })
}

fn of_backend(figure: Figure, backend: &Backend) -> i64 {
    let up = || backend.servers.iter().filter(|server| server.state.is_usable());
    let count = |backups: bool| up().filter(|server| server.state.is_backup() == backups).count();
    let usable = match count(false) {
        0 => count(true),
        active => active,
    };
    let (usable, queued) = (usable as i64, i64::from(backend.group.queued()));
    let waiting = |state: &State| i64::from(state.queued());
    let all = queued + backend.servers.iter().map(|server| waiting(&server.state)).sum::<i64>();
    match figure {
        Figure::ServersUp => usable,
        Figure::BackendSessionRate => signed(backend.counters.window.lock().rate(0).now),
        Figure::Queue => all,
        Figure::QueueAverage if usable > 0 => (all + usable - 1) / usable,
        Figure::QueueAverage => all * 9999,
        Figure::BackendConnectionsFree => free(up(), |server| {
            let limit = i64::from(server.state.limit());
            (limit > 0).then(|| (limit - connections(server) - waiting(&server.state)).max(0))
        }),
        Figure::Slots => free(up(), |server| {
            let (limit, places) = (server.state.limit(), server.state.max_queue());
            let taken = connections(server) + waiting(&server.state);
            (limit > 0 && places > 0).then(|| (i64::from(limit) + i64::from(places) - taken).max(0))
        }),
        _ => {
            let counters = &backend.counters;
            let (total, ended) = (counters.sum(|block| &block.total), counters.sum(|block| &block.ended));
            signed(total.saturating_sub(ended)) + queued
        }
    }
}

/// A sum over servers; -1 when one of them has no limit.
fn free<'s>(
    mut servers: impl Iterator<Item = &'s std::sync::Arc<Server>>,
    of: impl Fn(&Server) -> Option<i64>,
) -> i64 {
    servers.try_fold(0, |sum, server| of(server).map(|free| sum + free)).unwrap_or(-1)
}

fn of_server(figure: Figure, backend: &Backend, server: &Server) -> i64 {
    let state = &server.state;
    match figure {
        Figure::ServerUp => state.is_usable().into(),
        Figure::ServerConnections => connections(server),
        Figure::ServerConnectionsFree if state.limit() == 0 => -1,
        Figure::ServerConnectionsFree => (i64::from(state.limit()) - connections(server)).max(0),
        Figure::ServerQueue => state.queued().into(),
        Figure::ServerSessionRate => signed(server.counters.window.lock().rate(0).now),
        Figure::ServerWeightInitial => {
            let spec = backend.server_named(&server.name).and_then(|index| backend.spec.servers.get(index));
            spec.map_or(0, |spec| spec.weight.into())
        }
        _ => state.weight().into(),
    }
}

fn connections(server: &Server) -> i64 {
    let counters = &server.counters;
    signed(counters.sum(|block| &block.total).saturating_sub(counters.sum(|block| &block.ended)))
}

/// `backend/server`, or a server of the backend that the exchange goes to.
fn server<'t>(
    tables: &'t Tables,
    name: &str,
    backend: Option<&'t Backend>,
) -> Option<(&'t Backend, &'t Server)> {
    let (backend, server) = match name.split_once('/') {
        Some((backend, server)) => (&**tables.backend(backend)?, server),
        None => (backend?, name),
    };
    Some((backend, backend.servers.get(backend.server_named(server)?)?))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
