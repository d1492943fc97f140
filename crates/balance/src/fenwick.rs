//! Weights by server index with running sums: set one, find which server a point in the sum falls on, both
//! in O(log n). The base of every policy that draws or takes a remainder.

pub(crate) struct Fenwick {
    values: Vec<u32>,
    /// `sums[i]` covers the values below `i` down to `i` minus its lowest set bit; `sums[0]` is unused.
    sums: Vec<u64>,
    total: u64,
    top: usize,
}

impl Fenwick {
    pub fn new(size: usize) -> Self {
        let top = if size == 0 { 0 } else { 1 << size.ilog2() };
        Self { values: vec![0; size], sums: vec![0; size + 1], total: 0, top }
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn get(&self, id: usize) -> u32 {
        self.values.get(id).copied().unwrap_or_default()
    }

    pub fn set(&mut self, id: usize, value: u32) {
        let Some(slot) = self.values.get_mut(id) else { return };
        let old = std::mem::replace(slot, value);
        let change = |sum: u64| sum + u64::from(value) - u64::from(old);
        self.total = change(self.total);
        let mut at = id + 1;
        while let Some(sum) = self.sums.get_mut(at) {
            *sum = change(*sum);
            at += at & at.wrapping_neg();
        }
    }

    /// The index on which `point` of `0..total` falls.
    pub fn find(&self, mut point: u64) -> Option<usize> {
        if point >= self.total {
            return None;
        }
        let (mut at, mut step) = (0, self.top);
        while step > 0 {
            if let Some(&sum) = self.sums.get(at + step)
                && sum <= point
            {
                point -= sum;
                at += step;
            }
            step /= 2;
        }
        Some(at)
    }

    /// The first index at or after `id`, around the end, that has a value and that `refused` lets pass.
    pub fn next_from(&self, id: usize, refused: impl Fn(usize) -> bool) -> Option<usize> {
        let start = self.below(id);
        let mut point = start % self.total.max(1);
        let mut covered = 0;
        while covered < self.total {
            let found = self.find(point)?;
            if !refused(found) {
                return Some(found);
            }
            let end = self.below(found + 1);
            covered += end - point;
            point = end % self.total;
        }
        None
    }

    /// Sum of the values before `id`.
    fn below(&self, id: usize) -> u64 {
        let (mut at, mut sum) = (id.min(self.values.len()), 0);
        while at > 0 {
            sum += self.sums.get(at).copied().unwrap_or_default();
            at &= at - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_sum(values in prop::collection::vec(0_u32..5, 1..40), again in 0_usize..40) {
            let mut fenwick = Fenwick::new(values.len());
            for (id, &value) in values.iter().enumerate() {
                fenwick.set(id, 3);
                fenwick.set(id, value);
            }
            let flat: Vec<usize> =
                values.iter().enumerate().flat_map(|(id, &value)| vec![id; value as usize]).collect();
            prop_assert_eq!(fenwick.total(), flat.len() as u64);
            for point in 0..=flat.len() {
                prop_assert_eq!(fenwick.find(point as u64), flat.get(point).copied());
            }
            let around = (again..values.len()).chain(0..again).find(|&id| id < values.len() && values[id] > 0);
            prop_assert_eq!(fenwick.next_from(again, |_| false), around);
            prop_assert_eq!(fenwick.next_from(again, |_| true), None);
        }
    }
}
