//! The control thread's tables: indices, refusals, publishing.

use weft_graph::{
    BdFlags, BdId, DeviceClass, Graph, MacTarget, PortType, SwIfIndex, TableError, Tables,
};

use crate::lab::{BD, Lab, frame, mac, one_tag, outcome};

#[test]
fn indices_are_given_out_as_vpp_does() {
    let mut tables = Tables::new(1);
    let add = |tables: &mut Tables| tables.add_port("x", DeviceClass::Tap, mac(1), 1500);
    let ports: Vec<_> = (0..4).map(|_| add(&mut tables)).collect();
    assert_eq!(ports, [0, 1, 2, 3].map(SwIfIndex));
    tables.delete_interface(ports[1]).unwrap();
    tables.delete_interface(ports[2]).unwrap();
    assert_eq!(add(&mut tables), ports[2], "the last freed goes first");
    assert_eq!(add(&mut tables), ports[1]);
    assert_eq!(add(&mut tables), SwIfIndex(4));
}

#[test]
fn a_bridge_domain_takes_the_lowest_free_index() {
    let mut tables = Tables::new(1);
    let mut add = |id| {
        tables
            .add_bridge_domain(BdId(id), BdFlags::DEFAULT, 0)
            .unwrap()
            .0
    };
    assert_eq!([add(100), add(7), add(9)], [1, 2, 3]);
    assert_eq!(
        tables.add_bridge_domain(BdId(7), BdFlags::DEFAULT, 0),
        Err(TableError::BridgeDomainExists(BdId(7)))
    );
    tables.delete_bridge_domain(BdId(7)).unwrap();
    assert_eq!(
        tables
            .add_bridge_domain(BdId(8), BdFlags::DEFAULT, 0)
            .unwrap()
            .0,
        2
    );
}

#[test]
fn a_bridge_domain_with_members_stays() {
    let (mut lab, [a]) = Lab::with_members();
    let error = TableError::BridgeDomainInUse { bd: BD, members: 1 };
    assert_eq!(lab.tables.delete_bridge_domain(BD), Err(error));
    lab.tables.set_l3(a).unwrap();
    assert_eq!(lab.tables.delete_bridge_domain(BD), Ok(()));
    assert_eq!(
        lab.tables.delete_bridge_domain(BD),
        Err(TableError::NoBridgeDomain(BD))
    );
}

#[test]
fn members_are_listed_in_vpps_order() {
    let mut lab = Lab::new();
    let mut of = |class, port_type| {
        let port = lab.tables.add_port("x", class, mac(1), 1500);
        lab.tables.set_l2_bridge(port, BD, port_type, 0).unwrap();
        port
    };
    let quiet = of(DeviceClass::Loopback, PortType::Normal);
    let first = of(DeviceClass::Tap, PortType::Normal);
    let bvi = of(DeviceClass::Loopback, PortType::Bvi);
    let second = of(DeviceClass::AfPacket, PortType::Normal);
    let uu = of(DeviceClass::Tap, PortType::UnknownUnicastForward);
    let domain = lab.tables.bridge_domain(BD).unwrap();
    let members: Vec<_> = domain
        .members
        .iter()
        .map(|member| member.sw_if_index)
        .collect();
    assert_eq!(members, [bvi, first, second, quiet]);
    assert_eq!((domain.bvi, domain.uu_fwd), (Some(bvi), Some(uu)));
    assert_eq!(
        lab.tables.mac(BD, mac(1)).map(|entry| entry.sw_if_index),
        Some(bvi)
    );

    let other = lab
        .tables
        .add_port("x", DeviceClass::Loopback, mac(2), 1500);
    let refused = lab.tables.set_l2_bridge(other, BD, PortType::Bvi, 0);
    assert_eq!(refused, Err(TableError::BviExists(BD)));
    assert!(
        !lab.tables.interface(other).unwrap().mode.is_l2(),
        "nothing was changed"
    );
    lab.tables.set_mac(bvi, mac(3)).unwrap();
    assert_eq!(lab.tables.mac(BD, mac(1)), None);
    assert_eq!(
        lab.tables.mac(BD, mac(3)).map(|entry| entry.sw_if_index),
        Some(bvi)
    );
    lab.tables.set_l3(bvi).unwrap();
    assert_eq!(lab.tables.mac(BD, mac(3)), None);
}

#[test]
fn a_vlan_belongs_to_one_sub_interface() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    let sub = lab.sub(trunk, one_tag(10));
    let again = lab.tables.add_sub_interface(trunk, "y", one_tag(10), 1500);
    let error = TableError::VlanInUse {
        parent: trunk,
        matched: one_tag(10),
        owner: sub,
    };
    assert_eq!(again, Err(error));
    let nested = lab.tables.add_sub_interface(sub, "y", one_tag(11), 1500);
    assert_eq!(nested, Err(TableError::NotAPort(sub)));
    lab.tables.delete_interface(sub).unwrap();
    assert_eq!(
        lab.tables.add_sub_interface(trunk, "y", one_tag(10), 1500),
        Ok(sub)
    );
}

#[test]
fn a_port_takes_its_sub_interfaces_with_it() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    let [first, second] = [lab.vlan_member(trunk, 1), lab.vlan_member(trunk, 2)];
    assert_eq!(
        lab.tables.delete_interface(trunk),
        Ok(vec![first, second, trunk])
    );
    assert_eq!(lab.tables.interfaces().count(), 0);
    assert_eq!(lab.tables.bridge_domain(BD).unwrap().members, []);
    assert_eq!(
        lab.tables.delete_interface(trunk),
        Err(TableError::NoInterface(trunk))
    );
}

#[test]
fn what_was_learned_on_an_interface_is_not_its_successors() {
    let (mut lab, [a, b, c]) = Lab::with_members();
    lab.learn(a, 1);
    lab.learn(b, 2);
    lab.tables.delete_interface(a).unwrap();
    assert_eq!(lab.member(0), a, "the index is taken again");
    let question = frame(2, 1);
    assert_eq!(
        lab.send(b, &[&question]),
        outcome(&[(a, &question), (c, &question)], &[])
    );
    assert_eq!(
        lab.tables.interface_totals(a).unwrap().rx_packets,
        0,
        "nor are its counters"
    );
}

#[test]
fn mac_addresses_are_checked() {
    let (mut lab, [a, b]) = Lab::with_members();
    let nowhere = SwIfIndex(99);
    assert_eq!(
        lab.tables
            .add_mac(BD, mac(1), MacTarget::Interface(nowhere)),
        Err(TableError::NoInterface(nowhere))
    );
    assert_eq!(
        lab.tables.add_mac(BdId(5), mac(1), MacTarget::Filter),
        Err(TableError::NoBridgeDomain(BdId(5)))
    );
    lab.learn(a, 1);
    assert_eq!(
        lab.tables.delete_mac(BD, mac(1), Some(b)),
        Err(TableError::NoMac)
    );
    assert_eq!(lab.tables.delete_mac(BD, mac(1), Some(a)), Ok(()));
    assert_eq!(
        lab.tables.delete_mac(BD, mac(1), None),
        Err(TableError::NoMac)
    );
    assert_eq!(lab.tables.learned(BD).unwrap(), 0);
}

#[test]
fn changes_are_effective_when_published_and_settled_when_all_workers_ran() {
    let mut tables = Tables::new(2);
    let mut first = Graph::new(&tables.handle(), 0);
    let mut second = Graph::new(&tables.handle(), 1);
    let generation = tables.publish();
    assert!(!tables.is_settled(generation));
    first.refresh();
    assert!(!tables.is_settled(generation));
    second.refresh();
    assert!(tables.is_settled(generation));
    assert_eq!(first.generation(), generation);

    let next = tables.publish();
    first.refresh();
    drop(second);
    assert!(
        tables.is_settled(next),
        "a worker that is gone uses nothing"
    );
}

#[test]
fn unpublished_changes_do_not_reach_packets() {
    let (mut lab, [a, b]) = Lab::with_members();
    let hello = frame(1, 0);
    lab.send(a, &[&hello]);
    lab.tables.set_l3(b).unwrap();
    let packet = lab.pool.alloc_from(&hello).unwrap();
    lab.graph.input(&mut lab.pool, a, &[packet], lab.now);
    lab.graph.run(&mut lab.pool, lab.now);
    let mut count = 0;
    let pool = &mut lab.pool;
    lab.graph.drain_tx(|_, packets| {
        count += packets.len();
        pool.free_many(packets);
    });
    assert_eq!(count, 1);
}
