//! `error-drop`: counts a packet under the reason that the dropping node gave, and on the interface
//! that it came from, and frees it.

use weft_packet::{BufferIndex, SwIfIndex};

use crate::{
    error::Error,
    node::{Context, NodeId},
    trace::Record,
};

/// What VPP punts to a stack of its host (`ETHERNET_INPUT_NEXT_PUNT`), and counts as such.
const PUNTS: [u16; 2] = [
    Error::EthernetL3MacMismatch as u16,
    Error::EthernetUnknownType as u16,
];

pub(crate) fn process<const TRACE: bool>(cx: &mut Context<'_>, packets: &[BufferIndex]) {
    // Runs of one reason and interface are counted together.
    let mut run: Option<(u16, SwIfIndex)> = None;
    let mut length = 0;
    for &packet in packets {
        let meta = cx.pool.meta(packet);
        let this = (meta.error, meta.rx_sw_if_index);
        if TRACE {
            let error = Error::ALL.get(usize::from(this.0)).copied();
            if let Some(error) = error {
                let record = |pool: &_| Record::drop(pool, packet, error);
                cx.trace(NodeId::ErrorDrop, packet, record);
            }
        }
        if run != Some(this) {
            count(cx, run, length);
            run = Some(this);
            length = 0;
        }
        length += 1;
        cx.pool.free(packet);
    }
    count(cx, run, length);
}

/// On the interface and, for a sub-interface, its port too.
fn count(cx: &Context<'_>, run: Option<(u16, SwIfIndex)>, length: u64) {
    let Some((error, rx)) = run else { return };
    if let Some(counter) = cx.counters.errors.get(usize::from(error)) {
        counter.add(length);
    }
    let view = cx.interface(rx);
    let port = (view.port != rx).then(|| cx.interface(view.port));
    for counters in std::iter::once(view)
        .chain(port)
        .filter_map(|view| cx.of_interface(view))
    {
        if PUNTS.contains(&error) {
            counters.punts.add(length);
        } else {
            counters.drops.add(length);
        }
    }
}
