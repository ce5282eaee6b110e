//! Who is where, and who may reach whom.

use std::net::{IpAddr, Ipv4Addr};

/// The hosts.
pub(super) const HOSTS: [&str; 2] = ["host-a", "host-b"];

/// The end in each host of the cable that carries VLANs and the flat network.
pub(super) const TRUNK: &str = "trunk0";

/// The end in each host of the cable that carries tunnels.
pub(super) const UNDERLAY: &str = "trunk1";

/// The name of the network in tunnels.
pub(super) const TUNNELLED: &str = "red";

/// What is applied; kept with the examples of the documentation.
pub(super) const FILE: &str = include_str!("../../../../docs/examples/demo.yaml");

/// The name of the machine on the physical network. It has no port.
pub(super) const ROUTER: &str = "router";

/// A machine that sends and answers pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Station {
    /// Its port, or [`ROUTER`].
    pub(super) name: &'static str,
    /// The position of its host in [`HOSTS`].
    pub(super) host: usize,
    pub(super) network: &'static str,
    /// Tag of its network on the trunk.
    pub(super) vlan: Option<u16>,
    address: u8,
}

/// All stations.
pub(super) const STATIONS: [Station; 8] = [
    Station {
        name: "web-1",
        host: 0,
        network: "blue",
        vlan: Some(100),
        address: 1,
    },
    Station {
        name: "web-2",
        host: 1,
        network: "blue",
        vlan: Some(100),
        address: 2,
    },
    Station {
        name: "db-1",
        host: 0,
        network: "green",
        vlan: Some(200),
        address: 3,
    },
    Station {
        name: "db-2",
        host: 1,
        network: "green",
        vlan: Some(200),
        address: 4,
    },
    Station {
        name: "edge-1",
        host: 0,
        network: "outside",
        vlan: None,
        address: 5,
    },
    Station {
        name: "app-1",
        host: 0,
        network: TUNNELLED,
        vlan: None,
        address: 6,
    },
    Station {
        name: "app-2",
        host: 1,
        network: TUNNELLED,
        vlan: None,
        address: 7,
    },
    Station {
        name: ROUTER,
        host: 1,
        network: "outside",
        vlan: None,
        address: 254,
    },
];

impl Station {
    /// Its address, in the one prefix that all share.
    pub(super) fn ip(self) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, self.address).into()
    }

    /// Its address with the length of the prefix, for its device.
    pub(super) fn interface_address(self) -> String {
        format!("{}/24", self.ip())
    }

    /// Whether it has a port.
    pub(super) fn has_port(self) -> bool {
        self.name != ROUTER
    }

    /// Whether it must reach `other`; if not, it must not.
    pub(super) fn reaches(self, other: Self) -> bool {
        self.network == other.network
    }
}

/// A host's address on the underlay.
pub(super) fn underlay(host: usize) -> String {
    format!("192.0.2.{}/24", host + 11)
}

/// How many ports there are.
pub(super) fn port_count() -> usize {
    let ports = STATIONS.into_iter().filter(|station| station.has_port());
    ports.count()
}

/// Every two stations, once.
pub(super) fn pairs() -> impl Iterator<Item = (Station, Station)> {
    let after = |i: usize| STATIONS.into_iter().skip(i + 1);
    STATIONS
        .into_iter()
        .enumerate()
        .flat_map(move |(i, a)| after(i).map(move |b| (a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfile::NetFiles;

    #[test]
    fn the_stations_are_the_ports_of_the_file() {
        let mut files = NetFiles::default();
        files.add("demo.yaml", FILE);
        let ports = files.finish().unwrap().ports;
        let stations: Vec<_> = STATIONS
            .into_iter()
            .filter(|station| station.has_port())
            .collect();
        assert_eq!(ports.len(), stations.len());
        for (port, station) in ports.iter().zip(stations) {
            assert_eq!(
                (port.id.as_str(), port.host.as_str()),
                (station.name, HOSTS[station.host])
            );
            let tunnelled = (station.network == TUNNELLED).then_some(7000);
            assert_eq!(
                port.record["segmentation_id"].as_u64(),
                station.vlan.map(u64::from).or(tunnelled)
            );
            assert_eq!(
                port.record["fixed_ips"][0]["ip_address"],
                station.ip().to_string()
            );
        }
    }

    #[test]
    fn every_two_stations_are_told_who_reaches_whom() {
        let (reach, apart): (Vec<_>, Vec<_>) = pairs().partition(|(a, b)| a.reaches(*b));
        assert_eq!((reach.len(), apart.len()), (4, 24));
        assert!(
            reach.iter().all(|(a, b)| a.host != b.host),
            "they cross a cable"
        );
    }
}
