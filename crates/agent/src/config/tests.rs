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

[overlay]
physnet = "physnet1"
address = "192.0.2.11/24"
gateway = "192.0.2.1"
mtu = 9000

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
    let underlay = config.network.underlay.unwrap();
    let address = underlay.address.unwrap();
    assert_eq!(underlay.physnet.as_str(), "physnet1");
    assert_eq!(address.address.to_string(), "192.0.2.11");
    assert_eq!((address.prefix_len, underlay.mtu.get()), (24, 9000));
    assert!(underlay.gateway.is_some());
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
    assert_eq!(config.network.underlay, None);
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

/// The faults of a section `overlay` of a host with one physnet.
fn overlay(section: &str) -> Vec<String> {
    let text = format!(
        "host = \"h\"\n[store]\nendpoints = [\"localhost\"]\n[physnets.p]\ninterface = \"e\"\n\
         [overlay]\n{section}"
    );
    match Config::parse("agent.toml", &text) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(|fault| fault.message.clone()).collect(),
    }
}

#[test]
fn an_underlay_is_a_physnet_of_the_host_and_its_addresses_agree() {
    assert_eq!(overlay("physnet = \"p\"\n"), [""; 0]);
    assert_eq!(
        overlay("physnet = \"p\"\naddress = \"2001:db8::1/64\"\ngateway = \"2001:db8::ff\"\n"),
        [""; 0]
    );
    for (section, part) in [
        ("mtu = 9000\n", "physnet"),
        ("physnet = \"q\"\n", "there is no section `physnets.q`"),
        ("physnet = \"p\"\nmtu = 500\n", "576"),
        (
            "physnet = \"p\"\naddress = \"192.0.2.1\"\n",
            "no address with its prefix length",
        ),
        (
            "physnet = \"p\"\naddress = \"192.0.2.1/33\"\n",
            "no address with its prefix length",
        ),
        (
            "physnet = \"p\"\naddress = \"224.0.0.1/4\"\n",
            "no address with its prefix length",
        ),
        (
            "physnet = \"p\"\naddress = \"192.0.2.1/24\"\ngateway = \"2001:db8::1\"\n",
            "different versions of IP",
        ),
    ] {
        let faults = overlay(section);
        assert!(
            faults.len() == 1 && faults[0].contains(part),
            "{section}: {faults:?}"
        );
    }
}
