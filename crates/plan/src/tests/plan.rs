use std::sync::Arc;

use super::world::{World, port, record};
use crate::{InterfaceKey, Object, ObjectKey, UplinkDevice};

#[test]
fn the_first_port_of_a_network_brings_everything_in_order() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("web"), Some(record(100, 1, 1)));
    let now = world.now();
    assert_eq!(
        host.plan(now).to_string(),
        "+ uplink physnet1: host-trunk0, up\n\
         + tap web: device tapweb, mac fa:16:3e:00:00:01, mtu 1500, up\n\
         + bridge-domain physnet1.vlan.100: learn forward flood uu-flood, mac-age 5 min\n\
         + sub-interface physnet1.vlan.100: up\n\
         + bridge-member sub-interface physnet1.vlan.100: in physnet1.vlan.100, pop 1 tag\n\
         + bridge-member tap web: in physnet1.vlan.100\n"
    );
}

#[test]
fn a_port_that_moves_to_another_network_is_never_without_a_bridge() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("web"), Some(record(100, 1, 1)));
    world.settle(&mut host);
    host.set_port(&port("web"), Some(record(200, 1, 1)));
    let now = world.now();
    assert_eq!(
        host.plan(now).to_string(),
        "- bridge-member sub-interface physnet1.vlan.100: in physnet1.vlan.100, pop 1 tag\n\
         - sub-interface physnet1.vlan.100: up\n\
         + bridge-domain physnet1.vlan.200: learn forward flood uu-flood, mac-age 5 min\n\
         + sub-interface physnet1.vlan.200: up\n\
         + bridge-member sub-interface physnet1.vlan.200: in physnet1.vlan.200, pop 1 tag\n\
         ~ bridge-member tap web: in physnet1.vlan.200 (was in physnet1.vlan.100)\n\
         - bridge-domain physnet1.vlan.100: learn forward flood uu-flood, mac-age 5 min\n"
    );
}

#[test]
fn another_mac_remakes_the_tap_and_another_mtu_does_not() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("web"), Some(record(100, 1, 1)));
    world.settle(&mut host);

    let mut wider = record(100, 1, 1);
    wider.binding.as_mut().unwrap().mtu = weft_model::Mtu::new(9000).unwrap();
    host.set_port(&port("web"), Some(wider));
    let now = world.now();
    assert_eq!(
        host.plan(now).to_string(),
        "~ tap web: device tapweb, mac fa:16:3e:00:00:01, mtu 9000, up (was device tapweb, mac fa:16:3e:00:00:01, mtu 1500, up)\n"
    );
    world.settle(&mut host);

    host.set_port(&port("web"), Some(record(100, 2, 1)));
    let plan = host.plan(now).to_string();
    let signs: Vec<&str> = plan
        .lines()
        .map(|line| &line[..line.find(':').unwrap()])
        .collect();
    assert_eq!(
        signs,
        [
            "- bridge-member tap web",
            "- tap web",
            "+ tap web",
            "+ bridge-member tap web"
        ]
    );
}

#[test]
fn a_physnet_on_another_interface_takes_all_that_hangs_on_it_along() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("web"), Some(record(100, 1, 1)));
    world.settle(&mut host);

    let mut network = super::world::network();
    let device = UplinkDevice::Existing("GigabitEthernet0/8/0".parse().unwrap());
    network.physnets.insert("physnet1".parse().unwrap(), device);
    let mut host = crate::Reconciler::new(network, crate::Backoff::default());
    host.set_port(&port("web"), Some(record(100, 1, 1)));
    host.connected(world.holds.clone());
    let now = world.now();
    let plan = host.plan(now);
    assert_eq!(
        plan.operations()
            .map(|operation| operation.to_string().split(": ").next().unwrap().to_owned())
            .collect::<Vec<_>>(),
        [
            "- bridge-member sub-interface physnet1.vlan.100",
            "- sub-interface physnet1.vlan.100",
            "- uplink physnet1",
            "+ uplink physnet1",
            "+ sub-interface physnet1.vlan.100",
            "+ bridge-member sub-interface physnet1.vlan.100",
        ],
        "the TAP and its membership stay as they are"
    );
    world.settle(&mut host);
}

#[test]
fn an_uplink_that_was_found_is_as_good_as_one_that_was_made() {
    let mut world = World::default();
    let mut host = world.reconciler();
    world.settle(&mut host);
    let key = ObjectKey::Interface(InterfaceKey::Uplink("physnet1".parse().unwrap()));
    let Some(Object::Uplink(uplink)) = world.holds.get(&key).map(Arc::as_ref) else {
        panic!("no uplink")
    };
    let device = UplinkDevice::Existing("host-trunk0".parse().unwrap());
    world.holds.insert(Object::Uplink(crate::Uplink {
        device,
        ..uplink.clone()
    }));
    host.refreshed(world.holds.clone());
    let now = world.now();
    assert!(host.plan(now).is_empty());
}
