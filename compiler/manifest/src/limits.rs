//! The bounds within which a text is read. Each has a default that real manifests stay far below.

/// Bounds for one text. What passes a bound is an error at the place where it is passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text: 64 MiB. Values above 4 GiB count as 4 GiB.
    pub bytes: usize,
    /// Lists and objects inside each other: 128. Values above 512 count as 512, and lists and objects in YAML's
    /// flow style never nest deeper than 255.
    pub depth: usize,
    /// Values written in the text: 8 million, which 64 MiB of manifests do not reach.
    pub nodes: usize,
    /// Values that anchors hold and aliases and merges copy: 2 million; each 64 bytes of text count as one more.
    pub alias_nodes: usize,
    /// Documents, the skipped ones included: 100 000.
    pub documents: usize,
    /// Bytes of a key: 16 KiB.
    pub key_bytes: usize,
    /// Commas that YAML's flow style may hold before the collection they are in is known to be no key: 500 000.
    /// The scanner keeps all of them in memory; JSON has no such bound.
    pub flow_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes: 64 << 20,
            depth: 128,
            nodes: 8_000_000,
            alias_nodes: 2_000_000,
            documents: 100_000,
            key_bytes: 16 << 10,
            flow_entries: 500_000,
        }
    }
}

impl Limits {
    /// These limits where positions fit 32 bits and copying a value cannot exhaust a stack.
    pub(crate) fn clamped(&self) -> Limits {
        Limits { bytes: self.bytes.min(u32::MAX as usize - 1), depth: self.depth.min(512), ..self.clone() }
    }
}
