//! Certificates from files: those of cert-manager, or of any other Secret that is mounted.
//!
//! ```text
//!   tls.crt ─▶ ..data/tls.crt     ..data ─▶ ..2026_05_01_10_00_00.123      the kubelet writes a new directory,
//!   tls.key ─▶ ..data/tls.key                                             and replaces the link ..data
//! ```
//!
//! Files are looked at, not listened to: what tells a change is where the path leads, and what the file system says of it.
//! A pair that does not fit is read again each time, as its other half may be on its way; it is reported when it does not fit
//! the second time. [Source](https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go).

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tracing::{info, warn};

use super::{BadPair, Certificates, Pair, pair};
use crate::metrics::{Metrics, ReasonLabels};

/// The most bytes of one file: chains have a few thousand.
const MAX_FILE: u64 = 1 << 20;

/// A file, as far as it can be told from another one without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    file: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Stamp> {
        let path = fs::canonicalize(path)?;
        let data = fs::metadata(&path)?;
        Ok(Stamp {
            file: (data.dev(), data.ino()),
            length: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
            path,
        })
    }
}

/// The content of a file.
///
/// # Errors
/// When it cannot be read, or is larger than 1 MiB.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 1 MiB"));
    }
    Ok(content)
}

/// Files that belong together, read again when one has changed, or when what they held was refused.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    paths: Vec<PathBuf>,
    accepted: Option<Vec<Stamp>>,
    /// What was read last, and how often it was refused; files that are not there have no stamps.
    last: Option<Vec<Stamp>>,
    refused: u32,
}

impl Watched {
    pub(crate) fn new(paths: Vec<PathBuf>) -> Watched {
        Watched { paths, accepted: None, last: None, refused: 0 }
    }

    /// What the files hold; `None` when nothing has changed since they were accepted.
    pub(crate) fn read(&mut self) -> Option<io::Result<Vec<Vec<u8>>>> {
        let stamps = self.stamps();
        if let (Ok(now), Some(accepted)) = (&stamps, &self.accepted)
            && now == accepted
        {
            return None;
        }
        let before = stamps.as_ref().ok().cloned();
        if self.last != before {
            self.refused = 0;
        }
        self.last = before;
        Some(stamps.and_then(|stamps| {
            let contents = self.paths.iter().map(|path| read(path)).collect::<io::Result<Vec<_>>>()?;
            match self.stamps()? == stamps {
                true => Ok(contents),
                false => Err(io::Error::new(io::ErrorKind::Interrupted, "it is being written")),
            }
        }))
    }

    fn stamps(&self) -> io::Result<Vec<Stamp>> {
        self.paths.iter().map(|path| Stamp::of(path)).collect()
    }

    /// What was read is in use.
    pub(crate) fn accept(&mut self) {
        self.accepted = self.last.clone();
        self.refused = 0;
    }

    /// What was read is of no use. True when that is to be reported: once, and not while it may still be on its way.
    pub(crate) fn refuse(&mut self) -> bool {
        self.refused = self.refused.saturating_add(1);
        self.refused == 2
    }
}

/// A certificate chain and its key in files.
#[derive(Clone, Debug)]
pub struct Files {
    watched: Watched,
    name: PathBuf,
}

impl Files {
    /// The chain and the key, both in PEM.
    #[must_use]
    pub fn new(certificate: PathBuf, key: PathBuf) -> Files {
        Files { name: certificate.clone(), watched: Watched::new(vec![certificate, key]) }
    }

    /// Takes what the files hold into use, if they have changed and it is good. True when it did. Blocks on the file system.
    ///
    /// # Errors
    /// When it is not taken: it is read again the next time.
    pub fn load(
        &mut self,
        certificates: &Certificates,
        metrics: &Metrics,
        now: SystemTime,
    ) -> Result<bool, BadPair> {
        let Some(files) = self.watched.read() else { return Ok(false) };
        let files = files?;
        let [chain, key] = files.as_slice() else { return Ok(false) };
        let pair = pair(chain, key, now)?;
        use_pair(certificates, metrics, pair);
        self.watched.accept();
        info!(path = %self.name.display(), "the certificate is in use");
        Ok(true)
    }

    /// Takes what the files hold whenever they change, looking this often. Never returns; may be dropped at any time.
    pub async fn follow(mut self, certificates: Certificates, poll: Duration, metrics: Arc<Metrics>) {
        loop {
            tokio::time::sleep(poll).await;
            let (mut this, certificates, metrics) = (self.clone(), certificates.clone(), metrics.clone());
            let looked = tokio::task::spawn_blocking(move || {
                this.look(&certificates, &metrics, SystemTime::now());
                this
            });
            if let Ok(this) = looked.await {
                self = this;
            }
        }
    }

    fn look(&mut self, certificates: &Certificates, metrics: &Metrics, now: SystemTime) {
        let Err(error) = self.load(certificates, metrics, now) else { return };
        if self.watched.refuse() {
            metrics.certificates_refused.get_or_create(&ReasonLabels { reason: error.reason() }).inc();
            warn!(path = %self.name.display(), %error, "the certificate is not taken; the one before stays in use");
        }
    }
}

/// Takes a pair into use, and notes when it ends.
pub(crate) fn use_pair(certificates: &Certificates, metrics: &Metrics, pair: Pair) {
    let end = pair.end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    metrics.certificate_end.set(end.as_secs_f64());
    certificates.set(pair);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::certs::tests::self_signed;

    /// Writes as the kubelet does: a new directory, then the link to it is replaced.
    fn mount(root: &Path, generation: &str, (chain, key): &(String, String)) {
        let directory = root.join(generation);
        fs::create_dir(&directory).expect("a directory");
        fs::write(directory.join("tls.crt"), chain).expect("a file");
        fs::write(directory.join("tls.key"), key).expect("a file");
        symlink(generation, root.join("..data_tmp")).expect("a link");
        fs::rename(root.join("..data_tmp"), root.join("..data")).expect("a link");
        for name in ["tls.crt", "tls.key"] {
            let _ = symlink(Path::new("..data").join(name), root.join(name));
        }
    }

    struct World {
        root: tempfile::TempDir,
        files: Files,
        certificates: Certificates,
        metrics: Metrics,
    }

    impl World {
        fn new() -> World {
            let root = tempfile::tempdir().expect("a directory");
            let files = Files::new(root.path().join("tls.crt"), root.path().join("tls.key"));
            World { root, files, certificates: Certificates::new(), metrics: Metrics::new() }
        }

        fn look(&mut self) {
            self.files.look(&self.certificates, &self.metrics, SystemTime::now());
        }

        fn serves(&self, (chain, key): &(String, String)) -> bool {
            let pair = pair(chain.as_bytes(), key.as_bytes(), SystemTime::now()).expect("a good pair");
            self.certificates.serves(&pair)
        }

        fn refused(&self, reason: &'static str) -> u64 {
            self.metrics.certificates_refused.get_or_create(&ReasonLabels { reason }).get()
        }
    }

    #[test]
    fn a_mounted_secret_that_changes_is_taken() {
        let (first, second) = (self_signed("a", 36_500), self_signed("b", 36_500));
        let mut world = World::new();
        world.look();
        assert_eq!(world.certificates.end(), None);
        mount(world.root.path(), "..1", &first);
        world.look();
        assert!(world.serves(&first));
        mount(world.root.path(), "..2", &second);
        world.look();
        assert!(world.serves(&second));
        let again = world.files.load(&world.certificates, &world.metrics, SystemTime::now());
        assert!(!again.expect("nothing new"));
        assert!(world.metrics.certificate_end.get() > 0.0);
    }

    #[test]
    fn a_half_written_pair_is_read_again() {
        let (first, second) = (self_signed("a", 36_500), self_signed("b", 36_500));
        let mut world = World::new();
        mount(world.root.path(), "..1", &first);
        world.look();
        mount(world.root.path(), "..2", &(second.0.clone(), first.1.clone()));
        world.look();
        assert!(world.serves(&first));
        assert_eq!(world.refused("mismatch"), 0);
        fs::write(world.root.path().join("..2/tls.key"), &second.1).expect("a file");
        world.look();
        assert!(world.serves(&second));
        assert_eq!(world.refused("mismatch"), 0);
    }

    #[test]
    fn what_stays_bad_is_reported_once_and_the_one_before_stays() {
        let (first, second) = (self_signed("a", 36_500), self_signed("b", 1));
        let mut world = World::new();
        mount(world.root.path(), "..1", &first);
        world.look();
        mount(world.root.path(), "..2", &second);
        for _ in 0..5 {
            world.look();
        }
        assert!(world.serves(&first));
        assert_eq!(world.refused("expired"), 1);
        fs::remove_file(world.root.path().join("..data")).expect("a link");
        for _ in 0..5 {
            world.look();
        }
        assert!(world.serves(&first));
        assert_eq!(world.refused("unreadable"), 1);
    }

    #[test]
    fn a_file_without_an_end_is_not_read_to_its_end() {
        assert_eq!(
            read(Path::new("/dev/zero")).map_err(|error| error.kind()),
            Err(io::ErrorKind::FileTooLarge)
        );
    }
}
