//! `kpolc` as its users meet it: arguments in, text and exit code out, without a process.

mod check;
mod fmt;
mod formats;
mod input;
mod new;
mod project;
mod run;
mod words;
