//! TLS with certificates on both sides, and users: against a real etcd.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use weft_store::{ClientIdentity, Credentials, Event, Store, StoreConfig, StoreError, TlsConfig};

use crate::support::{Etcd, eventually, free_port, patiently, soon};

/// An authority, and certificates signed by it, as files.
struct Authority {
    directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        let authority = Self {
            directory: TempDir::new().unwrap(),
        };
        authority.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 \
             -keyout ca.key -out ca.pem -subj /CN=authority",
        );
        authority
    }

    fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A certificate for `name`, good for servers on the loopback address and for clients.
    fn sign(&self, name: &str) -> ClientIdentity {
        let extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1\n\
                          extendedKeyUsage=serverAuth,clientAuth\n";
        std::fs::write(self.directory.path().join("extensions"), extensions).unwrap();
        self.openssl(&format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc \
             -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
             -extfile extensions -out {name}.pem"
        ));
        let file = |suffix: &str| self.directory.path().join(format!("{name}.{suffix}"));
        ClientIdentity {
            certificate: file("pem"),
            key: file("key"),
        }
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .current_dir(self.directory.path())
            .args(arguments.split_whitespace())
            .output()
            .expect("openssl must be installed: apt-get install openssl");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

async fn etcd_with_tls(authority: &Authority) -> Etcd {
    let server = authority.sign("server");
    let (client, peer) = (free_port(), free_port());
    let client = format!("https://127.0.0.1:{client}");
    let peer = format!("http://127.0.0.1:{peer}");
    let file = |path: &Path| path.display().to_string();
    let mut etcd = Etcd::unstarted(
        client.clone(),
        vec![
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--client-cert-auth".to_owned(),
            format!("--trusted-ca-file={}", file(&authority.ca())),
            format!("--cert-file={}", file(&server.certificate)),
            format!("--key-file={}", file(&server.key)),
        ],
    );
    etcd.start_again().await;
    etcd
}

async fn connect(
    etcd: &Etcd,
    tls: Option<TlsConfig>,
    auth: Option<Credentials>,
) -> Result<Store, StoreError> {
    let mut config = StoreConfig::new([etcd.endpoint()]);
    config.tls = tls;
    config.auth = auth;
    Store::connect(config).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_prove_who_they_are() {
    patiently(Box::pin(async {
        let authority = Authority::new();
        let etcd = etcd_with_tls(&authority).await;
        let tls = |ca: PathBuf, identity| TlsConfig {
            ca,
            identity,
            server_name: None,
        };

        let ours = tls(authority.ca(), Some(authority.sign("agent")));
        let store = connect(&etcd, Some(ours.clone()), None).await.unwrap();
        eventually("the store answers", || async {
            store.put("a/1", "1").await.is_ok()
        })
        .await;
        let mut subscription = store.subscribe(vec!["a/".into()]);
        let event = soon("a snapshot", subscription.next()).await.unwrap();
        assert!(
            matches!(event, Event::Snapshot { ref kvs, .. } if kvs.len() == 1),
            "{event:?}"
        );
        // By another name that the certificate carries.
        let named = TlsConfig {
            server_name: Some("localhost".to_owned()),
            ..ours.clone()
        };
        connect(&etcd, Some(named), None)
            .await
            .unwrap()
            .get("a/1")
            .await
            .unwrap()
            .unwrap();

        // Without a certificate of ours the server will not talk.
        let store = connect(&etcd, Some(tls(authority.ca(), None)), None)
            .await
            .unwrap();
        let error = soon("an error", store.get("a/1")).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        // One signed by somebody else is as good as none, in both directions.
        let stranger = Authority::new();
        let foreign = tls(authority.ca(), Some(stranger.sign("agent")));
        assert!(
            connect(&etcd, Some(foreign), None)
                .await
                .unwrap()
                .get("a/1")
                .await
                .is_err()
        );
        let distrustful = tls(stranger.ca(), Some(authority.sign("agent")));
        let store = connect(&etcd, Some(distrustful), None).await.unwrap();
        let error = soon("an error", store.get("a/1")).await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        let named = TlsConfig {
            server_name: Some("elsewhere".to_owned()),
            ..ours.clone()
        };
        let store = connect(&etcd, Some(named), None).await.unwrap();
        let error = soon("an error", store.get("a/1")).await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");

        let error = connect(&etcd, None, None).await.unwrap_err();
        assert!(matches!(error, StoreError::TlsMissing { .. }), "{error}");
        let error = connect(&etcd, Some(tls("/nowhere".into(), None)), None)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("/nowhere"), "{error}");
        let garbage = authority.directory.path().join("garbage.pem");
        std::fs::write(&garbage, "no certificate").unwrap();
        let identity = ClientIdentity {
            certificate: garbage.clone(),
            key: garbage,
        };
        let error = connect(&etcd, Some(tls(authority.ca(), Some(identity))), None)
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Tls { .. }), "{error}");
    }))
    .await;
}

fn etcdctl(etcd: &Etcd, arguments: &[&str]) {
    let output = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .arg(format!("--endpoints={}", etcd.endpoint()))
        .args(arguments)
        .output()
        .expect("etcdctl must be installed: apt-get install etcd-server etcd-client");
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_see_what_their_role_permits() {
    patiently(Box::pin(async {
        let mut etcd = Etcd::start(&["--auth-token-ttl=1"]).await;
        let admin = connect(&etcd, None, None).await.unwrap();
        eventually("etcd serves", || async {
            admin.put("secret/1", "1").await.is_ok()
        })
        .await;
        for arguments in [
            &["user", "add", "root:rootpw"][..],
            &["role", "add", "root"],
            &["user", "grant-role", "root", "root"],
            &["role", "add", "agent"],
            &[
                "role",
                "grant-permission",
                "agent",
                "readwrite",
                "--prefix=true",
                "a/",
            ],
            &["user", "add", "agent:agentpw"],
            &["user", "grant-role", "agent", "agent"],
            &["auth", "enable"],
        ] {
            etcdctl(&etcd, arguments);
        }
        let login = |user: &str, password: &str| {
            Some(Credentials {
                user: user.to_owned(),
                password: password.to_owned(),
            })
        };
        let agent = connect(&etcd, None, login("agent", "agentpw"))
            .await
            .unwrap();
        agent.put("a/1", "1").await.unwrap();
        let mut subscription = agent.subscribe(vec!["a/".into()]);
        let event = soon("a snapshot", subscription.next()).await.unwrap();
        assert!(
            matches!(event, Event::Snapshot { ref kvs, .. } if kvs.len() == 1),
            "{event:?}"
        );

        let error = agent.get("secret/1").await.unwrap_err();
        assert!(matches!(error, StoreError::Denied { .. }), "{error}");
        let error = agent.put("secret/1", "2").await.unwrap_err();
        assert!(matches!(error, StoreError::Denied { .. }), "{error}");
        let mut refused = agent.subscribe(vec!["secret/".into()]);
        let event = soon("the refusal", refused.next()).await.unwrap();
        assert!(
            matches!(&event, Event::Disconnected { reason } if reason.contains("denied")),
            "{event:?}"
        );
        let wrong = connect(&etcd, None, login("agent", "guess")).await.unwrap();
        let error = wrong.get("a/1").await.unwrap_err();
        assert!(matches!(error, StoreError::Denied { .. }), "{error}");

        // A changed role makes every login stale, and so does a restart of the member, which
        // knows its tokens by heart only. Neither is anything that a caller should see.
        let root = connect(&etcd, None, login("root", "rootpw")).await.unwrap();
        let arguments = [
            "--user=root:rootpw",
            "role",
            "grant-permission",
            "agent",
            "readwrite",
            "b",
        ];
        etcdctl(&etcd, &arguments);
        agent.put("b", "1").await.unwrap();
        etcd.kill();
        etcd.start_again().await;
        eventually("etcd serves", || async { root.get("a/1").await.is_ok() }).await;
        agent.put("a/2", "1").await.unwrap();
        loop {
            match soon("the change", subscription.next()).await.unwrap() {
                Event::Changes { changes, .. } => break assert_eq!(changes[0].key(), "a/2"),
                Event::Connected | Event::Disconnected { .. } => {}
                Event::Snapshot { .. } | Event::Read { .. } => panic!("a second reading"),
            }
        }
    }))
    .await;
}
