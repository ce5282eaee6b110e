use super::*;

const WHOLE: &str = r#"
host = "compute-1"
lead_in = "/cloud"
mac_age_minutes = 3

[store]
endpoints = ["https://etcd-1:2379", "https://etcd-2:2379"]
user = "compute-1"
password = "secret"
lease_ttl = "10s"

[store.tls]
ca = "/etc/weft/ca.pem"
certificate = "/etc/weft/compute-1.pem"
key = "/etc/weft/compute-1.key"

[vpp]
api_socket = "/run/vpp/api.sock"
resync = "1m"

[vhost_user]
directory = "/var/lib/sockets"
mode = "server"

[security]
secure_taps = true

[physnets.physnet1]
interface = "GigabitEthernet0/8/0"

[physnets.physnet2]
host_interface = "eth1"
"#;

#[test]
fn a_whole_file_is_read() {
    let config = Config::parse("agent.toml", WHOLE).unwrap();
    assert_eq!(config.store.endpoints.len(), 2);
    assert_eq!(config.network.physnets.len(), 2);
    assert_eq!(config.lease_ttl, Duration::from_secs(10));
    assert_eq!(config.keys.nodes(), "/cloud/nodes/");
    let vhost_user = &config.network.vhost_user;
    assert_eq!(vhost_user.directory.as_str(), "/var/lib/sockets");
    assert_eq!(vhost_user.mode, VhostUserMode::Server);
    assert!(config.network.secure_taps);
}

#[test]
fn a_short_file_is_enough() {
    let config = Config::parse(
        "agent.toml",
        "host = \"h\"\n[store]\nendpoints = [\"localhost\"]\n",
    );
    let config = config.unwrap();
    assert_eq!(config.vpp.api_socket, PathBuf::from("/run/vpp/api.sock"));
    assert!(config.network.physnets.is_empty());
    let vhost_user = config.network.vhost_user;
    assert_eq!(vhost_user.directory.as_str(), "/run/weft/vhost-user");
    assert_eq!(vhost_user.mode, VhostUserMode::Client);
    assert!(!config.network.secure_taps);
}

#[test]
fn all_faults_are_told_at_once_with_their_lines() {
    let faults = Config::parse(
        "agent.toml",
        "hots = \"h\"\n\
         [store]\n\
         endpoints = [\"ftp://x\"]\n\
         [physnets.a]\n\
         interface = \"GigE0\"\n\
         [physnets.b]\n\
         interface = \"GigE0\"\n\
         [physnets.\"c.d\"]\n\
         interface = \"GigE1\"\n\
         [physnets.e]\n\
         [physnets.f]\n\
         host_interface = \"a name that is too long\"\n\
         [vhost_user]\n\
         directory = \"relative\"\n\
         mode = \"qemu\"\n\
         [security]\n\
         secure_taps = \"no\"\n",
    )
    .unwrap_err();
    let lines: Vec<(usize, String)> = faults
        .iter()
        .map(|fault| (fault.line, fault.message.clone()))
        .collect();
    let numbers: Vec<usize> = lines.iter().map(|(line, _)| *line).collect();
    assert_eq!(numbers, [1, 1, 3, 7, 8, 10, 12, 14, 15, 17], "{faults}");
    assert!(
        faults.to_string().contains("did you mean `host`?"),
        "{faults}"
    );
}
