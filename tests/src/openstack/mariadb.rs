//! A MariaDB of its own, on a socket in the lab's directory.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use weft_lab::{Lab, Process, wait_until};

/// How long it may take until it answers.
const START: Duration = Duration::from_secs(30);

/// Who runs the server, as Debian's package has it.
const USER: &str = "mysql";

/// A database server; it ends when this is dropped.
#[derive(Debug)]
pub struct MariaDb {
    socket: PathBuf,
    _process: Process,
}

impl MariaDb {
    /// Makes one with the empty database `neutron`, and waits until it answers.
    pub async fn start(lab: &Lab) -> Result<Self> {
        let directory = lab.path("mariadb");
        std::fs::create_dir(&directory)?;
        run(Command::new("chown").arg(USER).arg(&directory))?;
        let data = directory.join("data");
        let mut install = Command::new("mariadb-install-db");
        install
            .arg("--no-defaults")
            .arg(format!("--user={USER}"))
            .arg(format!("--datadir={}", data.display()))
            .arg("--auth-root-authentication-method=normal")
            .args(["--skip-test-db", "--innodb-log-file-size=16M"]);
        run(&mut install)?;
        let socket = directory.join("socket");
        let mut server = Command::new("mariadbd");
        server
            .arg("--no-defaults")
            .arg(format!("--user={USER}"))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", socket.display()))
            // What a crash of the machine would do is not in question here.
            .args(["--skip-networking", "--innodb-flush-log-at-trx-commit=0"])
            .args(["--innodb-log-file-size=16M", "--max-connections=300"])
            .arg("--character-set-server=utf8mb3");
        let mut process = lab.spawn("mariadb", server)?;
        wait_until("MariaDB's answer", START, async || {
            process.check()?;
            let create = "CREATE DATABASE IF NOT EXISTS neutron";
            let mut client = client(&socket);
            let answer = run(client.args(["-e", create]));
            Ok(answer.map(drop).map_err(|error| error.to_string()))
        })
        .await?;
        Ok(Self {
            socket,
            _process: process,
        })
    }

    /// The database for SQLAlchemy.
    pub fn url(&self) -> String {
        let socket = self.socket.display();
        format!("mysql+pymysql://root@localhost/neutron?unix_socket={socket}&charset=utf8")
    }

    /// Asks a question; gives the lines of the answer, with tabs between the columns.
    pub fn query(&self, sql: &str) -> Result<Vec<String>> {
        let mut client = client(&self.socket);
        client.args(["--batch", "--skip-column-names", "neutron", "-e", sql]);
        let lines = run(&mut client)?;
        Ok(lines.lines().map(str::to_owned).collect())
    }
}

fn client(socket: &std::path::Path) -> Command {
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "--user=root"]);
    client.arg(format!("--socket={}", socket.display()));
    client
}

/// Runs a command, which must succeed; gives what it printed.
fn run(command: &mut Command) -> Result<String> {
    let line = format!("{command:?}");
    let output = command.output().with_context(|| line.clone())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{line}: {errors}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
