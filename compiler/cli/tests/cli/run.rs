//! Runs of `kpolc` in a directory of their own.

use std::{
    io::{Cursor, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use kpolc::Io;
use tempfile::TempDir;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Everything in one text, for snapshots.
    pub(crate) fn shown(&self) -> String {
        format!("{}--- stderr\n{}--- exit {}\n", self.out, self.err, self.code)
    }
}

/// A directory with files, and an environment.
pub(crate) struct World {
    dir: TempDir,
    env: Vec<(&'static str, String)>,
    stdin: Vec<u8>,
    terminal: bool,
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

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl World {
    /// With these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> World {
        let world =
            World { dir: TempDir::new().unwrap(), env: Vec::new(), stdin: Vec::new(), terminal: false };
        for (path, text) in files {
            world.write(path, text.as_bytes());
        }
        world
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> World {
        self.env.push((name, value.into()));
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> World {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn terminal(mut self) -> World {
        self.terminal = true;
        self
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.dir().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir().join(path)).unwrap()
    }

    /// Runs `kpolc` with arguments that blanks separate.
    pub(crate) fn run(&self, args: &str) -> Ran {
        self.run_with(args.split_whitespace().collect())
    }

    pub(crate) fn run_with(&self, args: Vec<&str>) -> Ran {
        let (out, err) = (Buffer::default(), Buffer::default());
        let env = self.env.clone();
        let mut io = Io::new(out.clone(), err.clone(), Cursor::new(self.stdin.clone()));
        io.env =
            Box::new(move |name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()));
        io.dir = self.dir().to_owned();
        io.today = jiff::civil::date(2026, 11, 23);
        io.clock = Box::new(|| "2026-11-23T08:00:00Z".parse().unwrap());
        (io.stdout_terminal, io.stderr_terminal) = (self.terminal, self.terminal);
        let args = std::iter::once("kpolc").chain(args).map(Into::into);
        let code = kpolc::run(args, &mut io);
        // Where the directory stands differs from run to run.
        let here = self.dir().canonicalize().unwrap().display().to_string();
        let clean =
            |text: String| text.replace(&here, "DIR").replace(&self.dir().display().to_string(), "DIR");
        Ran { code, out: clean(out.text()), err: clean(err.text()) }
    }
}

/// A rule with nothing to say against.
pub(crate) const CLEAN: &str = r#"package acme

/// A privileged container owns its node.
rule no_privileged on Workload {
  severity critical
  mitre    "T1611"

  for c in pod.spec.all_containers {
    deny when c.securityContext.privileged
      message "{c.role} {c.name} must not be privileged"
  }
}
"#;

/// Two errors, one of them with a fix, and a warning.
pub(crate) const WRONG: &str = r#"package acme

rule typo on Pod {
  deny when object.spec.hostNetwrk message "no"
}

rule type_error on Pod {
  deny when object.spec.hostNetwork == "yes" message "no"
}

let nobody = 3
"#;

/// A rule that absence opens.
pub(crate) const OPEN: &str = r#"package acme

rule root on Pod {
  for c in object.spec.containers {
    deny when c.securityContext.runAsUser == 0 message "{c.name} runs as root"
  }
}
"#;
