//! Sixty-four bytes of JSON at once: which of them are quotes, backslashes and brackets, and which stand in strings.
//!
//! With the vectors that every machine of a target has (SSE2, NEON), through the crate `wide`; where the processor has
//! AVX2, long stretches are skipped with it. That is the one place of unsafe code here: a call behind the question
//! whether the processor can.

use wide::u8x16;

/// The bytes of a block.
pub(super) const BLOCK: usize = 64;

/// Bit `i` is about byte `i` of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Masks {
    pub(super) quote: u64,
    pub(super) backslash: u64,
    /// `{` and `[`.
    pub(super) open: u64,
    /// `}` and `]`.
    pub(super) close: u64,
    /// Of brackets: it is curly. Of other bytes: anything.
    pub(super) curly: u64,
}

/// What the block before says about this one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carry {
    /// All ones inside a string.
    in_string: u64,
    /// Whether the first byte is escaped.
    escaped: u64,
}

impl Carry {
    /// Inside a string, before its first byte.
    pub(super) fn in_string() -> Carry {
        Carry { in_string: u64::MAX, escaped: 0 }
    }

    /// The quotes that are not escaped.
    #[inline(always)]
    pub(super) fn quotes(&mut self, masks: &Masks) -> u64 {
        if masks.backslash == 0 {
            let escaped = std::mem::take(&mut self.escaped);
            return masks.quote & !escaped;
        }
        // Every second backslash of a row is escaped itself. Rows that begin at odd places are told from those at even
        // places by a subtraction whose borrow runs along the row.
        const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        let backslash = masks.backslash & !self.escaped;
        let follows = (backslash << 1) | ODD;
        let escape = follows.wrapping_sub(backslash) ^ ODD;
        let escaped = escape ^ (masks.backslash | self.escaped);
        self.escaped = (escape & masks.backslash) >> 63;
        masks.quote & !escaped
    }

    /// The bytes inside strings, opening quotes included.
    #[inline(always)]
    pub(super) fn strings<M: Machine>(&mut self, machine: M, masks: &Masks) -> u64 {
        let strings = machine.prefix_xor(self.quotes(masks)) ^ self.in_string;
        self.in_string = 0u64.wrapping_sub(strings >> 63);
        strings
    }
}

/// What work is done with.
pub(super) trait Machine: Copy {
    fn masks(self, block: &[u8; BLOCK]) -> Masks;
    /// Bit `i` is the parity of the bits up to `i`.
    fn prefix_xor(self, bits: u64) -> u64;
}

/// Work that is the same on every machine. `run` is `inline(always)`, so that it is compiled for each.
pub(super) trait Work {
    type Out;
    fn run<M: Machine>(self, machine: M) -> Self::Out;
}

/// Does work with the best that the processor has.
#[inline]
pub(super) fn with_best<W: Work>(work: W) -> W::Out {
    #[cfg(target_arch = "x86_64")]
    if let Some(machine) = avx2::Avx2::new() {
        return machine.run(work);
    }
    work.run(Plain)
}

/// What every machine of the target has.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl Machine for Plain {
    #[inline(always)]
    fn masks(self, block: &[u8; BLOCK]) -> Masks {
        masks(block)
    }

    #[inline(always)]
    fn prefix_xor(self, mut bits: u64) -> u64 {
        for shift in [1, 2, 4, 8, 16, 32] {
            bits ^= bits << shift;
        }
        bits
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8, _mm256_add_epi8,
        _mm256_cmpeq_epi8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set_epi64x, _mm256_set1_epi8,
    };

    use super::{BLOCK, Machine, Masks, Work};

    /// Exists only where the processor has what the code here uses.
    #[derive(Clone, Copy)]
    pub(super) struct Avx2(());

    impl Avx2 {
        /// Asks the processor.
        #[inline]
        pub(super) fn new() -> Option<Avx2> {
            let is_there = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("pclmulqdq");
            is_there.then_some(Avx2(()))
        }

        /// Does work with it.
        #[inline]
        #[expect(unsafe_code, reason = "code for processors with AVX2 is called where it is there")]
        pub(super) fn run<W: Work>(self, work: W) -> W::Out {
            #[target_feature(enable = "avx2,bmi1,popcnt,pclmulqdq")]
            fn inner<W: Work>(machine: Avx2, work: W) -> W::Out {
                work.run(machine)
            }
            // SAFETY: an `Avx2` is made only by `new`, which has asked the processor for these features.
            unsafe { inner(self, work) }
        }
    }

    impl Machine for Avx2 {
        #[inline(always)]
        #[expect(unsafe_code, reason = "code for processors with AVX2 is called where it is there")]
        fn masks(self, block: &[u8; BLOCK]) -> Masks {
            // SAFETY: an `Avx2` is made only by `new`, which has asked the processor.
            unsafe { masks(block) }
        }

        #[inline(always)]
        #[expect(unsafe_code, reason = "code for processors with AVX2 is called where it is there")]
        fn prefix_xor(self, bits: u64) -> u64 {
            // SAFETY: as above.
            unsafe { prefix_xor(bits) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,popcnt,pclmulqdq")]
    fn prefix_xor(bits: u64) -> u64 {
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1));
        _mm_cvtsi128_si64(product).cast_unsigned()
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,popcnt,pclmulqdq")]
    fn masks(block: &[u8; BLOCK]) -> Masks {
        let mut masks = Masks { quote: 0, backslash: 0, open: 0, close: 0, curly: 0 };
        for (half, shift) in block.as_chunks::<32>().0.iter().zip([0, 32]) {
            let bytes = lanes(half);
            // `[` and `{`, `]` and `}` differ in bit 5 alone.
            let folded = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
            let twice = _mm256_add_epi8(bytes, bytes);
            let equal =
                |lanes, byte: u8| bits(_mm256_cmpeq_epi8(lanes, _mm256_set1_epi8(byte.cast_signed())));
            masks.quote |= equal(bytes, b'"') << shift;
            masks.backslash |= equal(bytes, b'\\') << shift;
            masks.open |= equal(folded, b'{') << shift;
            masks.close |= equal(folded, b'}') << shift;
            masks.curly |= bits(_mm256_add_epi8(twice, twice)) << shift;
        }
        masks
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn bits(lanes: __m256i) -> u64 {
        u64::from(_mm256_movemask_epi8(lanes).cast_unsigned())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn lanes(bytes: &[u8; 32]) -> __m256i {
        let [a, b, c, d] = [0, 1, 2, 3]
            .map(|i| bytes.as_chunks::<8>().0.get(i).map_or(0, |chunk| i64::from_le_bytes(*chunk)));
        _mm256_set_epi64x(d, c, b, a)
    }
}

#[inline]
fn bits(lanes: u8x16) -> u64 {
    u64::from(lanes.to_bitmask())
}

#[inline]
pub(super) fn masks(block: &[u8; BLOCK]) -> Masks {
    let mut masks = Masks { quote: 0, backslash: 0, open: 0, close: 0, curly: 0 };
    for (i, bytes) in block.as_chunks::<16>().0.iter().enumerate() {
        let shift = 16 * i;
        let bytes = u8x16::new(*bytes);
        // `[` and `{`, `]` and `}` differ in bit 5 alone.
        let folded = bytes | u8x16::splat(0x20);
        let twice = bytes + bytes;
        masks.quote |= bits(bytes.simd_eq(u8x16::splat(b'"'))) << shift;
        masks.backslash |= bits(bytes.simd_eq(u8x16::splat(b'\\'))) << shift;
        masks.open |= bits(folded.simd_eq(u8x16::splat(b'{'))) << shift;
        masks.close |= bits(folded.simd_eq(u8x16::splat(b'}'))) << shift;
        masks.curly |= bits(twice + twice) << shift;
    }
    masks
}

/// The bytes at which a string ends, is escaped or breaks: quotes, backslashes, control characters.
#[inline]
pub(super) fn string_marks(bytes: &[u8; 16]) -> u32 {
    let bytes = u8x16::new(*bytes);
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let quote = bytes.simd_eq(u8x16::splat(b'"'));
    let backslash = bytes.simd_eq(u8x16::splat(b'\\'));
    (control | quote | backslash).to_bitmask()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plainly(bytes: &[u8], is: impl Fn(u8) -> bool) -> u64 {
        bytes.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(is(*byte)))
    }

    struct MasksOf<'b>(&'b [u8; BLOCK]);

    impl Work for MasksOf<'_> {
        type Out = Masks;

        fn run<M: Machine>(self, machine: M) -> Masks {
            machine.masks(self.0)
        }
    }

    struct StringsOf<'b>(Carry, &'b [u8; BLOCK]);

    impl Work for StringsOf<'_> {
        type Out = u64;

        fn run<M: Machine>(mut self, machine: M) -> u64 {
            self.0.strings(machine, &machine.masks(self.1))
        }
    }

    fn marks() -> impl Strategy<Value = u8> {
        prop_oneof![Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), any::<u8>()]
    }

    proptest! {
        #[test]
        fn vectors_and_plain_rust_agree(bytes in prop::collection::vec(marks(), BLOCK)) {
            let block: [u8; BLOCK] = bytes.try_into().unwrap();
            let expected = Masks {
                quote: plainly(&block, |b| b == b'"'),
                backslash: plainly(&block, |b| b == b'\\'),
                open: plainly(&block, |b| matches!(b, b'{' | b'[')),
                close: plainly(&block, |b| matches!(b, b'}' | b']')),
                curly: plainly(&block, |b| b & 0x20 != 0),
            };
            prop_assert_eq!(masks(&block), expected);
            prop_assert_eq!(with_best(MasksOf(&block)), expected);
            let first = block.first_chunk::<16>().unwrap();
            let ends = plainly(first, |b| matches!(b, b'"' | b'\\' | 0..=0x1f));
            prop_assert_eq!(u64::from(string_marks(first)), ends);
        }

        #[test]
        fn strings_are_told_byte_by_byte(bytes in prop::collection::vec(marks(), BLOCK * 3)) {
            let (mut carry, mut in_string, mut escaped) = (Carry::default(), false, false);
            for block in bytes.as_chunks::<BLOCK>().0 {
                let before = carry;
                let strings = carry.strings(Plain, &masks(block));
                prop_assert_eq!(with_best(StringsOf(before, block)), strings);
                for (i, byte) in block.iter().enumerate() {
                    let quote = *byte == b'"' && !escaped;
                    in_string ^= quote;
                    escaped = *byte == b'\\' && !escaped;
                    prop_assert_eq!(strings >> i & 1 == 1, in_string);
                }
            }
        }
    }
}
