//! Which worker accepts on which socket: as many sockets and workers as there are, each has some of the other.

use std::net::TcpListener;

use super::plane::State;
use crate::doors::Doors;
use crate::tables::{Refusal, Tables};
use crate::wire::Snapshot;
use crate::worker::Command;

/// Sockets for each worker.
pub(super) type Shares = Vec<Vec<TcpListener>>;

impl State {
    /// What the workers need to accept on the listeners that a snapshot adds. Every socket has a worker and every worker
    /// a socket, however many there are of each.
    pub(super) fn shares(
        &self,
        snapshot: &Snapshot,
        threads: usize,
    ) -> Result<Vec<(String, Shares)>, Refusal> {
        // A number that is out of range is refused with its path later.
        let threads = threads.clamp(1, 64);
        let mut all = Vec::new();
        for (index, listener) in snapshot.listeners.iter().enumerate() {
            let address = &listener.address;
            let Some(sockets) = self.sockets.get(address).filter(|_| !self.listening.contains(address))
            else {
                continue;
            };
            let mut shares: Shares = (0..threads).map(|_| Vec::new()).collect();
            for place in 0..threads.max(sockets.len()) {
                let (Some(share), Some(socket)) =
                    (shares.get_mut(place % threads), sockets.get(place % sockets.len()))
                else {
                    continue;
                };
                let copy = socket.try_clone().map_err(|error| Refusal {
                    path: format!("listeners[{index}].address"),
                    reason: error.to_string(),
                })?;
                share.push(TcpListener::from(copy));
            }
            all.push((address.clone(), shares));
        }
        Ok(all)
    }
}

/// Workers accept where the tables say, and nowhere else.
pub(super) fn listen(state: &mut State, tables: &Tables, doors: &Doors, shares: Vec<(String, Shares)>) {
    let wanted = |address: &String| tables.listener(address).is_some();
    let State { sockets, listening, workers, .. } = state;
    for address in listening.iter().filter(|address| !wanted(address)) {
        for worker in workers.iter() {
            let _ = worker.send(Command::Unlisten(address.clone()));
        }
    }
    listening.retain(wanted);
    sockets.retain(|address, _| wanted(address));
    for (address, shares) in shares {
        for (worker, share) in workers.iter().zip(shares) {
            let share = share.into_iter().map(|socket| (socket, doors.open())).collect();
            let _ = worker.send(Command::Listen(address.clone(), share));
        }
        listening.push(address);
    }
}
