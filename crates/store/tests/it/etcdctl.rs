//! Debian's etcdctl does the same things, and says the same words, to both servers.

use std::process::{Command, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{Backend, patiently, soon};

/// One run of etcdctl: what it said, and whether it was content.
///
/// The endpoint goes without `http://`: for some commands etcdctl 3.4 names the host by the
/// endpoint as it is written, which the HTTP/2 of the embedded server refuses as malformed.
fn etcdctl(backend: &Backend, arguments: &[&str], input: &str) -> String {
    use std::io::Write;
    let mut child = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .arg(
            backend
                .endpoint()
                .to_string()
                .replace("http://", "--endpoints="),
        )
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("etcdctl must be installed: apt-get install etcd-server etcd-client");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    // Lines of its own log carry times and addresses.
    let errors: Vec<&str> = errors
        .lines()
        .filter(|line| line.starts_with("Error:"))
        .collect();
    format!(
        "{}{}{}",
        String::from_utf8(output.stdout).unwrap(),
        errors.join("\n"),
        output.status
    )
}

/// The same commands to one server; what changes from run to run is made the same.
async fn transcript(backend: &Backend) -> Vec<String> {
    let run = |arguments: &[&str], input: &str| etcdctl(backend, arguments, input);
    // Kept alive by the first command, in case the server is still electing.
    run(&["put", "warm", "1"], "");
    run(&["del", "warm"], "");
    let mut said = Vec::new();
    for (arguments, input) in [
        (&["put", "a", "1"][..], ""),
        (&["put", "a", "2", "--prev-kv"], ""),
        (&["put", "b"], "from standard input"),
        (&["put", "dir/1", "x"], ""),
        (&["put", "dir/2", "y"], ""),
        (&["get", "a"], ""),
        (&["get", "a", "--print-value-only"], ""),
        (&["get", "none"], ""),
        (&["get", "dir/", "--prefix"], ""),
        (&["get", "dir/", "--prefix", "--keys-only"], ""),
        (&["get", "", "--prefix", "--limit=2"], ""),
        (&["get", "a", "c"], ""),
        (&["get", "b", "--from-key"], ""),
        (
            &["get", "", "--prefix", "--sort-by=VALUE", "--order=DESCEND"],
            "",
        ),
        (
            &["get", "", "--prefix", "--sort-by=MODIFY", "--order=ASCEND"],
            "",
        ),
        (&["get", "a", "--rev=4"], ""),
        (&["get", "a", "--rev=99"], ""),
        (&["get", "a", "--hex"], ""),
        (&["put", "x", "1", "--lease=1234"], ""),
        (&["put", "x", "1", "--ignore-value"], ""),
        (
            &["txn"],
            "mod(\"a\") > \"0\"\nvalue(\"b\") = \"from standard input\"\n\nput t 1\nget a\ndel dir/1\n\nput f 1\n\n",
        ),
        (
            &["txn"],
            "version(\"a\") = \"99\"\n\nput t 2\n\nget t\nget none\n\n",
        ),
        (&["txn"], "\nput t 1\nput t 2\n\n\n"),
        (&["del", "dir/", "--prefix", "--prev-kv"], ""),
        (&["del", "none"], ""),
        (&["del", "a", "b"], ""),
        (&["watch", "--rev=1", "none", "--", "true"], ""),
        (&["compaction", "7"], ""),
        (&["compaction", "7"], ""),
        (&["compaction", "99"], ""),
        (&["get", "a", "--rev=5"], ""),
        (&["compact", "8"], ""),
        (&["lease", "revoke", "1234"], ""),
        (&["lease", "timetolive", "1234"], ""),
        (&["lease", "list"], ""),
        (&["get", "", "--prefix"], ""),
    ] {
        if arguments[0] == "watch" {
            continue;
        }
        said.push(format!("{arguments:?}: {}", run(arguments, input)));
    }

    let granted = run(&["lease", "grant", "600"], "");
    let id = granted.split_whitespace().nth(1).unwrap().to_owned();
    let mut same = |text: String| said.push(text.replace(&id, "ID"));
    same(granted);
    let lease = format!("--lease={id}");
    same(run(&["put", "leased", "1", &lease], ""));
    same(run(&["lease", "keep-alive", "--once", &id], ""));
    same(run(&["lease", "list"], ""));
    let alive = run(&["lease", "timetolive", &id, "--keys"], "");
    same(alive.replace("remaining(599s)", "remaining(600s)"));
    same(run(&["lease", "revoke", &id], ""));
    same(run(&["get", "leased"], ""));
    said.push(watched(backend).await);
    said
}

/// What `etcdctl watch` prints while other commands change things.
async fn watched(backend: &Backend) -> String {
    let mut child = tokio::process::Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .arg(
            backend
                .endpoint()
                .to_string()
                .replace("http://", "--endpoints="),
        )
        .args(["watch", "w/", "--prefix", "--prev-kv", "--rev=9"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    etcdctl(backend, &["put", "w/1", "1"], "");
    etcdctl(backend, &["put", "w/1", "2"], "");
    etcdctl(backend, &["put", "other", "1"], "");
    etcdctl(backend, &["txn"], "\nput w/2 1\nput w/3 1\n\n\n");
    etcdctl(backend, &["del", "w/", "--prefix"], "");
    let mut text = Vec::new();
    while text.iter().filter(|line| *line == "DELETE").count() < 3 || text.len() < 27 {
        text.push(
            soon("a line of etcdctl watch", lines.next_line())
                .await
                .unwrap()
                .unwrap(),
        );
    }
    child.kill().await.unwrap();
    text.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn says_the_same_to_both() {
    patiently(async {
        let embedded = transcript(&Backend::embedded().await).await;
        let etcd = transcript(&Backend::etcd().await).await;
        for (embedded, etcd) in embedded.iter().zip(&etcd) {
            assert_eq!(embedded, etcd);
        }
        assert_eq!(embedded.len(), etcd.len());
        let all = embedded.join("\n");
        for proof in [
            "SUCCESS",
            "FAILURE",
            "required revision has been compacted",
            "PUT",
            "DELETE",
        ] {
            assert!(all.contains(proof), "{proof} in {all}");
        }
    })
    .await;
}

/// What monitoring and people ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asks_the_embedded_server_how_it_is() {
    let backend = Backend::embedded().await;
    let content = |arguments: &[&str]| {
        let said = etcdctl(&backend, arguments, "");
        assert!(said.ends_with("exit status: 0"), "{said}");
        said
    };
    content(&["endpoint", "health"]);
    let status = content(&["endpoint", "status", "--write-out=json"]);
    assert!(status.contains("\"version\":\"3.4.0+weft."), "{status}");
    assert!(content(&["member", "list"]).contains("started, embedded"));
    content(&["alarm", "list"]);
    for refused in [&["user", "list"][..], &["member", "remove", "1"]] {
        let said = etcdctl(&backend, refused, "");
        assert!(said.contains("the embedded store has"), "{said}");
    }
}
