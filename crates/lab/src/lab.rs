//! One throw-away world.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::error::LabError;
use crate::namespace::Namespace;
use crate::orphans;
use crate::proc_id::ProcId;
use crate::process::Process;

/// Below it, each lab has its directory. Only root writes there, so that nobody can lead us astray.
pub(crate) const BASE: &str = "/run";

/// One throw-away world: names, files, and the marks by which a later lab knows what is left of
/// this one if its process is killed.
///
/// Drop it after all that it made. Its directory goes with it unless [`Lab::keep_files`] was called
/// or a panic is under way.
#[derive(Debug)]
pub struct Lab {
    name: String,
    directory: PathBuf,
    keeps_files: AtomicBool,
}

impl Lab {
    /// A new world of the kind `kind` (letters, digits and `-`), for instance `weft-demo`. What
    /// earlier labs of this kind left when their processes were killed is removed first.
    pub fn new(kind: &str) -> Result<Self, LabError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        orphans::remove(Path::new(BASE), kind);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{kind}-{}-{count}", std::process::id());
        let directory = Path::new(BASE).join(&name);
        fs::create_dir(&directory).map_err(LabError::file("make the directory", &directory))?;
        let lab = Self {
            name,
            directory,
            keeps_files: AtomicBool::new(false),
        };
        let owner = ProcId::of(std::process::id())
            .map(|id| id.to_string())
            .unwrap_or_default();
        lab.write(orphans::OWNER, &owner)?;
        Ok(lab)
    }

    /// What the names of all its namespaces begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path of a file in its directory.
    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    /// Writes a file into its directory.
    pub fn write(&self, file: &str, text: &str) -> Result<PathBuf, LabError> {
        let path = self.path(file);
        fs::write(&path, text).map_err(LabError::file("write", &path))?;
        Ok(path)
    }

    /// Makes a network namespace.
    pub fn namespace(&self, name: &str) -> Result<Namespace, LabError> {
        Namespace::create(&self.name, name)
    }

    /// Starts a process whose output goes to `NAME.log`, behind what is there.
    pub fn spawn(&self, name: &str, command: Command) -> Result<Process, LabError> {
        Process::spawn(self, name, command)
    }

    /// Lets the directory stay, for somebody to read the logs.
    pub fn keep_files(&self) {
        self.keeps_files.store(true, Ordering::Relaxed);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.keeps_files.load(Ordering::Relaxed) || std::thread::panicking() {
            // Without its owner it is no orphan, and later labs let it be.
            let _ = fs::remove_file(self.path(orphans::OWNER));
        } else {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}
