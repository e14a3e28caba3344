//! Sixty-four bytes of JSON at once: which of them are quotes, backslashes and brackets, and which stand in strings.
//!
//! With the vectors that every machine of a target has (SSE2, NEON), through the crate `wide`: no detection at run time
//! and no unsafe code here.

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
    #[inline]
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
    #[inline]
    pub(super) fn strings(&mut self, masks: &Masks) -> u64 {
        let strings = prefix_xor(self.quotes(masks)) ^ self.in_string;
        self.in_string = 0u64.wrapping_sub(strings >> 63);
        strings
    }
}

#[inline]
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
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
            let first = block.first_chunk::<16>().unwrap();
            let ends = plainly(first, |b| matches!(b, b'"' | b'\\' | 0..=0x1f));
            prop_assert_eq!(u64::from(string_marks(first)), ends);
        }

        #[test]
        fn strings_are_told_byte_by_byte(bytes in prop::collection::vec(marks(), BLOCK * 3)) {
            let (mut carry, mut in_string, mut escaped) = (Carry::default(), false, false);
            for block in bytes.as_chunks::<BLOCK>().0 {
                let strings = carry.strings(&masks(block));
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
