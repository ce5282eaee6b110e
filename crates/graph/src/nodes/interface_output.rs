//! `interface-output`: to the vectors that the ports take (VPP's `interface-output` and the
//! `*-output` node of each port).
//!
//! A port must be up and have a link. The state of a sub-interface does not matter here, as in VPP.
//! Bytes and packets are counted on the port and on the sub-interface.

use weft_packet::{BufferIndex, SwIfIndex};

use crate::{
    error::Error,
    frame::Pending,
    node::{Context, NodeId},
    tables::{InterfaceView, ViewMode},
    trace::Record,
    transmit::TransmitQueues,
};

pub(crate) fn process<const TRACE: bool>(
    cx: &mut Context<'_>,
    packets: &[BufferIndex],
    pending: &mut Pending,
    transmit: &mut TransmitQueues,
) {
    let mut at = 0;
    while let Some(&first) = packets.get(at) {
        let tx = cx.pool.meta(first).tx_sw_if_index;
        let mut bytes = u64::from(cx.pool.meta(first).total_length());
        let mut end = at + 1;
        while let Some(&packet) = packets.get(end) {
            let meta = cx.pool.meta(packet);
            if meta.tx_sw_if_index != tx {
                break;
            }
            bytes += u64::from(meta.total_length());
            end += 1;
        }
        let run = &packets[at..end];
        send::<TRACE>(cx, tx, run, bytes, pending, transmit);
        at = end;
    }
}

/// Sends packets to one interface.
fn send<const TRACE: bool>(
    cx: &mut Context<'_>,
    tx: SwIfIndex,
    run: &[BufferIndex],
    bytes: u64,
    pending: &mut Pending,
    transmit: &mut TransmitQueues,
) {
    let view = cx.interface(tx);
    let port_index = view.port;
    let port = if port_index == tx {
        view
    } else {
        cx.interface(port_index)
    };
    let error = match port.mode {
        ViewMode::Deleted => Some(Error::InterfaceDeleted),
        _ if !port.admin_up || !port.link_up => Some(Error::InterfaceDown),
        _ => None,
    };
    if TRACE {
        for &packet in run {
            let record = |pool: &_| Record::output(port_index, pool, packet);
            cx.trace(NodeId::InterfaceOutput, packet, record);
        }
    }
    if let Some(error) = error {
        if let Some(counters) = cx.of_interface(port) {
            counters.tx_error.add(run.len() as u64);
        }
        return refuse(cx, run, error, pending);
    }
    count(cx, port, run.len(), bytes);
    if port_index != tx {
        count(cx, view, run.len(), bytes);
    }
    if port.loopback {
        return transmit.push_looped(port_index, run.to_vec());
    }
    match transmit.queue(port_index) {
        Some(queue) => queue.extend_from_slice(run),
        None => refuse(cx, run, Error::InterfaceDeleted, pending),
    }
}

fn count(cx: &Context<'_>, view: &InterfaceView, packets: usize, bytes: u64) {
    if let Some(counters) = view.counters.as_ref().and_then(|own| own.of(cx.worker)) {
        counters.tx_packets.add(packets as u64);
        counters.tx_bytes.add(bytes);
    }
}

fn refuse(cx: &mut Context<'_>, run: &[BufferIndex], error: Error, pending: &mut Pending) {
    for &packet in run {
        let next = cx.drop(packet, error);
        pending.push(next, packet);
    }
}
