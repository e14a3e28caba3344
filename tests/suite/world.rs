//! Runs of `kpolc` in memory, in a directory of their own.

use std::{
    io::{Cursor, ErrorKind, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use jiff::civil::Date;
use kpolc::Io;
use serde_json::Value;
use tempfile::TempDir;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A directory with files.
pub(crate) struct World {
    dir: TempDir,
    stdin: Vec<u8>,
    env: Vec<(&'static str, String)>,
    terminal: bool,
    today: Date,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A stream that does not take anything.
pub(crate) struct Broken(pub(crate) ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl World {
    /// With these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> World {
        let world = World {
            dir: TempDir::new().unwrap(),
            stdin: Vec::new(),
            env: Vec::new(),
            terminal: false,
            today: jiff::civil::date(2026, 11, 23),
        };
        for (path, text) in files {
            world.write(path, text);
        }
        world
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.dir().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> World {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: &str) -> World {
        self.env.push((name, value.to_owned()));
        self
    }

    pub(crate) fn terminal(mut self) -> World {
        self.terminal = true;
        self
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs `kpolc` with arguments that blanks separate.
    pub(crate) fn run(&self, args: &str) -> Ran {
        self.run_with(&args.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn run_with(&self, args: &[&str]) -> Ran {
        let out = Buffer::default();
        let (code, err) = self.run_to(args, out.clone());
        let out = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        Ran { code, out, err }
    }

    /// The same with standard output of any kind.
    pub(crate) fn run_to(&self, args: &[&str], out: impl Write + 'static) -> (u8, String) {
        let err = Buffer::default();
        let mut io = Io::new(out, err.clone(), Cursor::new(self.stdin.clone()));
        let env = self.env.clone();
        io.env =
            Box::new(move |name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()));
        io.dir = self.dir().to_owned();
        io.today = self.today;
        (io.stdout_terminal, io.stderr_terminal) = (self.terminal, self.terminal);
        let code = kpolc::run(std::iter::once("kpolc").chain(args.iter().copied()).map(Into::into), &mut io);
        let err = String::from_utf8(err.0.lock().unwrap().clone()).unwrap();
        (code, err)
    }

    /// The lines of `--format short`, of a run that ends so.
    pub(crate) fn lines(&self, code: u8, args: &str) -> Vec<String> {
        let ran = self.run(&format!("{args} --format short -q"));
        assert_eq!(ran.code, code, "{args}: {ran:#?}");
        let text = if ran.out.is_empty() { ran.err } else { ran.out };
        text.lines().map(str::to_owned).collect()
    }

    /// The report as JSON, of a run that ends so.
    pub(crate) fn json(&self, code: u8, args: &str) -> Value {
        let ran = self.run(&format!("{args} --format json"));
        assert_eq!(ran.code, code, "{args}: {ran:#?}");
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
    }
}
