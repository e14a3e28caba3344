//! What a run has of the world besides files: streams, the environment, the directory it starts in, the time.

use std::{
    io::{ErrorKind, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::Date};

use crate::args::Color;

/// Looks up a variable.
pub(crate) type Env = Box<dyn Fn(&str) -> Option<String>>;
/// What time it is.
pub(crate) type Clock = Box<dyn Fn() -> Timestamp>;

/// The world of one run.
pub struct Io {
    /// Results.
    pub stdout: Box<dyn Write>,
    /// Summaries, progress and what went wrong.
    pub stderr: Box<dyn Write>,
    /// What `-` reads.
    pub stdin: Box<dyn Read>,
    /// Whether somebody watches `stdout`.
    pub stdout_terminal: bool,
    /// Whether somebody watches `stderr`.
    pub stderr_terminal: bool,
    /// The environment.
    pub env: Env,
    /// Relative paths start here.
    pub dir: PathBuf,
    /// The day, for exceptions that end.
    pub today: Date,
    /// The time, for reports.
    pub clock: Clock,
    /// The first write that failed, other than for want of a reader.
    failed: Option<std::io::Error>,
}

impl Io {
    /// That of this process.
    #[must_use]
    pub fn process() -> Io {
        Io {
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
            env: Box::new(|name| std::env::var(name).ok()),
            clock: Box::new(Timestamp::now),
            today: Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date(),
            ..Io::new(std::io::stdout(), std::io::stderr(), std::io::stdin())
        }
    }

    /// Streams that nobody watches, an empty environment, the process' directory, the first day of Unix.
    #[must_use]
    pub fn new(stdout: impl Write + 'static, stderr: impl Write + 'static, stdin: impl Read + 'static) -> Io {
        Io {
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            stdin: Box::new(stdin),
            stdout_terminal: false,
            stderr_terminal: false,
            env: Box::new(|_| None),
            dir: PathBuf::new(),
            today: Date::constant(1970, 1, 1),
            clock: Box::new(|| Timestamp::UNIX_EPOCH),
            failed: None,
        }
    }

    /// A variable of the environment that is set and not empty.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    /// Where `path` is, from the directory of the run.
    #[must_use]
    pub fn at(&self, path: &Path) -> PathBuf {
        self.dir.join(path)
    }

    /// Writes results. A reader that has gone (`kpolc check | head`) is no error; any other failure is kept for
    /// `write_error`.
    pub fn out(&mut self, text: &str) {
        let written = self.stdout.write_all(text.as_bytes()).and_then(|()| self.stdout.flush());
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.failed.get_or_insert(error);
        }
    }

    /// Writes beside the results. There is nowhere to say that this failed.
    pub fn err(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes()).and_then(|()| self.stderr.flush());
    }

    /// Why results could not be written.
    pub(crate) fn write_error(&mut self) -> Option<std::io::Error> {
        self.failed.take()
    }

    /// Whether results are colored.
    pub(crate) fn colored_stdout(&self, color: Color) -> bool {
        self.colored(color, self.stdout_terminal)
    }

    /// Whether what stands beside the results is colored.
    pub(crate) fn colored_stderr(&self, color: Color) -> bool {
        self.colored(color, self.stderr_terminal)
    }

    fn colored(&self, color: Color, terminal: bool) -> bool {
        match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                terminal && self.env("NO_COLOR").is_none() && self.env("TERM").as_deref() != Some("dumb")
            }
        }
    }
}
