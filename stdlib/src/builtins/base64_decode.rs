//! `base64_decode`: the text behind Base64.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

use super::support::{arg, dyn_or_text, to_text};

pub(super) static BUILTIN: Builtin = Builtin {
    name: "base64_decode",
    params: &[("s", Sig::OneOf(&[Sig::Is(Type::Str), Sig::Is(Type::Dyn)]))],
    ret: Sig::Is(Type::Str),
    partial: true,
    strict: true,
    property: false,
    doc: "The text that Base64 (RFC 4648, padding optional, line breaks ignored) stands for; absent when it \
        is no Base64 or no UTF-8.",
    rego: Some("base64.decode"),
    falco: None,
    examples: &[(r#"base64_decode("a3BvbA==")"#, "kpol"), (r#"base64_decode("%%%")"#, "(not set)")],
    cost: 32,
    intrinsic: None,
    eval,
};

fn eval(args: &[Value]) -> Value {
    dyn_or_text(arg(args, 0))
        .and_then(decode)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map_or(Value::Absent, to_text)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let padding = digits.iter().rev().take_while(|&&byte| byte == b'=').count();
    let digits = digits.get(..digits.len() - padding)?;
    if padding > 2 || (padding > 0 && (digits.len() + padding) % 4 != 0) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let bits = group.iter().try_fold(0_u32, |bits, &digit| Some(bits << 6 | value(digit)?))?;
        let bits = bits << (6 * (4 - group.len()));
        let [_, a, b, c] = bits.to_be_bytes();
        match group.len() {
            4 => bytes.extend([a, b, c]),
            3 if c == 0 => bytes.extend([a, b]),
            2 if b == 0 && c == 0 => bytes.push(a),
            _ => return None,
        }
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(base64: &str) -> Option<String> {
        decode(base64).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_examples_of_rfc_4648() {
        for (base64, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(text(base64).as_deref(), Some(plain));
            assert_eq!(text(base64.trim_end_matches('=')).as_deref(), Some(plain));
        }
    }

    #[test]
    fn what_is_no_base64() {
        for base64 in ["Z", "Zg=", "Zg===", "Z===", "Zh==", "Zm9vYg=", "=", "====", "Zm=v", "Zm 9v"] {
            assert_eq!(text(base64), None, "{base64}");
        }
    }
}
