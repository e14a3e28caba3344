//! The parts of `kpol-webhook`, the admission webhook of kpol: bundles in, verdicts out.
//!
//! ```text
//!   files, PolicyBundles ──▶ policies ──▶ Store (swapped whole)          watches ──▶ Namespaces, referential objects
//!                                           │                                            │
//!   API server ──TLS──▶ serve ──▶ router ──▶ admission ──▶ AdmissionReview ◀─────────────┘
//!                        bounds    bounds       │
//!                                               ├──▶ metrics
//!                                               └──▶ log
//! ```
//!
//! Neither the parser nor the type checker of the language is in it: it loads what `kpolc build` made, by the crate `kpol`.
#![forbid(unsafe_code)]

pub mod admission;
pub mod audit;
pub mod bundles;
pub mod certs;
pub mod configure;
pub mod kind;
pub mod metrics;
pub mod policies;
pub mod policy_bundles;
pub mod router;
pub mod run;
pub mod serve;
pub mod settings;
pub mod tls;
pub mod watch;
