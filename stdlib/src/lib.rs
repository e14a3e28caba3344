//! The catalog of kpol: everything that an author can name.
//!
//! The catalog is data. It reads no file and no clock, and never panics.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

pub mod schema;
