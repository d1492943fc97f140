//! The first server that has a free slot: the others may sleep. First by number, where servers have one, then in the
//! order of the configuration.

use std::sync::Arc;

use super::{Policy, Query};
use crate::fenwick::Fenwick;
use crate::server::Server;

pub(crate) struct First {
    /// By place.
    free: Fenwick,
    /// The server at each place.
    order: Vec<usize>,
    /// The place of each server.
    places: Vec<usize>,
}

impl First {
    pub fn new(servers: &[Arc<Server>]) -> Self {
        let mut numbered: Vec<(u32, usize)> =
            servers.iter().enumerate().map(|(id, server)| (server.number(), id)).collect();
        numbered.sort_unstable();
        let order: Vec<usize> = numbered.into_iter().map(|(_, id)| id).collect();
        let mut by_number: Vec<(usize, usize)> =
            order.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        by_number.sort_unstable();
        let places = by_number.into_iter().map(|(_, place)| place).collect();
        Self { free: Fenwick::new(order.len()), order, places }
    }

    fn server_at(&self, place: usize) -> usize {
        self.order.get(place).copied().unwrap_or(place)
    }
}

impl Policy for First {
    fn place(&mut self, id: usize, share: u32) {
        if let Some(place) = self.places.get(id) {
            self.free.set(*place, share.min(1));
        }
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        let place = self.free.next_from(0, |place| (query.barred)(self.server_at(place)))?;
        Some(self.server_at(place))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{picks, picks_barring, servers};
    use super::*;
    use crate::server::ServerSpec;

    #[test]
    fn the_lowest_free_index_wins() {
        let mut policy = First::new(&servers(&[1, 1, 1]));
        assert!(picks(&mut policy, 1).is_empty());
        policy.place(1, 16);
        policy.place(2, 4096);
        assert_eq!(picks(&mut policy, 2), [1, 1]);
        assert_eq!(picks_barring(&mut policy, 1, &[1]), [2]);
        policy.place(0, 16);
        assert_eq!(picks(&mut policy, 1), [0]);
    }

    #[test]
    fn numbers_come_before_places() {
        let numbered = [5, 3, 4]
            .map(|number| Arc::new(Server::new("server", &ServerSpec { number, ..ServerSpec::default() })));
        let mut policy = First::new(&numbered);
        (0..3).for_each(|id| policy.place(id, 1));
        assert_eq!(picks(&mut policy, 1), [1]);
        assert_eq!(picks_barring(&mut policy, 1, &[1]), [2]);
        policy.place(1, 0);
        policy.place(2, 0);
        assert_eq!(picks(&mut policy, 1), [0]);
    }
}
