//! kpol in a Rust program: compile policies, load bundles, judge admission reviews, objects and runtime events.
//!
//! ```text
//!   text ──Compiler──▶ Compiled ──bytes, signed──▶ disk, registry, network
//!                                                        │
//!   keys, builtins, limits ──Loader──▶ Bundle ◀──────────┘     checked completely
//!                                        │
//!   params, modes, day, version ──Options▼
//!                                    Evaluator                 Send + Sync: one for all threads
//!                                        │
//!   review, object, event ──Session──▶ Answer ──▶ decision, hits, warnings      Session: one per thread
//!                                      Patch  ──▶ RFC 6902
//! ```
//!
//! # Example
//!
//! ```
//! use kpol::{Cluster, Decision, Evaluator, Mode, Options, Session};
//!
//! let compiled = kpol::compile(
//!     r#"package acme
//! rule no_host_pid on Pod {
//!   severity high
//!   deny when object.spec.hostPID message "{object.metadata.name} must not see the node's processes"
//! }"#,
//! )?;
//! let evaluator = Evaluator::new(compiled.bundle(), Options::new().with_default_mode(Mode::Deny))?;
//!
//! let review = br#"{"kind": "AdmissionReview", "request": {
//!     "uid": "1", "operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "Pod"},
//!     "object": {"metadata": {"name": "web"}, "spec": {"hostPID": true}}}}"#;
//! let mut session = Session::new();
//! let answer = evaluator.review(review, &Cluster::empty(), &mut session)?;
//!
//! assert_eq!(answer.decision(), Decision::Deny);
//! let hit = answer.hits().next().ok_or("no hit")?;
//! assert_eq!(hit.rule(), "acme.no_host_pid");
//! assert_eq!(hit.message(), "web must not see the node's processes");
//! assert_eq!(hit.blames(), ["spec.hostPID"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does not do
//!
//! It reads no file, has no clock and opens no socket: bytes, keys and the [`Day`] are given. Swapping a bundle for a new one
//! while reviews go on is the host's matter: an [`Evaluator`] is `Send + Sync` and never changes, so an `Arc` that is
//! replaced is enough. Nothing panics on bad input; a builtin of the host must not either ([`builtin`]).
//!
//! # Features
//!
//! `compiler` (default) brings `compile` and `Compiler`. Without it the crate carries no parser and no type checker, and
//! only loads bundles: `kpol = { .., default-features = false }`.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

/// The page on embedding: its programs are tests.
#[cfg(all(doctest, feature = "compiler"))]
#[doc = include_str!("../../../docs/embedding.md")]
pub struct EmbeddingPage;

mod answer;
pub mod builtin;
mod bundle;
mod cluster;
#[cfg(feature = "compiler")]
mod compiler;
mod day;
#[cfg(feature = "compiler")]
mod diagnostic;
mod error;
mod evaluator;
mod json;
mod live;
mod options;
mod params;
mod patch;
mod request;

pub use answer::{Answer, Hit};
pub use bundle::{Bundle, Loader, Param, Rule, Target, sign};
pub use cluster::Cluster;
#[cfg(feature = "compiler")]
pub use compiler::{CompileError, Compiled, Compiler, UnknownPackage, compile};
pub use day::{Day, DayError};
#[cfg(feature = "compiler")]
pub use diagnostic::{Diagnostic, Level};
pub use error::{LoadError, PrepareError, ReviewError};
pub use evaluator::{Evaluator, Request, Session};
pub use json::{JsonError, json};
pub use live::{Filling, KindSize, LiveCluster, Misfit};
pub use options::{Engine, Options};
pub use patch::{Patch, PatchOperation};

pub use kpol_vm::{
    bundle::{Digest, KeyError, KeyId, PublicKey, SecretKey},
    evaluate::{Decision, Effect},
    ir::{Mode, Operation, Severity, Verb},
    json::Json,
};
