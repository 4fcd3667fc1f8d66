//! The random stream of one direction of a link.

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014): a counter and a mixing function.
///
/// Nodes draw from ChaCha8; a link does not need that, and cannot afford it: a ChaCha8 generator keeps about 300 bytes, a whole
/// direction is less than 48 here, and a run with 100,000 nodes has a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SplitMix(u64);

impl SplitMix {
    /// The stream with this name; names that differ in one word give streams that have nothing in common.
    pub(super) fn named(words: &[u64]) -> Self {
        Self(words.iter().fold(0, |state, word| mix(state.wrapping_add(GOLDEN) ^ mix(*word))))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Uniform in [0, 1), with 53 bits.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability. Certainties draw nothing.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && (probability >= 1.0 || self.unit() < probability)
    }

    /// Uniform in 0..=most, by the high word of a product (Lemire 2019); its bias of `most` in 2^64 is of no account here.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        ((u128::from(self.next()) * (u128::from(most) + 1)) >> 64) as u64
    }

    /// Standard normal, after Box and Muller (1958). The functions are those of `libm`, which give the same bits on every machine.
    pub(super) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }
}

/// The increment: 2^64 divided by the golden ratio, odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_the_published_numbers() {
        // First outputs of the reference implementation (Vigna, splitmix64.c) for the seed 1234567.
        let mut stream = SplitMix(1_234_567);
        let drawn = [stream.next(), stream.next(), stream.next()];
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let mut stream = SplitMix::named(&[1, 2]);
        let draws: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "mean {mean}, variance {variance}");
    }
}
