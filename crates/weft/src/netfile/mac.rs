//! MAC addresses for ports that say none.

use weft_model::{Mac, PortId};

/// OpenStack's default prefix (`base_mac` of Neutron).
const PREFIX: [u8; 3] = [0xfa, 0x16, 0x3e];

/// An address made from the port's name: the same wherever and whenever the file is applied, and
/// most likely (16 million to one) another one for another port.
pub(super) fn of(id: &PortId) -> Mac {
    // FNV-1a, as it is stable over releases and machines.
    let hash = id
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
    let [x, y, z] = PREFIX;
    Mac::new([x, y, z, a ^ d ^ g, b ^ e ^ h, c ^ f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_stable_and_differ() {
        let mac = |id: &str| of(&id.parse().unwrap()).to_string();
        // Ports that run now would change their address if this changed.
        assert_eq!(mac("web-1"), "fa:16:3e:6a:79:9e");
        assert_ne!(mac("web-1"), mac("web-2"));
        assert_ne!(mac("web-1"), mac("web-11"));
    }
}
