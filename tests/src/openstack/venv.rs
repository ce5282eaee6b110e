//! The Python environment with Neutron, which `make neutron` makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

/// Where `make neutron` puts it.
const DEFAULT: &str = "/var/lib/weft-lab/neutron";

/// Python with Neutron, networking-weft, the OpenStack client and Tempest.
#[derive(Clone, Debug)]
pub struct Venv {
    directory: PathBuf,
}

impl Venv {
    /// The one of `WEFT_NEUTRON`, or of the usual place.
    pub fn find() -> Result<Self> {
        let directory = std::env::var_os("WEFT_NEUTRON").map_or(DEFAULT.into(), PathBuf::from);
        ensure!(
            directory.join("bin/gunicorn").is_file(),
            "there is no Neutron in {}; `make neutron` installs it",
            directory.display()
        );
        Ok(Self { directory })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// One of its programs.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join("bin").join(program));
        command
            .env("PYTHONWARNINGS", "ignore")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// One of the scripts of `tests/openstack`.
    pub fn script(&self, name: &str) -> Command {
        let mut command = self.command("python");
        command.arg(scripts().join(name));
        command
    }
}

/// Where the scripts are.
pub(super) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("openstack")
}
