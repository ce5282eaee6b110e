//! Putting a VLAN tag into a frame, for ports whose kernel hands tags over beside the data.

use crate::{
    header::{EtherType, VLAN_TAG_LEN},
    pool::{BoundsError, BufferIndex, BufferPool},
};

/// Bytes of destination and source address, which stay in front of the tag.
const ADDRESSES_LEN: usize = 12;

/// Inserts a tag behind the addresses. A pending checksum or segmentation stays right.
pub fn push_tag(
    pool: &mut BufferPool,
    packet: BufferIndex,
    tpid: EtherType,
    tci: u16,
) -> Result<(), BoundsError> {
    let available = pool.data(packet).len();
    if available < ADDRESSES_LEN {
        return Err(BoundsError::TooShort {
            wanted: ADDRESSES_LEN,
            available,
        });
    }
    pool.prepend(packet, VLAN_TAG_LEN)?;
    let data = pool.data_mut(packet);
    data.copy_within(VLAN_TAG_LEN..VLAN_TAG_LEN + ADDRESSES_LEN, 0);
    let tag = &mut data[ADDRESSES_LEN..ADDRESSES_LEN + VLAN_TAG_LEN];
    tag[..2].copy_from_slice(&tpid.0.to_be_bytes());
    tag[2..].copy_from_slice(&tci.to_be_bytes());
    Ok(())
}
