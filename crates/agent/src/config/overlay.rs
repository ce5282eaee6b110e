//! The section `overlay`: what carries overlay networks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use weft_config::Table;
use weft_model::{Mtu, PhysnetName};
use weft_plan::{Underlay, UnderlayAddress, UplinkDevice};

/// The least MTU of an underlay: every host takes 576 bytes (RFC 791 §3.1), which leaves room for a
/// frame behind all headers.
const LEAST_MTU: u16 = 576;

/// An address with the length of its prefix, as in `192.0.2.11/24`.
struct Interface(UnderlayAddress);

/// The underlay as the section says; `None` if a fault was noted.
pub(super) fn underlay(
    section: &Table<'_>,
    physnets: Option<&BTreeMap<PhysnetName, UplinkDevice>>,
) -> Option<Underlay> {
    let physnet = section.text::<PhysnetName>("physnet").required();
    let address = section.text::<Interface>("address").optional();
    let gateway = section.text::<IpAddr>("gateway").optional();
    let mtu = section
        .number("mtu", LEAST_MTU..=u16::MAX)
        .or(Mtu::DEFAULT.get());
    let address = address.map(|Interface(address)| address);
    let mut sound = true;
    if let (Some(physnet), Some(physnets)) = (&physnet, physnets)
        && !physnets.contains_key(physnet)
    {
        section.refuse(
            "physnet",
            format!("there is no section `physnets.{physnet}`, which names the interface"),
        );
        sound = false;
    }
    if let (Some(address), Some(gateway)) = (&address, gateway)
        && address.address.is_ipv4() != gateway.is_ipv4()
    {
        let UnderlayAddress { address, .. } = address;
        section.refuse(
            "gateway",
            format!("{gateway} and the address {address} are of different versions of IP"),
        );
        sound = false;
    }
    let mtu = Mtu::new(mtu.into()).ok()?;
    sound.then_some(Underlay {
        physnet: physnet?,
        address,
        gateway,
        mtu,
    })
}

impl FromStr for Interface {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no address with its prefix length, as `192.0.2.11/24` is");
        let (address, prefix_len) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix_len: u8 = prefix_len.parse().map_err(|_| wrong())?;
        let is_a_hosts = !address.is_unspecified() && !address.is_multicast();
        if prefix_len > most || !is_a_hosts {
            return Err(wrong());
        }
        Ok(Self(UnderlayAddress {
            address,
            prefix_len,
        }))
    }
}
