//! The first server, in the order of the configuration, that has a free slot: the others may sleep.

use super::{Policy, Query};
use crate::fenwick::Fenwick;

pub(crate) struct First {
    free: Fenwick,
}

impl First {
    pub fn new(size: usize) -> Self {
        Self { free: Fenwick::new(size) }
    }
}

impl Policy for First {
    fn place(&mut self, id: usize, share: u32) {
        self.free.set(id, share.min(1));
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        self.free.next_from(0, |id| (query.barred)(id))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{picks, picks_barring};
    use super::*;

    #[test]
    fn the_lowest_free_index_wins() {
        let mut policy = First::new(3);
        assert!(picks(&mut policy, 1).is_empty());
        policy.place(1, 16);
        policy.place(2, 4096);
        assert_eq!(picks(&mut policy, 2), [1, 1]);
        assert_eq!(picks_barring(&mut policy, 1, &[1]), [2]);
        policy.place(0, 16);
        assert_eq!(picks(&mut policy, 1), [0]);
    }
}
