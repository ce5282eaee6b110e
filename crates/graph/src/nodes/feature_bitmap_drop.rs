//! `feature-bitmap-drop`: the end of the features, reached by packets that none of them forwarded.

use weft_packet::BufferIndex;

use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId},
};

pub(crate) struct FeatureBitmapDrop;

impl Node for FeatureBitmapDrop {
    const ID: NodeId = NodeId::FeatureBitmapDrop;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        for (&packet, next) in packets.iter().zip(nexts.iter_mut()) {
            *next = cx.drop(packet, Error::FeatureBitmapDrop);
        }
    }
}
