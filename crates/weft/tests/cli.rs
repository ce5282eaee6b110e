//! The command as it is run: exit codes, streams, and a server of its own.
#![allow(clippy::unwrap_used, reason = "a test may fail wherever it is")]

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn weft(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weft"));
    command
        .args(words)
        .stdin(Stdio::null())
        .env_remove("WEFT_SERVER")
        .env_remove("WEFT_LOG");
    command
}

fn run(words: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = weft(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A server with its embedded store in a directory, killed when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(directory: &Path, url: Option<&str>) -> Self {
        let url = url.map_or_else(free_url, str::to_owned);
        let listen = url.strip_prefix("http://").unwrap();
        let path = directory.display();
        let config = directory.join("server.toml");
        let text = format!(
            "listen = {listen:?}\n[embedded]\npath = \"{path}/store.db\"\nlisten = [\"unix://{path}/store.sock\"]\n"
        );
        std::fs::write(&config, text).unwrap();
        let config = config.display().to_string();
        let log = directory.join("server.log");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        let child = weft(&["server", "--config", &config])
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { child, url };
        let deadline = Instant::now() + Duration::from_secs(20);
        while server.weft(&["get", "hosts"]).0 != 0 {
            assert!(Instant::now() < deadline, "the server can be reached");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn weft(&self, words: &[&str]) -> (i32, String, String) {
        run(&[words, &["--server", &self.url]].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_url() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_wrong_command_line_is_told_from_a_wrong_file_and_from_a_failure() {
    assert_eq!(run(&["get"]).0, 64);
    assert_eq!(run(&["get", "ports", "--server", "ftp://h"]).0, 64);
    assert_eq!(run(&["--help"]).0, 0);
    assert_eq!(run(&["--version"]).0, 0);
    let (code, stdout, stderr) = run(&["get", "ports", "--server", "http://127.0.0.1:1"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("cannot reach") && stderr.contains("hint: start `weft server`"));
    assert_eq!(run(&["apply", "-f", "/nowhere.yaml"]).0, 78);
    assert_eq!(run(&["agent", "--config", "/nowhere.toml"]).0, 78);
}

#[test]
fn every_fault_of_a_configuration_is_told_before_anything_starts() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("agent.toml");
    std::fs::write(
        &config,
        "host = \"a b\"\n[store]\nendpoints = [\"gopher://h\"]\n",
    )
    .unwrap();
    let (code, _, stderr) = run(&["agent", "--check", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 78);
    assert!(
        stderr.contains("agent.toml:1:") && stderr.contains("agent.toml:3:"),
        "{stderr}"
    );

    std::fs::write(
        &config,
        "host = \"a\"\n[store]\nendpoints = [\"unix:///s\"]\n",
    )
    .unwrap();
    let (code, stdout, _) = run(&["agent", "--check", "--config", config.to_str().unwrap()]);
    assert_eq!((code, stdout.contains("nothing is wrong")), (0, true));
}

#[test]
fn the_example_configurations_are_sound() {
    for process in ["agent", "server", "switch"] {
        let root = env!("CARGO_MANIFEST_DIR");
        let config = format!("{root}/../../docs/examples/{process}.toml");
        let (code, _, stderr) = run(&[process, "--check", "--config", &config]);
        assert_eq!((code, stderr.as_str()), (0, ""), "{process}");
    }
}

#[test]
fn nobody_panics_when_output_is_not_read_to_its_end() {
    // Larger than the buffer of a pipe, so that the command has to write into a closed one.
    let mut child = weft(&["server", "--print-openapi"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), stderr.as_str()),
        (Some(0), "")
    );
}

#[test]
fn completions_are_of_this_command() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, stdout, _) = run(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(stdout.contains("describe"), "{shell}");
    }
}

#[test]
fn ports_are_applied_listed_described_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), None);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/demo.yaml");

    let (code, stdout, _) = server.weft(&["apply", "-f", file, "--dry-run"]);
    assert_eq!((code, stdout.matches("created (dry run)").count()), (0, 7));
    assert!(
        server.weft(&["get", "ports"]).1.contains("no ports"),
        "nothing was done"
    );
    assert_eq!(server.weft(&["get", "networks"]).1, "no networks\n");

    let (code, stdout, stderr) = server.weft(&["apply", "-f", file]);
    assert_eq!((code, stdout.matches("created").count()), (0, 7));
    assert!(
        stderr.contains("warning: port web-1 on host-a: no agent lives"),
        "{stderr}"
    );
    let (code, stdout, _) = server.weft(&["apply", "-f", file]);
    assert_eq!((code, stdout.matches("unchanged").count()), (0, 7));
    let (code, _, stderr) = server.weft(&["apply", "-f", file, "--wait", "100ms"]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("7 of 7 ports are not effective"),
        "{stderr}"
    );

    let (_, stdout, _) = server.weft(&["get", "ports", "--host", "host-a", "-o", "json"]);
    let reply: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(reply["ports"].as_array().unwrap().len(), 4);
    let (_, stdout, _) = server.weft(&["get", "networks"]);
    assert_eq!(
        stdout,
        "NETWORK            TYPE  SEGMENT  PHYSNET   MTU   PORTS  FLOOD\n\
         physnet1.flat      flat  -        physnet1  1500  1      -\n\
         physnet1.vlan.100  vlan  100      physnet1  1500  2      -\n\
         physnet1.vlan.200  vlan  200      physnet1  1500  2      -\n\
         gpe.7000           gpe   7000     -         1500  2      all\n"
    );
    let (_, stdout, _) = server.weft(&["get", "networks", "-o", "json"]);
    let reply: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(reply["networks"][3]["segmentation_id"], 7000);
    let (_, stdout, _) = server.weft(&["get", "networks", "-o", "yaml"]);
    assert!(stdout.contains("- id: gpe.7000\n"), "{stdout}");
    assert!(
        server
            .weft(&["describe", "port", "db-2"])
            .1
            .contains("segmentation_id")
    );
    assert!(
        server
            .weft(&["describe", "host", "host-b"])
            .1
            .contains("not alive")
    );
    assert_eq!(server.weft(&["describe", "port", "nobody"]).0, 1);

    // The file names two hosts; a port of a third one is spared.
    let other = "ports:\n- {id: extra, host: host-a, network_type: flat, physnet: physnet1}\n\
                 - {id: spared, host: host-c, network_type: flat, physnet: physnet1}\n";
    let other_file = directory.path().join("other.yaml");
    std::fs::write(&other_file, other).unwrap();
    assert_eq!(
        server
            .weft(&["apply", "-f", other_file.to_str().unwrap()])
            .0,
        0
    );
    let (code, stdout, _) = server.weft(&["apply", "-f", file, "--prune"]);
    assert_eq!((code, stdout.matches("deleted").count()), (0, 1));
    assert!(stdout.contains("port extra on host-a deleted"), "{stdout}");

    assert_eq!(server.weft(&["delete", "port", "web-1"]).0, 0);
    assert_eq!(server.weft(&["delete", "port", "web-1"]).0, 1);
    let (code, stdout, _) = server.weft(&["delete", "-f", file]);
    assert_eq!((code, stdout.matches(" deleted").count()), (0, 6));
    let (_, stdout, _) = server.weft(&["get", "ports"]);
    assert!(
        stdout.contains("spared") && stdout.lines().count() == 2,
        "{stdout}"
    );
}

#[test]
fn groups_are_applied_listed_described_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), None);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples");
    let file = format!("{root}/security-groups.yaml");

    let (code, stdout, stderr) = server.weft(&["apply", "-f", &file, "--dry-run"]);
    assert_eq!(
        (code, stdout.matches("created (dry run)").count()),
        (0, 5),
        "{stderr}"
    );
    assert!(
        server
            .weft(&["get", "security-groups"])
            .1
            .contains("no security groups")
    );
    assert!(!stderr.contains("there is no security group"), "{stderr}");
    let (code, stdout, stderr) = server.weft(&["apply", "-f", &file]);
    assert_eq!(
        (code, stdout.matches("created").count()),
        (0, 5),
        "{stderr}"
    );
    assert!(
        stdout.starts_with("address group offices created\n"),
        "{stdout}"
    );
    assert!(
        !stderr.contains("there is no"),
        "the order is right: {stderr}"
    );
    let (_, stdout, _) = server.weft(&["apply", "-f", &file]);
    assert_eq!(stdout.matches("unchanged").count(), 5);

    let (_, stdout, _) = server.weft(&["get", "security-groups"]);
    assert!(
        stdout.contains("web             6 rules  2 rules  yes       1"),
        "{stdout}"
    );
    let (_, stdout, _) = server.weft(&["describe", "security-group", "db"]);
    for line in [
        "  tcp port 5432 with IPv4 of group web",
        "  icmp type 8 with 10.0.0.0/24",
        "  udp port 53 with ::/0",
        "  db-1: 10.0.0.2, 10.0.0.100",
    ] {
        assert!(stdout.contains(line), "{line} is not in\n{stdout}");
    }
    let (_, stdout, _) = server.weft(&["describe", "address-group", "offices"]);
    assert!(
        stdout.contains("192.0.2.0/24, 2001:db8::/32") && stdout.contains("web"),
        "{stdout}"
    );

    let (code, _, stderr) = server.weft(&["delete", "security-group", "web"]);
    assert!(
        code == 0 && stderr.contains("still names the group"),
        "{stderr}"
    );
    assert_eq!(server.weft(&["delete", "security-group", "web"]).0, 1);
    assert_eq!(server.weft(&["describe", "security-group", "web"]).0, 1);
    let (code, stdout, _) = server.weft(&["delete", "-f", &file]);
    assert_eq!(
        (code, stdout.matches(" deleted").count()),
        (0, 4),
        "{stdout}"
    );
    assert!(
        server
            .weft(&["get", "address-groups"])
            .1
            .contains("no address groups")
    );
}

#[test]
fn a_watch_goes_on_without_a_gap_when_the_server_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), None);
    let url = server.url.clone();
    let apply = |server: &Server, id: &str| {
        let text = format!("ports: [{{id: {id}, host: h, network_type: flat, physnet: p}}]");
        let file = directory.path().join("net.yaml");
        std::fs::write(&file, text).unwrap();
        assert_eq!(server.weft(&["apply", "-f", file.to_str().unwrap()]).0, 0);
    };
    apply(&server, "before");
    let mut watch = weft(&["watch", "-o", "json", "--server", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (sender, lines) = std::sync::mpsc::sync_channel(100);
    let stdout = BufReader::new(watch.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        for line in stdout.lines() {
            sender
                .send(serde_json::from_str::<Value>(&line.unwrap()).unwrap())
                .unwrap();
        }
    });
    let next = || loop {
        let event = lines.recv_timeout(Duration::from_secs(30)).unwrap();
        if event["type"] != "progress" {
            break format!("{} {}", event["type"], event["id"]);
        }
    };
    assert_eq!(next(), r#""put" "before""#);
    assert_eq!(next(), r#""synced" null"#);
    drop(server);
    let server = Server::start(directory.path(), Some(&url));
    apply(&server, "after");
    assert_eq!(next(), r#""put" "after""#, "neither a gap nor a repetition");
    watch.kill().unwrap();
    watch.wait().unwrap();
    reader.join().unwrap();
}
