//! A small seeded generator (splitmix64): good enough to spread load, useless for secrets.

pub(crate) struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        crate::hash::mix(self.0)
    }

    /// Even among `0..bound`; 0 when `bound` is 0. The bias of the multiplication is below `bound` / 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_numbers_and_they_are_even() {
        let (mut one, mut two) = (Rng::new(7), Rng::new(7));
        let mut seen = [0_u32; 10];
        for _ in 0..100_000 {
            let drawn = one.below(10);
            assert_eq!(drawn, two.below(10));
            seen[drawn as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (9_500..10_500).contains(&count)), "{seen:?}");
        assert_eq!(one.below(0), 0);
    }
}
