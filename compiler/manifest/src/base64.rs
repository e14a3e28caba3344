//! Base64 of `!!binary`, as Go's `StdEncoding` reads it: padded, line breaks ignored.

/// The bytes, or nothing if this is no base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let clean: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(clean.len() / 4 * 3);
    let mut groups = clean.chunks(4).peekable();
    while let Some(group) = groups.next() {
        let digits = group.iter().position(|b| *b == b'=').unwrap_or(4);
        let padded = group.len() == 4 && digits >= 2 && group.iter().skip(digits).all(|b| *b == b'=');
        if !padded || (digits < 4 && groups.peek().is_some()) {
            return None;
        }
        let bits = group.iter().take(digits).try_fold(0u32, |bits, b| Some(bits << 6 | digit(*b)?))?;
        let bytes = (bits << (6 * (4 - digits))).to_be_bytes();
        out.extend(bytes.iter().skip(1).take(digits - 1));
    }
    Some(out)
}

fn digit(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// The bytes as JSON text: each byte that is no UTF-8 becomes U+FFFD, as Go's JSON writer does it.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    bytes.utf8_chunks().fold(String::new(), |mut out, chunk| {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
        out
    })
}
