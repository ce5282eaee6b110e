use super::*;

fn shown(text: &str) -> String {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => endpoint.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn accepts_every_written_form() {
    for (text, canonical) in [
        ("http://10.0.0.1:2379", "http://10.0.0.1:2379"),
        (
            "http://etcd-0.example:12379/",
            "http://etcd-0.example:12379",
        ),
        ("https://etcd", "https://etcd:2379"),
        ("etcd:1", "http://etcd:1"),
        (" etcd ", "http://etcd:2379"),
        ("[::1]:2379", "http://[::1]:2379"),
        ("https://[fd00::7]", "https://[fd00::7]:2379"),
        ("unix:///run/weft/store.sock", "unix:///run/weft/store.sock"),
    ] {
        assert_eq!(shown(text), canonical, "{text}");
        assert_eq!(shown(canonical), canonical, "{canonical}");
    }
}

#[test]
fn says_what_is_wrong() {
    for (text, part) in [
        ("", "empty"),
        ("ftp://etcd:2379", "scheme \"ftp\""),
        ("http://", "host"),
        ("http://:2379", "host"),
        ("http://et cd:2379", "host"),
        ("http://etcd:0", "port \"0\""),
        ("http://etcd:65536", "port \"65536\""),
        ("http://etcd:", "port \"\""),
        ("http://etcd:2379/v3", "path"),
        ("http://root:pw@etcd:2379", "user"),
        ("fd00::7", "brackets"),
        ("[fd00::7]2379", "port"),
        ("[nonsense]:2379", "host"),
        ("unix://relative.sock", "absolute"),
        ("/run/weft.sock", "absolute"),
    ] {
        let shown = shown(text);
        assert!(
            shown.starts_with("error: ") && shown.contains(part),
            "{text:?} gave {shown:?}"
        );
    }
}

#[test]
fn debug_hides_the_password() {
    let credentials = Credentials {
        user: "agent".into(),
        password: "secret".into(),
    };
    assert!(!format!("{credentials:?}").contains("secret"));
}
