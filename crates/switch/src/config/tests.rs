use super::*;

#[test]
fn empty_file_is_the_default() {
    assert_eq!(
        SwitchConfig::parse("switch.toml", ""),
        Ok(SwitchConfig::default())
    );
}

#[test]
fn every_key_is_read() {
    let text = "api_socket = \"/tmp/s\"\napi_socket_mode = \"0600\"\nworkers = 2\nbuffers = 4096\n\
                learn_limit = 100\ndefault_mtu = 1500\n";
    let expected = SwitchConfig {
        api_socket: PathBuf::from("/tmp/s"),
        api_socket_mode: 0o600,
        workers: 2,
        buffers: 4096,
        learn_limit: 100,
        default_mtu: 1500,
    };
    assert_eq!(SwitchConfig::parse("switch.toml", text), Ok(expected));
}

#[test]
fn all_faults_are_told_at_once_with_their_lines() {
    let text = "workers = 0\napi_socket_mode = \"rw\"\nbufers = 1\n";
    let faults = SwitchConfig::parse("switch.toml", text)
        .expect_err("three faults")
        .to_string();
    for expected in [
        "switch.toml:1:",
        "switch.toml:2:",
        "switch.toml:3:",
        "`buffers`",
    ] {
        assert!(
            faults.contains(expected),
            "{expected} is missing in {faults}"
        );
    }
}
