//! Interfaces that the scenario makes by the dataplane's API, without an agent: one by a socket that
//! the machine makes, one by a socket that the dataplane makes. Each side may go and come back.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use weft_lab::wait_until;
use weft_tests::{Cloud, Host, Setup, scenario};
use weft_vpp::{Connection, Events};
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceDump, SwInterfaceSetFlags};
use weft_vpp_wire::messages::l2::{BridgeDomainAddDelV2, SwInterfaceSetL2Bridge};
use weft_vpp_wire::messages::vhost_user::{CreateVhostUserIfV2, SwInterfaceVhostUserDump};
use weft_vpp_wire::{BdId, FixedString, SwIfIndex, VarString};

use super::{Pair, REACH, TWO, machine};

/// A dataplane's interfaces for the pair.
struct Ports {
    api: Connection,
    _events: Events,
    indices: [SwIfIndex; 2],
}

impl Ports {
    /// Interfaces for the sockets of a pair, up, in one bridge domain.
    async fn make(host: &Host, sockets: &[PathBuf; 2]) -> Result<Self> {
        let (api, events) = host.api().await?;
        api.request(BridgeDomainAddDelV2 {
            bd_id: BdId(7),
            flood: true,
            uu_flood: true,
            learn: true,
            forward: true,
            is_add: true,
            ..BridgeDomainAddDelV2::default()
        })
        .await?;
        let mut indices = [SwIfIndex::NONE; 2];
        for (number, (socket, index)) in sockets.iter().zip(&mut indices).enumerate() {
            let made = api
                .request(CreateVhostUserIfV2 {
                    is_server: number == 1,
                    sock_filename: FixedString::try_from(socket.to_string_lossy().as_ref())?,
                    enable_event_idx: number == 1,
                    tag: FixedString::try_from("scenario")?,
                    ..CreateVhostUserIfV2::default()
                })
                .await?;
            *index = made.sw_if_index;
            api.request(SwInterfaceSetL2Bridge {
                rx_sw_if_index: *index,
                bd_id: BdId(7),
                enable: true,
                ..SwInterfaceSetL2Bridge::default()
            })
            .await?;
            api.request(SwInterfaceSetFlags {
                sw_if_index: *index,
                flags: IfStatusFlags::ADMIN_UP,
            })
            .await?;
        }
        Ok(Self {
            api,
            _events: events,
            indices,
        })
    }

    /// Waits until the links are as said.
    async fn links(&self, wanted: [bool; 2]) -> Result<()> {
        let what = format!("links {wanted:?}");
        let seen = wait_until(&what, REACH, async || {
            let mut seen = [false; 2];
            for (index, seen) in self.indices.iter().zip(&mut seen) {
                let dump = SwInterfaceDump {
                    sw_if_index: *index,
                    name_filter_valid: false,
                    name_filter: VarString::from(""),
                };
                let Ok(all) = self.api.dump(dump).await else {
                    return Ok(Err("no dump".to_owned()));
                };
                *seen = all
                    .iter()
                    .any(|details| details.flags.contains(IfStatusFlags::LINK_UP));
            }
            Ok(if seen == wanted {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            })
        });
        Ok(seen.await?)
    }
}

/// Two machines that are switched on, and their sockets: the first makes its own.
fn pair(cloud: &Cloud, queues: u16) -> Result<(Pair, [PathBuf; 2])> {
    let sockets = ["one.vhost", "two.vhost"].map(|name| cloud.lab().path(name));
    let [one, two] = &sockets;
    let pair = Pair {
        one: machine(cloud, 1, one, true, queues)?,
        two: machine(cloud, 2, two, false, queues)?,
    };
    Ok((pair, sockets))
}

#[test]
fn machines_reach_each_other_by_either_kind_of_socket_whoever_is_restarted() -> Result<()> {
    scenario(Setup::hosts(1).without_agents(), async |cloud| {
        let host = cloud.a();
        let (mut pair, sockets) = pair(cloud, 1)?;
        let ports = Ports::make(host, &sockets).await?;
        pair.booted().await?;
        ports.links([true, true]).await?;
        pair.reach_each_other().await?;
        let dump = SwInterfaceVhostUserDump {
            sw_if_index: SwIfIndex::NONE,
        };
        let details = ports.api.dump(dump).await?;
        ensure!(
            details
                .iter()
                .all(|one| one.virtio_net_hdr_sz == 12 && one.num_regions > 0),
            "{details:?}"
        );

        pair.one.reboot().await?;
        pair.reach_each_other().await?;

        pair.two.process().kill();
        ports.links([true, false]).await?;
        pair.two = machine(cloud, 2, &sockets[1], false, 1)?;
        pair.two.booted().await?;
        ports.links([true, true]).await?;
        pair.reach_each_other().await?;

        host.kill_dataplane();
        host.start_dataplane().await?;
        let ports = Ports::make(host, &sockets).await?;
        ports.links([true, true]).await?;
        pair.reach_each_other().await
    })
}

#[test]
fn card_of_two_queues_passes_long_packets() -> Result<()> {
    scenario(Setup::hosts(1).without_agents(), async |cloud| {
        let (mut pair, sockets) = pair(cloud, 2)?;
        let ports = Ports::make(cloud.a(), &sockets).await?;
        pair.booted().await?;
        ports.links([true, true]).await?;
        pair.reach_each_other().await?;
        for size in [1472, 20_000] {
            let line = format!("ping -c 20 -i 0.05 -s {size} {TWO}");
            // VPP may leave a ping's last packet with a card untold.
            let what = format!("twenty answers of {size} bytes");
            let seen = wait_until(&what, REACH, async || {
                let (printed, is_good) = pair.one.run(&line).await?;
                let is_whole = is_good && printed.contains(" 0% packet loss");
                Ok(is_whole.then_some(()).ok_or(printed))
            });
            seen.await?;
        }
        let (_, text) = ports.api.cli("show vhost-user").await?;
        ensure!(text.contains("VIRTIO_NET_F_MQ"), "{text}");
        Ok(())
    })
}
