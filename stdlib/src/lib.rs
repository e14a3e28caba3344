//! The catalog (everything that an author can name) and the policy library.
//!
//! ```text
//! catalog ─┬─ schema      Kubernetes kinds, from stdlib/schema
//!          ├─ events      one file per event: its fields, their docs, their Falco names
//!          ├─ builtins    one file per function: its signature, examples, code
//!          └─ PRELUDE     defines that every file sees
//! mitre, controls         what `mitre` and `tags` clauses may name
//! library                 the .kpol files that ship with kpol, as text
//! ```
//!
//! Type checking, engines, importers, completion and the reference pages read these tables; none of them has a
//! list of its own. Nothing here reads a file: all data is compiled in.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

pub mod builtins;
pub mod catalog;
pub mod controls;
pub mod events;
pub mod library;
pub mod mitre;
pub mod schema;
