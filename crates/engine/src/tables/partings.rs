//! What a change of a server's state means to those who are at work with it.
//!
//! Owns when connections end because a server goes, or because a better one comes. Who carries that out is the plane.

use std::sync::Arc;

use tenbin_balance::{Admin, Health};

use super::build::change_server;
use super::{Backend, Server};
use crate::ending::Who;
use crate::wire;

/// What becomes of connections to the server with this serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// Idle ones and those that only carry bytes are closed; what waits for an answer moves on.
    Close(u64),
    /// Whatever is in progress there ends, for this reason.
    End(u64, Who),
}

/// Carries out what is wanted of one server; who has to go for it.
pub fn change(
    backend: &Backend,
    index: usize,
    (weight, admin, health): (Option<u16>, Option<Admin>, Option<Health>),
    now: u64,
) -> Vec<Parting> {
    let Some(server) = backend.servers.get(index) else { return Vec::new() };
    let (was_up, worked) = (server.state.health() != Health::Down, works(server));
    change_server(backend, index, weight, admin, health, now);
    let mut partings = Vec::new();
    let Some(spec) = backend.spec.servers.get(index) else { return partings };
    if was_up && server.state.health() == Health::Down && backend.spec.close_on_down {
        partings.push(Parting::Close(server.slot.serial));
    }
    match (worked, works(server)) {
        (true, false) if spec.end_when_down => {
            partings.push(Parting::End(server.slot.serial, Who::Down));
        }
        (false, true) if spec.end_backups_when_up && !spec.backup && server.state.weight() > 0 => {
            let backups = backend.servers.iter().filter(|server| server.state.is_backup());
            partings.extend(backups.map(|server| Parting::End(server.slot.serial, Who::Up)));
        }
        _ => {}
    }
    partings
}

/// Who has to go from servers that went down while their backend was replaced; `before` are those that were not down.
pub fn fallen(before: &[(Arc<Server>, wire::Server)], closes: bool) -> Vec<Parting> {
    let down = before.iter().filter(|(server, _)| server.state.health() == Health::Down);
    let mut partings = Vec::new();
    for (server, spec) in down {
        if closes {
            partings.push(Parting::Close(server.slot.serial));
        }
        if spec.end_when_down {
            partings.push(Parting::End(server.slot.serial, Who::Down));
        }
    }
    partings
}

fn works(server: &Server) -> bool {
    server.state.health() != Health::Down && server.state.admin() != Admin::Maint
}
