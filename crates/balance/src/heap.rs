//! A heap of server indexes by key, least first, in which any entry can be moved or removed.
//!
//! Four children a node: half as deep as a binary heap, and the children share a cache line or two.

const NOWHERE: u32 = u32::MAX;
const ARITY: usize = 4;

pub(crate) struct IndexedHeap<K> {
    items: Vec<(K, u32)>,
    /// Where each index stands in `items`.
    spots: Vec<u32>,
}

impl<K: Ord + Copy> IndexedHeap<K> {
    /// Room for indexes below `size`; others are ignored.
    pub fn new(size: usize) -> Self {
        Self { items: Vec::with_capacity(size), spots: vec![NOWHERE; size] }
    }

    /// The least key and its index; among equal keys the lowest index.
    pub fn peek(&self) -> Option<usize> {
        self.items.first().map(|item| item.1 as usize)
    }

    /// Enter `id` with `key`, or move it there.
    pub fn set(&mut self, id: usize, key: K) {
        let Some(&spot) = self.spots.get(id) else { return };
        let item = (key, id as u32);
        if spot == NOWHERE {
            self.items.push(item);
            self.rise(self.items.len() - 1, item);
        } else {
            self.settle(spot as usize, item);
        }
    }

    /// Take `id` out, if it is in.
    pub fn remove(&mut self, id: usize) {
        let Some(spot) = self.spots.get_mut(id) else { return };
        let hole = std::mem::replace(spot, NOWHERE) as usize;
        if hole == NOWHERE as usize {
            return;
        }
        if let Some(last) = self.items.pop()
            && hole < self.items.len()
        {
            self.settle(hole, last);
        }
    }

    /// Put `item` where it belongs, starting from the free place `spot`.
    fn settle(&mut self, spot: usize, item: (K, u32)) {
        let above = spot.checked_sub(1).and_then(|spot| self.items.get(spot / ARITY));
        if above.is_some_and(|above| item < *above) {
            self.rise(spot, item);
        } else {
            self.sink(spot, item);
        }
    }

    fn rise(&mut self, mut spot: usize, item: (K, u32)) {
        while spot > 0 {
            let parent = (spot - 1) / ARITY;
            match self.items.get(parent) {
                Some(&above) if item < above => self.write(spot, above),
                _ => break,
            }
            spot = parent;
        }
        self.write(spot, item);
    }

    fn sink(&mut self, mut spot: usize, item: (K, u32)) {
        loop {
            let first = spot * ARITY + 1;
            let end = (first + ARITY).min(self.items.len());
            let children = self.items.get(first..end).unwrap_or_default();
            let least = children.iter().enumerate().min_by(|one, two| one.1.cmp(two.1));
            match least {
                Some((nth, &child)) if child < item => {
                    self.write(spot, child);
                    spot = first + nth;
                }
                _ => break,
            }
        }
        self.write(spot, item);
    }

    fn write(&mut self, spot: usize, item: (K, u32)) {
        if let Some(place) = self.items.get_mut(spot) {
            *place = item;
        }
        if let Some(known) = self.spots.get_mut(item.1 as usize) {
            *known = spot as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_always_shows_the_least(steps in prop::collection::vec((0_usize..20, prop::option::of(0_u32..50)), 1..300)) {
            let mut heap = IndexedHeap::new(20);
            let mut model = [None; 20];
            for (id, key) in steps {
                match key {
                    Some(key) => heap.set(id, key),
                    None => heap.remove(id),
                }
                model[id] = key;
                let least = (0..20).filter_map(|id| model[id].map(|key| (key, id))).min();
                prop_assert_eq!(heap.peek(), least.map(|pair| pair.1));
            }
        }
    }
}
