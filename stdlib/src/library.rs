//! The policies that ship with kpol, as text: `std.pss.restricted`, `std.cis`, ...
//!
//! The table is written by hand, one line per file, and a test holds it against the folder `library/`.

/// A file of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibraryFile {
    /// From the crate's folder: `library/pss/baseline.kpol`.
    pub path: &'static str,
    /// What it says.
    pub text: &'static str,
}

macro_rules! table {
    ($($path:literal),* $(,)?) => {
        &[$(LibraryFile { path: $path, text: include_str!(concat!("../", $path)) }),*]
    };
}

/// One line per file, sorted.
static FILES: &[LibraryFile] = table![
    "library/cis/general.kpol",
    "library/cis/network.kpol",
    "library/cis/pods.kpol",
    "library/cis/rbac.kpol",
    "library/cis/secrets.kpol",
    "library/general/access.kpol",
    "library/general/images.kpol",
    "library/general/metadata.kpol",
    "library/general/network.kpol",
    "library/general/resources.kpol",
    "library/general/workload.kpol",
    "library/mutate/defaults.kpol",
    "library/nsa/access.kpol",
    "library/nsa/credentials.kpol",
    "library/nsa/network.kpol",
    "library/nsa/workload.kpol",
    "library/pss/baseline.kpol",
    "library/pss/restricted.kpol",
    "library/runtime/lib.kpol",
    "library/runtime/threats.kpol",
    "library/workload.kpol",
];

/// Every file of the library, sorted by path.
#[must_use]
pub fn files() -> &'static [LibraryFile] {
    FILES
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the test holds the table against the folder")]
    fn kpol_files(dir: &Path, found: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(dir) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                kpol_files(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "kpol") {
                let below = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
                found.push(below.to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn the_table_lists_every_file_of_the_folder() {
        let mut found = Vec::new();
        kpol_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("library"), &mut found);
        found.sort();
        let listed: Vec<_> = files().iter().map(|file| file.path).collect();
        assert_eq!(listed, found, "stdlib/src/library.rs: one line per file, sorted");
    }
}
