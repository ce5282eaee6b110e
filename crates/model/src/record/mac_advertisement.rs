//! `global/networks/{type}/{vni}/{host}/{mac}`: a host says that a MAC address of an overlay network
//! is behind it.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::fields::{Fields, InvalidRecord, Place};
use super::json::Json;
use super::port::PortBinding;
use crate::mac::Mac;

/// Where a MAC address is, and which IP addresses are its.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacAdvertisement {
    /// The underlay address of the host.
    pub host: IpAddr,
    /// The IP addresses of the port, of both versions, in their order, each once.
    pub ips: Box<[IpAddr]>,
    /// `mod_revision` of the port's record. Of two hosts that have the same MAC address the one with
    /// the higher revision has it: the machine moved there.
    pub revision: i64,
}

/// Reads the value of `global/networks/{type}/{vni}/{host}/{mac}`. networking-vpp wrote the underlay
/// address alone; nothing is newer than revision 0 then.
pub fn decode_mac_advertisement(bytes: &[u8]) -> Result<MacAdvertisement, InvalidRecord> {
    let bare = str::from_utf8(bytes).ok().map(str::trim);
    let bare = bare.map(|text| text.trim_matches('"'));
    if let Some(host) = bare.and_then(|text| text.parse().ok()) {
        let host = underlay_address(host).map_err(|reason| InvalidRecord::field("host", reason))?;
        return Ok(MacAdvertisement {
            host,
            ips: [].into(),
            revision: 0,
        });
    }
    MacAdvertisement::read(&Json::of(bytes)?)
}

impl MacAdvertisement {
    /// What a host with the underlay address `host` says of a port whose record is of `revision`: of
    /// its own MAC address, and of each other one in its allowed address pairs. What is no single
    /// address cannot be answered for, and is left out.
    pub fn of(port: &PortBinding, host: IpAddr, revision: i64) -> Vec<(Mac, Self)> {
        let mut macs = vec![port.mac];
        macs.extend(
            port.allowed_address_pairs
                .iter()
                .filter_map(|pair| pair.mac),
        );
        macs.sort_unstable();
        macs.dedup();
        let advertisement = |mac: Mac| {
            let fixed = port.fixed_ips.iter().map(|ip| ip.ip_address);
            let fixed = fixed.filter(|_| mac == port.mac);
            let pairs = port.allowed_address_pairs.iter().filter(|pair| {
                let single = pair.ip_address.length() == pair.ip_address.version().address_bits();
                single && pair.mac.unwrap_or(port.mac) == mac
            });
            let pairs = pairs.map(|pair| pair.ip_address.address());
            Self {
                host,
                ips: in_order(fixed.chain(pairs).collect()),
                revision,
            }
        };
        macs.into_iter()
            .map(|mac| (mac, advertisement(mac)))
            .collect()
    }

    /// Reads the record from JSON.
    pub fn from_json(value: &Value) -> Result<Self, InvalidRecord> {
        Self::read(&Json::of_value(value)?)
    }

    fn read(json: &Json<'_>) -> Result<Self, InvalidRecord> {
        let fields = Fields::of(json)?;
        let ip = |(place, element): (Place<'_>, &Json<'_>)| match element {
            Json::Text(text) => text
                .parse::<IpAddr>()
                .map_err(|_| InvalidRecord::field(place, format!("`{text}` is no IP address"))),
            _ => Err(InvalidRecord::field(
                place,
                "the text of an IP address is wanted",
            )),
        };
        let ips: Result<_, _> = fields.list("ips")?.map(ip).collect();
        let revision = match fields.get("revision") {
            None => 0,
            Some(value) => value
                .whole()
                .filter(|revision| *revision >= 0)
                .ok_or_else(|| fields.wrong("revision", "a revision of the store is wanted"))?,
        };
        Ok(Self {
            host: underlay_address(fields.parsed("host")?)
                .map_err(|reason| fields.wrong("host", reason))?,
            ips: in_order(ips?),
            revision,
        })
    }

    /// Writes the record as JSON.
    pub fn to_json(&self) -> Value {
        json!({"host": self.host, "ips": self.ips, "revision": self.revision})
    }
}

/// The address of one host, which a tunnel can lead to.
fn underlay_address(address: IpAddr) -> Result<IpAddr, String> {
    let one_host = match address {
        IpAddr::V4(ip) => !ip.is_broadcast(),
        IpAddr::V6(_) => true,
    };
    if one_host && !address.is_unspecified() && !address.is_multicast() {
        return Ok(address);
    }
    Err(format!("{address} is no address of one host"))
}

fn in_order(mut ips: Vec<IpAddr>) -> Box<[IpAddr]> {
    ips.sort_unstable();
    ips.dedup();
    ips.into()
}
