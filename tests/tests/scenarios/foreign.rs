//! What others have made in the dataplane is never touched.

use anyhow::{Result, ensure};
use weft_tests::{Port, Setup, scenario};
use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketMode};
use weft_vpp_wire::messages::interface::{
    CreateLoopback, CreateVlanSubif, IfStatusFlags, SwInterfaceSetFlags, SwInterfaceTagAddDel,
};
use weft_vpp_wire::messages::l2::{
    BridgeDomainAddDelV2, L2PortType, L2fibAddDel, SwInterfaceSetL2Bridge,
};
use weft_vpp_wire::messages::tapv2::TapCreateV3;
use weft_vpp_wire::{BdId, FixedString, MacAddress, VarString};

#[test]
fn unmarked_objects_are_never_touched() -> Result<()> {
    scenario(Setup::hosts(1).without_agents(), async |cloud| {
        let host = cloud.a();
        let (api, _events) = host.api().await?;
        let loopback = api.request(CreateLoopback::default()).await?.sw_if_index;
        let tagged = api.request(CreateLoopback::default()).await?.sw_if_index;
        let tag = FixedString::try_from("weft is not the owner")?;
        api.request(SwInterfaceTagAddDel {
            is_add: true,
            sw_if_index: tagged,
            tag,
        })
        .await?;
        let tap = TapCreateV3 {
            id: u32::MAX,
            use_random_mac: true,
            num_rx_queues: 1,
            num_tx_queues: 1,
            host_if_name: FixedString::try_from("tapforeign")?.into(),
            tag: VarString::from("theirs"),
            ..TapCreateV3::default()
        };
        let tap = api.request(tap).await?.sw_if_index;
        let socket = AfPacketCreateV3 {
            mode: AfPacketMode::ETHERNET,
            use_random_hw_addr: true,
            host_if_name: FixedString::try_from("trunk1")?,
            num_rx_queues: 1,
            num_tx_queues: 1,
            ..AfPacketCreateV3::default()
        };
        let socket = api.request(socket).await?.sw_if_index;
        for sw_if_index in [loopback, tap, socket] {
            let flags = IfStatusFlags::ADMIN_UP;
            api.request(SwInterfaceSetFlags { sw_if_index, flags })
                .await?;
        }
        api.request(CreateVlanSubif {
            sw_if_index: socket,
            vlan_id: 100,
        })
        .await?;
        let bridge = BdId(7);
        let made = BridgeDomainAddDelV2 {
            bd_id: bridge,
            flood: true,
            learn: true,
            forward: true,
            mac_age: 9,
            bd_tag: FixedString::try_from("theirs")?,
            is_add: true,
            ..BridgeDomainAddDelV2::default()
        };
        api.request(made).await?;
        for rx_sw_if_index in [loopback, tap] {
            let join = SwInterfaceSetL2Bridge {
                rx_sw_if_index,
                bd_id: bridge,
                port_type: L2PortType::NORMAL,
                shg: 0,
                enable: true,
            };
            api.request(join).await?;
        }
        let fixed = L2fibAddDel {
            mac: MacAddress([2, 0, 0, 0, 0, 9]),
            bd_id: bridge,
            sw_if_index: tap,
            is_add: true,
            static_mac: true,
            ..L2fibAddDel::default()
        };
        api.request(fixed).await?;
        let before = host.contents().await?;
        ensure!(before.foreign() == before, "Weft has made nothing yet");

        // Ports come, change and go; the agent dies; a port asks for what is theirs.
        host.start_agent()?;
        cloud.alive(host).await?;
        for number in 1..=4 {
            cloud
                .bind(host, &format!("p{number}"), &Port::vlan(number, 100))
                .await?;
        }
        let revision = cloud.put(host, "foreign", &Port::vlan(5, 100)).await?;
        cloud
            .failed(host, "foreign", revision, &["tapforeign"])
            .await?;
        ensure!(
            host.contents().await?.foreign() == before,
            "{}",
            host.contents().await?.print()
        );
        host.kill_agent();
        cloud.delete(host, "foreign").await?;
        cloud.start_agent(host).await?;
        for number in 1..=4 {
            cloud.delete(host, &format!("p{number}")).await?;
        }
        cloud.fence(host).await?;
        let after = host.contents().await?;
        ensure!(
            after.foreign() == before,
            "{}\nbefore:\n{}",
            after.print(),
            before.print()
        );
        ensure!(
            after.ours().len() == 1,
            "only the uplink is left: {:?}",
            after.ours()
        );
        Ok(())
    })
}
