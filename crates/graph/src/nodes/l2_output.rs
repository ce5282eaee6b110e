//! `l2-output`: split horizon, EFP filter before the rewrite, VLAN tag rewrite on output (VPP
//! `l2_output.c`).
//!
//! Packets of a frame that go to one interface in a row are handled together.

use weft_packet::{BufferIndex, GsoType};

use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::{InterfaceView, ViewMode},
    trace::Record,
};

pub(crate) struct L2Output;

impl Node for L2Output {
    const ID: NodeId = NodeId::L2Output;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        cx.count(Error::L2Output, packets.len());
        let mut at = 0;
        while let Some(&first) = packets.get(at) {
            let tx = cx.pool.meta(first).tx_sw_if_index;
            let mut end = at + 1;
            while let Some(&packet) = packets.get(end)
                && cx.pool.meta(packet).tx_sw_if_index == tx
            {
                end += 1;
            }
            let run = &packets[at..end];
            let nexts = &mut nexts[at..end];
            let view = cx.interface(tx);
            if !matches!(view.mode, ViewMode::Bridge | ViewMode::Xconnect) {
                // Once in layer 2 and then not any more is told from never.
                let error = if view.was_l2 {
                    Error::L2OutputBadInterface
                } else {
                    Error::L2OutputMappingDrop
                };
                for (&packet, next) in run.iter().zip(nexts) {
                    *next = cx.drop(packet, error);
                }
            } else if view.rewrites || view.shg != 0 || view.tunnel.is_some() {
                special(cx, view, run, nexts);
            } else {
                nexts.fill(after(view));
            }
            at = end;
        }
        if TRACE {
            for &packet in packets {
                cx.trace(Self::ID, packet, |pool| {
                    let tx = pool.meta(packet).tx_sw_if_index;
                    Record::l2_raw(Self::ID.name(), tx, pool, packet)
                });
            }
        }
    }
}

fn after(view: &InterfaceView) -> NodeId {
    if view.acl.output.is_some() {
        NodeId::L2OutputFeatArc
    } else {
        after_lists(view)
    }
}

/// Where packets to an interface go behind its access lists.
pub(super) fn after_lists(view: &InterfaceView) -> NodeId {
    if view.efp_filter {
        NodeId::L2EfpFilter
    } else {
        view.output_node
    }
}

/// The pre-rewrite filter is part of the rewrite, as in VPP: without one it does not run.
fn special(
    cx: &mut Context<'_>,
    view: &InterfaceView,
    packets: &[BufferIndex],
    nexts: &mut [NodeId],
) {
    let node = after(view);
    let mut buffers = cx.pool.buffers();
    for (&packet, next) in packets.iter().zip(nexts) {
        *next = node;
        if view.rewrites {
            let is_foreign =
                view.efp_filter && !view.rewrite.input.has_pushed_tags(&buffers, packet);
            if !view.rewrite.output.apply(&mut buffers, packet) {
                *next = drop_for(buffers.meta_mut(packet), Error::L2OutputVtrDrop);
            }
            if is_foreign {
                *next = drop_for(buffers.meta_mut(packet), Error::L2OutputEfpDrop);
            }
        }
        let meta = buffers.meta_mut(packet);
        if view.tunnel.is_some() && meta.gso_type() != GsoType::None && *next == view.output_node {
            *next = NodeId::GsoL2Ip4;
        }
        if view.shg != 0 && view.shg == meta.l2.shg {
            *next = drop_for(meta, Error::L2OutputShgDrop);
        }
    }
}
