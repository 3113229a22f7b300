//! Rabin's rolling hash (M. O. Rabin, *Fingerprinting by Random Polynomials*, 1981), by which the snapshots' engine cuts
//! files into chunks as restic does: a polynomial over GF(2) per window of bytes, modulo an irreducible one.
//!
//! It stands in the place of the published `rustic_cdc` and offers what `rustic_core` uses of it. The engine makes a
//! [`Rabin64`] for every file, and the published one computes its table for each from scratch: for small files, such as
//! messages, longer than all else that is done to them. Here the table costs about a hundredth of that.

/// A polynomial over GF(2) of degree 63 at most: bit n is the coefficient of xⁿ.
pub type Polynom64 = u64;

/// What the engine computes with polynomials.
pub trait Polynom {
    /// The highest power that occurs; -1 of the polynomial 0.
    fn degree(&self) -> i32;

    /// The rest of a division by `divisor`, which isn't 0.
    #[must_use]
    fn modulo(&self, divisor: &Self) -> Self;
}

impl Polynom for Polynom64 {
    fn degree(&self) -> i32 {
        self.checked_ilog2().map_or(-1, u32::cast_signed)
    }

    fn modulo(&self, divisor: &Self) -> Self {
        let mut rest = *self;
        loop {
            let above = rest.degree() - divisor.degree();
            if above < 0 || rest == 0 {
                return rest;
            }
            rest ^= divisor << above;
        }
    }
}

/// A hash of the last bytes, which costs the same however many they are.
pub trait RollingHash64 {
    /// Forgets what was seen.
    fn reset(&mut self);

    /// Takes in a window less one byte, or what there is; answers how many bytes.
    fn prefill_window<I: Iterator<Item = u8>>(&mut self, bytes: &mut I) -> usize;

    /// [`Self::reset`], then [`Self::prefill_window`].
    fn reset_and_prefill_window<I: Iterator<Item = u8>>(&mut self, bytes: &mut I) -> usize;

    /// Takes one byte in, and the oldest one out.
    fn slide(&mut self, byte: u8);

    fn get_hash(&self) -> &Polynom64;
}

/// The hash of a window whose length is a power of two.
#[derive(Debug, Clone)]
pub struct Rabin64 {
    window: Vec<u8>,
    /// Where the oldest byte stands.
    oldest: usize,
    /// How far the byte that leaves a shifted hash stands to the right.
    shift: u32,
    /// What each byte has become of itself when it leaves the window.
    out: [Polynom64; 256],
    /// What brings a hash back below the modulus, by the byte that stands above it.
    reduce: [Polynom64; 256],
    pub hash: Polynom64,
}

impl Rabin64 {
    /// A window of `2^bits` bytes. The modulus has a degree from 8 to 56.
    #[must_use]
    pub fn new_with_polynom(bits: u32, modulus: &Polynom64) -> Self {
        let degree = modulus.degree().cast_unsigned();
        let reduce = linear(|power| {
            let above = 1 << (power + degree);
            above | above.modulo(modulus)
        });
        let window = vec![0; 1 << bits];
        let mut made = Self { window, oldest: 0, shift: degree - 8, out: [0; 256], reduce, hash: 0 };
        made.out = linear(|power| {
            (1..made.window.len()).fold((1 << power).modulo(modulus), |hash, _| made.appended(hash, 0))
        });
        made
    }

    /// The hash with another byte behind it.
    #[inline]
    fn appended(&self, hash: Polynom64, byte: u8) -> Polynom64 {
        let [.., above] = (hash >> self.shift).to_be_bytes();
        (hash << 8 | Polynom64::from(byte)) ^ self.reduce[usize::from(above)]
    }
}

impl RollingHash64 for Rabin64 {
    fn reset(&mut self) {
        self.window.fill(0);
        self.oldest = 0;
        self.hash = 0;
    }

    fn prefill_window<I: Iterator<Item = u8>>(&mut self, bytes: &mut I) -> usize {
        let most = self.window.len() - 1;
        bytes.take(most).map(|byte| self.slide(byte)).count()
    }

    fn reset_and_prefill_window<I: Iterator<Item = u8>>(&mut self, bytes: &mut I) -> usize {
        self.reset();
        self.prefill_window(bytes)
    }

    #[inline]
    fn slide(&mut self, byte: u8) {
        let leaving = std::mem::replace(&mut self.window[self.oldest], byte);
        self.hash = self.appended(self.hash ^ self.out[usize::from(leaving)], byte);
        self.oldest = (self.oldest + 1) & (self.window.len() - 1);
    }

    #[inline]
    fn get_hash(&self) -> &Polynom64 {
        &self.hash
    }
}

/// A value for each byte, where that of a sum is the sum of the values: known by those of the eight powers.
fn linear(of_power: impl Fn(u32) -> Polynom64) -> [Polynom64; 256] {
    let mut table = [0; 256];
    for power in 0..8 {
        let (known, first) = (1 << power, of_power(power));
        for below in 0..known {
            table[known + below] = table[below] ^ first;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An irreducible polynomial of degree 53, as the engine draws them.
    const MODULUS: Polynom64 = 0x003D_A335_8B4D_C173;

    /// By the definition: the window's bytes as one long polynomial, divided bit by bit.
    fn hash_of(window: &[u8], modulus: Polynom64) -> Polynom64 {
        let bits =
            window.iter().flat_map(|byte| (0..8).rev().map(move |bit| Polynom64::from(byte >> bit & 1)));
        bits.fold(0, |hash, bit| (hash << 1 | bit).modulo(&modulus))
    }

    #[test]
    fn a_polynomial_is_divided() {
        assert_eq!(0_u64.degree(), -1);
        assert_eq!((1_u64 << 53 | 1).degree(), 53);
        // x⁴ + x + 1 = (x² + x + 1)(x² + x) + 1
        assert_eq!(0b10011_u64.modulo(&0b111), 1);
        assert_eq!(0b110_u64.modulo(&0b1000), 0b110);
        assert_eq!(0_u64.modulo(&0b1), 0);
        assert_eq!(0b11_u64.modulo(&0b1), 0);
    }

    proptest! {
        #[test]
        fn it_is_the_hash_of_the_last_window(
            bytes in prop::collection::vec(any::<u8>(), 0..300), bits in 1_u32..7, high in 8_u32..54, low: u64,
        ) {
            let drawn = 1 << high | low & ((1 << high) - 1);
            for modulus in [MODULUS, drawn] {
                let mut rolling = Rabin64::new_with_polynom(bits, &modulus);
                for end in 0..bytes.len() {
                    rolling.slide(bytes[end]);
                    let begin = (end + 1).saturating_sub(1 << bits);
                    prop_assert_eq!(rolling.hash, hash_of(&bytes[begin..=end], modulus));
                }
            }
        }

        #[test]
        fn a_filled_window_is_as_if_it_were_slid_in(
            before in prop::collection::vec(any::<u8>(), 0..200), bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut fresh = Rabin64::new_with_polynom(6, &MODULUS);
            let mut used = fresh.clone();
            used.prefill_window(&mut before.iter().copied());
            let taken = used.reset_and_prefill_window(&mut bytes.iter().copied());
            prop_assert_eq!(taken, bytes.len().min(63));
            bytes.iter().take(63).for_each(|byte| fresh.slide(*byte));
            prop_assert_eq!(used.get_hash(), fresh.get_hash());
        }
    }
}
