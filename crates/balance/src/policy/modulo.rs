//! The remainder of the hash by the sum of the shares: exact shares and nothing to remember, but most keys
//! move when a server comes or goes.

use super::hashed::{Step, Table};
use crate::fenwick::Fenwick;
use crate::hash::mix;

pub(crate) struct Modulo {
    shares: Fenwick,
}

impl Modulo {
    pub fn new(size: usize) -> Self {
        Self { shares: Fenwick::new(size) }
    }
}

impl Table for Modulo {
    fn place(&mut self, id: usize, share: u32) {
        self.shares.set(id, share);
    }

    fn walk(&self, mut hash: u64, accept: &mut dyn FnMut(usize) -> Step) {
        let total = self.shares.total();
        if total == 0 {
            return;
        }
        while let Some(id) = self.shares.find(hash % total)
            && accept(id) == Step::Next
        {
            // A second choice by a new hash, not the neighbour, which would get all of them.
            hash = mix(hash.wrapping_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hashed::{Hashed, Key};
    use super::super::testing::{count, keyed};
    use super::super::{Policy, testing};
    use super::*;

    #[test]
    fn keys_spread_by_weight_and_stay() {
        let mut policy = Hashed::new(Modulo::new(3), Key::Asked, None, 3);
        for (id, weight) in [5, 3, 2].into_iter().enumerate() {
            policy.place(id, weight * 16);
        }
        let first = keyed(&mut policy, 10_000);
        let counted = count(&first, 3);
        assert!(counted[0].abs_diff(5000) < 200 && counted[2].abs_diff(2000) < 200, "{counted:?}");
        assert_eq!(first, keyed(&mut policy, 10_000));
        assert_eq!(count(&testing::picks(&mut policy, 10), 3), [5, 3, 2]);
    }
}
