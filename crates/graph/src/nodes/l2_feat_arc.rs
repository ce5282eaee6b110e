//! `l2-input-feat-arc`, `l2-output-feat-arc`: hands IPv4 and IPv6 to the access lists, and all else
//! on (VPP `l2_in_out_feat_arc.c`; there a second node ends the arc, which here has one feature).

use weft_packet::BufferIndex;

use crate::{
    feature::{Bitmap, InputFeature},
    node::{Context, Nexts, Node, NodeId},
    nodes::l2_output,
    trace::Record,
};

/// The arc of packets that an interface receives, or with `INPUT` false sends.
pub(crate) struct L2FeatArc<const INPUT: bool>;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Longest layer-2 header whose EtherType is looked for.
const HEAD: usize = 26;

impl<const INPUT: bool> Node for L2FeatArc<INPUT> {
    const ID: NodeId = if INPUT {
        NodeId::L2InputFeatArc
    } else {
        NodeId::L2OutputFeatArc
    };

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let (ip4, ip6) = if INPUT {
            (NodeId::AclInIp4, NodeId::AclInIp6)
        } else {
            (NodeId::AclOutIp4, NodeId::AclOutIp6)
        };
        let tables = cx.tables;
        let mut buffers = cx.pool.buffers();
        for (&packet, next) in packets.iter().zip(nexts.iter_mut()) {
            let head = buffers.head::<HEAD>(packet);
            let l2_len = usize::from(buffers.meta(packet).l2.l2_len);
            let ethertype = head.get(l2_len.wrapping_sub(2)..l2_len);
            let ethertype = ethertype.and_then(<[u8]>::first_chunk).copied();
            let meta = buffers.meta_mut(packet);
            let other = if INPUT {
                let left = Bitmap(meta.l2.feature_bitmap);
                let left = left.without(InputFeature::FeatureArc.bit());
                meta.l2.feature_bitmap = left.0;
                left.next_node()
            } else {
                l2_output::after_lists(tables.interface(meta.tx_sw_if_index))
            };
            *next = match ethertype.map(u16::from_be_bytes) {
                Some(IPV4) => ip4,
                Some(IPV6) => ip6,
                _ => other,
            };
        }
        if TRACE {
            for &packet in packets {
                cx.trace(Self::ID, packet, |pool| {
                    Record::l2_feat_arc(INPUT, pool, packet)
                });
            }
        }
    }
}
