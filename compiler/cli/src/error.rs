//! Why kpolc cannot do its job: exit code 2.

use std::path::PathBuf;

/// An error of the command itself; what is wrong in a policy is a diagnostic instead.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A file or directory cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// The path as given.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written: {error}", path.display())]
    Write {
        /// The path.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A policy file is not text.
    #[error("{path}:{line}:{column}: byte {offset} is not UTF-8")]
    NotUtf8 {
        /// The path as given.
        path: String,
        /// The first bad byte.
        offset: usize,
        /// Its line, from 1.
        line: usize,
        /// Its column, from 1.
        column: usize,
    },
    /// A file is larger than what is read.
    #[error("{path}: a policy has at most {limit} bytes")]
    TooLarge {
        /// The path as given.
        path: String,
        /// The limit.
        limit: u64,
    },
    /// A directory without policies.
    #[error("{path}: there is no .kpol file in this directory")]
    NoPolicies {
        /// The path as given.
        path: String,
    },
    /// A name in the library's name space that the library does not have.
    #[error("the library has no package `{name}`")]
    UnknownLibrary {
        /// The name as given.
        name: String,
        /// The nearest one.
        nearest: Option<String>,
        /// All there are.
        known: Vec<String>,
    },
    /// A directory tree that is too large to be meant.
    #[error("{path}: more than {limit} files below this directory")]
    TooManyFiles {
        /// The path as given.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// kpol.toml is wrong.
    #[error("{path}:{line}:{column}: {message}")]
    Config {
        /// The path.
        path: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// The command line asks for something that is not there or does not fit.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A report cannot be written as JSON.
    #[error("the report cannot be written as JSON: {0}")]
    Encode(serde_json::Error),
    /// A report cannot be written as XML.
    #[error("the report cannot be written as XML: {0}")]
    Xml(#[from] quick_junit::SerializeError),
}

impl CliError {
    /// A misuse, with what to do instead.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<Option<String>>) -> CliError {
        CliError::Usage { message: message.into(), help: help.into() }
    }

    /// The lines behind `help:`.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            CliError::Read { error, .. } if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            CliError::NotUtf8 { .. } => vec!["save the file as UTF-8".to_owned()],
            CliError::NoPolicies { .. } => {
                vec![
                    "name a file, or a directory that holds .kpol files; `kpolc new` makes a project"
                        .to_owned(),
                ]
            }
            CliError::UnknownLibrary { nearest, known, .. } => {
                let nearest = nearest.iter().map(|name| format!("did you mean `{name}`?"));
                let list = match known.is_empty() {
                    true => "the library is empty".to_owned(),
                    false => format!("packages of the library: {}", known.join(", ")),
                };
                nearest.chain([list]).collect()
            }
            CliError::TooManyFiles { .. } => vec!["name the directory that holds the policies".to_owned()],
            CliError::Config { help, .. } | CliError::Usage { help, .. } => help.iter().cloned().collect(),
            CliError::Read { .. }
            | CliError::Write { .. }
            | CliError::TooLarge { .. }
            | CliError::Encode(_)
            | CliError::Xml(_) => Vec::new(),
        }
    }
}
