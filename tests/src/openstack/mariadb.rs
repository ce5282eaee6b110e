//! A MariaDB of its own, on a socket in the lab's directory; it can be killed and started again.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use weft_lab::{Lab, wait_until};

use super::running::Running;

/// How long it may take until it answers.
const START: Duration = Duration::from_secs(30);

/// Where its tables are, in its directory.
const DATA: &str = "data";

/// Who runs the server, as Debian's package has it.
const USER: &str = "mysql";

/// A database server; it ends when this is dropped.
#[derive(Debug)]
pub struct MariaDb {
    directory: PathBuf,
    process: Running,
}

impl MariaDb {
    /// Makes one with the empty database `neutron`, and waits until it answers.
    pub async fn start(lab: &Lab) -> Result<Self> {
        let directory = lab.path("mariadb");
        std::fs::create_dir(&directory)?;
        run(Command::new("chown").arg(USER).arg(&directory))?;
        let mut install = Command::new("mariadb-install-db");
        install
            .arg("--no-defaults")
            .arg(format!("--user={USER}"))
            .arg(format!("--datadir={}", directory.join(DATA).display()))
            .arg("--auth-root-authentication-method=normal")
            .args(["--skip-test-db", "--innodb-log-file-size=16M"]);
        run(&mut install)?;
        let database = Self {
            directory,
            process: Running::default(),
        };
        database.start_again(lab).await?;
        database.ask(&["-e", "CREATE DATABASE neutron"])?;
        Ok(database)
    }

    /// Kills it, as a crash would. What was committed stays.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Starts it after it was killed, and waits until it answers.
    pub async fn start_again(&self, lab: &Lab) -> Result<()> {
        let mut server = Command::new("mariadbd");
        server
            .arg("--no-defaults")
            .arg(format!("--user={USER}"))
            .arg(format!("--datadir={}", self.directory.join(DATA).display()))
            .arg(format!("--socket={}", self.socket().display()))
            // A commit has to outlive this process, but not the machine.
            .args(["--skip-networking", "--innodb-flush-log-at-trx-commit=2"])
            .args(["--innodb-log-file-size=16M", "--max-connections=300"])
            .arg("--character-set-server=utf8mb3");
        let mut process = lab.spawn("mariadb", server)?;
        wait_until("MariaDB's answer", START, async || {
            process.check()?;
            let answer = self.ask(&["-e", "SELECT 1"]);
            Ok(answer.map(drop).map_err(|error| error.to_string()))
        })
        .await?;
        self.process.is(process);
        Ok(())
    }

    /// The database for SQLAlchemy.
    pub fn url(&self) -> String {
        let socket = self.socket();
        let socket = socket.display();
        format!("mysql+pymysql://root@localhost/neutron?unix_socket={socket}&charset=utf8")
    }

    /// Asks a question; gives the lines of the answer, with tabs between the columns.
    pub fn query(&self, sql: &str) -> Result<Vec<String>> {
        let lines = self.ask(&["--batch", "--skip-column-names", "neutron", "-e", sql])?;
        Ok(lines.lines().map(str::to_owned).collect())
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--user=root"]);
        client.arg(format!("--socket={}", self.socket().display()));
        run(client.args(arguments))
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }
}

/// Runs a command, which must succeed; gives what it printed.
fn run(command: &mut Command) -> Result<String> {
    let line = format!("{command:?}");
    let output = command.output().with_context(|| line.clone())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{line}: {errors}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
