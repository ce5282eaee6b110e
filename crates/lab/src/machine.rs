//! Real virtual machines: QEMU with Debian's kernel and a network card by vhost-user.
//!
//! A machine boots in some seconds, without KVM, into a shell script from an initramfs made here:
//! it loads the drivers, gives its card the address that the kernel's command line names, and then
//! carries out the command lines that come over its second serial line. What it prints goes over its
//! first one into a log: QEMU may repeat a byte on a line whose reader is slow, and a file never is.
//!
//! Needs Debian's `qemu-system-x86` and `busybox-static`, and a kernel package unpacked in
//! [`KERNEL`] (`make guest-kernel` does it), or where `WEFT_GUEST_KERNEL` says.

mod initramfs;

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use weft_model::Mac;

use crate::error::LabError;
use crate::lab::Lab;
use crate::process::Process;
use crate::wait::wait_until;

/// Where the kernel package is unpacked, with `boot` and `lib/modules`.
const KERNEL: &str = "/var/lib/weft-lab/kernel";
/// Until a machine has booted: emulated, beside another one, on a busy host.
const BOOT: Duration = Duration::from_secs(90);
/// Until a command line in a machine has been carried out.
const COMMAND: Duration = Duration::from_secs(30);

/// What a machine prints when it has booted.
const READY: &str = "WEFT-READY";
/// What it prints behind each command's output, with the outcome.
const END: &str = "WEFT-END";

/// What a machine is.
#[derive(Debug, Clone)]
pub struct VirtualMachineConfig {
    /// Its name in the lab.
    pub name: String,
    /// Address of its card with prefix length, such as `10.0.0.1/24`.
    pub address: String,
    /// Its card's MAC address.
    pub mac: Mac,
    /// The socket by which the card is plugged.
    pub socket: PathBuf,
    /// Whether the machine makes the socket; else the switch does.
    pub is_server: bool,
    /// Pairs of queues of the card, and processors.
    pub queues: u16,
}

/// A running machine, powered off when dropped.
#[derive(Debug)]
pub struct VirtualMachine {
    process: Process,
    console: PathBuf,
    log: PathBuf,
    boots: usize,
}

impl VirtualMachine {
    /// Switches a machine on. A card waits for its switch: without that the machine does not boot.
    pub fn start(lab: &Lab, config: &VirtualMachineConfig) -> Result<Self, LabError> {
        let name = &config.name;
        let kernel = Kernel::find()?;
        let initramfs = lab.path("initramfs");
        if !initramfs.exists() {
            initramfs::write(&initramfs, &kernel.modules)?;
        }
        let console = lab.path(&format!("{name}.console"));
        let log = lab.path(&format!("{name}.serial"));
        // That of a machine of this name that is gone.
        let _ = fs::remove_file(&log);
        let queues = config.queues.max(1);
        let plug = if config.is_server {
            "server=on,wait=off"
        } else {
            "reconnect=1"
        };
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-machine", "pc,accel=tcg,memory-backend=memory"])
            .args([
                "-object",
                "memory-backend-memfd,id=memory,size=128M,share=on",
            ])
            .args(["-m", "128M", "-smp", &queues.to_string()])
            .arg("-kernel")
            .arg(&kernel.image)
            .arg("-initrd")
            .arg(&initramfs)
            .args([
                "-append",
                &format!(
                    "console=ttyS0 quiet panic=1 no_timer_check weft.address={}",
                    config.address
                ),
            ])
            .args(["-chardev", &format!("file,id=log,path={}", log.display())])
            .args(["-serial", "chardev:log"])
            .args([
                "-chardev",
                &format!(
                    "socket,id=console,path={},server=on,wait=off",
                    console.display()
                ),
            ])
            .args(["-serial", "chardev:console"])
            .args([
                "-chardev",
                &format!("socket,id=plug,path={},{plug}", config.socket.display()),
            ])
            .args([
                "-netdev",
                &format!("vhost-user,id=net,chardev=plug,queues={queues}"),
            ])
            .args([
                "-device",
                // Without MSI-X, with which QEMU 7.2 without KVM crashes when vhost starts.
                &format!(
                    "virtio-net-pci,netdev=net,mac={},mq={},vectors=0,romfile=",
                    config.mac,
                    if queues > 1 { "on" } else { "off" },
                ),
            ]);
        Ok(Self {
            process: lab.spawn(name, command)?,
            console,
            log,
            boots: 1,
        })
    }

    /// Waits until it has booted.
    pub async fn booted(&mut self) -> Result<(), LabError> {
        let what = format!("that {} has booted", self.process.name());
        let boots = self.boots;
        let has_booted = |text: &str| (text.matches(READY).count() >= boots).then_some(());
        self.prints(&what, BOOT, has_booted).await
    }

    /// Carries out a command line in it; returns what it printed, and whether it succeeded.
    pub async fn run(&mut self, line: &str) -> Result<(String, bool), LabError> {
        let before = read(&self.log).len();
        let _console = self.type_in(line)?;
        let what = format!("the end of `{line}` in {}", self.process.name());
        let outcome = |text: &str| {
            let (printed, outcome) = text.get(before..)?.rsplit_once(END)?;
            let outcome = outcome.strip_suffix('\n')?.trim() == "0";
            Some((printed.to_owned(), outcome))
        };
        self.prints(&what, COMMAND, outcome).await
    }

    /// Lets it reboot and waits until it has.
    pub async fn reboot(&mut self) -> Result<(), LabError> {
        self.boots += 1;
        let _console = self.type_in("reboot -f")?;
        let what = format!("that {} has rebooted", self.process.name());
        let boots = self.boots;
        let has_booted = |text: &str| (text.matches(READY).count() >= boots).then_some(());
        self.prints(&what, BOOT, has_booted).await
    }

    /// Waits until its log has what `look` looks for.
    async fn prints<T>(
        &mut self,
        what: &str,
        limit: Duration,
        look: impl Fn(&str) -> Option<T>,
    ) -> Result<T, LabError> {
        wait_until(what, limit, async || {
            self.process.check()?;
            let text = read(&self.log);
            Ok(look(&text).ok_or_else(|| crate::run::tail(&text, 5)))
        })
        .await
    }

    /// Its process, to be killed or asked for its number.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Types a line in, and stays connected until the result is dropped.
    fn type_in(&self, line: &str) -> Result<UnixStream, LabError> {
        let failed = || LabError::file("write to the console", &self.console);
        let mut console = UnixStream::connect(&self.console).map_err(failed())?;
        console
            .write_all(format!("{line}\n").as_bytes())
            .map_err(failed())?;
        Ok(console)
    }
}

/// A kernel and its modules.
struct Kernel {
    image: PathBuf,
    /// `lib/modules/VERSION/kernel`.
    modules: PathBuf,
}

impl Kernel {
    fn find() -> Result<Self, LabError> {
        let root = std::env::var_os("WEFT_GUEST_KERNEL");
        let root = root.map_or_else(|| PathBuf::from(KERNEL), PathBuf::from);
        let image = first_in(&root.join("boot"), "vmlinuz-")?;
        let modules = first_in(&root.join("lib/modules"), "")?.join("kernel");
        Ok(Self { image, modules })
    }
}

/// The first file of a directory, by name, that begins so.
fn first_in(directory: &Path, prefix: &str) -> Result<PathBuf, LabError> {
    let operation = "find a kernel (`make guest-kernel` unpacks one) in";
    let failed = || LabError::file(operation, directory);
    let entries = fs::read_dir(directory).map_err(failed())?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().starts_with(prefix)
        })
        .collect();
    names.sort();
    let first = names.into_iter().next();
    first.ok_or_else(|| failed()(std::io::ErrorKind::NotFound.into()))
}

/// What a machine has printed, without the carriage returns of its serial line.
fn read(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\r', "")
}
