//! The codes of the command itself, E06xx, and all codes together.

use kpol_grammar::diagnostic::CodeInfo;

/// Every code of the command.
pub(crate) static CODES: &[CodeInfo] = &[CodeInfo {
    code: "E0601",
    title: "a rule lacks metadata that the project asks for",
    page: "\
The project's `kpol.toml` has a line such as

```toml
required_metadata = [\"severity\", \"owner\"]
```

and this rule has no such clause. Reports sort by severity, and somebody must answer for a rule.

```kpol bad
rule no_privileged on Pod {
  deny when any c in object.spec.containers { c.securityContext.privileged }
    message \"privileged\"
}
```

```kpol good
/// Privileged containers own the node.
rule no_privileged on Pod {
  severity critical
  owner    \"team-platform\"
  deny when any c in object.spec.containers { c.securityContext.privileged }
    message \"privileged\"
}
```
",
}];

/// The page of a code, whoever reports it.
pub(crate) fn code(code: &str) -> Option<&'static CodeInfo> {
    kpol_compiler::codes::code(code).or_else(|| CODES.iter().find(|info| info.code == code))
}

/// Every code there is, in order.
pub(crate) fn all() -> impl Iterator<Item = &'static CodeInfo> {
    kpol_grammar::diagnostics::CODES.iter().chain(kpol_compiler::codes::CODES).chain(CODES)
}
