//! Programs that run for a while.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};

use crate::error::LabError;
use crate::lab::Lab;
use crate::orphans::PROCESS;
use crate::proc_id::ProcId;
use crate::run::tail;

/// How long an ordered stop may take before it is a kill.
const STOP: Duration = Duration::from_secs(5);

/// A running program whose output is in a log. When dropped it is stopped in order, and killed if
/// that takes more than five seconds.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    status: Option<ExitStatus>,
    log: PathBuf,
    mark: PathBuf,
}

impl Process {
    /// Starts `command` apart from the terminal, so that Ctrl-C reaches the lab alone.
    pub(crate) fn spawn(lab: &Lab, name: &str, mut command: Command) -> Result<Self, LabError> {
        let log = lab.path(&format!("{name}.log"));
        let mark = lab.path(&format!("{name}.{PROCESS}"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(LabError::file("open", &log))?;
        let errors = file.try_clone().map_err(LabError::file("open", &log))?;
        let line = format!("{command:?}");
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|source| LabError::Start {
                command: line,
                source,
            })?;
        let id = ProcId::of(child.id())
            .map(|id| id.to_string())
            .unwrap_or_default();
        let process = Self {
            name: name.to_owned(),
            child,
            status: None,
            log,
            mark,
        };
        fs::write(&process.mark, id).map_err(LabError::file("write", &process.mark))?;
        Ok(process)
    }

    /// Its name in the lab.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output is.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// An error, with the end of its log, if it does not run any more.
    pub fn check(&mut self) -> Result<(), LabError> {
        match self.exited(Duration::ZERO) {
            None => Ok(()),
            Some(status) => Err(LabError::Died {
                name: self.name.clone(),
                status,
                log: self.log.clone(),
                tail: tail(&fs::read_to_string(&self.log).unwrap_or_default(), 15),
            }),
        }
    }

    /// Kills it (SIGKILL), as a crash would, and waits for its end.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.status = self.status.or_else(|| self.child.wait().ok());
        let _ = fs::remove_file(&self.mark);
    }

    /// Kills it with all that it has started and that is still of its group, as the end of a machine
    /// would.
    pub fn kill_all(&mut self) {
        if self.status.is_none()
            && let Some(pid) = self.raw_pid()
        {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        self.kill();
    }

    /// Stops it in order (SIGTERM) and says how it ended; kills it if that takes too long.
    pub fn stop(mut self) -> Option<ExitStatus> {
        self.end(Signal::TERM);
        self.status
    }

    /// Asks all to stop and only then waits for each.
    pub fn stop_all(processes: impl IntoIterator<Item = Self>) {
        let mut processes: Vec<Self> = processes.into_iter().collect();
        for process in &mut processes {
            process.signal(Signal::TERM);
        }
    }

    /// Ends it with a signal of choice; kills it if that takes too long.
    pub(crate) fn end(&mut self, signal: Signal) {
        self.signal(signal);
        if self.exited(STOP).is_none() {
            self.kill();
        }
        let _ = fs::remove_file(&self.mark);
    }

    fn signal(&mut self, signal: Signal) {
        // As long as it was not waited for, its number belongs to nobody else.
        if self.status.is_none()
            && let Some(pid) = self.raw_pid()
        {
            let _ = kill_process(pid, signal);
        }
    }

    fn raw_pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// How it ended, if it does within `timeout`.
    fn exited(&mut self, timeout: Duration) -> Option<ExitStatus> {
        if self.status.is_none() && !timeout.is_zero() {
            let _ = self.wait_readable(timeout);
        }
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// Waits until the process has ended: then its descriptor can be read.
    fn wait_readable(&self, timeout: Duration) -> io::Result<()> {
        let pid = self.raw_pid().ok_or(io::ErrorKind::InvalidInput)?;
        let handle = pidfd_open(pid, PidfdFlags::empty())?;
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&left)) {
                Err(Errno::INTR) => {}
                result => return Ok(result.map(drop)?),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Signal::TERM);
    }
}
