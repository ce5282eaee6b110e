//! MACIP lists: which source addresses an interface may use (VPP `macip_create_classify_tables`).
//!
//! Not the first match counts: rules with the same mask of the MAC address and the same length of
//! prefix form one exact-match table, tables are asked in the order of VPP's `match_type_metric`,
//! those of IP packets before those of ARP, and of two rules with the same key the later one stays.
//! What no table knows is dropped, whatever it is. A list without rules filters nothing.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use weft_packet::header::MacAddr;

use super::address::Address;

/// A rule. Bits of addresses that the mask or the length leaves out are ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MacIpRule {
    /// Whether matching packets pass.
    pub permit: bool,
    /// Source address of the frame, and sender's hardware address of ARP.
    pub mac: MacAddr,
    /// Which bits of it count.
    pub mac_mask: MacAddr,
    /// Source address of the packet, and sender's protocol address of ARP.
    pub address: IpAddr,
    /// Which bits of it count, from the first.
    pub prefix_len: u8,
}

/// A compiled list.
#[derive(Debug, Default)]
pub(crate) struct MacIpFilter {
    v4: Vec<Table<u32>>,
    arp: Vec<Table<u32>>,
    v6: Vec<Table<u128>>,
}

/// What a list says of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MacIpVerdict {
    /// The rule of this number lets it pass.
    Permit(u32),
    /// The rule of this number does not.
    Deny(u32),
    /// No rule is about it.
    Miss,
}

/// The rules that fix the same bits.
#[derive(Debug)]
struct Table<A> {
    mac_mask: u64,
    mask: A,
    /// Keys with number and word of the rule, by key.
    entries: Vec<(u64, A, u32, bool)>,
}

/// What rules have in common that are in one table, and how many there are.
struct MatchType {
    mac_mask: u64,
    prefix_len: u8,
    is_ip6: bool,
    rules: Vec<u32>,
}

const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const DOT1Q: u16 = 0x8100;
const DOT1AD: u16 = 0x88a8;

fn mac_bits(MacAddr([a, b, c, d, e, f]): MacAddr) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

fn mac_at(frame: &[u8], at: usize) -> Option<u64> {
    let bytes: [u8; 6] = *frame.get(at..)?.first_chunk()?;
    Some(mac_bits(MacAddr(bytes)))
}

fn word_at(frame: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?))
}

impl MatchType {
    /// VPP `match_type_metric`: the more bits and the more rules, the earlier.
    fn metric(&self) -> usize {
        usize::from(self.prefix_len)
            + self.mac_mask.count_ones() as usize
            + usize::from(self.is_ip6)
            + 10 * self.rules.len()
    }

    fn table<A: Address + Ord>(&self, rules: &[MacIpRule], bits: impl Fn(IpAddr) -> A) -> Table<A> {
        let mask = A::mask(self.prefix_len.min(A::BITS));
        let mut entries: Vec<(u64, A, u32, bool)> = Vec::new();
        for &number in &self.rules {
            let Some(rule) = rules.get(number as usize) else {
                continue;
            };
            let key = (
                mac_bits(rule.mac) & self.mac_mask,
                bits(rule.address).and(mask),
            );
            entries.retain(|(mac, address, ..)| (*mac, *address) != key);
            entries.push((key.0, key.1, number, rule.permit));
        }
        entries.sort_unstable_by_key(|(mac, address, ..)| (*mac, *address));
        Table {
            mac_mask: self.mac_mask,
            mask,
            entries,
        }
    }
}

impl<A: Address + Ord> Table<A> {
    #[inline]
    fn find(&self, mac: u64, address: A) -> Option<MacIpVerdict> {
        let key = (mac & self.mac_mask, address.and(self.mask));
        let found = self
            .entries
            .binary_search_by_key(&key, |(mac, address, ..)| (*mac, *address));
        let (.., number, permit) = self.entries.get(found.ok()?)?;
        Some(if *permit {
            MacIpVerdict::Permit(*number)
        } else {
            MacIpVerdict::Deny(*number)
        })
    }
}

impl MacIpFilter {
    /// `None` for a list that filters nothing.
    pub(crate) fn new(rules: &[MacIpRule]) -> Option<Self> {
        if rules.is_empty() {
            return None;
        }
        let mut types: Vec<MatchType> = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            let (mac_mask, prefix_len) = (mac_bits(rule.mac_mask), rule.prefix_len);
            let is_ip6 = rule.address.is_ipv6();
            let same = types.iter().position(|own| {
                (own.mac_mask, own.prefix_len, own.is_ip6) == (mac_mask, prefix_len, is_ip6)
            });
            let at = same.unwrap_or_else(|| {
                types.push(MatchType {
                    mac_mask,
                    prefix_len,
                    is_ip6,
                    rules: Vec::new(),
                });
                types.len() - 1
            });
            types[at].rules.push(number as u32);
        }
        // VPP builds its chain from the end.
        types.sort_by_key(MatchType::metric);
        types.reverse();
        let mut filter = Self::default();
        for own in &types {
            if own.is_ip6 {
                filter.v6.push(own.table(rules, |address| match address {
                    IpAddr::V6(address) => address.to_bits(),
                    IpAddr::V4(_) => 0,
                }));
            } else {
                let bits = |address| match address {
                    IpAddr::V4(address) => address.to_bits(),
                    IpAddr::V6(_) => 0,
                };
                filter.v4.push(own.table(rules, bits));
                filter.arp.push(own.table(rules, bits));
            }
        }
        Some(filter)
    }

    /// What the list says of a frame, of which at least the first buffer is given.
    #[inline]
    pub(crate) fn verdict(&self, frame: &[u8]) -> MacIpVerdict {
        self.find(frame).unwrap_or(MacIpVerdict::Miss)
    }

    #[inline]
    fn find(&self, frame: &[u8]) -> Option<MacIpVerdict> {
        let mac = mac_at(frame, 6)?;
        let (mut kind, mut l3) = (word_at(frame, 12)?, 14);
        // VPP has tables for no tag, 802.1Q, and 802.1Q in 802.1ad.
        if kind == DOT1AD && word_at(frame, 16) == Some(DOT1Q) {
            (kind, l3) = (word_at(frame, 20)?, 22);
        } else if kind == DOT1Q {
            (kind, l3) = (word_at(frame, 16)?, 18);
        }
        let packet = frame.get(l3..)?;
        match kind {
            IPV4 => {
                let source = u32::from_be_bytes(*packet.get(12..)?.first_chunk()?);
                self.v4.iter().find_map(|table| table.find(mac, source))
            }
            IPV6 => {
                let source = u128::from_be_bytes(*packet.get(8..)?.first_chunk()?);
                self.v6.iter().find_map(|table| table.find(mac, source))
            }
            ARP => {
                let hardware = mac_at(packet, 8)?;
                let sender = u32::from_be_bytes(*packet.get(14..)?.first_chunk()?);
                // One key holds both hardware addresses: they must agree in the bits that count.
                self.arp.iter().find_map(|table| {
                    ((mac ^ hardware) & table.mac_mask == 0)
                        .then(|| table.find(mac, sender))
                        .flatten()
                })
            }
            _ => None,
        }
    }
}
