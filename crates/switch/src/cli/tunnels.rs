//! `show vxlan tunnel` and `show vxlan-gpe`.

use std::fmt::Write as _;

use super::{CliError, no_more};
use crate::control::Control;

pub(super) fn show_vxlan(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("show vxlan tunnel", arguments)?;
    let mut text = String::new();
    for (place, &index) in control.tunnels.vxlan.iter() {
        let Some(own) = control.tables.tunnel(index) else {
            continue;
        };
        let adjacency = control.tables.tunnel_adjacency(index).unwrap_or_default();
        let _ = writeln!(
            text,
            "[{place}] instance {} src {} dst {} src_port {} dst_port {} vni {} fib-idx 0 \
             sw-if-idx {index} encap-dpo-idx {adjacency} ",
            own.instance, own.local, own.remote, own.local_port, own.remote_port, own.vni
        );
    }
    if text.is_empty() {
        text.push_str("No vxlan tunnels configured...\n");
    }
    Ok(text)
}

pub(super) fn show_gpe(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("show vxlan-gpe", arguments)?;
    let mut text = String::new();
    for (place, &index) in control.tunnels.gpe.iter() {
        let Some(own) = control.tables.tunnel(index) else {
            continue;
        };
        let _ = writeln!(
            text,
            "[{place}] lcl {} rmt {} lcl_port {} rmt_port {} vni {} fib-idx 0 sw-if-idx {index} \
             decap-next-protocol ethernet ",
            own.local, own.remote, own.local_port, own.remote_port, own.vni
        );
    }
    if text.is_empty() {
        text.push_str("No vxlan-gpe tunnels configured.\n");
    }
    Ok(text)
}
