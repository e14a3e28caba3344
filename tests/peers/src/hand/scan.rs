//! A scanner for these policies alone, with AVX2: what they do not ask for is jumped over 64 bytes at a time, and nothing of it
//! is validated, nor that the body is UTF-8. The bound that no careful reader beats; not a way to read what a stranger sends.
//!
//! ```text
//!   { "request" : { "object" : { "metadata" : {………………} , "spec" : { "containers" : [ { … } ] } } } }
//!     ▲ key: find its quote    ▲ step in       ▲ jump: count brackets outside of strings, by bit masks
//! ```
//!
//! Texts are compared as they stand, so an escape in one is an error where it matters.
#![allow(unsafe_code, reason = "loads of vectors, and a call after a look at what the processor can")]

use std::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
};

use kpol_vm::evaluate::Decision;

use super::{Amounts, Container, Containers, Pod, concerns, is_all, is_more};

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Judges a body, if this processor can.
pub(crate) fn decide(body: &[u8]) -> Result<Decision, String> {
    if !available() {
        return Err("this processor has no AVX2".into());
    }
    // SAFETY: the processor has what `decision` is compiled for.
    unsafe { decision(body) }
}

/// Whether this processor can.
pub(crate) fn available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("popcnt")
}

#[target_feature(enable = "avx2,pclmulqdq,popcnt")]
fn decision(body: &[u8]) -> Result<Decision, String> {
    let mut scan = Scan { body, at: 0 };
    let (mut uid, mut operation, mut group, mut kind): (&[u8], &[u8], &[u8], &[u8]) = Default::default();
    let mut pod = None;
    scan.object(|scan, key| match key {
        b"request" => scan.object(|scan, key| match key {
            b"uid" => uid = scan.text(),
            b"operation" => operation = scan.text(),
            b"kind" => scan.object(|scan, key| match key {
                b"group" => group = scan.text(),
                b"kind" => kind = scan.text(),
                _ => scan.skip(),
            }),
            b"object" => scan.object(|scan, key| match key {
                b"spec" => pod = Some(scan.pod()),
                _ => scan.skip(),
            }),
            _ => scan.skip(),
        }),
        _ => scan.skip(),
    });
    if scan.at > body.len() {
        return Err("the body ends early".into());
    }
    let text = |bytes| std::str::from_utf8(bytes).map_err(|error| error.to_string());
    if !concerns(text(uid)?, text(operation)?, text(group)?, text(kind)?)? {
        return Ok(Decision::Allow);
    }
    Ok(pod.ok_or("a Pod without spec")?.decision())
}

/// A place in a body; past its end once something is not as JSON is.
struct Scan<'b> {
    body: &'b [u8],
    at: usize,
}

impl<'b> Scan<'b> {
    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    fn pod(&mut self) -> Pod {
        let mut pod = Pod::default();
        self.object(|scan, key| match key {
            b"hostNetwork" => pod.host_network = scan.bool() == Some(true),
            b"hostPID" => pod.host_pid = scan.bool() == Some(true),
            b"hostIPC" => pod.host_ipc = scan.bool() == Some(true),
            b"os" => scan.object(|scan, key| match key {
                b"name" => pod.windows = scan.text() == b"windows",
                _ => scan.skip(),
            }),
            b"resources" => (pod.limits, pod.requests) = scan.resources(),
            b"initContainers" => pod.init = scan.containers(),
            b"containers" => pod.main = scan.containers(),
            b"ephemeralContainers" => pod.ephemeral = scan.containers(),
            _ => scan.skip(),
        });
        pod
    }

    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    fn containers(&mut self) -> Containers {
        let mut all = Containers::default();
        self.array(|scan| all.add(&scan.container()));
        all
    }

    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    fn container(&mut self) -> Container {
        let mut container = Container { escalates: true, writable: true, ..Container::default() };
        self.object(|scan, key| match key {
            b"resources" => (container.limits, container.requests) = scan.resources(),
            b"securityContext" => scan.object(|scan, key| match key {
                b"privileged" => container.privileged = scan.bool() == Some(true),
                b"allowPrivilegeEscalation" => container.escalates = scan.bool() != Some(false),
                b"readOnlyRootFilesystem" => container.writable = scan.bool() != Some(true),
                b"capabilities" => scan.object(|scan, key| match key {
                    b"add" => scan.array(|scan| container.adds_more |= scan.passes(is_more)),
                    b"drop" => scan.array(|scan| container.drops_all |= scan.passes(is_all)),
                    _ => scan.skip(),
                }),
                _ => scan.skip(),
            }),
            _ => scan.skip(),
        });
        container
    }

    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    fn resources(&mut self) -> (Amounts, Amounts) {
        let (mut limits, mut requests) = (Amounts::default(), Amounts::default());
        self.object(|scan, key| match key {
            b"limits" => limits = scan.amounts(),
            b"requests" => requests = scan.amounts(),
            _ => scan.skip(),
        });
        (limits, requests)
    }

    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    fn amounts(&mut self) -> Amounts {
        let mut amounts = Amounts::default();
        self.object(|scan, key| {
            let there = scan.peek() != b'n';
            match key {
                b"cpu" => amounts.cpu = there,
                b"memory" => amounts.memory = there,
                _ => {}
            }
            scan.skip();
        });
        amounts
    }

    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    fn passes(&mut self, test: fn(&str) -> bool) -> bool {
        std::str::from_utf8(self.text()).is_ok_and(test)
    }

    /// The next byte that is no space; 0 at the end.
    #[inline]
    fn peek(&mut self) -> u8 {
        loop {
            match self.body.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    /// Calls `field` at each value of an object; skips what is none.
    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    #[inline]
    fn object(&mut self, mut field: impl FnMut(&mut Self, &[u8])) {
        if self.peek() != b'{' {
            return self.skip();
        }
        self.at += 1;
        while self.peek() == b'"' {
            let key = self.text();
            if self.peek() != b':' {
                return self.fail();
            }
            self.at += 1;
            field(self, key);
            if self.peek() != b',' {
                break;
            }
            self.at += 1;
        }
        if self.peek() == b'}' { self.at += 1 } else { self.fail() }
    }

    /// Calls `element` at each value of an array; skips what is none.
    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    #[inline]
    fn array(&mut self, mut element: impl FnMut(&mut Self)) {
        if self.peek() != b'[' {
            return self.skip();
        }
        self.at += 1;
        while !matches!(self.peek(), b']' | 0) {
            element(self);
            if self.peek() != b',' {
                break;
            }
            self.at += 1;
        }
        if self.peek() == b']' { self.at += 1 } else { self.fail() }
    }

    #[cold]
    fn fail(&mut self) {
        self.at = self.body.len() + 1;
    }

    #[inline]
    fn bool(&mut self) -> Option<bool> {
        let rest = {
            self.peek();
            self.body.get(self.at..)?
        };
        let (word, value) = match rest {
            [b't', ..] => (4, Some(true)),
            [b'f', ..] => (5, Some(false)),
            [b'n', ..] => (4, None),
            _ => {
                self.fail();
                return None;
            }
        };
        self.at += word;
        value
    }

    /// A text as it stands; empty if there is none.
    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    #[inline]
    fn text(&mut self) -> &'b [u8] {
        if self.peek() != b'"' {
            self.skip();
            return &[];
        }
        let begin = self.at + 1;
        self.at = begin;
        loop {
            let (low, _, valid) = self.block();
            let ends = bits(_mm256_or_si256(
                _mm256_cmpeq_epi8(low, _mm256_set1_epi8(byte(b'"'))),
                _mm256_cmpeq_epi8(low, _mm256_set1_epi8(byte(b'\\'))),
            ));
            if ends == 0 {
                if valid <= BLOCK / 2 {
                    self.fail();
                    return &[];
                }
                self.at += BLOCK / 2;
                continue;
            }
            self.at += ends.trailing_zeros() as usize;
            if self.body.get(self.at) == Some(&b'"') {
                let text = self.body.get(begin..self.at).unwrap_or_default();
                self.at += 1;
                return text;
            }
            self.at += 2;
        }
    }

    /// Jumps over a value.
    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    #[inline]
    fn skip(&mut self) {
        match self.peek() {
            b'"' => {
                self.text();
            }
            b'{' | b'[' => self.jump(),
            0 => self.fail(),
            _ => {
                while !matches!(self.body.get(self.at), Some(b',' | b'}' | b']') | None) {
                    self.at += 1;
                }
            }
        }
    }

    /// Jumps over an object or array: to where as many brackets are closed as are open, outside of strings.
    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    fn jump(&mut self) {
        let (mut depth, mut in_string, mut escaped) = (0_u32, 0_u64, 0_u64);
        loop {
            let (low, high, valid) = self.block();
            let mask = |wanted: u8| {
                let wanted = _mm256_set1_epi8(byte(wanted));
                u64::from(bits(_mm256_cmpeq_epi8(low, wanted)))
                    | u64::from(bits(_mm256_cmpeq_epi8(high, wanted))) << 32
            };
            let quotes = mask(b'"') & !after_backslash(mask(b'\\'), &mut escaped);
            let strings = prefix_xor(quotes) ^ in_string;
            in_string = (strings.cast_signed() >> 63).cast_unsigned();
            let opens = (mask(b'{') | mask(b'[')) & !strings;
            let closes = (mask(b'}') | mask(b']')) & !strings;
            // Only a block that closes as much as was open may hold the end.
            if closes.count_ones() >= depth {
                let (mut left, mut closed) = (closes, 0);
                while left != 0 {
                    let at = left.trailing_zeros();
                    closed += 1;
                    if depth + (opens & ((1 << at) - 1)).count_ones() == closed {
                        self.at += at as usize + 1;
                        return;
                    }
                    left &= left - 1;
                }
            }
            depth = depth + opens.count_ones() - closes.count_ones();
            if valid < BLOCK {
                return self.fail();
            }
            self.at += BLOCK;
        }
    }

    /// The next 64 bytes, with zeros behind the end, and how many there are.
    #[target_feature(enable = "avx2,pclmulqdq,popcnt")]
    #[inline]
    fn block(&self) -> (__m256i, __m256i, usize) {
        let rest = self.body.get(self.at..).unwrap_or_default();
        if let Some((block, _)) = rest.split_first_chunk::<BLOCK>() {
            let (low, high) = load(block);
            return (low, high, BLOCK);
        }
        let mut block = [0; BLOCK];
        for (to, from) in block.iter_mut().zip(rest) {
            *to = *from;
        }
        let (low, high) = load(&block);
        (low, high, rest.len())
    }
}

#[target_feature(enable = "avx2,pclmulqdq,popcnt")]
#[inline]
fn load(block: &[u8; BLOCK]) -> (__m256i, __m256i) {
    let at = block.as_ptr().cast::<__m256i>();
    // SAFETY: both halves lie in the array; the loads need no alignment.
    unsafe { (_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))) }
}

#[target_feature(enable = "avx2,pclmulqdq,popcnt")]
#[inline]
fn bits(vector: __m256i) -> u32 {
    _mm256_movemask_epi8(vector).cast_unsigned()
}

#[inline]
fn byte(byte: u8) -> i8 {
    byte.cast_signed()
}

/// The bytes that a backslash escapes, and whether the last one of this block escapes the first one of the next.
#[inline]
fn after_backslash(mut backslashes: u64, carried: &mut u64) -> u64 {
    let mut escaped = *carried;
    backslashes &= !*carried;
    *carried = 0;
    while backslashes != 0 {
        let at = backslashes.trailing_zeros();
        if at == 63 {
            *carried = 1;
            break;
        }
        escaped |= 2 << at;
        backslashes &= !(3 << at);
    }
    escaped
}

/// Each bit becomes the parity of the bits up to it: what stands behind an odd number of quotes is in a string.
#[target_feature(enable = "avx2,pclmulqdq,popcnt")]
#[inline]
fn prefix_xor(bits: u64) -> u64 {
    let product = _mm_clmulepi64_si128(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1), 0);
    _mm_cvtsi128_si64(product).cast_unsigned()
}
