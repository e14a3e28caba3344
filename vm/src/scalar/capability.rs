//! Linux capabilities, compared without case and without `CAP_`.
//!
//! Kubernetes writes them without the prefix and container runtimes upper-case them
//! (<https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>); the kernel's names are in
//! capabilities(7).

use std::borrow::Cow;

use super::ScalarError;

/// The word for every capability at once.
pub const ALL: &str = "ALL";

/// The capabilities of capabilities(7), in the order of their numbers in `linux/capability.h` (0 to 40).
pub const KNOWN: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Whether `text` names a known capability, or `ALL`.
///
/// # Errors
/// With the nearest known name, if one is near.
pub fn validate(text: &str) -> Result<(), ScalarError> {
    let name = canonical(text);
    if name == ALL || KNOWN.contains(&name.as_ref()) {
        return Ok(());
    }
    let error = ScalarError::whole(
        text,
        if name.is_empty() {
            "a capability is missing".to_owned()
        } else {
            format!("Linux has no capability `{text}`")
        },
    );
    Err(match nearest(&name) {
        Some(near) => error.with_help(format!("did you mean `{near}`?")),
        None => error.with_help("the names are in capabilities(7), and `ALL`"),
    })
}

/// The known name with the fewest typos away from `name`, at most three.
fn nearest(name: &str) -> Option<&'static str> {
    // Longer than any name with typos; the distance is quadratic.
    if name.len() > 32 {
        return None;
    }
    let distance = |known: &str| strsim::damerau_levenshtein(known, name);
    let near = KNOWN.iter().chain([&ALL]).copied().min_by_key(|known| distance(known))?;
    (distance(near) <= 3 && distance(near) < near.len().min(name.len())).then_some(near)
}

/// The name in upper case (ASCII) without `CAP_`.
#[must_use]
pub fn canonical(text: &str) -> Cow<'_, str> {
    let mut bare = text;
    while let Some((head, rest)) = bare.split_at_checked(4)
        && head.eq_ignore_ascii_case("CAP_")
    {
        bare = rest;
    }
    if bare.bytes().any(|b| b.is_ascii_lowercase()) {
        Cow::Owned(bare.to_ascii_uppercase())
    } else {
        Cow::Borrowed(bare)
    }
}

/// Whether both are the same capability. `ALL` is a word like the others here: it equals itself only.
#[must_use]
pub fn eq(a: &str, b: &str) -> bool {
    canonical(a) == canonical(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_prefix_make_no_difference() {
        for text in ["SYS_ADMIN", "sys_admin", "CAP_SYS_ADMIN", "cap_Sys_Admin"] {
            assert!(eq(text, "SYS_ADMIN"));
            assert!(validate(text).is_ok());
        }
        assert!(!eq("ALL", "SYS_ADMIN"));
        assert!(validate("all").is_ok());
    }

    #[test]
    fn typos_name_the_nearest() {
        for (text, near) in
            [("NET_BIND_SERVIC", "NET_BIND_SERVICE"), ("cap_sysadmin", "SYS_ADMIN"), ("AL", "ALL")]
        {
            assert_eq!(validate(text).unwrap_err().help.unwrap(), format!("did you mean `{near}`?"));
        }
        assert!(!validate("zzz").unwrap_err().help.unwrap().contains("did you mean"));
        assert!(validate("").is_err());
    }

    #[test]
    fn the_kernel_has_41() {
        assert_eq!(KNOWN.len(), 41);
    }

    proptest! {
        #[test]
        fn any_text_is_handled(text in ".*") {
            let _ = validate(&text);
            let prefixed = format!("CAP_{text}");
            prop_assert!(eq(&text, &prefixed));
        }
    }
}
