//! The root file system of a machine: busybox, drivers, and a script (format: the kernel's
//! `Documentation/driver-api/early-userspace/buffer-format.rst`, "newc").

use std::fs;
use std::path::Path;

use super::{END, READY};
use crate::error::LabError;

const BUSYBOX: &str = "/bin/busybox";
/// In the order in which they need each other.
const MODULES: [&str; 8] = [
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci",
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
];

const DIRECTORY: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;

/// An archive that grows.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    count: usize,
}

/// Writes the archive, with the modules of this kernel.
pub(super) fn write(path: &Path, modules: &Path) -> Result<(), LabError> {
    let mut archive = Archive::default();
    for directory in ["bin", "dev", "proc", "sys", "modules"] {
        archive.add(directory, DIRECTORY, &[]);
    }
    archive.add("bin/busybox", EXECUTABLE, &read(Path::new(BUSYBOX))?);
    for (number, module) in MODULES.iter().enumerate() {
        let file = read(&modules.join(format!("{module}.ko")))?;
        archive.add(&format!("modules/{number}.ko"), EXECUTABLE, &file);
    }
    archive.add("init", EXECUTABLE, script().as_bytes());
    archive.add("TRAILER!!!", 0, &[]);
    fs::write(path, archive.bytes).map_err(LabError::file("write", path))
}

fn read(path: &Path) -> Result<Vec<u8>, LabError> {
    fs::read(path).map_err(LabError::file("read", path))
}

fn script() -> String {
    let last = MODULES.len() - 1;
    format!(
        "#!/bin/busybox sh\n\
         /bin/busybox --install -s /bin\n\
         export PATH=/bin\n\
         mount -t proc none /proc\n\
         mount -t sysfs none /sys\n\
         mount -t devtmpfs none /dev\n\
         exec < /dev/ttyS1\n\
         stty -echo\n\
         for n in $(seq 0 {last}); do insmod /modules/$n.ko; done\n\
         address=$(sed 's/.*weft.address=\\([^ ]*\\).*/\\1/' /proc/cmdline)\n\
         echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6\n\
         ip address add $address dev eth0\n\
         ip link set lo up\n\
         ip link set eth0 up\n\
         echo {READY}\n\
         while read -r line; do eval \"$line\"; echo \"{END} $?\"; done\n"
    )
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, contents: &[u8]) {
        self.count += 1;
        let links = if mode == DIRECTORY { 2 } else { 1 };
        let fields = [
            self.count,
            mode as usize,
            0,
            0,
            links,
            0,
            contents.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(contents);
        self.align();
    }

    fn align(&mut self) {
        let length = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(length, 0);
    }
}
