use super::*;

fn faults(text: &str) -> Vec<String> {
    let errors = Config::parse("server.toml", text).expect_err("is faulty");
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_said_is_an_embedded_store_for_this_host_alone() {
    assert_eq!(Config::parse("server.toml", "").unwrap(), Config::default());
}

#[test]
fn an_embedded_store_is_where_it_is_said() {
    let text = "listen = \"[::]:80\"\nlead_in = \"/a/b\"\n[embedded]\npath = \"/x/y\"\n\
                listen = [\"unix:///s\", \"0.0.0.0:2379\"]\n";
    let config = Config::parse("server.toml", text).unwrap();
    assert_eq!(config.listen, "[::]:80".parse().unwrap());
    assert_eq!(config.keys, Keyspace::new("/a/b").unwrap());
    let listen = ["unix:///s", "0.0.0.0:2379"]
        .map(|text| text.parse().unwrap())
        .into();
    let embedded = EmbeddedConfig {
        path: "/x/y".into(),
        listen,
    };
    assert_eq!(config.store, StoreSource::Embedded(embedded));
}

#[test]
fn a_cluster_is_taken_instead() {
    let text = "[store]\nendpoints = [\"http://a:1\", \"http://b:2\"]\n";
    let config = Config::parse("server.toml", text).unwrap();
    let endpoints = ["http://a:1", "http://b:2"].map(|text| text.parse().unwrap());
    assert_eq!(
        config.store,
        StoreSource::Cluster(StoreConfig::new(endpoints))
    );
}

#[test]
fn all_faults_are_reported_at_once() {
    let text = "listen = \"7090\"\nlead_in = \"networking-vpp\"\n\
                [embedded]\nlisten = []\nfile = \"/x\"\n[store]\nendpoints = []\n";
    assert_eq!(
        faults(text),
        [
            "server.toml:1:10: `listen` cannot be \"7090\": invalid socket address syntax",
            "server.toml:2:11: `lead_in`: `networking-vpp` is no lead-in: it begins with `/`, goes \
             on with a name and does not end with `/`, as `/networking-vpp` does",
            "server.toml:3:2: `embedded` and `store` are two stores; keep one",
            "server.toml:4:10: `embedded.listen`: name at least one address, or leave it out",
            "server.toml:5:1: unknown key `file` in `embedded`; known here: `listen`, `path`",
            "server.toml:7:13: `store.endpoints`: name at least one endpoint",
        ]
    );
}
