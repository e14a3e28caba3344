//! What the admission webhook and `kpolc` both say about admission, without I/O.
//!
//! ```text
//!   Module   ──▶ webhook_config: which requests the API server has to ask about
//!   findings ──▶ report: totals by control, namespace and severity; PolicyReports, JSON, JSON lines, HTML
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod report;
pub mod webhook_config;
