// SPDX-License-Identifier: Apache-2.0
//! Repeatable randomness (xorshift64*).

pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        rng.next();
        rng
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Any number, with the edges of every width likely.
    pub fn number(&mut self) -> u64 {
        let bits = self.below(65) as u32;
        let mask = u64::MAX.checked_shr(64 - bits).unwrap_or(0);
        let value = match self.below(4) {
            0 => mask,
            1 => mask.wrapping_add(1),
            _ => self.next() & mask,
        };
        if self.one_in(2) {
            value
        } else {
            value.wrapping_neg()
        }
    }

    /// Cuts, flips, inserts or overwrites a little.
    pub fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.next() as u8),
                2 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                3 if at < bytes.len() => bytes[at] = [0, 1, 2, 0x7f, 0x80, 0xff][self.below(6)],
                4 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.extend(
                    (0..self.below(8))
                        .map(|_| self.next() as u8)
                        .collect::<Vec<_>>(),
                ),
            }
        }
    }
}
