use super::world::{network, port, record};
use crate::{Compiler, ObjectKey};

fn texts<'a>(keys: impl IntoIterator<Item = &'a ObjectKey>) -> Vec<String> {
    keys.into_iter().map(ToString::to_string).collect()
}

#[test]
fn a_vlan_port_needs_its_network_and_its_tap() {
    let mut compiler = Compiler::new(network());
    compiler.set_port(&port("web"), Some(record(100, 1, 1)));
    assert_eq!(
        texts(compiler.objects_of(&port("web")).unwrap().unwrap()),
        [
            "sub-interface physnet1.vlan.100",
            "bridge-domain physnet1.vlan.100",
            "bridge-member sub-interface physnet1.vlan.100",
            "tap web",
            "bridge-member tap web",
        ]
    );
}

#[test]
fn a_flat_port_bridges_the_uplink_itself() {
    let mut compiler = Compiler::new(network());
    compiler.set_port(&port("web"), Some(record(0, 1, 1)));
    assert_eq!(
        texts(compiler.objects_of(&port("web")).unwrap().unwrap()),
        [
            "bridge-domain physnet1.flat",
            "bridge-member uplink physnet1",
            "tap web",
            "bridge-member tap web"
        ]
    );
}

#[test]
fn the_last_port_takes_its_network_along_and_the_uplink_stays() {
    let mut compiler = Compiler::new(network());
    compiler.set_port(&port("a"), Some(record(100, 1, 1)));
    compiler.set_port(&port("b"), Some(record(100, 2, 2)));
    let touched = compiler.set_port(&port("a"), None);
    assert_eq!(texts(&touched.objects), ["tap a", "bridge-member tap a"]);
    compiler.set_port(&port("b"), None);
    assert_eq!(texts(compiler.keys()), ["uplink physnet1"]);
}

#[test]
fn a_record_that_says_nothing_new_touches_no_object() {
    let mut compiler = Compiler::new(network());
    compiler.set_port(&port("a"), Some(record(100, 1, 1)));
    let again = record(100, 1, 1);
    assert!(
        compiler
            .set_port(&port("a"), Some(again.clone()))
            .ports
            .is_empty()
    );
    let newer = crate::PortRecord {
        mod_revision: 9,
        ..again
    };
    let touched = compiler.set_port(&port("a"), Some(newer));
    assert_eq!(texts(&touched.objects), Vec::<String>::new());
    assert_eq!(
        touched.ports.len(),
        1,
        "its status must tell of the new revision"
    );
}

#[test]
fn of_two_ports_with_one_mac_on_one_network_the_first_has_it() {
    let mut compiler = Compiler::new(network());
    compiler.set_port(&port("late"), Some(record(100, 1, 7)));
    compiler.set_port(&port("early"), Some(record(100, 1, 3)));
    assert!(compiler.objects_of(&port("early")).unwrap().is_ok());
    assert_eq!(
        compiler
            .objects_of(&port("late"))
            .unwrap()
            .unwrap_err()
            .reason(),
        "field `mac_address`: fa:16:3e:00:00:01 on network physnet1.vlan.100 belongs to port early, which came first"
    );
    compiler.set_port(&port("elsewhere"), Some(record(200, 1, 9)));
    assert!(
        compiler.objects_of(&port("elsewhere")).unwrap().is_ok(),
        "another network"
    );

    compiler.set_port(&port("early"), None);
    assert!(
        compiler.objects_of(&port("late")).unwrap().is_ok(),
        "now it has it"
    );
}

#[test]
fn an_unknown_physnet_is_told_with_those_that_are_known() {
    let mut compiler = Compiler::new(crate::HostNetwork::default());
    compiler.set_port(&port("a"), Some(record(100, 1, 1)));
    assert_eq!(
        compiler
            .objects_of(&port("a"))
            .unwrap()
            .unwrap_err()
            .reason(),
        "field `physnet`: this host has no physical network `physnet1`; its configuration names none"
    );
}
