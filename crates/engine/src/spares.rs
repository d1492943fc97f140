//! Things that cost memory and are kept for the next one who needs them, as many as lately were needed.

use std::cell::{Cell, RefCell};

/// Spare things of one thread. The one put back last is taken first, since it is still in the cache.
pub struct Spares<T> {
    items: RefCell<Vec<T>>,
    most: usize,
    /// The fewest that there were since the last look: so many were not needed.
    fewest: Cell<usize>,
}

impl<T> Spares<T> {
    /// None yet, and never more than `most`.
    pub fn new(most: usize) -> Self {
        Self { items: RefCell::default(), most, fewest: Cell::new(0) }
    }

    /// One of them.
    pub fn take(&self) -> Option<T> {
        let mut items = self.items.borrow_mut();
        let item = items.pop();
        self.fewest.set(self.fewest.get().min(items.len()));
        item
    }

    /// Keeps one more, if there is room.
    pub fn put(&self, item: T) {
        let mut items = self.items.borrow_mut();
        if items.len() < self.most {
            items.push(item);
        }
    }

    /// Lets go of an eighth of those that were not needed since the last look, so that what a rush took comes back
    /// within a minute or so of regular looks.
    pub fn look(&self) {
        let mut items = self.items.borrow_mut();
        let idle = self.fewest.replace(items.len()).min(items.len());
        items.drain(..idle.div_ceil(8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rush_took_comes_back_and_what_is_used_stays() {
        let spares = Spares::new(100);
        (0..200).for_each(|number| spares.put(number));
        spares.look();
        for _ in 0..100 {
            let used = [spares.take(), spares.take()];
            used.into_iter().flatten().for_each(|number| spares.put(number));
            spares.look();
        }
        assert_eq!([spares.take(), spares.take(), spares.take()], [Some(99), Some(98), None]);
    }
}
